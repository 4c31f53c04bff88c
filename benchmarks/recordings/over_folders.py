"""Scripts that measure one thing on folders of recordings, from several starts and seeds."""

import argparse
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from recordings.experiments import Experiment, split
from recordings.results import Results, add_table_argument
from recordings.start_names import named_starts
from umir.adaptation.start import Start
from umir.program import use_compilation_cache
from umir.released_models import SCRATCH
from umir.user_data import UserData, read_user_data
from umir.wave_unet.presets import preset_config

PRESET = "nano"  # of scratch; the other starts have its rate and channels


@dataclass(frozen=True)
class Folder:
    """A folder of recordings that a script measures its thing on.

    Attributes:
        name: of the folder.
        data: its recordings, dealt.
        starts: name in the results -> model, or `scratch`.
        results: what is kept.
        args: of the script.
    """

    name: str
    data: UserData
    starts: Mapping[str, str]
    results: Results
    args: argparse.Namespace

    def runs(self) -> Iterator[tuple[int, str, Start]]:
        """Yield each seed with each start, after its name in the results."""
        for seed, (label, start) in product(self.args.seeds, self.starts.items()):
            yield seed, label, begun(start, seed)


Measure = Callable[[Folder], None]


def folders_parser(
    doc: str | None, known: Collection[str], starts: Sequence[str], out: str
) -> argparse.ArgumentParser:
    """Return the arguments that such scripts have in common.

    Args:
        doc: of the script, whose first line is its description.
        known: folders that it can measure.
        starts: those that it measures unless it is told.
        out: where it keeps results unless it is told.
    """
    p = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    p.add_argument("folders", type=Path, metavar="FOLDERS")
    p.add_argument("--only", nargs="+", default=list(known), choices=known, metavar="FOLDER")
    p.add_argument("--starts", nargs="+", default=list(starts), metavar="START")
    p.add_argument("--seeds", type=int, nargs="+", default=[1])
    p.add_argument("--out", type=Path, default=Path(out))
    add_table_argument(p)
    return p


def over_folders(
    args: argparse.Namespace, known: Mapping[str, Experiment], measure: Measure
) -> Results:
    """Measure what is missing in the folders that are there, unless only the table is asked for.

    Returns:
        What is kept, of earlier calls as well.
    """
    use_compilation_cache()
    results = Results(args.out)
    if not args.table:
        starts = named_starts(args.starts, PRESET)
        for name in args.only:
            if (args.folders / name).is_dir():
                data = _dealt(args.folders / name, known[name])
                measure(Folder(name, data, starts, results, args))
    return results


def measured(
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    known: Mapping[str, Experiment],
    measure: Measure,
) -> tuple[argparse.Namespace, Mapping]:
    """Return the arguments, and what is kept after what is missing has been measured.

    A script with nothing to show ends with what would help.
    """
    args = parser.parse_args(argv)
    results = over_folders(args, known, measure)
    if not results.values:
        parser.error(results.lacks("any folder", "other FOLDERS"))
    return args, results.values


def begun(start: str, seed: int) -> Start:
    """Return a start; a fresh body is that of the seed."""
    return Start.load(start, preset_config(PRESET) if start == SCRATCH else None, seed)


def _dealt(folder: Path, experiment: Experiment) -> UserData:
    return split(
        read_user_data(folder, preset_config(PRESET), experiment.task, None), experiment, 0
    )
