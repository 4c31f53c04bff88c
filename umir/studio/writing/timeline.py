"""The time line of a score: bars that are cut short, upbeats, chords that come early.

All of it works on a finished score, so that whoever plays, plays it together.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from umir.studio.writing.score import Score, ScoreChord, ScoreHit, ScoreNote, ScorePart

_CLOSE = 1e-6  # beats
_SHORTEST = 0.05  # beats of a note that are worth playing
_UPBEATS, _SHORT_BARS = 0.25, 0.05  # part of the songs
_EARLY = 0.3
_ACCOMPANIMENT = ("bass", "chords", "pad")


def without_span(score: Score, start: int, end: int) -> Score:
    """Return a score without the beats from `start` to `end` (counted from the beginning).

    What begins in them is left out, what goes on into them ends at their start.
    """
    gone = end - start
    parts = tuple(
        replace(part, notes=_without_notes(part.notes, float(start), float(end)))
        for part in score.parts
    )
    chords = []
    for each in score.chords:
        stop = each.start + each.length
        new_start, new_stop = (
            _moved(beat, float(start), float(end)) for beat in (each.start, stop)
        )
        if new_stop - new_start > _CLOSE:
            chords.append(replace(each, start=new_start, length=new_stop - new_start))
    hits = tuple(
        replace(hit, start=hit.start - gone if hit.start >= end - _CLOSE else hit.start)
        for hit in score.hits
        if hit.start < start - _CLOSE or hit.start >= end - _CLOSE
    )
    places = score.places
    return replace(
        score,
        parts=tuple(part for part in parts if part.notes),
        chords=tuple(chords),
        hits=hits,
        positions=places[:start] + places[end:],
        pace=score.pace[:start] + score.pace[end:],
    )


def _moved(beat: float, start: float, end: float) -> float:
    """Return where a beat is when those from `start` to `end` are gone."""
    return beat if beat <= start else max(beat - (end - start), start)


def _without_notes(notes: Sequence[ScoreNote], start: float, end: float) -> tuple[ScoreNote, ...]:
    kept = []
    for note in notes:
        if note.start >= end - _CLOSE:
            kept.append(replace(note, start=note.start - (end - start)))
        elif note.start < start - _CLOSE:
            length = min(note.length, start - note.start)
            kept.append(replace(note, length=length))
    return tuple(kept)


def cut_bars(rng: np.random.Generator, score: Score) -> Score:
    """Let some songs begin with an upbeat, and leave half a bar out of some.

    Before an upbeat drums and chords are silent, in most songs.
    """
    beats, chances = score.beats_per_bar, rng.random(3)
    if chances[1] < _SHORT_BARS and beats == 4 and score.bars > 6:
        bar = int(rng.integers(2, score.bars - 1))
        score = without_span(score, bar * beats + 2, bar * beats + 4)
    if chances[0] < _UPBEATS:
        starts = [beat for beat in range(1, beats) if score.places[beat]]
        first = int(rng.choice(starts)) if starts else 0
        score = without_span(score, 0, first) if first else score
        left = beats - first
        if first and chances[2] < 0.6 and left <= beats / 2:
            score = _alone(score, left)
    return score


def _alone(score: Score, beats: int) -> Score:
    """Leave the first beats to lead and voices, if they have something to play there."""
    ahead = [part for part in score.parts if part.role not in _ACCOMPANIMENT]
    if not any(note.start < beats - _CLOSE for part in ahead for note in part.notes):
        return score
    parts = [
        replace(part, notes=tuple(n for n in part.notes if n.start >= beats - _CLOSE))
        if part.role in _ACCOMPANIMENT
        else part
        for part in score.parts
    ]
    hits = tuple(hit for hit in score.hits if hit.start >= beats - _CLOSE)
    return replace(score, parts=tuple(part for part in parts if part.notes), hits=hits)


def push_chords(rng: np.random.Generator, score: Score) -> Score:
    """Let some songs' chords come an eighth (in triplets a third of a beat) early.

    Bass, chords and pads that would start with a chord start with it; so does the kick, in most
    such songs. The harmony moves along: the label is what is played.
    """
    if rng.random() >= _EARLY:
        return score
    early = 1 / 3 if score.division == 3 else 0.5
    every = int(rng.choice([1, 2, 4])) * score.beats_per_bar
    chosen = {float(at) for at in range(0, every) if rng.random() < 0.4}
    with_kick = rng.random() < 0.7
    starts = [
        each.start
        for before, each in zip(score.chords[:-1], score.chords[1:], strict=True)
        if before.length > 2 * early and each.start % every in chosen
    ]
    played = {
        round(note.start, 6)
        for part in score.parts
        if part.role in _ACCOMPANIMENT
        for note in part.notes
    }
    for start in (start for start in starts if round(start, 6) in played):
        parts = tuple(
            replace(part, notes=_pushed(part.notes, start, early))
            if part.role in _ACCOMPANIMENT
            else part
            for part in score.parts
        )
        score = replace(
            score,
            parts=parts,
            chords=_early(score.chords, start, early),
            hits=_early_kick(score.hits, start, early) if with_kick else score.hits,
        )
    return score


def _pushed(notes: Sequence[ScoreNote], start: float, early: float) -> tuple[ScoreNote, ...]:
    """Return notes of which those at `start` come early; who would be in their way, ends before."""
    if not any(abs(note.start - start) < _CLOSE for note in notes):
        return tuple(notes)
    new, result = start - early, []
    for note in notes:
        if abs(note.start - start) < _CLOSE:
            result.append(replace(note, start=new, length=note.length + early))
        elif note.start < new - _CLOSE:
            result.append(replace(note, length=min(note.length, new - note.start)))
        elif note.start > start:
            result.append(note)
    return tuple(sorted(result, key=lambda note: note.start))


def _early(chords: Sequence[ScoreChord], start: float, early: float) -> tuple[ScoreChord, ...]:
    """Return chords of which the one at `start` comes early."""
    result = []
    for each in chords:
        if abs(each.start - start) < _CLOSE:
            each = replace(each, start=start - early, length=each.length + early)
        elif abs(each.start + each.length - start) < _CLOSE:
            each = replace(each, length=each.length - early)
        result.append(each)
    return tuple(result)


def _early_kick(hits: Sequence[ScoreHit], start: float, early: float) -> tuple[ScoreHit, ...]:
    """Return hits of which kick and crash at `start` come early, instead of those there."""
    moving = ("kick", "crash")
    there = {hit.drum for hit in hits if hit.drum in moving and abs(hit.start - start) < _CLOSE}
    result = []
    for hit in hits:
        if hit.drum in there and abs(hit.start - start) < _CLOSE:
            result.append(replace(hit, start=start - early))
        elif hit.drum not in there or abs(hit.start - start + early) > _CLOSE:
            result.append(hit)
    return tuple(sorted(result, key=lambda hit: (hit.start, hit.drum)))


def held_parts(score: Score) -> tuple[ScorePart, ...]:
    """Return the parts that play the harmony."""
    return tuple(part for part in score.parts if part.role in _ACCOMPANIMENT)
