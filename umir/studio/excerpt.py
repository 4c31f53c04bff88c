"""Excerpts: songs that have begun before the recording does, as most clips of data sets have."""

from dataclasses import replace

import numpy as np

from umir.annotations import F0
from umir.studio.song import Song

_STARTED, _LONGEST = 0.6, 3  # part of the songs; seconds


def draw_lead(rng: np.random.Generator, duration: float) -> int:
    """Draw how many seconds of a song are left out at its beginning.

    Whole seconds are whole samples at every rate; they have nothing to do with where bars begin.

    Args:
        rng: where chance comes from.
        duration: of what remains; at most a quarter of it is left out.
    """
    longest = min(_LONGEST, int(duration / 4))
    lead = int(rng.integers(1, _LONGEST + 1))
    return min(lead, longest) if rng.random() < _STARTED else 0


def without_lead(song: Song, seconds: int) -> Song:
    """Return a song without its first seconds; all labels move along.

    Notes and chords that sound there already begin at 0; onsets and beats before are gone.
    """
    if not seconds:
        return song
    start, end = float(seconds), song.duration
    first = seconds * song.rate
    parts = tuple(
        replace(
            part,
            waveform=part.waveform[first:],
            notes=part.notes.crop(start, end),
            onsets=part.onsets.crop(start, end),
            f0=None if part.f0 is None else _cropped(part.f0, seconds),
            lyrics=None if part.lyrics is None else part.lyrics.crop(start, end),
        )
        for part in song.parts
    )
    cropped = ("voice_activity", "lyrics", "onsets", "beats", "notes", "chords", "drums")
    return replace(
        song,
        parts=parts,
        stems={name: stem[first:] for name, stem in song.stems.items()},
        melody=_cropped(song.melody, seconds),
        **{name: getattr(song, name).crop(start, end) for name in cropped},
    )


def _cropped(curve: F0, seconds: int) -> F0:
    """Return a curve from a frame on, with the times of the frames that it begins with."""
    first = int(np.searchsorted(curve.times, seconds - 1e-6))
    kept = len(curve.times) - first
    return F0(curve.times[:kept], curve.frequencies[first:])
