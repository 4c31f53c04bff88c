"""MIDI files as performances: what each track plays, with pedal and pitch wheel, and the beats.

Read with pretty_midi. What a file does not say is not made up: without a tempo event, or where
notes were played with no regard to it, the beats are unknown. Without a time signature it is 4/4,
as the standard has it.

Reference:
    Standard MIDI Files 1.0 and General MIDI, MIDI Manufacturers Association: sustain pedal is
    controller 64, down from 64 on; the wheel reaches two semitones.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pretty_midi
from jaxtyping import Float, Int

from umir.annotations import Events
from umir.data.midi import opened_midi
from umir.studio.playing.performance import Bend, Note
from umir.studio.writing.harmony import key_name

_PEDAL = 64
_WHEEL = 2.0 / 8192  # semitones per unit of the pitch wheel
_LONGEST = 3600.0  # seconds
# Onsets are taken to keep to the beats if their places in a beat, or in some division of it,
# gather: length of the mean of unit vectors, 1 if all are the same, near 0 if they are anywhere.
_DIVISIONS, _TOGETHER, _ENOUGH = (1, 2, 3, 4, 6), 0.2, 30


@dataclass(frozen=True)
class Wheel(Bend):
    """A bend as the pitch wheel made it.

    Attributes:
        times: seconds after the note's onset, increasing, shape `(move,)`.
        offsets: semitones from then on, shape `(move,)`.
    """

    times: Float[np.ndarray, " move"] = field(default_factory=lambda: np.zeros(1))
    offsets: Float[np.ndarray, " move"] = field(default_factory=lambda: np.zeros(1))

    def semitones(self, time: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
        """Return the offset in semitones at `time` seconds after the onset, same shape."""
        return np.interp(time, self.times, self.offsets)


@dataclass(frozen=True)
class Track:
    """What one track and channel of a file plays.

    Attributes:
        name: as the file has it.
        program: General MIDI program, 0 to 127; of drums, the kit.
        drums: whether it is on channel 10: pitches are then drums.
        notes: sorted by onset; they end when key and pedal are both up, and have the pitch that the
            pitch wheel gives them.
    """

    name: str
    program: int
    drums: bool
    notes: tuple[Note, ...] = field(repr=False)


@dataclass(frozen=True)
class MidiFile:
    """A MIDI file.

    Attributes:
        tracks: those that have notes.
        beats: labels are positions in the bar, "" in bars of one beat; no beats if unknown.
        tempo: mean beats per minute; NaN if unknown.
        key: as `mir_eval.key` names it; None if the file does not say, or says several.
        end: when the last note is let go, in seconds.
    """

    tracks: tuple[Track, ...]
    beats: Events = field(repr=False)
    tempo: float
    key: str | None
    end: float


class _Reader(pretty_midi.PrettyMIDI):
    """pretty_midi, and what it does not keep: is there a tempo, how many notes were struck?"""

    has_tempo, strikes = False, 0

    def _load_tempo_changes(self, midi_data):
        events = [event for track in midi_data.tracks for event in track]
        self.has_tempo = any(event.type == "set_tempo" for event in midi_data.tracks[0])
        self.strikes = sum(event.type == "note_on" and event.velocity > 0 for event in events)
        super()._load_tempo_changes(midi_data)


def read_midi(path: Path) -> MidiFile:
    """Read a MIDI file.

    Warns, in one line with the file's name, of what was repaired: notes of no length are left out,
    a missing tempo leaves the beats unknown, one on another track than the first is moved there.

    Raises:
        FileNotFoundError: there is no such file.
        IsADirectoryError: it is a folder.
        ValueError: it is no MIDI file, has no notes, or is longer than an hour.
    """
    with path.open("rb"):  # says clearly what is wrong with a missing file or a folder
        pass
    song, _, moved = opened_midi(path, _Reader)
    tracks = tuple(track for track in map(_track, song.instruments) if track.notes)
    kept = sum(len(track.notes) for track in tracks)
    if not kept:
        raise ValueError(f"{path}: has no notes")
    end = max(note.offset for track in tracks for note in track.notes)
    if end > _LONGEST:
        raise ValueError(f"{path}: lasts {end:.0f} s, more than an hour: cut it")
    if song.strikes > kept:
        warnings.warn(
            f"{path}: left out {song.strikes - kept} of {song.strikes} notes that have no length"
            " or no end",
            stacklevel=2,
        )
    if moved and song.has_tempo:
        warnings.warn(f"{path}: {moved}", stacklevel=2)
    beats = _beats(song, tracks, end, path)
    length = float(np.ptp(beats.times)) if len(beats.times) else 0.0
    return MidiFile(
        tracks=tracks,
        beats=beats,
        tempo=60 * (len(beats.times) - 1) / length if length else np.nan,
        key=_key(song),
        end=end,
    )


def _track(part: pretty_midi.Instrument) -> Track:
    """Read what one channel of a track plays."""
    pedal = [] if part.is_drum else _pedal(part)
    bends = [(bend.time, bend.pitch * _WHEEL) for bend in part.pitch_bends]
    wheel = np.array(bends, float).reshape(-1, 2)
    rows = [(n.start, n.end, n.pitch, n.velocity) for n in part.notes if n.end > n.start]
    notes = []
    again: dict[int, float] = {}  # when each key is struck next
    for start, end, pitch, velocity in sorted(rows, reverse=True):
        held = next((up for down, up in pedal if down <= end < up), end)
        offset = min(held, again.get(pitch, np.inf))
        if offset > start:
            shift, bend = (0.0, None) if part.is_drum else _bend(wheel, start, offset)
            note = Note(float(start), float(offset), pitch + shift, velocity / 127, bend)
            notes.append(note)
            again[pitch] = start
    return Track(
        name=part.name.strip(),
        program=int(part.program),
        drums=part.is_drum,
        notes=tuple(notes[::-1]),
    )


def _pedal(part: pretty_midi.Instrument) -> list[tuple[float, float]]:
    """Return when the sustain pedal is down: start and end in seconds."""
    spans: list[tuple[float, float]] = []
    down: float | None = None
    for change in part.control_changes:
        if change.number != _PEDAL:
            continue
        if change.value >= 64 and down is None:
            down = change.time
        elif change.value < 64 and down is not None:
            spans.append((down, change.time))
            down = None
    return spans


def _bend(wheel: np.ndarray, start: float, end: float) -> tuple[float, Bend | None]:
    """Return how many semitones the wheel moves a note, and how it bends it around that.

    Where the wheel is held, the note has another pitch than its key, and no bend; else its pitch is
    the median of what sounds.
    """
    first = max(int(np.searchsorted(wheel[:, 0], start, side="right")) - 1, 0)
    moves = wheel[first : int(np.searchsorted(wheel[:, 0], end))]
    if not len(moves):
        return 0.0, None
    if wheel[0, 0] > start:
        moves = np.concatenate([[[start, 0.0]], moves])
    shift = _median(moves[:, 1], np.diff(np.clip(moves[:, 0], start, end), append=end))
    if not (moves[:, 1] - shift).any():
        return shift, None
    # The wheel jumps; interpolation takes 2 ms for it.
    times = np.repeat(moves[:, 0] - start, 2)
    times[2::2] = np.maximum(times[2::2] - 0.002, times[1:-1:2])
    offsets = np.concatenate([[moves[0, 1]], np.repeat(moves[:, 1], 2)[:-1]])
    return shift, Wheel(times=times, offsets=offsets - shift)


def _median(offsets: np.ndarray, seconds: np.ndarray) -> float:
    """Return the median of offsets that last so many seconds each."""
    order = np.argsort(offsets)
    passed = np.cumsum(seconds[order])
    return float(offsets[order][np.searchsorted(passed, passed[-1] / 2)])


def _beats(song: _Reader, tracks: Sequence[Track], end: float, path: Path) -> Events:
    """Return the beats up to the last note, with their places in the bar; none if unknown."""
    nothing = Events(np.zeros(0), ())
    if not song.has_tempo:
        warnings.warn(f"{path}: has no tempo event: its beats are unknown", stacklevel=3)
        return nothing
    beats = np.asarray(song.get_beats(), float)
    beats = beats[beats < end]
    onsets = np.array([note.onset for track in tracks for note in track.notes])
    if len(beats) < 2 or not _on_the_beats(onsets, beats):
        warnings.warn(
            f"{path}: its notes do not keep to its tempo: its beats are unknown", stacklevel=3
        )
        return nothing
    places = places_in_bar(beats, np.asarray(song.get_downbeats(), float))
    # Bars of one beat are no metre: whoever wrote the file did not know, or did not care.
    known = places.max() > 1
    return Events(beats, tuple(str(place) if known else "" for place in places))


def places_in_bar(
    beats: Float[np.ndarray, " beat"], downbeats: Float[np.ndarray, " bar"]
) -> Int[np.ndarray, " beat"]:
    """Return the place in its bar of each beat, from 1; times in seconds."""
    # The last downbeat up to each beat; ticks are rounded, so a little later counts.
    first = np.searchsorted(beats, downbeats - 1e-3)
    index = np.arange(len(beats))
    return index - first[np.maximum(np.searchsorted(first, index, side="right") - 1, 0)] + 1


def _on_the_beats(onsets: np.ndarray, beats: np.ndarray) -> bool:
    """Return whether onsets gather anywhere in the beat, or are too few to say."""
    place = np.interp(onsets, beats, np.arange(len(beats)))[onsets <= beats[-1]]
    turns = [abs(np.exp(2j * np.pi * part * place).mean()) for part in _DIVISIONS if len(place)]
    return len(place) < _ENOUGH or float(max(turns)) > _TOGETHER


def _key(song: pretty_midi.PrettyMIDI) -> str | None:
    """Return the key, if there is one and only one."""
    numbers = {change.key_number for change in song.key_signature_changes}
    if len(numbers) != 1:
        return None
    mode, tonic = divmod(numbers.pop(), 12)
    return key_name(tonic, "minor" if mode else "major")
