"""`umir predict`: writes what a model finds in audio files, in the format of the manifest's kinds.

Events, labels and so on become `OUT/TRACK.txt`, stems become `OUT/TRACK/STEM.wav`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from umir.program import program_parser, run_program, use_compilation_cache

if TYPE_CHECKING:
    from umir.task_model import TaskModel


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("predict", "Write a model's predictions for audio files.")
    p.add_argument("files", nargs="+", type=Path, metavar="FILE", help="audio files")
    p.add_argument("--model", required=True, type=Path, help="model directory")
    p.add_argument("--out", required=True, type=Path, help="folder for the predictions")
    return p


def predict_file(model: "TaskModel", path: Path, out: Path) -> Path:
    """Predict one file and write the result under `out`; return what was written.

    Raises:
        ValueError: if the audio cannot be used; names the file.
    """
    from umir.annotations import Stems
    from umir.audio import read_audio
    from umir.data.annotation_files import write_annotation

    annotation = model.predict(*read_audio(path))
    if isinstance(annotation, Stems):
        return write_stems(annotation, out / path.stem)
    target = out / f"{path.stem}.txt"
    write_annotation(target, annotation)
    return target


def write_stems(stems, folder: Path) -> Path:
    """Write one 32-bit float WAV file per stem into `folder` and return the folder."""
    from umir.audio import write_audio

    folder.mkdir(parents=True, exist_ok=True)
    for name, waveform in stems.waveforms.items():
        write_audio(folder / f"{name}.wav", waveform, stems.rate, subtype="FLOAT")
    return folder


def for_each_file(files: Sequence[Path], work) -> int:
    """Call `work(path)` on each file, print what it wrote; a bad file does not stop the rest.

    Returns:
        The exit status: 1 if any file failed, with a line for each and a count at the end.
    """
    failures = 0
    done: dict[str, Path] = {}
    for path in files:
        try:
            first = done.setdefault(path.stem, path)
            if first is not path:
                raise ValueError(f"{path}: its results would overwrite those of {first}")
            print(work(path))
        except (ValueError, OSError) as error:
            print(f"failed: {' '.join(str(error).split())}", file=sys.stderr)
            failures += 1
    if failures:
        print(f"{failures} of {len(files)} files failed", file=sys.stderr)
    return 1 if failures else 0


def run(args: argparse.Namespace) -> int:
    """Predict all files."""
    from umir.task_model import TaskModel

    use_compilation_cache()
    model = TaskModel.load(args.model)
    args.out.mkdir(parents=True, exist_ok=True)
    return for_each_file(args.files, lambda path: predict_file(model, path, args.out))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
