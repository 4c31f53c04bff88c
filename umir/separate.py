"""`umir separate`: splits songs into stems, as `OUT/MODEL/TRACK/STEM.wav`.

A mono model separates each channel by itself. What lies above the model's own band (above 8 kHz for
a 16 kHz model) stays in the last stem, the accompaniment; the stems add up to the song, or, where
integer samples would clip, to the song scaled by the number that is printed. Models of published
networks (`umir separate-train`, `umir import-torch`) have neither that band nor stems that add up:
what their network gives are the stems. Memory does not grow with the length of a song, and a
track's folder appears when all of its stems are whole.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from umir.program import (
    MODEL_HELP,
    model_or_best,
    positive,
    program_parser,
    run_program,
    use_compilation_cache,
)
from umir.released_models import INITIALISATION, SEPARATOR, find_model

if TYPE_CHECKING:
    from umir.file_batch import Progress, Work
    from umir.separation.stem_files import StemFormat
    from umir.separation.stream import Separated

SAMPLES = {"float": "FLOAT", "16": "PCM_16", "24": "PCM_24"}


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("separate", "Split songs into stems.")
    p.add_argument("inputs", nargs="+", type=Path, metavar="FILE_OR_DIR")
    p.add_argument(
        "--model",
        metavar="NAME|DIR",
        help=f"{MODEL_HELP}; none: the best released separator, else the released start",
    )
    p.add_argument("--out", type=Path, default=Path("separated"), help="folder for the stems")
    p.add_argument("--two-stems", metavar="STEM", help="only this stem and the sum of the others")
    p.add_argument("--jobs", type=positive, default=1, help="files that are worked on at a time")
    p.add_argument("--format", choices=["wav", "flac"], default="wav", help="of the stem files")
    p.add_argument(
        "--samples", choices=SAMPLES, help="float or bits; default float in wav, 24 in flac"
    )
    return p


@dataclass(frozen=True)
class Separation:
    """Separating files, as a job for `umir.file_batch`.

    Attributes:
        model: its directory.
        out: folder for the folders of the tracks.
        stem_format: what stem files hold.
        only: write this stem and the sum of the others.
    """

    model: Path
    out: Path
    stem_format: "StemFormat"
    only: str | None

    def start(self) -> "Work":
        """Load the model.

        Raises:
            ValueError: it does not separate, or has no such stem.
        """
        from umir.separation.separator_model import load_model_for
        from umir.separation.stream import separate_file

        use_compilation_cache()
        model = load_model_for(self.model, kind="stems")
        if model.task.kind != "stems":
            raise ValueError(f"{self.model}: a model for {model.task.name}, not for separation")
        separator = model.separator
        if self.only and self.only not in separator.stems:
            known = ", ".join(separator.stems)
            raise ValueError(f"{self.model}: no stem {self.only!r}: choose from {known}")

        def work(path: Path, progress: "Progress") -> "Separated":
            folder = self.out / path.stem
            return separate_file(separator, path, folder, self.stem_format, self.only, progress)

        return work


class SpeedBars:
    """A progress bar for each file that is being worked on, with its speed."""

    def __init__(self) -> None:
        self._bars: dict[int, tuple[Path, Any]] = {}

    def __call__(self, index: int, path: Path, done: float, total: float) -> None:
        """Show that `done` of `total` seconds of a file are through; `index` is the line."""
        from tqdm import tqdm

        if index not in self._bars or self._bars[index][0] is not path:
            self._close(index)
            shape = "{desc}: {percentage:3.0f}%|{bar}|"
            bar = tqdm(total=total, bar_format=shape, position=index, leave=False, disable=None)
            self._bars[index] = path, bar
        bar = self._bars[index][1]
        bar.update(done - bar.n)
        if not bar.disable:
            speed = done / max(time.time() - bar.start_t, 1e-9)
            bar.set_description_str(f"{path.name}, {speed:.1f} x real time")

    def write(self, line: str) -> None:
        """Print a line above the bars."""
        from tqdm import tqdm

        tqdm.write(line)

    def close(self) -> None:
        """Take all bars away."""
        for index in list(self._bars):
            self._close(index)

    def _close(self, index: int) -> None:
        if index in self._bars:
            self._bars.pop(index)[1].close()


def run(args: argparse.Namespace) -> int:
    """Separate all files."""
    from umir.file_batch import files_among, outcomes, report
    from umir.separation.stem_files import StemFormat

    if args.format == "flac" and args.samples == "float":
        parser().error("FLAC holds no float samples: choose --samples 16 or 24, or --format wav")
    stem_format = StemFormat(f".{args.format}", SAMPLES.get(args.samples))
    # A start that was trained on separation, among other tasks, has a head for it.
    model = find_model(model_or_best(parser(), args.model, SEPARATOR, INITIALISATION))
    folder = args.out / model.resolve().name
    job = Separation(model, folder, stem_format, args.two_stems)
    job.start()  # wrong arguments show here, once, and not in every process
    files = files_among(args.inputs)
    started, seconds = time.perf_counter(), []
    bars = SpeedBars()

    def show(separated: "Separated") -> None:
        seconds.append(separated.seconds)
        bars.write(describe(separated))

    try:
        status = report(outcomes(files, job, args.jobs, bars), show)
    finally:
        bars.close()
    total, elapsed = sum(seconds), time.perf_counter() - started
    speed = f"{total:.0f} s of audio in {elapsed:.0f} s, {total / elapsed:.1f} x real time"
    print(f"{len(seconds)} of {len(files)} files: {speed}")
    return status


def describe(separated: "Separated") -> str:
    """Return a line that says where the stems are and what it took."""
    length, speed = separated.seconds, separated.seconds / separated.elapsed
    line = f"{separated.folder}: {length:.0f} s, {speed:.1f} x real time"
    if separated.gain == 1:
        return line
    return f"{line}, all stems scaled by {separated.gain:.4f} so that none clips"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
