"""`umir studio render`: hours of songs with all labels, as a folder that `umir finetune` reads.

The folder holds one manifest (`manifest.jsonl`, in the contract of docs/users_folder.md), which
has an annotation of every kind: say which with `--kind`. It can be stopped at any time; the same
command goes on, and the number of processes makes no difference to what comes out.
"""

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from umir.program import (
    command_line,
    going_on_with,
    positive,
    positive_number,
    program_parser,
    run_program,
    seed,
)
from umir.studio.features import GROUPS, LEFT_OUT
from umir.studio.song import LIBRARY_SEED, SONG_SECONDS
from umir.studio.song_files import FORMATS

if TYPE_CHECKING:
    from umir.song_library import LibrarySettings

_MIDI_SUFFIXES = (".mid", ".midi")


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("studio", "The studio: songs with all labels, made by this machine.")
    _add_render(p.add_subparsers(required=True, metavar="render"))
    return p


def _add_render(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add `render` to the commands of the studio and return its parser."""
    text = "Render songs with all labels into a folder; the same command goes on where one ended."
    r = commands.add_parser(
        "render",
        help="render songs into a folder",
        description=text,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    r.add_argument("--hours", type=positive_number, required=True, help="of music, at least")
    r.add_argument("--out", type=Path, required=True, help="folder for the songs")
    r.add_argument("--workers", type=positive, default=1, help="processes")
    r.add_argument("--rate", type=positive, default=16_000, help="sampling rate in Hz")
    r.add_argument("--channels", type=int, choices=[1, 2], default=1)
    r.add_argument(
        "--seed",
        type=seed,
        default=LIBRARY_SEED,
        help="other songs for every seed; those of 0 are what `umir meta-train --seed 0` trains on",
    )
    r.add_argument(
        "--song-seconds",
        type=positive_number,
        help=f"length of a song; default {SONG_SECONDS:g}, of MIDI files their own",
    )
    r.add_argument(
        "--without", nargs="*", choices=GROUPS, metavar="GROUP",
        help=f"features that songs shall not have: {', '.join(GROUPS)}; default "
        f"{' '.join(LEFT_OUT)}, without a name none",
    )  # fmt: skip
    r.add_argument("--soundfonts", type=Path, metavar="DIR", help="with .sf2 files to play, too")
    r.add_argument("--midi", type=Path, metavar="DIR", help="with MIDI files to play instead")
    r.add_argument("--format", choices=FORMATS, default="flac", help="16 bits, or wav: float")
    r.set_defaults(parser=r)
    return r


def run(args: argparse.Namespace) -> None:
    """Render what is missing, with a bar."""
    from tqdm import tqdm

    from umir.files import locked
    from umir.song_library import SongLibrary

    settings = settings_of(args)
    numbers = list(song_numbers(settings, args.hours))
    go_on = _command(args)
    with locked(args.out), going_on_with(go_on):
        library = SongLibrary(args.out, settings)
        done = sum(map(library.holds, numbers))
        label = "rendering songs"
        with tqdm(total=len(numbers), initial=done, desc=label, unit="song", disable=None) as bar:
            try:
                library.grow(numbers, args.workers, bar.update)
            except ValueError as error:
                reason = str(error).replace("--jobs", "--workers")  # as it is called here
                raise ValueError(
                    f"{reason}; what is there is whole, go on with: {go_on}"
                ) from error
    print(f"songs: {args.out} ({len(numbers)} of them, {done} were there before)")


def settings_of(args: argparse.Namespace) -> "LibrarySettings":
    """Return what the arguments say about songs.

    Raises:
        ValueError: a folder without files of its kind, or songs that the studio cannot make.
    """
    from umir.song_library import LibrarySettings

    song_seconds = args.song_seconds or SONG_SECONDS
    if args.rate < 8000 or song_seconds < 1:
        raise ValueError("--rate must be 8000 Hz at least, --song-seconds 1 s at least")
    left_out = LEFT_OUT if args.without is None else args.without
    if args.midi and args.without:
        raise ValueError("--without: means nothing to --midi, which composes nothing; leave it out")
    if args.midi and args.song_seconds:
        raise ValueError("--song-seconds: songs are as long as their --midi files; leave it out")
    return LibrarySettings(
        rate=args.rate,
        channels=args.channels,
        seed=args.seed,
        song_seconds=song_seconds,
        without=() if args.midi else tuple(sorted(set(left_out))),
        soundfonts=_readable_soundfonts(_files(args.soundfonts, (".sf2",))),
        midi=_files(args.midi, _MIDI_SUFFIXES),
        container=args.format,
    )


def song_numbers(settings: "LibrarySettings", hours: float) -> Iterator[int]:
    """Yield the numbers of the songs that make up so many hours.

    MIDI files that cannot be read are left out, with a line that says why.

    Raises:
        ValueError: more songs than a seed has, or no MIDI file can be read.
    """
    from umir.studio.catalogue import SONGS_PER_SEED

    if not settings.midi:
        count = math.ceil(round(hours * 3600 / settings.song_seconds, 6))
        if count > SONGS_PER_SEED:
            raise ValueError(f"--hours {hours:g}: take another --seed after {SONGS_PER_SEED} songs")
        yield from range(count)
        return
    lengths: dict[str, float] = {}
    number, seconds = 0, 0.0
    while seconds < 3600 * hours:
        path = settings.midi_file(number)
        if path not in lengths:
            lengths[path] = _midi_seconds(path)
        if lengths[path]:
            yield number
        number, seconds = number + 1, seconds + lengths[path]
        if number == len(settings.midi) and not seconds:
            raise ValueError(f"none of the {number} MIDI files can be played")


def _midi_seconds(path: str) -> float:
    """Return how long a MIDI file lasts; 0, with a line that says why, if it cannot be read."""
    from umir.studio.midi.midi_file import read_midi

    try:
        return read_midi(Path(path)).end
    except (ValueError, OSError) as error:
        print(f"left out: {' '.join(str(error).split())}", file=sys.stderr)
        return 0.0


def _files(folder: Path | None, suffixes: Sequence[str]) -> tuple[str, ...]:
    """Return the files below a folder with one of some suffixes, sorted; none for no folder.

    Raises:
        ValueError: there are none.
    """
    if folder is None:
        return ()
    found = [path for path in folder.rglob("*") if path.suffix.lower() in suffixes]
    if not found:
        raise ValueError(f"{folder}: no {' or '.join(suffixes)} files in it")
    return tuple(str(path.absolute()) for path in sorted(found))


def _readable_soundfonts(paths: Sequence[str]) -> tuple[str, ...]:
    """Return those SoundFonts that can be played; of others, print a line that says why not.

    Raises:
        ValueError: there are some, but none can be played.
    """
    from umir.studio.sounds.soundfont import SoundFont

    kept = []
    for path in paths:
        try:
            SoundFont(path)
        except (ValueError, OSError) as error:
            print(f"left out: {' '.join(str(error).split())}", file=sys.stderr)
        else:
            kept.append(path)
    if paths and not kept:
        raise ValueError(f"none of the {len(paths)} SoundFonts can be played")
    return tuple(kept)


def _command(args: argparse.Namespace) -> str:
    """Return the command that goes on."""
    command = command_line(args.parser, args, sys.executable)
    return command.replace("umir.studio.render", "umir.studio render", 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
