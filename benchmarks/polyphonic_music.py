"""Seq-U-Net and TCN on polyphonic music, trained as published, beside the published scores.

    python benchmarks/polyphonic_music.py MATS --sets jsb nottingham muse --seeds 0 1 2
    python benchmarks/polyphonic_music.py MATS --sets nottingham --networks tcn --out tcn.json
    python benchmarks/polyphonic_music.py MATS --table --out seq_unet.json --beside tcn.json
    python benchmarks/polyphonic_music.py MATS --speed

MATS is a folder with the files of the TCN and Seq-U-Net repositories: `JSB_Chorales.mat`,
`Nottingham.mat`, `MuseData.mat`, `Piano_midi.mat`. Every training is that of `umir sequences music`
with the preset of its set, 100 epochs (Stoller et al. 2020, arXiv:1911.06393; nothing is published
on Piano-midi.de, which has MuseData's settings). Scores are nats per frame of the test pieces, by
the parameters that were best on the validation pieces, with the 95% interval over seeds (Student's
t).

Results go to `--out` after every training; a second call does what is missing, and a training that
was stopped goes on. A process by core is faster than one on two: give each its own `--out`, then
call once more with `--beside` for a table of all. `--table` prints the table of what is there, and
opens no file of MATS.

`--speed` trains nothing: it times a step of every length that pieces have, compiled before, and
prints how long the pieces of an epoch, their validation, and all epochs would take at that rate.
"""

import argparse
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import jax
from recordings.results import Results, add_table_argument
from recordings.tables import markdown, over_seeds

from umir.huge_pages import begin_again_with_huge_pages
from umir.program import use_compilation_cache
from umir.sequence_tasks.recipes import PRESETS
from umir.sequence_tasks.sources import open_piano_rolls
from umir.sequence_tasks.training import SequenceTraining, State
from umir.sequences import run_training
from umir.wave_unet import n_parameters

FILES = {
    "jsb": "JSB_Chorales.mat",
    "nottingham": "Nottingham.mat",
    "muse": "MuseData.mat",
    "piano": "Piano_midi.mat",
}
SETTINGS = {"piano": "muse"}  # a set without settings of its own -> whose it has
NETWORKS = ("seq_unet", "tcn")
# Of the test pieces, as the paper's table has it.
PUBLISHED = {
    "jsb": {"seq_unet": 8.173, "tcn": 8.154},
    "nottingham": {"seq_unet": 2.97, "tcn": 2.783},
    "muse": {"seq_unet": 6.969, "tcn": 6.931},
}
METRIC = "nats_per_frame"
COLUMNS = ("set", "network", "parameters", "seeds", "train", "valid", "test", "published")
ROUNDS, TIMED = 3, 5  # of each length: the fastest round, and steps of a round

Run = Mapping[str, Any]  # of one seed


def training_of(mats: Path, name: str, network: str, epochs: int, seed: int) -> SequenceTraining:
    """Return the training of a network on a set, as published."""
    preset = PRESETS["music"][SETTINGS.get(name, name)][network]
    source = open_piano_rolls(preset.task, mats / FILES[name])
    return SequenceTraining(source.task, replace(preset.recipe, epochs=epochs), source.data, seed)


def run_once(training: SequenceTraining, work: Path, title: str) -> dict[str, Any]:
    """Train, and return the scores; what lies in `work` is removed in the end."""
    state = run_training(training, work, title)
    scores = training.scores(state["best"])
    shutil.rmtree(work)
    return {
        "parameters": n_parameters(state["best"]),
        "best_epoch": int(state["best_epoch"]),
        **{split: metrics[METRIC] for split, metrics in scores.items()},
    }


def table(found: Mapping[str, Mapping[str, Mapping[str, Run]]]) -> str:
    """Return the rows of set -> network -> seed -> scores; what has no seed is left out."""
    rows = []
    for name, networks in found.items():
        for network, seeds in networks.items():
            if not seeds:
                continue
            runs = list(seeds.values())
            published = PUBLISHED.get(name, {}).get(network)
            cells = [
                *(name, network, str(runs[0]["parameters"]), str(len(runs))),
                *(over_seeds([r[split] for r in runs]) for split in ("train", "valid", "test")),
                "-" if published is None else f"{published:.3f}",
            ]
            rows.append(cells)
    return markdown(COLUMNS, rows)


def merged(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return nested dictionaries as one."""
    whole: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            known = whole.get(key)
            both = isinstance(value, Mapping) and isinstance(known, Mapping)
            whole[key] = merged([known, value]) if both else value
    return whole


def epoch_seconds(training: SequenceTraining) -> tuple[float, float]:
    """Return how long an epoch's steps and its look take, by the length of its pieces."""
    state, data = training.init(), training.data
    lengths = [data.batch(step, training.seed)["mask"].shape[1] for step in range(data.epoch_steps)]
    places = {length: place for place, length in enumerate(lengths)}
    of_step = {n: step_seconds(training, state, place) for n, place in places.items()}
    training.validation_loss(state["params"])  # compiled
    start = time.perf_counter()
    training.validation_loss(state["params"])
    look = time.perf_counter() - start
    return sum(of_step[length] for length in lengths), look


def step_seconds(training: SequenceTraining, state: State, place: int) -> float:
    """Return the time of a step on a piece, of some that follow each other without waiting."""
    item = 0, training.data.batch(place, training.seed)  # the last step of an epoch takes a look
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        for _ in range(TIMED):
            state, _ = training.step(state, item)
        jax.block_until_ready(state["params"])
        times.append((time.perf_counter() - start) / TIMED)
    return min(times[1:])


def print_speed(args: argparse.Namespace) -> None:
    """Print how long trainings take."""
    for name in args.sets:
        for network in args.networks:
            training = training_of(args.mats, name, network, args.epochs, 0)
            steps, look = epoch_seconds(training)
            per_step = 1e3 * steps / training.epoch_steps
            minutes = args.epochs * (steps + look) / 60
            print(
                f"{name}, {network}: {training.epoch_steps} steps of {per_step:.1f} ms, look "
                f"{look:.1f} s, {args.epochs} epochs {minutes:.0f} minutes",
                flush=True,
            )


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    p.add_argument("mats", type=Path, metavar="MATS")
    p.add_argument("--sets", nargs="+", choices=FILES, default=["jsb", "nottingham", "muse"])
    p.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    p.add_argument("--epochs", type=int, default=100)
    p.add_argument("--out", type=Path, default=Path("polyphonic_music.json"))
    p.add_argument("--beside", type=Path, nargs="*", default=[], help="other results to show")
    add_table_argument(p)
    p.add_argument("--speed", action="store_true", help="measure how long it would take")
    return p


def run(args: argparse.Namespace) -> None:
    """Do what is missing, unless the table alone is asked for, and print the table."""
    results, epochs = Results(args.out, measuring=not args.table), f"{args.epochs} epochs"
    # Seed by seed: a table is complete, if coarse, after the first.
    for seed, name, network in product(args.seeds, args.sets, args.networks):
        what = f"{name}, {network}, seed {seed}"
        work = args.out.with_suffix(".running") / f"{name}-{network}-{seed}"
        training = partial(training_of, args.mats, name, network, args.epochs, seed)
        measure = partial(_measured, training, work, what)
        part = results.part(epochs, name, network)
        results.once(part, str(seed), measure, what, lambda found: f"{found['test']:.3f}")
    others = [Results(path).values for path in args.beside]
    found = merged([*others, results.values]).get(epochs, {})
    if not any(seeds for networks in found.values() for seeds in networks.values()):
        parser().error(results.lacks(epochs, "--out or --epochs"))
    print(table(found))


def _measured(training: Callable[[], SequenceTraining], work: Path, what: str) -> dict[str, Any]:
    return run_once(training(), work, what)


if __name__ == "__main__":
    begin_again_with_huge_pages()
    use_compilation_cache()
    arguments = parser().parse_args()
    print_speed(arguments) if arguments.speed else run(arguments)
