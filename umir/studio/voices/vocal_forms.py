"""What voices do in a song beyond the plain lead: the group of features *singing*.

Words of other languages, humming and vocalises; more and faster syllables; phrases that fill the
pauses; spoken and rapped lines; choirs and answers; long passages without a voice; bars in which
the voice is alone, and songs without any instrument.

All of it works on the performance, in seconds: the accompaniment plays what it would have played.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from umir.studio.playing.performance import Note, Performance, PlayedPart
from umir.studio.playing.vocal_harmony import VocalHarmony
from umir.studio.voices.choir import answer, draw_choir
from umir.studio.voices.singer import REGISTERS
from umir.studio.voices.speech import rap, speak
from umir.studio.writing.backing import folded
from umir.studio.writing.languages import draw_language, translation
from umir.studio.writing.lexicon import Syllable, words
from umir.studio.writing.score import Score

# Probabilities of each feature in songs with a voice.
_FOREIGN, _BUSY, _LEGATO, _FILLED, _SPOKEN, _ALL_SPOKEN = 0.6, 0.45, 0.3, 0.4, 0.14, 0.2
_LOWER, _DETACHED = 0.5, 0.35
_CHOIR, _ANSWERED, _RESTING, _ALONE, _A_CAPPELLA = 0.25, 0.2, 0.1, 0.15, 0.07
_MOST_VOICES = 6
_PAUSE = 0.35  # seconds: a longer one ends a phrase
_GAP = 1.5  # seconds that are worth filling
# Who sings an octave lower instead.
_BELOW = {"soprano": "tenor", "mezzo": "baritone", "alto": "bass", "child": "tenor"}
_WORDS = tuple(syllable for word in words() for syllable in word)


def arrange_voices(
    rng: np.random.Generator, score: Score, performance: Performance, duration: float
) -> tuple[Performance, tuple[PlayedPart, ...]]:
    """Draw what the voices of a song do.

    Args:
        rng: where chance comes from.
        score: what is played.
        performance: how.
        duration: seconds.

    Returns:
        The performance with its voices changed, and further singers. Songs without a lead voice
        stay as they are.
    """
    lead = next((part for part in performance.parts if part.role == "vocals"), None)
    if lead is None or not lead.notes:
        return performance, ()
    harmony = VocalHarmony(performance, (score.tonic, score.mode))
    if lead.register in _BELOW and rng.random() < _LOWER:
        lead = _lowered(lead)
    performance = _with_lead(performance, lead)
    if rng.random() < _FOREIGN:
        performance = _translated(rng, performance)
    written = next(part for part in performance.parts if part.role == "vocals").notes
    notes = _sung_otherwise(rng, written, lead.register, harmony, duration)
    if rng.random() < _SPOKEN:
        notes = _spoken(rng, notes, lead.register, performance, duration)
    if rng.random() < _RESTING:
        notes = _rested(rng, notes, duration) or notes
    others = _others(rng, notes, lead.register, harmony, duration)
    behind = sum(part.role == "backing" for part in performance.parts)
    others = others[: max(_MOST_VOICES - 1 - behind, 0)]
    performance = _with_lead(performance, replace(lead, notes=tuple(notes)))
    if rng.random() < _A_CAPPELLA:
        return _a_cappella(performance), tuple(others)
    if rng.random() < _ALONE:
        performance = _alone(rng, performance, notes, others)
    return performance, tuple(others)


def phrases_of(notes: Sequence[Note]) -> list[list[Note]]:
    """Return notes by phrase: divided where nobody sings for a third of a second."""
    phrases: list[list[Note]] = []
    for note in notes:
        if phrases and note.onset - phrases[-1][-1].offset < _PAUSE:
            phrases[-1].append(note)
        else:
            phrases.append([note])
    return phrases


def gaps_of(notes: Sequence[Note], duration: float) -> list[tuple[float, float]]:
    """Return where nobody sings for a while: start and end in seconds."""
    starts = [0.0, *(note.offset for note in notes)]
    ends = [*(note.onset for note in notes), duration]
    return [(a, b) for a, b in zip(starts, ends, strict=True) if b - a > _GAP]


def _with_lead(performance: Performance, lead: PlayedPart) -> Performance:
    """Return a performance with another lead voice."""
    parts = tuple(lead if part.role == "vocals" else part for part in performance.parts)
    return replace(performance, parts=parts)


def _lowered(lead: PlayedPart) -> PlayedPart:
    """Let a low voice sing the line of a high one."""
    register = _BELOW[lead.register]
    notes = tuple(
        replace(note, pitch=folded(whole - 12, register) + note.pitch - whole)
        for note in lead.notes
        for whole in [round(note.pitch)]
    )
    return replace(lead, notes=notes, register=register)


def _translated(rng: np.random.Generator, performance: Performance) -> Performance:
    """Let everybody sing in another language: the same syllables become the same again."""
    voices = [part for part in performance.parts if part.register]
    sung = [note.syllable for part in voices for note in part.notes if note.syllable]
    table = translation(rng, draw_language(rng), sung)

    def said(note: Note) -> Note:
        return replace(note, syllable=table[note.syllable]) if note.syllable else note

    parts = tuple(
        replace(part, notes=tuple(map(said, part.notes))) if part.register else part
        for part in performance.parts
    )
    return replace(performance, parts=parts)


def _sung_otherwise(
    rng: np.random.Generator,
    notes: Sequence[Note],
    register: str,
    harmony: VocalHarmony,
    duration: float,
) -> list[Note]:
    """Let the leader sing more: divide notes, bind them, and fill the pauses."""
    sung = list(notes)
    if rng.random() < _FILLED:
        gaps = [gap for gap in gaps_of(sung, duration) if rng.random() < 0.8]
        sung += answer(rng, phrases_of(notes), gaps, register, harmony)
        sung.sort(key=lambda note: note.onset)
    if rng.random() < _BUSY:
        share = float(rng.uniform(0.2, 0.9))
        sung = [part for note in sung for part in _divided(rng, note, share, sung, harmony)]
    if rng.random() < _LEGATO:
        ends = [after.onset for after in sung[1:]] + [sung[-1].offset]
        sung = [
            replace(note, offset=end) if 0 < end - note.offset < 0.5 else note
            for note, end in zip(sung, ends, strict=True)
        ]
    elif rng.random() < _DETACHED:
        kept, share = float(rng.uniform(0.55, 0.9)), float(rng.uniform(0.3, 1.0))
        sung = [
            replace(note, offset=note.onset + kept * (note.offset - note.onset))
            if note.offset - note.onset > 0.2 and rng.random() < share
            else note
            for note in sung
        ]
    return sung


def _divided(
    rng: np.random.Generator,
    note: Note,
    share: float,
    notes: Sequence[Note],
    harmony: VocalHarmony,
) -> list[Note]:
    """Divide a note that is long enough into two or three, on the same pitch or beside it."""
    length = note.offset - note.onset
    if length < 0.28 or rng.random() > share:
        return [note]
    count = 3 if length > 0.6 and rng.random() < 0.4 else 2
    parts = [replace(note, offset=note.onset + length / count)]
    for at in range(1, count):
        # A syllable for each, or one over all of them.
        other = notes[int(rng.integers(len(notes)))].syllable if rng.random() < 0.8 else None
        onset = note.onset + at * length / count
        pitch = harmony.step(note.pitch, int(rng.integers(-1, 2)), onset)
        pitch = pitch if abs(pitch - note.pitch) < 4 else note.pitch
        parts.append(
            replace(note, onset=onset, offset=onset + length / count, pitch=pitch, syllable=other)
        )
    return parts


def _spoken(
    rng: np.random.Generator,
    notes: Sequence[Note],
    register: str,
    performance: Performance,
    duration: float,
) -> list[Note]:
    """Let the leader speak or rap some phrases, or all of them."""
    rapping = rng.random() < 0.6 and len(performance.beats) > 2
    share = 1.0 if rng.random() < _ALL_SPOKEN else float(rng.uniform(0.2, 0.6))
    words = _vocabulary(notes)
    result: list[Note] = []
    for phrase in phrases_of(notes):
        span = (phrase[0].onset, min(phrase[-1].offset, duration))
        said = None
        if rng.random() < share and span[1] - span[0] > 0.6:
            beats = performance.beats
            said = (
                rap(rng, words, span, register, beats)
                if rapping
                else speak(rng, words, span, register)
            )
        result += said or phrase
    return result


def _vocabulary(notes: Sequence[Note]) -> tuple[Syllable, ...]:
    """Return the syllables of the song if they are many enough to speak with; else English."""
    own = tuple(dict.fromkeys(note.syllable for note in notes if note.syllable))
    return own if len(own) > 12 and any(each.onset for each in own) else _WORDS


def _rested(rng: np.random.Generator, notes: Sequence[Note], duration: float) -> list[Note]:
    """Leave out the voice for a long passage: a third to two thirds of the song."""
    length = float(rng.uniform(0.33, 0.66)) * duration
    start = float(rng.uniform(0, duration - length))
    return [note for note in notes if not start <= note.onset < start + length]


def _others(
    rng: np.random.Generator,
    notes: Sequence[Note],
    register: str,
    harmony: VocalHarmony,
    duration: float,
) -> list[PlayedPart]:
    """Draw who sings beside the leader: a choir, or somebody who answers."""
    others: list[PlayedPart] = []
    phrases = phrases_of(notes)
    if rng.random() < _CHOIR:
        others += draw_choir(rng, phrases, register, harmony, duration)
    if rng.random() < _ANSWERED:
        registers = sorted(REGISTERS)
        other = registers[int(rng.integers(len(registers)))]
        gaps = gaps_of(notes, duration)
        line = answer(rng, phrases, gaps, other, harmony)
        others.append(PlayedPart("backing", "voice", tuple(line), other))
    return [part for part in others if part.notes]


def _a_cappella(performance: Performance) -> Performance:
    """Leave out all instruments."""
    voices = tuple(part for part in performance.parts if part.register)
    return replace(performance, parts=voices, hits=())


def _alone(
    rng: np.random.Generator,
    performance: Performance,
    notes: Sequence[Note],
    others: Sequence[PlayedPart],
) -> Performance:
    """Let the accompaniment rest for one to four bars in which somebody sings.

    The chord that it would have played is none there: the label is `N`, or `X` where others sing,
    too, who may tell a chord or not.
    """
    bars = performance.beats[np.array(performance.positions) == 1]
    count = int(rng.integers(1, 5))
    spans = [
        (float(start), float(end))
        for start, end in zip(bars[:-count], bars[count:], strict=True)
        if any(start <= note.onset < end for note in notes)
    ]
    if not spans:
        return performance
    start, end = spans[int(rng.integers(len(spans)))]
    parts = tuple(
        part if part.register else replace(part, notes=_silenced(part.notes, start, end))
        for part in performance.parts
    )
    behind = [part for part in performance.parts if part.role == "backing"]
    label = "X" if _sung_in([*behind, *others], start, end) else "N"
    return replace(
        performance,
        parts=tuple(part for part in parts if part.notes),
        hits=tuple(hit for hit in performance.hits if not start - 0.05 <= hit.onset < end - 0.05),
        chords=_relabelled(performance.chords, start, end, label),
    )


def _sung_in(parts: Sequence[PlayedPart], start: float, end: float) -> bool:
    """Return whether any of the parts sounds between two times in seconds."""
    return any(note.onset < end and note.offset > start for part in parts for note in part.notes)


def _silenced(notes: Sequence[Note], start: float, end: float) -> tuple[Note, ...]:
    """Return notes without those that begin in a span; who is early belongs to what follows."""
    kept = (note for note in notes if not start - 0.05 <= note.onset < end - 0.05)
    return tuple(
        replace(note, offset=min(note.offset, start)) if note.onset < start else note
        for note in kept
    )


def _relabelled(
    chords: Sequence[tuple[float, float, str]], start: float, end: float, label: str
) -> tuple[tuple[float, float, str], ...]:
    """Return chords with one label from start to end."""
    before = [(a, min(b, start), name) for a, b, name in chords if a < start]
    after = [(max(a, end), b, name) for a, b, name in chords if b > end]
    joined: list[tuple[float, float, str]] = []
    for a, b, name in [*before, (start, end, label), *after]:
        if joined and joined[-1][2] == name:
            joined[-1] = (joined[-1][0], b, name)
        elif b > a:
            joined.append((a, b, name))
    return tuple(joined)
