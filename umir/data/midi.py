"""MIDI files as notes, and notes as MIDI files."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pretty_midi

from umir.annotations import Notes
from umir.data.rows import AnnotationError, Row, read_bytes
from umir.files import write_beside

# Ticks per quarter note and beats per minute of what we write: a tick is about half a millisecond.
_RESOLUTION, _TEMPO = 960, 120.0
_VELOCITY = 90


def midi_rows(path: Path) -> Iterator[Row]:
    """Yield onset, offset, frequency and track name of every note that is not on a drum track.

    Pitches are equally tempered with A4 = 440 Hz; pitch bends are not followed. A note ends when
    its key is released: the sustain pedal is left out, unlike in the figures published on MAESTRO.

    Raises:
        AnnotationError: the file is missing or is no MIDI file.
    """
    read_bytes(path)  # says clearly what is wrong with a missing file or a folder
    try:
        with warnings.catch_warnings():
            # Tempo changes on a track of their own are out of the standard but read correctly.
            warnings.simplefilter("ignore")
            song = pretty_midi.PrettyMIDI(str(path))
    except Exception as error:  # mido raises whatever the damaged bytes lead to
        raise AnnotationError(f"{path}: is not a MIDI file we can read ({error})") from error
    parts = [part for part in song.instruments if not part.is_drum]
    notes = [(note, part.name.strip()) for part in parts for note in part.notes]
    for number, (note, player) in enumerate(notes, 1):
        frequency = float(pretty_midi.note_number_to_hz(note.pitch))
        yield Row(number, (float(note.start), float(note.end), frequency), player)


def write_midi(path: str | os.PathLike, notes: Notes) -> None:
    """Write notes as a MIDI file with one track, of a piano, for each of those who play.

    Tracks have the names of the players. MIDI knows only semitones and ticks: frequencies move to
    the nearest semitone, times by up to half a millisecond.

    Raises:
        ValueError: a frequency is outside MIDI's range (8 Hz to 12.5 kHz).
    """
    numbers = np.round(69.0 + 12.0 * np.log2(notes.frequencies / 440.0)).astype(int)
    if outside := [f for f, n in zip(notes.frequencies, numbers, strict=True) if not 0 <= n < 128]:
        raise ValueError(f"{path}: {outside[0]:.1f} Hz is outside MIDI's range; write text instead")
    song = pretty_midi.PrettyMIDI(resolution=_RESOLUTION, initial_tempo=_TEMPO)
    labels = notes.labels or ("",) * len(numbers)
    tracks = {name: pretty_midi.Instrument(program=0, name=name) for name in labels or ("",)}
    for number, (onset, offset), name in zip(numbers, notes.intervals, labels, strict=True):
        note = pretty_midi.Note(_VELOCITY, int(number), float(onset), float(offset))
        tracks[name].notes.append(note)
    song.instruments.extend(tracks.values())
    with write_beside(path) as temporary:
        song.write(str(temporary))
