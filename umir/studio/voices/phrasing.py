"""Phrasing: when each syllable of a melody is sung, and how the pitch moves through it.

A *run* is a stretch without a pause. In it syllables follow each other without gaps, and every
vowel begins on its note's onset: the consonants before it are taken from the syllable before. What
singing sounds like at the audio rate is decided in `umir.studio.voices.singing`; all that is here
does not depend on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.ndimage import uniform_filter1d

from umir.studio.playing.performance import Note
from umir.studio.voices.singer import REGISTERS, Singer
from umir.studio.voices.syllable_bank import FRAME, SyllableSound, syllable_sound
from umir.studio.writing.lexicon import Syllable

_GAP = 0.09  # notes closer than this are sung in one run
_CONSONANTS = 0.45  # part of a note that consonants may take
_PAUSE = 0.02  # seconds between a run and the consonants of the next one
_PLAIN = Syllable("ah", (), "aa", ())  # for notes that come without words
_RELEASE = 0.06
_GROWLS = (35.0, 85.0)  # slowest and fastest flutter of a growl in Hz


@dataclass(frozen=True)
class SungSyllable:
    """A syllable in time.

    Attributes:
        text: its spelling.
        sound: its entry in the bank.
        start: when its first consonant begins, in seconds.
        vowel: when its vowel begins: its note's onset.
        close: when its vowel ends.
        end: when its last consonant ends.
    """

    text: str
    sound: SyllableSound
    start: float
    vowel: float
    close: float
    end: float


@dataclass(frozen=True)
class Run:
    """A stretch of singing without a pause, at frames of `FRAME` seconds from the song's start.

    Attributes:
        notes: as sung: from vowel to the end of the syllable or the next note.
        syllables: sorted, without gaps.
        first: frame at which the arrays begin.
        f0: fundamental frequency in Hz.
        level: amplitude.
        effort: loudness as the velocity of the note that is sung, 0 to 1.
        spoken: whether it is speech.
        fry: from when on the voice only creaks, without a pitch to speak of; in seconds.
        growl: depth and rate in Hz of the flutter of a growl; depth 0 for none.
    """

    notes: tuple[Note, ...]
    syllables: tuple[SungSyllable, ...]
    first: int
    f0: Float[np.ndarray, " frame"]
    level: Float[np.ndarray, " frame"]
    effort: Float[np.ndarray, " frame"]
    spoken: bool = False
    fry: float = np.inf
    growl: tuple[float, float] = (0.0, 50.0)

    @property
    def start(self) -> float:
        """When it begins, in seconds."""
        return self.syllables[0].start

    @property
    def end(self) -> float:
        """When it ends, in seconds."""
        return self.syllables[-1].end

    @property
    def times(self) -> Float[np.ndarray, " frame"]:
        """Times of the frames in seconds."""
        return (self.first + np.arange(len(self.f0))) * FRAME


def phrase(rng: np.random.Generator, singer: Singer, notes: Sequence[Note]) -> list[Run]:
    """Decide how a singer sings notes that do not overlap.

    Args:
        rng: where chance comes from.
        singer: who sings.
        notes: what to sing, sorted by onset; a note without a syllable carries on the one before.
    """
    runs: list[Run] = []
    free = 0.0  # from when the singer can begin
    for group in _groups(notes):
        syllables, sung = _place(singer, group, free)
        runs.append(_run(rng, singer, syllables, sung))
        free = runs[-1].end + _PAUSE
    return runs


def _groups(notes: Sequence[Note]) -> list[list[Note]]:
    """Return the notes of each run, without the gaps between them."""
    groups: list[list[Note]] = []
    for note in notes:
        linked = bool(groups) and note.spoken == groups[-1][-1].spoken
        if linked and note.onset - groups[-1][-1].offset < _GAP:
            groups[-1][-1] = replace(groups[-1][-1], offset=note.onset)
            groups[-1].append(note)
        else:
            groups.append([note])
    return groups


def _place(singer: Singer, notes: list[Note], free: float) -> tuple[list[SungSyllable], list[Note]]:
    """Place the syllables of one run in time, and let go of the notes when they end."""
    heads = [at for at, note in enumerate(notes) if at == 0 or note.syllable is not None]
    texts = [notes[at].syllable or _PLAIN for at in heads]
    anatomy = REGISTERS[singer.register].anatomy
    sounds = [syllable_sound(text, anatomy, singer.width) for text in texts]
    start = max(notes[0].onset - sounds[0].before, min(free, notes[0].onset))
    placed, sung = [], list(notes)
    for place, (at, sound) in enumerate(zip(heads, sounds, strict=True)):
        last = place + 1 == len(heads)
        final = (len(notes) if last else heads[place + 1]) - 1  # the last note of the syllable
        until = notes[final].offset
        room = _CONSONANTS * (until - notes[final].onset)
        wanted = sound.after + (0.0 if last else sounds[place + 1].before)
        haste = min(room / wanted, 1.0) if wanted > 0 else 1.0
        end = until - (0.0 if last else sounds[place + 1].before * haste)
        close = end - sound.after * haste
        placed.append(SungSyllable(texts[place].text, sound, start, notes[at].onset, close, end))
        sung[final] = replace(notes[final], offset=end)
        start = end
    return placed, sung


def _run(
    rng: np.random.Generator, singer: Singer, syllables: list[SungSyllable], notes: list[Note]
) -> Run:
    """Draw the curves of pitch and loudness of one run."""
    first = int(np.floor(syllables[0].start / FRAME))
    times = np.arange(first, int(np.ceil(syllables[-1].end / FRAME)) + 1) * FRAME
    effort = _effort(notes, times)
    level = 10 ** (-(1 - effort) * singer.dynamics / 20) * _swells(rng, notes, times)
    level *= _edges(rng, singer, syllables, times) * (
        1 + singer.shimmer * _wander(rng, len(times), 5)
    )
    spoken = notes[0].spoken
    pitch = (_spoken_pitch if spoken else _pitch)(rng, singer, notes, times)
    pitch, fry = _fried(rng, singer, notes[-1], pitch, times)
    growl = (0.0, 50.0)
    if singer.growl and rng.random() < singer.growl:
        growl = (float(rng.uniform(0.2, 0.7)), float(rng.uniform(*_GROWLS)))
    return Run(tuple(notes), tuple(syllables), first, pitch, level, effort, spoken, fry, growl)


def _fried(
    rng: np.random.Generator, singer: Singer, last: Note, pitch: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, float]:
    """Let a run end in vocal fry now and then; return its pitch and when the fry begins."""
    if not singer.fry or rng.random() > singer.fry:
        return pitch, np.inf
    fry = max(last.offset - float(rng.uniform(0.06, 0.2)), 0.5 * (last.onset + last.offset))
    creak = rng.uniform(32, 70) * np.exp(0.12 * _wander(rng, len(times), 2))
    return np.where(times >= fry, np.minimum(creak, 0.5 * pitch), pitch), fry


def _effort(notes: list[Note], times: np.ndarray) -> np.ndarray:
    """Return the velocity of the note that is sung, faded from note to note."""
    index = np.searchsorted([note.onset for note in notes[1:]], times, side="right")
    velocities = np.array([note.velocity for note in notes])[index]
    return uniform_filter1d(velocities, 13, mode="nearest")


def _swells(rng: np.random.Generator, notes: list[Note], times: np.ndarray) -> np.ndarray:
    """Return how long notes grow or fade, as a factor."""
    factor = np.ones(len(times))
    for note, span in zip(notes, _spans(notes, times), strict=True):
        long = min(note.offset - note.onset, 1.0)
        place = np.clip((times[span] - note.onset) / (note.offset - note.onset), 0, 1)
        factor[span] = 1 + rng.uniform(-0.4, 0.3) * long * np.sin(np.pi * place)
    return factor


def _edges(
    rng: np.random.Generator, singer: Singer, syllables: list[SungSyllable], times: np.ndarray
) -> np.ndarray:
    """Return how a run begins and ends, as a factor: 0 outside of it."""
    head, tail = syllables[0], syllables[-1]
    attack = rng.uniform(0.01, 0.03) if head.vowel - head.start < FRAME else 0.01
    if singer.hard and rng.random() < singer.hard:
        attack = 0.001
    release = min(_RELEASE, 0.5 * (tail.end - tail.vowel))
    rise = np.clip((times - head.start) / attack, 0, 1)
    return rise * np.clip((tail.end - times) / release, 0, 1)


def _spans(notes: list[Note], times: np.ndarray) -> list[slice]:
    """Return the frames of each note: from its onset to the next; the first and last go on."""
    cuts = np.searchsorted(times, [note.onset for note in notes[1:]])
    edges = [0, *cuts.tolist(), len(times)]
    return [slice(start, stop) for start, stop in zip(edges[:-1], edges[1:], strict=True)]


def _pitch(
    rng: np.random.Generator, singer: Singer, notes: list[Note], times: np.ndarray
) -> np.ndarray:
    """Return the fundamental frequency in Hz: glides, scoops, vibrato and unsteadiness."""
    aims = [note.pitch + rng.normal(0, singer.intonation) for note in notes]
    pitch = np.full(len(times), aims[0])
    for at in range(1, len(notes)):
        shortest = min(notes[at].offset - notes[at].onset, notes[at].onset - notes[at - 1].onset)
        glide = min(singer.glide * rng.uniform(0.7, 1.5), 0.6 * shortest)
        # Half of the way is done a little before the beat.
        way = np.clip((times - notes[at].onset + rng.uniform(0, 0.02)) / glide + 0.5, 0, 1)
        pitch += (aims[at] - aims[at - 1]) * way**2 * (3 - 2 * way)
    if rng.random() < singer.scoop:
        late = np.maximum(times - notes[0].onset, 0) / rng.uniform(0.03, 0.07)
        pitch -= rng.uniform(0.3, 2.5) * np.exp(-late)
    if rng.random() < 0.25:  # the voice falls when it is let go
        pitch -= rng.uniform(0.3, 2.0) * np.clip(1 - (notes[-1].offset - times) / 0.12, 0, 1) ** 2
    for note, span in zip(notes, _spans(notes, times), strict=True):
        if singer.inflection:
            pitch[span] += _inflection(rng, singer, note, times[span])
        if rng.random() < singer.vibrato:
            pitch[span] += _vibrato(rng, singer, note, times[span])
    pitch += (
        _wander(rng, len(times), 61) * singer.drift + _wander(rng, len(times), 3) * singer.jitter
    )
    return 440.0 * 2 ** ((pitch - 69) / 12)


def _vibrato(rng: np.random.Generator, singer: Singer, note: Note, times: np.ndarray) -> np.ndarray:
    """Return a vibrato in semitones, grown over 0.2 s after its delay, gone at the note's end."""
    delay = singer.delay * rng.uniform(0.7, 1.3)
    depth, rate = singer.depth * rng.uniform(0.6, 1.2), singer.rate * rng.uniform(0.95, 1.05)
    if note.offset - note.onset < delay + 0.25:
        return np.zeros(len(times))
    time = times - note.onset - delay
    grown = np.clip(time / 0.2, 0, 1) * np.clip((note.offset - times) / 0.05, 0, 1)
    turns = rate * time
    if singer.wobble:
        turns += rate * FRAME * np.cumsum(singer.wobble * _wander(rng, len(times), 15))
    return depth * grown * np.sin(2 * np.pi * turns)


def _inflection(
    rng: np.random.Generator, singer: Singer, note: Note, times: np.ndarray
) -> np.ndarray:
    """Return how the pitch moves inside a note, in semitones: up, down, over a hill or valley.

    Tones of a language, and singers who reach a pitch late or do not hold it; zero in the mean.
    """
    place = np.clip((times - note.onset) / (note.offset - note.onset), 0, 1)
    slope, hill = rng.normal(0, singer.inflection, 2)
    return slope * (1 - 2 * place) - hill * np.cos(2 * np.pi * place)


def _spoken_pitch(
    rng: np.random.Generator, singer: Singer, notes: list[Note], times: np.ndarray
) -> np.ndarray:
    """Return the fundamental frequency of speech in Hz.

    From accent to accent without holding any pitch, lower and lower, and at the end down or up.
    """
    middles = [0.5 * (note.onset + note.offset) for note in notes]
    pitch = np.interp(times, middles, [note.pitch for note in notes])
    place = np.clip((times - notes[0].onset) / (notes[-1].offset - notes[0].onset), 0, 1)
    pitch = uniform_filter1d(pitch, 15, mode="nearest") - rng.uniform(1, 4) * place
    ending = float(rng.choice([-4.0, -2.0, 3.0], p=[0.5, 0.3, 0.2]))
    pitch += ending * np.clip(1 - (notes[-1].offset - times) / 0.3, 0, 1) ** 2
    pitch += _wander(rng, len(times), 21) * 0.4 + _wander(rng, len(times), 3) * singer.jitter
    return 440.0 * 2 ** ((np.maximum(pitch, 30.0) - 69) / 12)


def _wander(rng: np.random.Generator, count: int, width: int) -> np.ndarray:
    """Return noise with unit variance, smoothed twice over `width` frames."""
    noise = rng.standard_normal(count + 2 * width)
    smooth = uniform_filter1d(uniform_filter1d(noise, width), width)[width : width + count]
    # A triangle of 2 width - 1 frames has this power.
    return smooth / np.sqrt((2 * width**2 + 1) / (3 * width**3))
