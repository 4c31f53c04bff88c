"""From activations of pitches over time to notes, and the settings that do it best.

A note starts at a peak of its pitch's onset activation, and lasts while another activation of that
pitch (of what sounds) is above a threshold: at most to the next peak of a third one (of offsets),
and to the next onset of the pitch. Notes shorter than a least length are left out. All settings are
searched on validation data; the threshold for offsets may come out as one that no peak reaches.

To pair notes of many pitches and songs at once, they are laid one after the other on a single time
axis, so far apart that nothing can be paired across.

References: C. Hawthorne et al., "Onsets and Frames: Dual-Objective Piano Transcription", ISMIR 2018
(notes start at onsets only); Q. Kong et al., "High-Resolution Piano Transcription With Pedals by
Regressing Onset and Offset Times", IEEE/ACM TASLP 29, 2021, section III-D (notes end at offsets, or
where they are silent).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import mir_eval
import numpy as np
from jaxtyping import Float, Int
from scipy.signal import find_peaks

from umir.tasks.base import Settings
from umir.tasks.decoding.peak_picking import THRESHOLDS, count_hits

NEVER = 2.0  # a threshold that no probability reaches
DEFAULT_SETTINGS: Settings = {"onset": 0.5, "active": 0.5, "offset": 0.5, "shortest": 0.0}
SHORTEST = (0.0, 0.02, 0.03, 0.05, 0.08, 0.12)  # seconds
ONSET_WINDOW = 0.05  # seconds: mir_eval's
OFFSET_WINDOW, OFFSET_RATIO = 0.05, 0.2  # seconds, or part of the note's length: mir_eval's
# A threshold that lets through more notes than this for each true one is not tried: its F-measure
# is 0.4 at most, and pairing so many takes long.
MOST_PER_NOTE = 4
# How far below the best threshold for what sounds others are tried together with offsets, in steps
# of `THRESHOLDS`: notes that offsets end may fade further.
LOWER = (0, 4, 8, 16)
WORTH = 0.002  # of the offsets: what offset activations must gain to be used
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
class Activations:
    """How likely, in each frame, a note of each pitch starts, sounds and ends.

    Attributes:
        onset: frame n is at n / rate seconds.
        active: the same for what sounds.
        offset: the same for ends: the first frame in which a note is silent.
    """

    onset: Float[np.ndarray, "frame pitch"]
    active: Float[np.ndarray, "frame pitch"]
    offset: Float[np.ndarray, "frame pitch"]


@dataclass(frozen=True)
class _Candidates:
    """The onsets of a song that may be, and what is needed to end the notes that start there.

    Attributes:
        frames: where the peaks of onsets are in `active`, increasing.
        heights: how high they are.
        active: activation of what sounds, all pitches one after the other, -1 between them.
        ends: where the peaks of offsets are in `active`, increasing.
        end_heights: how high they are.
        stride: frames from one pitch to the next in `active`.
    """

    frames: Int[np.ndarray, " peak"]
    heights: Float[np.ndarray, " peak"]
    active: Float[np.ndarray, " padded"]
    ends: Int[np.ndarray, " end"]
    end_heights: Float[np.ndarray, " end"]
    stride: int

    @classmethod
    def of(cls, song: Activations) -> "_Candidates":
        """Return the peaks of activations, however low they are."""
        frames, heights = _peaks(_in_a_row(song.onset))
        ends, end_heights = _peaks(_in_a_row(song.offset))
        stride = len(song.active) + 2 * _PEAK_DISTANCE
        return cls(frames, heights, _in_a_row(song.active), ends, end_heights, stride)

    def above(self, threshold: float) -> "_Candidates":
        """Return the onsets that reach a threshold."""
        kept = self.heights >= threshold
        return replace(self, frames=self.frames[kept], heights=self.heights[kept])

    def notes(self, active: float, offset: float, rate: float) -> PitchedNotes:
        """Return a note for every onset, ended by thresholds for what sounds and for offsets."""
        silent = np.flatnonzero(self.active < active)  # holds every place between two pitches
        ends = _next(silent, self.frames + 1)
        # An onset's own frames say nothing of its end.
        stops = np.append(self.ends[self.end_heights >= offset], len(self.active))
        ends = np.minimum(ends, _next(stops, self.frames + _PEAK_DISTANCE))
        ends[:-1] = np.minimum(ends[:-1], self.frames[1:])
        pitches, first = np.divmod(self.frames, self.stride)
        onsets = (first - _PEAK_DISTANCE) / rate
        return PitchedNotes(pitches, onsets, onsets + (ends - self.frames) / rate)


def decode_notes(song: Activations, settings: Settings, rate: float) -> PitchedNotes:
    """Return the notes in activations.

    Args:
        song: how likely notes start, sound and end.
        settings: thresholds `onset`, `active` and `offset`, least length `shortest` in seconds.
        rate: frames per second in Hz.
    """
    onsets = _Candidates.of(song).above(settings["onset"])
    notes = onsets.notes(settings["active"], settings["offset"], rate)
    return _long_enough(notes, settings["shortest"])


def fit_notes(
    songs: Sequence[Activations], references: Sequence[PitchedNotes], rate: float
) -> dict[str, float]:
    """Return the settings of `decode_notes` that do best, counting hits over all songs.

    First the threshold for onsets with the best F-measure without offsets; then the thresholds for
    what sounds and for offsets that give most of those hits the right offset; then the least
    length, again by the F-measure without offsets. Among equal thresholds the middle one is taken.
    """
    candidates = [_Candidates.of(song) for song in songs]
    true = np.concatenate([_on_one_axis(n, song) for song, n in enumerate(references)])
    settings = dict(DEFAULT_SETTINGS)
    settings["onset"] = _best_onset_threshold(candidates, true, rate)
    chosen = [song.above(settings["onset"]) for song in candidates]
    settings |= _best_ends(chosen, references, rate)
    notes = [song.notes(settings["active"], settings["offset"], rate) for song in chosen]
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
        score = _f_measure(true, [song.notes(0.5, NEVER, rate) for song in chosen])
        if score > best:
            best, found = score, []
        if score == best > 0:
            found.append(threshold)
    return found[len(found) // 2] if found else float(DEFAULT_SETTINGS["onset"])


def _best_ends(
    chosen: Sequence[_Candidates], references: Sequence[PitchedNotes], rate: float
) -> dict[str, float]:
    """Return the thresholds with most offsets right, among the notes whose onsets are."""
    pairs = []
    for reference, song in zip(references, chosen, strict=True):
        sides = _on_one_axis(reference), _on_one_axis(song.notes(0.5, NEVER, rate))
        paired = mir_eval.util.match_events(*sides, ONSET_WINDOW)
        pairs.append(np.array(paired, int).reshape(-1, 2).T)

    def right(active: float, offset: float) -> int:
        hits = 0
        for (true, found), reference, song in zip(pairs, references, chosen, strict=True):
            length = (reference.offsets - reference.onsets)[true]
            late = song.notes(active, offset, rate).offsets[found] - reference.offsets[true]
            hits += int((np.abs(late) <= np.maximum(OFFSET_WINDOW, OFFSET_RATIO * length)).sum())
        return hits

    n_pairs = sum(len(true) for true, _ in pairs)
    if not n_pairs:
        return {name: float(DEFAULT_SETTINGS[name]) for name in ("active", "offset")}
    alone = np.array([right(threshold, NEVER) for threshold in THRESHOLDS])
    nothing = alone.min() == alone.max()  # to choose by
    middle = THRESHOLDS.index(DEFAULT_SETTINGS["active"]) if nothing else _middle(alone)
    tried = {
        (max(middle - lower, 0), index): right(THRESHOLDS[max(middle - lower, 0)], offset)
        for lower in LOWER
        for index, offset in enumerate(THRESHOLDS)
    }
    (active, offset), best = max(tried.items(), key=lambda item: item[1])
    if best <= alone.max() + WORTH * n_pairs:
        return {"active": THRESHOLDS[middle], "offset": NEVER}
    equal = np.array([tried[active, index] for index in range(len(THRESHOLDS))])
    return {"active": THRESHOLDS[active], "offset": THRESHOLDS[_middle(equal)]}


def _middle(scores: np.ndarray) -> int:
    """Return the place of the highest score; of several, of the one in the middle."""
    best = np.flatnonzero(scores == scores.max())
    return int(best[len(best) // 2])


def _in_a_row(activation: np.ndarray) -> Float[np.ndarray, " padded"]:
    """Return the pitches of `(frame, pitch)` one after the other, -1 before and after each."""
    gap = ((_PEAK_DISTANCE, _PEAK_DISTANCE), (0, 0))
    return np.pad(activation, gap, constant_values=-1.0).T.ravel()


def _peaks(curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    frames, found = find_peaks(curve, height=THRESHOLDS[0], distance=_PEAK_DISTANCE)
    return frames, found["peak_heights"]


def _next(places: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Return the first of some increasing places that is not before each frame."""
    return places[np.searchsorted(places, frames)] if len(frames) else places[:0]


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
