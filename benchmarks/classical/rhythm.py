"""Onsets, beats and tempo from librosa's onset strength (spectral flux on a mel scale)."""

from collections.abc import Sequence

import librosa
import numpy as np
from jaxtyping import Float

from classical.method import RATE, Predict, fitted, mono
from umir.annotations import Events, Labels
from umir.data.example import Example
from umir.tasks.base import Task

# How far a peak must rise above its neighbourhood; librosa's default is 0.07.
DELTAS = (0.01, 0.03, 0.07, 0.15, 0.3)


def onset_detect(task: Task, examples: Sequence[Example]) -> Predict:
    """Peaks of onset strength (`librosa.onset.onset_detect`), their `delta` fitted."""

    def decide(strength: np.ndarray, delta: float) -> Events:
        times = librosa.onset.onset_detect(
            onset_envelope=strength, sr=RATE, units="time", delta=delta
        )
        return _unnamed(times)

    return fitted(task, examples, DELTAS, _strength, decide)


def beat_track(task: Task, examples: Sequence[Example]) -> Predict:
    """Beats by dynamic programming (`librosa.beat.beat_track`, Ellis 2007), without bars."""
    del task, examples

    def beats(waveform: np.ndarray, rate: int) -> Events:
        _, times = librosa.beat.beat_track(y=mono(waveform, rate), sr=RATE, units="time")
        return _unnamed(times)

    return beats


def tempo(task: Task, examples: Sequence[Example]) -> Predict:
    """The period of onset strength that is likeliest (`librosa.feature.tempo`)."""
    del task, examples

    def bpm(waveform: np.ndarray, rate: int) -> Labels:
        (found,) = librosa.feature.tempo(y=mono(waveform, rate), sr=RATE)
        return Labels((f"{found:.2f}",))

    return bpm


def _strength(waveform: Float[np.ndarray, " time"]) -> Float[np.ndarray, " frame"]:
    return librosa.onset.onset_strength(y=waveform, sr=RATE)


def _unnamed(times: np.ndarray) -> Events:
    return Events(np.asarray(times, np.float64), ("",) * len(times))
