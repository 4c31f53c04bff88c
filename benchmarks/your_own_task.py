"""What a user gets: minutes of labelled audio against score against minutes of computing.

    python benchmarks/your_own_task.py FOLDERS [FOLDER...]

FOLDERS is what `benchmarks/real_folders.py` builds; for songs of the studio beside them,

    umir studio render --hours 0.5 --out FOLDERS/studio

Of each folder's training groups, in random order, so many minutes are kept, a fifth of them as
validation songs; the rest is left out. From each start `umir finetune` does with them what it does
by default (`umir.adaptation.rate_search`), and its model is scored on the test groups, which stay
the same; of no minutes stands what a start says as it is, where it has a head for the task. Times
are those of the search, summed over all processors: with two of them, a user waits for somewhat
more than half. Nothing is compiled before a run, neither in memory nor on disk, so that compilation
is in all times alike: a user's first call takes that long, and later ones less.

Results go to `--out` after each run, under a hash of the start's weights and the size of scratch; a
second call does what is missing, and `--table` prints what is there.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import jax
import numpy as np
from recordings.experiments import EXPERIMENTS, Experiment, split
from recordings.results import Results, add_table_argument, group_scores, mean_headline
from recordings.start_names import named_starts

from umir.adaptation.rate_search import Budget
from umir.adaptation.start import Start
from umir.data.example import Example
from umir.fine_tuning import train_on
from umir.huge_pages import begin_again_with_huge_pages
from umir.released_models import SCRATCH
from umir.user_data import UserData, read_user_data
from umir.wave_unet.presets import preset_config

MINUTES = (0.5, 1.0, 2.0, 5.0, 10.0)
VALID_PART = 0.2
SEEDS = (1, 2, 3)
STUDIO = {"studio/beat_tracking.jsonl": Experiment("beat_tracking", test=8, valid=4)}


def shortened(examples: Sequence[Example], seconds: float, seed: int) -> list[Example]:
    """Return examples of groups in random order, the last one cut, that last `seconds` in all."""
    groups = sorted({example.group for example in examples})
    order = {str(group): place for place, group in enumerate(_shuffled(groups, seed))}
    kept, left = [], seconds
    for example in sorted(examples, key=lambda example: order[example.group]):
        if left > 0:
            kept.append(example.crop(0.0, min(left, example.duration)))
            left -= example.duration
    return kept


def _shuffled(groups: Sequence[str], seed: int) -> Sequence[str]:
    return np.random.default_rng(seed).permutation(groups).tolist()


def of_minutes(data: UserData, minutes: float, seed: int) -> UserData:
    """Return the data with so many minutes to learn from and to choose by, and all test songs."""
    seconds = 60 * minutes
    valid = shortened(data.valid, VALID_PART * seconds, seed)
    train = shortened(data.train, (1 - VALID_PART) * seconds, seed)
    return replace(data, train=train, valid=valid)


def measure(
    data: UserData, experiment: Experiment, start: str, preset: str, seed: int, budget: Budget
) -> dict[str, Any]:
    """Return score, seconds and choices of one fine-tuning, for which everything is compiled."""
    jax.clear_caches()  # or only the first run of a task would pay for what all of them share
    begun = Start.load(start, preset_config(preset), seed)
    cpu, wall = time.process_time(), time.perf_counter()
    recipe = begun.recipe(data.task, seed)
    known = begun.decoder(data.task)
    model, found = train_on(data, begun.config, begun.body, budget, recipe, known)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    scores = group_scores(data.task, model.predict, data.test, experiment.headline)
    choices = {"rate": found.learning_rate, "step": found.step, "steps": found.steps}
    return {"score": mean_headline(scores), "cpu_seconds": cpu, "wall_seconds": wall, **choices}


def unadapted(data: UserData, experiment: Experiment, begun: Start) -> dict[str, float]:
    """Return the score of a start that has a head for the task, as it is."""
    model = begun.as_it_is(data.task)
    assert model is not None, f"{begun.name} has no head for {data.task.name}"
    scores = group_scores(data.task, model.predict, data.test, experiment.headline)
    return {"score": mean_headline(scores), "cpu_seconds": 0.0}


def run_folder(
    name: str,
    experiment: Experiment,
    folders: Path,
    starts: Mapping[str, str],
    results: Results,
    *,
    minutes: Sequence[float] = MINUTES,
    seeds: Sequence[int] = SEEDS,
    preset: str = "nano",
    budget: Budget | None = None,
) -> None:
    """Measure what is not yet in the results; more minutes than there are, are left out.

    Args:
        name: of the folder, or a manifest.
        experiment: its task and its splits.
        folders: where it is.
        starts: name in the results -> model, or `scratch`.
        results: what was measured before.
        minutes: of audio, training and validation together.
        seeds: of heads, batches and the choice of songs.
        preset: size of a network from scratch; at its rate the audio is read.
        budget: of the search; default: that of `umir finetune`.
    """
    config = preset_config(preset)
    data = split(read_user_data(folders / name, config, experiment.task), experiment, 0)
    there = sum(example.duration for example in data.train) / (60 * (1 - VALID_PART))
    results.part(name)["headline"] = " + ".join(experiment.headline) or data.task.headline
    for label, start in starts.items():
        begun = Start.load(start, preset_config(preset))
        if begun.knows(data.task):
            action, what = partial(unadapted, data, experiment, begun), f"{label} as it is"
            results.once(results.part(name, "0", label), "any", action, f"{name}, {what}", _score)
    for amount, (label, start), seed in product(minutes, starts.items(), seeds):
        if amount <= there:
            few = of_minutes(data, amount, seed)
            action = partial(measure, few, experiment, start, preset, seed, budget or Budget())
            what = f"{amount:g} minutes, {label}, seed {seed}"
            part = results.part(name, f"{amount:g}", label)
            results.once(part, str(seed), action, f"{name}, {what}", _shown)


def _shown(found: Mapping[str, Any]) -> str:
    return f"{_score(found)} after {found['steps']} steps"


def _score(found: Mapping[str, Any]) -> str:
    return f"{found['score']:.3f}"


def table(results: Mapping[str, Mapping], starts: Sequence[str]) -> str:
    """Return Markdown: for each amount of audio, score and minutes of computing per start.

    Without any audio, it is the start as it is.
    """
    titles = [f"{start}: score | minutes of CPU" for start in starts]
    lines = [f"| data | metric | minutes of audio | {' | '.join(titles)} |"]
    lines.append("|---" * (3 + 2 * len(starts)) + "|")
    for name, found in results.items():
        for amount in sorted(found.keys() - {"headline"}, key=float):
            cells = [_cell(found[amount].get(start, {})) for start in starts]
            lines.append(f"| {name} | {found['headline']} | {amount} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(runs: Mapping[str, Mapping[str, float]]) -> str:
    """Return mean and range of the score over seeds, and the mean time."""
    if not runs:
        return "- | -"
    scores = [found["score"] for found in runs.values()]
    minutes = np.mean([found["cpu_seconds"] for found in runs.values()]) / 60
    spread = f" ({min(scores):.2f} to {max(scores):.2f})" if len(scores) > 1 else ""
    return f"{np.mean(scores):.2f}{spread} | {minutes:.1f}"


def main() -> None:
    """Run the folders that are there and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, metavar="FOLDERS")
    known = {**EXPERIMENTS, **STUDIO}
    parser.add_argument("only", nargs="*", metavar="FOLDER", help="default: all that are there")
    parser.add_argument("--init", default="umir-nano", help="the start beside scratch")
    parser.add_argument("--minutes", nargs="+", type=float, default=MINUTES)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--out", type=Path, help="default: FOLDERS/your_own_task.json")
    add_table_argument(parser)
    args = parser.parse_args()
    jax.config.update("jax_enable_compilation_cache", False)  # whatever the environment says
    preset = Start.load(args.init).config.preset
    starts = named_starts([args.init, SCRATCH], preset)
    results = Results(args.out or args.folders / "your_own_task.json")
    if not args.table:
        options = {"minutes": args.minutes, "seeds": args.seeds, "preset": preset}
        for name in args.only or [name for name in known if (args.folders / name).exists()]:
            run_folder(name, known[name], args.folders, starts, results, **options)
    if not results.values:
        parser.error(results.lacks("any folder", "--out"))
    print(table(results.values, list(starts)))


if __name__ == "__main__":
    begin_again_with_huge_pages()
    main()
