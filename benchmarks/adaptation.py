"""The comparison of starts of docs/experiments.md: one command, as often as there is time.

    python benchmarks/adaptation.py FOLDERS --out adaptation --hours 2

FOLDERS is what `benchmarks/real_folders.py` builds; what is not there is left out. Everything that
is missing in `--out` is done, in the order in which it says most: bodies (`--hold-out FAMILY`),
learning rates on validation songs, runs. Each run of one start, task, amount of audio, rate and
pair of seeds is kept when it ends (OUT/rows/TASK.json), a body at its last checkpoint
(OUT/bodies): Ctrl-C, or the end of `--hours`, loses no more than that, and the same command goes
on. The filters do a part; two processes may share `--out`: what one is at, the other leaves.

At the end, or with `--hours 0` at once, tables and curves of what there is are written:
OUT/tables.md and OUT/*.png.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from proof import pictures, reading
from proof.found import Found
from proof.materials import NEW, materials
from proof.pieces import MINUTES, PAIRS, Comparison, Settings
from proof.starts import FURTHER, STARTS

from umir.families import FAMILIES
from umir.files import write_beside
from umir.huge_pages import begin_again_with_huge_pages
from umir.program import use_compilation_cache

Cases = list[tuple[str, Found]]


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    p.add_argument("folders", type=Path, metavar="FOLDERS")
    p.add_argument("--out", type=Path, default=Path("adaptation"))
    p.add_argument("--hours", type=float, default=float("inf"), help="begin nothing after these")
    p.add_argument("--families", nargs="+", default=[*FAMILIES, NEW], choices=[*FAMILIES, NEW])
    p.add_argument("--materials", nargs="+", default=list(materials()), choices=materials())
    p.add_argument("--starts", nargs="+", default=list(STARTS), choices=STARTS, metavar="START")
    p.add_argument("--without-further", action="store_true", help=f"leave out {', '.join(FURTHER)}")
    p.add_argument("--pairs", type=int, default=3, help="of seeds: 3 have each, 6 have all")
    p.add_argument("--minutes", type=float, nargs="+", default=list(MINUTES), choices=MINUTES)
    settings = Settings()
    p.add_argument("--preset", default=settings.preset)
    p.add_argument("--evaluations", type=int, default=settings.evaluations, help="of gradients")
    p.add_argument("--songs", type=int, default=settings.songs, help="that bodies are trained on")
    p.add_argument("--ceiling-steps", type=int, default=settings.ceiling_steps)
    return p


def run(args: argparse.Namespace) -> None:
    """Do what is missing, and write tables and curves."""
    settings = Settings(args.preset, args.evaluations, args.songs, args.ceiling_steps)
    comparison = Comparison(args.folders, args.out, settings, args.hours)
    chosen = [materials()[name] for name in args.materials]
    starts = [STARTS[name] for name in args.starts]
    if args.without_further:
        starts = [start for start in starts if start.algorithm not in FURTHER]
    comparison.run(starts, chosen, args.families, PAIRS[: args.pairs], args.minutes)
    cases = cases_of(comparison, args.families)
    write(cases, args.out)
    print(args.out / "tables.md")


def cases_of(comparison: Comparison, families: Sequence[str]) -> Cases:
    """Return what there are results of: a family that is not seen, and a material of it."""
    found = [
        Found(material, comparison.results(material).values) for material in materials().values()
    ]
    there = [of for of in found if "chance" in of.values]
    return [(family, of) for family in families for of in there if family in of.material.families]


def write(cases: Cases, out: Path) -> None:
    """Write the tables, and the pictures of scores and losses."""
    names = [name for name in STARTS if any(name in f.starts(fam, MINUTES[0]) for fam, f in cases)]
    parts = {
        "Which tasks count": reading.what_counts(cases),
        "Steps to the score of scratch": reading.steps_needed(cases, names),
        "Steps to the best score of scratch": reading.steps_needed(cases, names, to_its_best=True),
        "Recordings": reading.on_recordings(cases, names),
        f"Heads that are fitted without a step, beside {reading.MOST} steps of others": (
            reading.without_a_step(cases)
        ),
        "Where a start is behind": reading.defeats(cases),
        "Runs that diverged, which no mean has in it": reading.diverged(cases),
        "Validation scores, by learning rate": reading.all_validation(cases),
    }
    for minutes in MINUTES:
        amount = f"{minutes:g} minutes"
        parts[f"Scores, {amount}"] = reading.all_scores(cases, minutes)
        for kind, title in (("losses", "Training losses"), ("valid_losses", "Validation losses")):
            parts[f"{title}, {amount}"] = reading.all_losses(cases, kind, minutes)
        for read in (pictures.scores, pictures.training_losses, pictures.valid_losses):
            pictures.draw(cases, out / f"{read.__name__}_{minutes:g}_min.png", read, minutes)
    with write_beside(out / "tables.md") as temporary:
        text = "\n".join(f"## {title}\n\n{table}" for title, table in parts.items())
        temporary.write_text(text)


if __name__ == "__main__":
    begin_again_with_huge_pages()
    use_compilation_cache()
    run(parser().parse_args())
