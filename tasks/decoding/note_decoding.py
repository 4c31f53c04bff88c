"""From activations of pitches over time to notes, and the settings that do it best.

A note starts at a peak of its pitch's onset activation, and lasts while the other activation of
that pitch (of what sounds) is above a threshold, at most to the next onset of the pitch. Notes
shorter than a least length are left out. All three settings are searched on validation data.

To pair notes of many pitches and songs at once, they are laid one after the other on a single time
axis, so far apart that nothing can be paired across.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mir_eval
import numpy as np
from jaxtyping import Float, Int
from scipy.signal import find_peaks

from umir.tasks.base import Settings
from umir.tasks.decoding.peak_picking import THRESHOLDS, count_hits

DEFAULT_SETTINGS: Settings = {"onset": 0.5, "active": 0.5, "shortest": 0.0}
SHORTEST = (0.0, 0.02, 0.03, 0.05, 0.08, 0.12)  # seconds
ONSET_WINDOW = 0.05  # seconds: mir_eval's
OFFSET_WINDOW, OFFSET_RATIO = 0.05, 0.2  # seconds, or part of the note's length: mir_eval's
# A threshold that lets through more notes than this for each true one is not tried: its F-measure
# is 0.4 at most, and pairing so many takes long.
MOST_PER_NOTE = 4
_PEAK_DISTANCE = 2  # frames
_APART = 86400.0  # seconds between two pitches on the common time axis: songs are shorter


@dataclass(frozen=True)
class PitchedNotes:
    """Notes as the channels of an axis have them, sorted by pitch, then onset.

    Attributes:
        pitches: channel of each note.
        onsets: seconds.
        offsets: seconds.
    """

    pitches: Int[np.ndarray, " note"]
    onsets: Float[np.ndarray, " note"]
    offsets: Float[np.ndarray, " note"]


@dataclass(frozen=True)
class _Candidates:
    """The peaks of a song, and what is needed to end the notes that start there.

    Attributes:
        frames: where the peaks are in `active`, increasing.
        heights: how high they are.
        active: activation of what sounds, all pitches one after the other, -1 between them.
        stride: frames from one pitch to the next in `active`.
    """

    frames: Int[np.ndarray, " peak"]
    heights: Float[np.ndarray, " peak"]
    active: Float[np.ndarray, " padded"]
    stride: int

    @classmethod
    def of(cls, onset: np.ndarray, active: np.ndarray) -> "_Candidates":
        """Return the peaks of activations of shape `(frame, pitch)`, however low they are."""
        gap = ((_PEAK_DISTANCE, _PEAK_DISTANCE), (0, 0))
        curve, sounding = (np.pad(a, gap, constant_values=-1.0).T for a in (onset, active))
        frames, found = find_peaks(curve.ravel(), height=THRESHOLDS[0], distance=_PEAK_DISTANCE)
        return cls(frames, found["peak_heights"], sounding.ravel(), sounding.shape[1])

    def above(self, threshold: float) -> "_Candidates":
        """Return the peaks that reach a threshold."""
        kept = self.heights >= threshold
        return _Candidates(self.frames[kept], self.heights[kept], self.active, self.stride)

    def notes(self, threshold: float, rate: float) -> PitchedNotes:
        """Return a note for every peak, ended by a threshold for what sounds."""
        silent = np.flatnonzero(self.active < threshold)  # holds every place between two pitches
        ends = silent[np.searchsorted(silent, self.frames + 1)] if len(self.frames) else silent[:0]
        ends[:-1] = np.minimum(ends[:-1], self.frames[1:])
        pitches, first = np.divmod(self.frames, self.stride)
        onsets = (first - _PEAK_DISTANCE) / rate
        return PitchedNotes(pitches, onsets, onsets + (ends - self.frames) / rate)


def decode_notes(
    onset: Float[np.ndarray, "frame pitch"],
    active: Float[np.ndarray, "frame pitch"],
    settings: Settings,
    rate: float,
) -> PitchedNotes:
    """Return the notes in activations.

    Args:
        onset: how likely a note starts; frame n is at n / rate seconds.
        active: how likely one sounds.
        settings: thresholds `onset` and `active`, least length `shortest` in seconds.
        rate: frames per second in Hz.
    """
    notes = _Candidates.of(onset, active).above(settings["onset"]).notes(settings["active"], rate)
    return _long_enough(notes, settings["shortest"])


def fit_notes(
    onsets: Sequence[Float[np.ndarray, "_ pitch"]],
    actives: Sequence[Float[np.ndarray, "_ pitch"]],
    references: Sequence[PitchedNotes],
    rate: float,
) -> dict[str, float]:
    """Return the settings of `decode_notes` that do best, counting hits over all songs.

    First the threshold for onsets with the best F-measure without offsets; then the threshold for
    what sounds that gives most of those hits the right offset; then the least length, again by the
    F-measure without offsets. Among equal thresholds the middle one is taken.
    """
    candidates = [_Candidates.of(*song) for song in zip(onsets, actives, strict=True)]
    true = np.concatenate([_on_one_axis(n, song) for song, n in enumerate(references)])
    settings = dict(DEFAULT_SETTINGS)
    settings["onset"] = _best_onset_threshold(candidates, true, rate)
    chosen = [song.above(settings["onset"]) for song in candidates]
    settings["active"] = _best_active_threshold(chosen, references, rate)
    notes = [song.notes(settings["active"], rate) for song in chosen]
    scores = [
        _f_measure(true, [_long_enough(song, shortest) for song in notes]) for shortest in SHORTEST
    ]
    settings["shortest"] = SHORTEST[int(np.argmax(scores))]
    return settings


def _best_onset_threshold(
    candidates: Sequence[_Candidates], true: np.ndarray, rate: float
) -> float:
    best: float = 0.0
    found: list[float] = []
    for threshold in reversed(THRESHOLDS):
        chosen = [song.above(threshold) for song in candidates]
        if sum(len(song.frames) for song in chosen) > MOST_PER_NOTE * len(true):
            break
        score = _f_measure(true, [song.notes(0.5, rate) for song in chosen])
        if score > best:
            best, found = score, []
        if score == best > 0:
            found.append(threshold)
    return found[len(found) // 2] if found else float(DEFAULT_SETTINGS["onset"])


def _best_active_threshold(
    chosen: Sequence[_Candidates], references: Sequence[PitchedNotes], rate: float
) -> float:
    """Return the threshold with most offsets right, among the notes whose onsets are."""
    pairs = [
        mir_eval.util.match_events(
            _on_one_axis(reference), _on_one_axis(song.notes(0.5, rate)), ONSET_WINDOW
        )
        for reference, song in zip(references, chosen, strict=True)
    ]
    right = []
    for threshold in THRESHOLDS:
        hits = 0
        for paired, reference, song in zip(pairs, references, chosen, strict=True):
            true, found = np.array(paired, int).reshape(-1, 2).T
            length = (reference.offsets - reference.onsets)[true]
            late = song.notes(threshold, rate).offsets[found] - reference.offsets[true]
            hits += int((np.abs(late) <= np.maximum(OFFSET_WINDOW, OFFSET_RATIO * length)).sum())
        right.append(hits)
    candidates = np.flatnonzero(np.array(right) == max(right))
    if len(candidates) == len(right):
        return float(DEFAULT_SETTINGS["active"])
    return THRESHOLDS[candidates[len(candidates) // 2]]


def _f_measure(true: np.ndarray, songs: Sequence[PitchedNotes]) -> float:
    """Return the F-measure of onsets and pitches against references on one axis."""
    found = np.concatenate([_on_one_axis(notes, song) for song, notes in enumerate(songs)])
    hits = count_hits(true, found, ONSET_WINDOW)
    return 2 * hits / max(len(true) + len(found), 1)


def _on_one_axis(notes: PitchedNotes, song: int = 0) -> Float[np.ndarray, " note"]:
    """Return onsets moved apart by pitch and song, sorted as the notes are."""
    return notes.onsets + _APART * (notes.pitches + 1000.0 * song)


def _long_enough(notes: PitchedNotes, shortest: float) -> PitchedNotes:
    """Return the notes of at least `shortest` seconds."""
    kept = notes.offsets - notes.onsets >= shortest - 1e-9
    return PitchedNotes(notes.pitches[kept], notes.onsets[kept], notes.offsets[kept])
