"""How long `umir finetune` takes with its default settings, and what it gives.

    python benchmarks/finetune_time.py FOLDERS [FOLDER...] [--init NAME]
    python benchmarks/finetune_time.py FOLDERS --table --out benchmarks/results/finetune_time.json

FOLDERS is what `benchmarks/real_folders.py` builds. Each folder of recordings is given to the
program as a user would give it, in a process of its own: reading, compiling (nothing is compiled
before), the choice of rate and steps, fitting the decoder and scoring the test songs are all in the
time. Bar: 10 minutes each, on two cores. Beside the score stands that of the start as it is, where
it has a head for the task: what adaptation was worth on these songs.

Results go to `--out` after each folder, under the start and a hash of its weights; a second call
does what is missing. `--table` prints what is there without any recordings; in the file named above
it is what we measured, of all folders.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from recordings.experiments import EXPERIMENTS, NEW_EXPERIMENTS
from recordings.results import Results, add_table_argument
from recordings.start_names import named_starts

from umir.adaptation.start import Start
from umir.finetune import UNADAPTED, unadapted
from umir.released_models import INITIALISATION, default_model
from umir.task_model import TaskModel

TASKS = {name: own.task for name, own in {**EXPERIMENTS, **NEW_EXPERIMENTS}.items()}
BAR = 600.0  # seconds
SCRATCH_PRESET = "nano"  # the size of scratch where `umir finetune` is told none


def measure(folder: Path, task: str | None, init: str, *options: str) -> dict[str, Any]:
    """Return the seconds of one call, the headline score on the test songs, and what was chosen.

    Beside the score that of the start as it is (None where it has no head for the task).

    Args:
        folder: a user's folder.
        task: a named task; None for the one of the folder's kind.
        init: a start.
        options: more words of the command.
    """
    with TemporaryDirectory() as made:
        out = Path(made) / "model"
        command = [sys.executable, "-m", "umir", "finetune", "--data", folder, "--out", out]
        command += ["--init", init, *(["--task", task] if task else [])]
        environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(Path(made) / "compiled")}
        start = time.perf_counter()
        done = subprocess.run(
            [*command, *options], env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        seconds = time.perf_counter() - start
        model = TaskModel.load(out)
    metric, score = done.stdout.splitlines()[1].rsplit(maxsplit=1)  # below the names of the starts
    search = model.facts["search"]
    chosen = {"rate": search["learning_rate"], "step": search["step"], "steps": search["steps"]}
    start = model.facts["init"]
    as_it_is = Start.load(start).as_it_is(model.task)
    before = unadapted(start, as_it_is, str(folder)).get(UNADAPTED, {})
    found = {"score": float(score), "as it is": before.get(model.task.headline)}
    return {"seconds": seconds, "metric": metric.strip(), **found, **chosen}


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return Markdown: a row for each folder."""
    lines = [
        "| folder | task | minutes | steps, kept | rate | metric | start as it is | adapted |",
        "|---" * 8 + "|",
    ]
    for name, own in found.items():
        before = "-" if own["as it is"] is None else f"{own['as it is']:.2f}"
        lines.append(
            f"| {name} | {TASKS[name] or '-'} | {own['seconds'] / 60:.1f} | {own['steps']}, "
            f"{own['step']} | {own['rate']:g} | {own['metric']} | {before} | {own['score']:.2f} |"
        )
    longest = max(own["seconds"] for own in found.values())
    within = "reached" if longest < BAR else "missed"
    return "\n".join([*lines, f"\nat most {longest / 60:.1f} minutes (bar {BAR / 60:g}: {within})"])


def main() -> None:
    """Run the folders that are there and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, metavar="FOLDERS")
    parser.add_argument("only", nargs="*", choices=[*TASKS, []], metavar="FOLDER")
    parser.add_argument(
        "--init", default=default_model(INITIALISATION), help="the start; default: finetune's own"
    )
    parser.add_argument("--out", type=Path, help="default: FOLDERS/finetune_time.json")
    add_table_argument(parser)
    args = parser.parse_args()
    path = args.out or args.folders / "finetune_time.json"
    results = Results(path, measuring=not args.table)
    (name_of_start,) = named_starts([args.init], SCRATCH_PRESET)
    part = results.part(name_of_start)
    for name in args.only or [name for name in TASKS if (args.folders / name).exists()]:
        action = partial(measure, args.folders / name, TASKS[name], args.init)
        results.once(part, name, action, f"{name_of_start}, {name}", json.dumps)
    if not part:
        parser.error(results.lacks(name_of_start, "--init"))
    print(table(part))


if __name__ == "__main__":
    main()
