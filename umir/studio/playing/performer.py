"""The performer: turns a score into what people play.

Beats get the times of a tempo that wanders; steps swing; every player is a little early or late
and never quite exact; chords are strummed; leads slide into notes and let them vibrate. What
singers do with their pitch is their own business (`umir.studio.voices.phrasing`).
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from umir.studio.playing.performance import Bend, Hit, Note, Performance, PlayedPart
from umir.studio.writing.score import Score, ScoreNote, ScorePart

_DETUNED = 0.35  # semitones from 440 Hz at most: further off, the nearest key is another
# Sounds that start later than this before the end are left out: there is nothing to hear.
_LAST_ONSET = 0.1
_SHORTEST_NOTE = 0.05
_SINGING = 0.9  # least part of a written note that is sung
_SUNG = ("vocals", "backing")
_MONOPHONIC = ("bass", "lead", *_SUNG)
_PEDAL = ("electric_piano", "harp", "mallet", "piano")
# Instruments whose pitch the player can bend.
_BENDABLE = (
    "bass",
    "brass",
    "clarinet",
    "distorted_guitar",
    "electric_guitar",
    "flute",
    "saxophone",
    "strings",
    "synth_lead",
)


def perform(rng: np.random.Generator, score: Score, duration: float) -> Performance:
    """Play a score.

    Args:
        rng: where chance comes from.
        score: what to play.
        duration: seconds after which the song is cut.

    Returns:
        What is played, in seconds.
    """
    clock = _Clock(rng, score, duration)
    drawn = float(rng.normal(0, 0.15)) if rng.random() < 0.5 else 0.0
    tuning = min(max(drawn, -_DETUNED), _DETUNED)
    looseness = float(rng.uniform(*score.style.looseness))
    parts = tuple(
        _play_part(rng, score, part, clock, tuning, looseness, duration) for part in score.parts
    )
    beats = clock.beats[:-1]
    beats = beats[beats < duration - _LAST_ONSET]
    places = np.array(score.places[: len(beats)])
    beats, places = beats[places > 0], places[places > 0]
    return Performance(
        beats=beats,
        positions=tuple(places.tolist()),
        chords=_chord_times(score, clock, duration),
        parts=tuple(part for part in parts if part.notes),
        hits=_play_drums(rng, score, clock, looseness, duration),
        tempo=_tempo(score, beats),
        keys=_key_times(score, clock, duration),
    )


def _tempo(score: Score, beats: Float[np.ndarray, " beat"]) -> float:
    """Return beats per minute: the mean, or that of the median bar where the tempo is shaped."""
    per_bar = max(score.places)
    if len(beats) < 2:
        counted = sum(place > 0 for place in score.places)
        return float(score.tempo * counted / len(score.places))
    if not score.pace or len(beats) <= per_bar:
        return float(60 * (len(beats) - 1) / (beats[-1] - beats[0]))
    return float(60 * per_bar / np.median(beats[per_bar:] - beats[:-per_bar]))


class _Clock:
    """Maps beats to seconds.

    The length of each beat wanders around the score's pace as an autoregressive process.
    """

    def __init__(self, rng: np.random.Generator, score: Score, duration: float):
        count = len(score.places)
        drift = float(rng.uniform(*score.style.drift))
        shocks = rng.normal(0, 1, count) * drift * np.sqrt(1 - 0.85**2)
        wander = np.zeros(count)
        for beat in range(1, count):
            wander[beat] = 0.85 * wander[beat - 1] + shocks[beat]
        lengths = 60 / score.tempo * (1 + np.clip(wander, -0.1, 0.1))
        if score.pace:
            lengths *= np.array(score.pace[:count])
        start = rng.uniform(0.05, min(1.0, 0.1 * duration))
        self.beats = start + np.concatenate([[0.0], np.cumsum(lengths)])
        self._division, self._swing, self._warp = score.division, score.swing, score.warp

    def time(self, beat: float) -> float:
        """Return the time in seconds of a position in beats, swing and warp included."""
        step = beat * self._division
        whole = round(step)
        if abs(step - whole) < 1e-6 and whole % 2 == 1 and self._division % 2 == 0:
            beat += self._swing / self._division
        written, played = self._warp
        if written != played:
            whole = np.floor(beat + 1e-9)
            beat = whole + np.interp(beat - whole, [0.0, written, 1.0], [0.0, played, 1.0])
        return float(np.interp(beat, np.arange(len(self.beats)), self.beats))


def _play_part(
    rng: np.random.Generator,
    score: Score,
    part: ScorePart,
    clock: _Clock,
    tuning: float,
    looseness: float,
    duration: float,
) -> PlayedPart:
    """Play one pitched part."""
    lag = rng.normal(0, looseness)
    strum = rng.uniform(0, score.style.strum) if part.role in ("chords", "pad") else 0.0
    touch = rng.uniform(0.75, 1.0)  # staccato to legato
    touch = max(touch, _SINGING) if part.role in _SUNG else touch
    # With the pedal down, what is struck rings on until the harmony changes.
    pedal = part.role not in _MONOPHONIC and part.instrument in _PEDAL and rng.random() < 0.4
    changes = np.array([chord.start + chord.length for chord in score.chords])
    notes: list[Note] = []
    jitter, previous, order = 0.0, None, 0
    for written in part.notes:
        # The notes of a chord share one jitter, and follow each other by the strum.
        if previous is None or written.start != previous:
            jitter, previous, order = lag + rng.normal(0, looseness), written.start, 0
        onset = clock.time(written.start) + jitter + order * strum / 3
        order += 1
        length = clock.time(written.start + written.length) - clock.time(written.start)
        length *= touch
        if pedal:
            change = changes[np.searchsorted(changes, written.start + 1e-6)]
            length = max(length, clock.time(change) - onset)
        notes.append(_play_note(rng, written, max(onset, 0.0), length, tuning))
    notes.sort(key=lambda note: (note.onset, note.pitch))
    if part.role in _MONOPHONIC:
        notes = _one_at_a_time(notes)
        if part.instrument in _BENDABLE:
            notes = _express(rng, part, notes)
    else:
        notes = _one_per_pitch(notes)
    kept = [
        replace(note, offset=min(note.offset, duration))
        for note in notes
        if note.onset < duration - _LAST_ONSET
    ]
    return PlayedPart(part.role, part.instrument, tuple(kept), part.register)


def _play_note(
    rng: np.random.Generator, written: ScoreNote, onset: float, length: float, tuning: float
) -> Note:
    """Play one note."""
    velocity = float(np.clip(written.accent + rng.normal(0, 0.05), 0.1, 1.0))
    offset = onset + max(length, _SHORTEST_NOTE)
    pitch = written.pitch + tuning
    return Note(float(onset), float(offset), pitch, velocity, syllable=written.syllable)


def _one_at_a_time(notes: list[Note]) -> list[Note]:
    """Let go of each note when the next one starts; drop notes with no room left."""
    kept: list[Note] = []
    for note in notes:
        while kept and note.onset - kept[-1].onset < _SHORTEST_NOTE:
            kept.pop()
        if kept and kept[-1].offset > note.onset:
            kept[-1] = replace(kept[-1], offset=note.onset)
        kept.append(note)
    return kept


def _one_per_pitch(notes: list[Note]) -> list[Note]:
    """Let go of each note when the same pitch is struck again; drop notes with no room left."""
    kept: list[Note] = []
    last: dict[float, int] = {}
    for note in notes:
        index = last.get(note.pitch)
        if index is not None and note.onset - kept[index].onset < _SHORTEST_NOTE:
            continue
        if index is not None and kept[index].offset > note.onset:
            kept[index] = replace(kept[index], offset=note.onset)
        last[note.pitch] = len(kept)
        kept.append(note)
    return kept


def _express(rng: np.random.Generator, part: ScorePart, notes: list[Note]) -> list[Note]:
    """Give notes their slides and vibrato, as this player does it."""
    depth = 0.0 if part.role == "bass" else rng.uniform(0.0, 0.4)
    rate, delay = rng.uniform(4.5, 6.8), rng.uniform(0.08, 0.3)
    slide_chance = rng.uniform(0.0, 0.4)
    slide_time = rng.uniform(0.015, 0.04)
    expressed: list[Note] = []
    for note in notes:
        scoop = 0.0
        if rng.random() < slide_chance:
            linked = bool(expressed) and note.onset - expressed[-1].offset < 0.06
            interval = expressed[-1].pitch - note.pitch if linked else rng.uniform(-2.5, 0.3)
            scoop = float(np.clip(interval, -4, 4)) * 0.7
        if part.role == "bass" and abs(scoop) > 2:
            scoop = 0.0
        long_enough = note.offset - note.onset > delay + 0.1
        bend = Bend(
            scoop=scoop,
            scoop_time=slide_time,
            depth=float(depth * rng.uniform(0.6, 1.2)) if long_enough else 0.0,
            rate=float(rate * rng.uniform(0.95, 1.05)),
            delay=float(delay),
        )
        plain = scoop == 0.0 and bend.depth < 0.02
        expressed.append(note if plain else replace(note, bend=bend))
    return expressed


def _play_drums(
    rng: np.random.Generator, score: Score, clock: _Clock, looseness: float, duration: float
) -> tuple[Hit, ...]:
    """Play the drums: what is written on one step is played almost, not quite, together."""
    hits = []
    jitter: dict[float, float] = {}
    last: dict[str, float] = {}
    for written in score.hits:
        shared = jitter.setdefault(written.start, rng.normal(0, looseness))
        onset = clock.time(written.start) + shared + rng.normal(0, looseness / 3)
        velocity = float(np.clip(written.accent + rng.normal(0, 0.05), 0.1, 1.0))
        again = onset - last.get(written.drum, -1.0) < _SHORTEST_NOTE
        if onset < duration - _LAST_ONSET and not again:
            last[written.drum] = onset
            hits.append(Hit(max(float(onset), 0.0), written.drum, velocity))
    return tuple(sorted(hits, key=lambda hit: (hit.onset, hit.drum)))


def _chord_times(
    score: Score, clock: _Clock, duration: float
) -> tuple[tuple[float, float, str], ...]:
    """Return the chords in seconds, equal neighbours joined; `N` before and after the music."""
    spans: list[tuple[float, float, str]] = [(0.0, clock.time(0.0), "N")]
    for written in score.chords:
        start = spans[-1][1]  # to the last bit where the one before it ends
        end = min(clock.time(written.start + written.length), duration)
        if start >= duration:
            break
        label = written.label
        if label == spans[-1][2]:
            spans[-1] = (spans[-1][0], end, label)
        else:
            spans.append((start, end, label))
    if spans[-1][1] < duration:
        spans.append((spans[-1][1], duration, "N"))
    return tuple(spans)


def _key_times(
    score: Score, clock: _Clock, duration: float
) -> tuple[tuple[float, float, tuple[int, str]], ...]:
    """Return start and end in seconds, and the key, of each chord that somebody plays."""
    home = score.tonic, score.mode
    spans = (
        (clock.time(each.start), clock.time(each.start + each.length), each.key or home)
        for each in score.chords
        if each.heard
    )
    return tuple((start, min(end, duration), key) for start, end, key in spans if start < duration)
