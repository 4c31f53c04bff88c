"""Notes: onsets, and at each the peaks of a constant-Q spectrum that are no overtones."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import librosa
import numpy as np
from jaxtyping import Float

from classical.method import RATE, Predict, fitted, spread
from umir.annotations import Notes
from umir.data.example import Example
from umir.tasks.base import Task

HOP = 256  # samples, 12 ms
LOWEST, KEYS = 21, 88  # MIDI number, and how many semitones from there
ATTACK = 8  # frames after an onset, and before it, whose levels are compared
OVERTONES = (12, 19, 24, 28, 31, 34, 36)  # semitones of the second to eighth partial
DELTAS = (0.03, 0.07, 0.15)
LEVELS = (-50.0, -44.0, -38.0, -32.0, -26.0, -20.0, -14.0)  # dB, relative to the song's loudest
RISE = 2.0  # dB by which a pitch is louder after its onset than before
DECAY = 20.0  # dB below its loudest at which a note has ended
SONGS = 24  # that the two settings are fitted on


@dataclass(frozen=True)
class Spectrum:
    """What is decided on.

    Attributes:
        strength: of onsets, per frame.
        levels: in dB relative to the loudest, per semitone and frame.
    """

    strength: Float[np.ndarray, " frame"]
    levels: Float[np.ndarray, "pitch frame"]


def cqt_peaks(task: Task, examples: Sequence[Example]) -> Predict:
    """Peaks of `librosa.cqt` after onsets; the onsets' `delta` and the least level fitted."""

    def decide(spectrum: Spectrum, setting: tuple[float, float]) -> Notes:
        return notes_of(spectrum, *setting)

    return fitted(task, spread(examples, SONGS), product(DELTAS, LEVELS), analyse, decide)


def analyse(waveform: Float[np.ndarray, " time"]) -> Spectrum:
    """Return onset strength and the levels of semitones, a frame every 12 ms."""
    lowest = float(librosa.midi_to_hz(LOWEST))
    found = np.abs(librosa.cqt(waveform, sr=RATE, hop_length=HOP, fmin=lowest, n_bins=KEYS))
    levels = librosa.amplitude_to_db(found, ref=max(float(found.max()), 1e-9), amin=1e-9)
    strength = librosa.onset.onset_strength(y=waveform, sr=RATE, hop_length=HOP)
    return Spectrum(strength, levels)


def notes_of(spectrum: Spectrum, delta: float, least: float) -> Notes:
    """Return the notes that start at onsets."""
    frames = librosa.onset.onset_detect(
        onset_envelope=spectrum.strength, sr=RATE, hop_length=HOP, units="frames", delta=delta
    )
    frames = frames[frames < spectrum.levels.shape[1] - 1]
    ends = [*frames[1:], spectrum.levels.shape[1]]
    rows = []
    for frame, following in zip(frames, ends[: len(frames)], strict=True):
        heard = spectrum.levels[:, frame + 1 : min(frame + 1 + ATTACK, max(following, frame + 2))]
        after, before = heard.mean(axis=1), _before(spectrum.levels, frame)
        for pitch in pitches(np.where(after > before + RISE, after, -np.inf), least):
            rows.append((frame, _end(spectrum.levels[pitch], frame), pitch))
    return _notes(_without_overlaps(rows))


def pitches(levels: Float[np.ndarray, " pitch"], least: float) -> list[int]:
    """Return the peaks that are loud enough, without weaker overtones of others."""
    padded = np.pad(levels, 1, constant_values=-np.inf)
    peaks = (levels > least) & (levels >= padded[:-2]) & (levels > padded[2:])
    found: list[int] = []
    for pitch in np.flatnonzero(peaks).tolist():
        below = [pitch - step for step in OVERTONES]
        if not any(low in found and levels[low] > levels[pitch] for low in below):
            found.append(pitch)
    return found


def _before(levels: Float[np.ndarray, "pitch frame"], frame: int) -> Float[np.ndarray, " pitch"]:
    """Return the mean levels just before an onset, whose attack begins a little ahead of it."""
    earlier = levels[:, max(0, frame - ATTACK) : max(0, frame - 1)]
    return earlier.mean(axis=1) if earlier.size else np.full(len(levels), -np.inf)


def _end(levels: Float[np.ndarray, " frame"], frame: int) -> int:
    """Return the frame at which a pitch has died away."""
    loudest = levels[frame : frame + ATTACK].max()
    quiet = np.flatnonzero(levels[frame + ATTACK :] < loudest - DECAY)
    return frame + ATTACK + int(quiet[0]) if len(quiet) else len(levels)


def _without_overlaps(rows: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """End each note where the same pitch starts again."""
    following: dict[int, int] = {}
    cut = []
    for start, end, pitch in reversed(rows):
        cut.append((start, min(end, following.get(pitch, end)), pitch))
        following[pitch] = start
    return cut[::-1]


def _notes(rows: Sequence[tuple[int, int, int]]) -> Notes:
    found = np.array(rows, float).reshape(-1, 3)
    intervals = found[:, :2] * HOP / RATE
    return Notes(intervals, 440 * 2 ** ((found[:, 2] + LOWEST - 69) / 12))
