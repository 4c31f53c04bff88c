"""`umir predict`: writes what a model finds in audio files, in the format of the manifest's kinds.

Events, labels and so on become `OUT/TRACK.txt`, stems become `OUT/TRACK/STEM.wav`.

With `--live`, a model of a causal body reads one file, or what comes through standard input, as a
stream, and prints what it finds as soon as it is known (`umir.predict_live`).
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from umir.program import (
    START_HELP,
    decibels,
    model_or_best,
    positive,
    program_parser,
    run_program,
    use_compilation_cache,
)

if TYPE_CHECKING:
    from umir.file_batch import Work
    from umir.separation.separator_model import AnyModel

ONLY_LIVE = ("json", "gain", "rate", "channels")


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("predict", "Write a model's predictions for audio files.")
    p.add_argument("files", nargs="*", type=Path, metavar="FILE_OR_DIR", help="audio")
    p.add_argument("--model", metavar="NAME|DIR", help=START_HELP)
    p.add_argument("--task", help="which task, of a model that has several")
    p.add_argument("--out", type=Path, help="folder for the predictions")
    live = p.add_argument_group("live, for models of a causal body (--body seq_unet)")
    live.add_argument(
        "--live", metavar="FILE|-", help="print what is found in a file, or standard input, as read"
    )
    live.add_argument("--json", action="store_true", help="print JSON, one object per line")
    live.add_argument(
        "--gain", type=decibels, default=0.0, metavar="DB", help="that brings music to -20 dBFS RMS"
    )
    live.add_argument(
        "--rate", type=positive, metavar="HZ", help="of raw 16-bit samples; none: the model's"
    )
    live.add_argument(
        "--channels", type=positive, help="of raw 16-bit samples; none: as many as the model takes"
    )
    return p


def predict_file(model: "AnyModel", path: Path, out: Path) -> Path:
    """Predict one file and write the result under `out`; return what was written.

    The file is read block by block, twice: memory grows with what is found in it alone.

    Raises:
        ValueError: if the audio cannot be used, or something else would be overwritten
            (`umir.results`); names the file.
    """
    from umir.audio import audio_blocks
    from umir.data.annotation_files import write_annotation
    from umir.results import made_of
    from umir.separation.separator_model import SeparatorModel
    from umir.separation.stream import separate_file

    if model.task.kind == "stems" or isinstance(model, SeparatorModel):
        return separate_file(model.separator, path, out / path.stem).folder
    target = out / f"{path.stem}.txt"
    with made_of(path, target):
        output = model.output_of(partial(audio_blocks, path, model.rate, model.channels))
        write_annotation(target, model.task.decode(output, model.settings))
    return target


@dataclass(frozen=True)
class Prediction:
    """Predicting files, as a job for `umir.file_batch`.

    Attributes:
        model: its directory, or its name (`umir models`).
        out: folder for the predictions.
        task: which task, of a model that has several.
    """

    model: str | Path
    out: Path
    task: str | None = None

    def start(self) -> "Work":
        """Load the model."""
        from umir.files import make_folder
        from umir.separation.separator_model import load_model_for

        model = load_model_for(self.model, self.task)
        make_folder(self.out)
        return lambda path, progress: predict_file(model, path, self.out)


def run(args: argparse.Namespace) -> int:
    """Predict all files, or a stream."""
    from umir.released_models import INITIALISATION

    args.model = model_or_best(parser(), args.model, INITIALISATION)
    if args.live is not None:
        from umir.live_input import STANDARD_INPUT

        if args.files or args.out:
            parser().error("--live prints what it finds in one stream: leave out files and --out")
        if args.live != STANDARD_INPUT and (args.rate or args.channels):
            parser().error("--rate, --channels: of raw samples on standard input; files say theirs")
        from umir.predict_live import predict_live

        use_compilation_cache()
        return predict_live(args)
    if not args.files or not args.out:
        parser().error("give audio files and --out FOLDER, or --live FILE|-")
    if unused := [f"--{name}" for name in ONLY_LIVE if getattr(args, name)]:
        parser().error(f"{', '.join(unused)}: only with --live")
    from umir.file_batch import files_among, outcomes, report

    use_compilation_cache()
    job = Prediction(args.model, args.out, args.task)
    return report(outcomes(files_among(args.files), job), print)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
