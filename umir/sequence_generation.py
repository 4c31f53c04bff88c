"""`umir sequences generate`: a sequence model goes on with a beginning, or begins by itself.

What is written holds the beginning, then what was drawn. Lengths count seconds of audio, characters
or words of a text, frames of a piano roll.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from umir.program import positive_number, seed

if TYPE_CHECKING:
    from umir.sequence_tasks.model import SequenceModel

AUDIO_TEMPERATURE = 0.95  # of the paper's listening test
LENGTHS = {"audio": 5.0, "characters": 500, "words": 100, "music": 100}


def add_generate(commands: argparse._SubParsersAction) -> None:
    """Add the command to those of `umir sequences`."""
    p = commands.add_parser(
        "generate",
        help="let a model go on with a beginning",
        description="Let a model go on with a beginning: audio, text or a piano roll.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    p.add_argument("--model", required=True, type=Path, help="what `umir sequences` has trained")
    p.add_argument(
        "--out", type=Path, metavar="FILE", help=".wav or .flac, .mid, or text (none: printed)"
    )
    p.add_argument(
        "--prefix", type=Path, metavar="FILE", help="begin with this: audio, a text, a .mat file"
    )
    p.add_argument("--prefix-length", type=positive_number, help="how much of it; all")
    p.add_argument("--piece", type=int, default=0, help="of the test pieces in a .mat, from 0 on")
    p.add_argument(
        "--length", type=positive_number,
        help="seconds, characters, words or frames to draw; "
        + ", ".join(f"{task} {length}" for task, length in LENGTHS.items()),
    )  # fmt: skip
    p.add_argument("--temperature", type=float, help="0: most probable; audio 0.95, others 1")
    p.add_argument("--frame-seconds", type=positive_number, default=0.25, help="of piano rolls")
    p.add_argument("--seed", type=seed, default=0)


def generate(args: argparse.Namespace) -> None:
    """Load the model, draw, and write.

    Raises:
        ValueError: the model generates nothing, or the arguments do not fit it.
    """
    from umir.sequence_tasks.model import SequenceModel

    model = SequenceModel.load(args.model)
    kind = model.task.kind
    if kind not in _WRITERS:
        raise ValueError(f"{args.model}: is a model of {kind}, which has nothing to generate")
    if args.out is None and kind in ("audio", "music"):
        raise ValueError("--out: say where the result goes (.wav of audio, .mid of music)")
    length = LENGTHS[kind] if args.length is None else args.length
    _WRITERS[kind](model, args, length)
    if args.out is not None:
        print(f"{args.out}: {length:g} {'s' if kind == 'audio' else 'drawn'}")


def _options(args: argparse.Namespace, unit: str, temperature: float = 1.0) -> dict[str, Any]:
    """Return what all ways to draw have in common."""
    import jax
    from tqdm import tqdm

    return {
        "key": jax.random.key(args.seed),
        "temperature": temperature if args.temperature is None else args.temperature,
        "progress": lambda numbers: tqdm(numbers, desc="generating", unit=unit, disable=None),
    }


def _write_audio(model: "SequenceModel", args: argparse.Namespace, length: float) -> None:
    import numpy as np

    from umir.audio import check_format, write_audio
    from umir.sequence_tasks.audio_generation import generate_audio
    from umir.sequence_tasks.mu_law import from_mu_law
    from umir.sequence_tasks.recordings import read_classes

    task: Any = model.task
    check_format(args.out, "PCM_16")
    before = np.zeros(0, np.uint8)
    if args.prefix:
        before = read_classes(args.prefix, task.rate)
        if args.prefix_length:
            before = before[: round(args.prefix_length * task.rate)]
    count = max(round(length * task.rate), 1)
    options = _options(args, "block", AUDIO_TEMPERATURE)
    drawn = generate_audio(task, dict(model.params), count, prefix=before, **options)
    waveform = from_mu_law(np.concatenate([before, drawn]))[:, None]
    write_audio(args.out, waveform, task.rate, "PCM_16")


def _write_text(model: "SequenceModel", args: argparse.Namespace, length: float) -> None:
    from umir.files import write_beside
    from umir.sequence_tasks.continuation import continue_text
    from umir.sequence_tasks.texts import begun, line_end, numbered, read_text, spelled

    task: Any = model.task
    vocabulary, spell = model.facts["vocabulary"], model.facts["spell_newlines"]
    symbols = []
    if args.prefix:
        symbols = begun(task.kind, read_text(args.prefix), spell)
        if args.prefix_length:
            symbols = symbols[: max(round(args.prefix_length), 1)]
    before = numbered(symbols or line_end(vocabulary), vocabulary, str(args.prefix))
    count = max(round(length), 1)
    drawn = continue_text(task, dict(model.params), before, count, **_options(args, "symbol"))
    shown = spelled(task.kind, [*symbols, *(vocabulary[n] for n in drawn)], spell)
    if args.out is None:
        sys.stdout.write(shown + "\n")
        return
    with write_beside(args.out) as temporary:
        temporary.write_text(shown, encoding="utf-8")


def _write_music(model: "SequenceModel", args: argparse.Namespace, length: float) -> None:
    import numpy as np

    from umir.data.midi import write_midi
    from umir.sequence_tasks.continuation import continue_roll, notes_of_roll
    from umir.sequence_tasks.piano_rolls import read_piano_rolls
    from umir.sequence_tasks.polyphonic_music import KEYS

    task: Any = model.task
    before = np.zeros((0, KEYS), np.uint8)
    if args.prefix:
        pieces = read_piano_rolls(args.prefix)["test"]
        if not 0 <= args.piece < len(pieces):
            raise ValueError(f"--piece {args.piece}: {args.prefix} has 0 to {len(pieces) - 1}")
        before = pieces[args.piece]
        if args.prefix_length:
            before = before[: max(round(args.prefix_length), 1)]
    count = max(round(length), 1)
    drawn = continue_roll(task, dict(model.params), before, count, **_options(args, "frame"))
    write_midi(args.out, notes_of_roll(np.concatenate([before, drawn]), args.frame_seconds))


_WRITERS = {
    "audio": _write_audio,
    "characters": _write_text,
    "words": _write_text,
    "music": _write_music,
}
