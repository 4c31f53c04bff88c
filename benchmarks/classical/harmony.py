"""Chords and keys from chroma: the strength of the twelve pitch classes over time."""

from collections.abc import Sequence

import librosa
import numpy as np
from jaxtyping import Float

from classical.method import RATE, Predict, fitted, mono
from umir.annotations import Intervals, Labels
from umir.data.example import Example
from umir.tasks.base import Task
from umir.tasks.key_recognition import KEYS

HOP = 2048  # samples, 93 ms
NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
CHORDS = (*(f"{note}:maj" for note in NOTES), *(f"{note}:min" for note in NOTES), "N")
TRIADS = {"maj": (0, 4, 7), "min": (0, 3, 7)}  # semitones above the root
SHARPNESS = (4.0, 8.0, 16.0, 32.0)  # of likelihoods: exp(sharpness * cosine)
STAY = 0.9  # probability that the next frame has the same chord
SILENCE = 1e-3  # root mean square, -60 dB re full scale: below, no chord sounds
# How well each degree of a key fits it, as listeners rated it (Krumhansl and Kessler 1982).
MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])


def chroma_templates(task: Task, examples: Sequence[Example]) -> Predict:
    """Chroma against 24 triads and none, smoothed by Viterbi; sharpness fitted.

    Silent frames are none; all others choose among the triads, and a flat template for none
    (`librosa.sequence.viterbi_discriminative`).
    """

    def decide(cosines: np.ndarray, sharpness: float) -> Intervals:
        likelihood = np.exp(sharpness * cosines)
        staying = librosa.sequence.transition_loop(len(CHORDS), STAY)
        states = librosa.sequence.viterbi_discriminative(
            likelihood / likelihood.sum(axis=0), staying
        )
        return chord_runs(states)

    return fitted(task, examples, SHARPNESS, _cosines, decide)


def key_profiles(task: Task, examples: Sequence[Example]) -> Predict:
    """The key whose profile correlates best with the mean chroma (Krumhansl and Schmuckler)."""
    del task, examples
    profiles = np.array([np.roll(mode, k) for mode in (MAJOR, MINOR) for k in range(12)])

    def key(waveform: np.ndarray, rate: int) -> Labels:
        mean = chroma(mono(waveform, rate)).mean(axis=1)
        fits = np.corrcoef(np.vstack([mean, profiles]))[0, 1:]
        return Labels((KEYS[int(np.argmax(fits))],))

    return key


def chroma(waveform: Float[np.ndarray, " time"]) -> Float[np.ndarray, "12 frame"]:
    """Return chroma of a constant-Q transform (`librosa.feature.chroma_cqt`)."""
    return librosa.feature.chroma_cqt(y=waveform, sr=RATE, hop_length=HOP)


def templates() -> Float[np.ndarray, "25 12"]:
    """Return unit vectors of the chords in `CHORDS`; no chord is all twelve notes."""
    rows = [
        np.roll(np.isin(np.arange(12), notes).astype(float), root)
        for notes in TRIADS.values()
        for root in range(12)
    ]
    rows.append(np.ones(12))
    return np.array([row / np.linalg.norm(row) for row in rows])


def chord_runs(states: np.ndarray) -> Intervals:
    """Return the chords of frames, each frame reaching half a hop around its centre."""
    first = np.flatnonzero(np.diff(states, prepend=-1))
    bounds = np.maximum((np.append(first, len(states)) - 0.5) * HOP / RATE, 0.0)
    intervals = np.stack([bounds[:-1], bounds[1:]], axis=1)
    return Intervals(intervals, tuple(CHORDS[state] for state in states[first]))


def _cosines(waveform: Float[np.ndarray, " time"]) -> Float[np.ndarray, "25 frame"]:
    """Return how alike each frame's chroma and each chord are; silent frames are no chord."""
    found = chroma(waveform)
    cosines = templates() @ (found / np.maximum(np.linalg.norm(found, axis=0), 1e-9))
    level = librosa.feature.rms(y=waveform, frame_length=2 * HOP, hop_length=HOP)[0]
    cosines[:, level < SILENCE] = np.append(np.zeros(24), 1.0)[:, None]
    return cosines
