"""MIDI files as notes, and notes as MIDI files."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import mido
import numpy as np
import pretty_midi

from umir.annotations import Notes
from umir.data.problems import Problem
from umir.data.rows import AnnotationError, Row, read_bytes
from umir.files import write_beside

# Ticks per quarter note and beats per minute of what we write: a tick is about half a millisecond.
_RESOLUTION, _TEMPO = 960, 120.0
_VELOCITY = 90

Song = TypeVar("Song", bound=pretty_midi.PrettyMIDI)


def midi_rows(path: Path) -> Iterator[Row | Problem]:
    """Yield onset, offset, frequency and track name of every note that is not on a drum track.

    Pitches are equally tempered with A4 = 440 Hz; pitch bends are not followed. A note ends when
    its key is released: the sustain pedal is left out, unlike in the figures published on MAESTRO.
    A file that says no tempo has 120 beats per minute; tempos count on whatever track they are.
    Both, and notes without a length or an end, are problems (of the file as a whole: line 0).

    Raises:
        AnnotationError: the file is missing or is no MIDI file.
    """
    read_bytes(path)  # says clearly what is wrong with a missing file or a folder
    song, messages, tempos = opened_midi(path, pretty_midi.PrettyMIDI)
    played = sum(map(_starts_a_note, mido.merge_tracks(messages.tracks)))
    repairs = [tempos if played else ""]
    if lost := played - sum(len(part.notes) for part in song.instruments):
        repairs.append(f"{lost} of its {played} notes have no length or no end; left out")
    yield from (Problem(path, 0, repair) for repair in repairs if repair)
    parts = [part for part in song.instruments if not part.is_drum]
    notes = [(note, part.name.strip()) for part in parts for note in part.notes]
    for number, (note, player) in enumerate(notes, 1):
        frequency = float(pretty_midi.note_number_to_hz(note.pitch))
        yield Row(number, (float(note.start), float(note.end), frequency), player)


def opened_midi(path: Path, kind: type[Song]) -> tuple[Song, mido.MidiFile, str]:
    """Return a MIDI file as a song, its messages, and how its tempos had to be read, in words.

    Raises:
        AnnotationError: it is none.
    """
    try:
        messages = mido.MidiFile(filename=str(path), charset="latin1")
        tempos = _with_tempos_in_front(messages)
        with warnings.catch_warnings():
            # It warns of signatures on other tracks than the first, which change no time.
            warnings.simplefilter("ignore")
            return kind(mido_object=messages), messages, tempos
    except Exception as error:  # mido raises whatever the damaged bytes lead to
        reason = str(error) or "it ends too early"  # of an EOFError
        raise AnnotationError(f"{path}: is not a MIDI file we can read ({reason})") from error


def _starts_a_note(message: mido.Message | mido.MetaMessage) -> bool:
    # A note-on without velocity is a note-off.
    return message.type == "note_on" and message.velocity > 0


def _with_tempos_in_front(song: mido.MidiFile) -> str:
    """Give a song that has its tempos elsewhere a first track of them, where pretty_midi looks.

    Returns:
        How its tempos had to be read, in words; `""` if they are where they should be.
    """
    tempos = mido.MidiTrack()
    tick = last = 0
    for message in mido.merge_tracks(song.tracks):
        tick += message.time
        if message.type == "set_tempo":
            tempos.append(message.copy(time=tick - last))
            last = tick
    if not tempos:
        return "says no tempo: taken as 120 beats per minute"
    if not any(message.type == "set_tempo" for track in song.tracks[1:] for message in track):
        return ""
    song.tracks.insert(0, tempos)
    return "has tempos on other tracks than the first: taken as those of all tracks"


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
