"""`umir separate`: splits songs into stems, as `OUT/MODEL/TRACK/STEM.wav`.

A mono model separates each channel by itself. What lies above the model's own band (above 8 kHz for
a 16 kHz model) stays in the last stem, the accompaniment; the stems always add up to the song.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from umir.annotations import Stems
from umir.program import program_parser, run_program, use_compilation_cache

AUDIO_SUFFIXES = {".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".au", ".opus", ".w64"}


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("separate", "Split songs into stems.")
    p.add_argument("inputs", nargs="+", type=Path, metavar="FILE_OR_DIR")
    p.add_argument("--model", required=True, type=Path, help="model directory of a separator")
    p.add_argument("--out", type=Path, default=Path("separated"), help="folder for the stems")
    p.add_argument("--two-stems", metavar="STEM", help="only this stem and the sum of the others")
    return p


def audio_files(inputs: Sequence[Path]) -> Iterator[Path]:
    """Yield the files among `inputs` and the audio files directly in its folders, sorted."""
    for path in inputs:
        if path.is_dir():
            yield from sorted(f for f in path.iterdir() if f.suffix.lower() in AUDIO_SUFFIXES)
        else:
            yield path


def two_stems(stems: Stems, name: str) -> Stems:
    """Return the stem `name` and `no_NAME`, the sum of all others.

    Raises:
        ValueError: if there is no such stem.
    """
    if name not in stems.waveforms:
        raise ValueError(f"no stem {name!r}: choose from {', '.join(stems.waveforms)}")
    others = [waveform for other, waveform in stems.waveforms.items() if other != name]
    return Stems({name: stems.waveforms[name], f"no_{name}": np.sum(others, axis=0)}, stems.rate)


def run(args: argparse.Namespace) -> int:
    """Separate all files."""
    from umir.audio import read_audio
    from umir.predict import for_each_file, write_stems
    from umir.task_model import TaskModel

    use_compilation_cache()
    model = TaskModel.load(args.model)
    if model.task.kind != "stems":
        raise ValueError(f"{args.model}: a model for {model.task.name}, not for separation")
    if args.two_stems and args.two_stems not in model.task.vocabulary:
        known = ", ".join(model.task.vocabulary)
        raise ValueError(f"{args.model}: no stem {args.two_stems!r}: choose from {known}")
    files = list(audio_files(args.inputs))
    if not files:
        raise ValueError(f"no audio files in {', '.join(map(str, args.inputs))}")

    def separate_file(path: Path) -> Path:
        stems = model.predict(*read_audio(path))
        assert isinstance(stems, Stems)
        if args.two_stems:
            stems = two_stems(stems, args.two_stems)
        return write_stems(stems, args.out / args.model.resolve().name / path.stem)

    return for_each_file(files, separate_file)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
