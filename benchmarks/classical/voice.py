"""The singing voice: where it is, by loudness, and its pitch, by probabilistic YIN."""

from collections.abc import Sequence

import librosa
import numpy as np
from jaxtyping import Float

from classical.method import RATE, Predict, fitted, mono, once_per_song, spread
from umir.annotations import F0, Intervals
from umir.data.example import Example
from umir.tasks.base import Task

PITCH_RANGE = (80.0, 1000.0)  # Hz
HOP = 220  # samples, 10 ms
FRAME = 2048  # samples
BAND = (200.0, 4000.0)  # Hz
PROBABILITIES = (0.5, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9, 0.99)
PYIN_SONGS = 12
SMOOTHING = 51  # frames over which loudness is averaged: half a second
THRESHOLDS = np.arange(-40.0, 7.0)  # dB, relative to the mean power of the song's band


def pyin(task: Task, examples: Sequence[Example]) -> Predict:
    """Pitch of the mixture (`librosa.pyin`, Mauch and Dixon 2014)."""
    del task, examples
    low, high = PITCH_RANGE

    def curve(waveform: np.ndarray, rate: int) -> F0:
        pitch, voiced, _ = librosa.pyin(
            mono(waveform, rate), fmin=low, fmax=high, sr=RATE, hop_length=HOP, fill_na=None
        )
        times = librosa.times_like(pitch, sr=RATE, hop_length=HOP)
        # Where it hears no voice its guess still counts for pitch: mir_eval's negative numbers.
        return F0(times, np.where(voiced, pitch, -pitch))

    return curve


def pyin_with_threshold(task: Task, examples: Sequence[Example]) -> Predict:
    """As `pyin`, where the probability of a voice that is enough is fitted.

    pYIN takes a quarter of a song's length: it is fitted on a few songs only.
    """

    def decide(found: tuple[np.ndarray, np.ndarray], least: float) -> F0:
        pitch, probability = found
        times = librosa.times_like(pitch, sr=RATE, hop_length=HOP)
        return F0(times, np.where(probability > least, pitch, -pitch))

    return fitted(task, spread(examples, PYIN_SONGS), PROBABILITIES, _pyin, decide)


@once_per_song
def _pyin(waveform: Float[np.ndarray, " time"]) -> tuple[np.ndarray, np.ndarray]:
    """Return the pitch, in Hz, and the probability that it is one, every 10 ms."""
    low, high = PITCH_RANGE
    pitch, _, probability = librosa.pyin(
        waveform, fmin=low, fmax=high, sr=RATE, hop_length=HOP, fill_na=None
    )
    return pitch, probability


def vocal_energy(task: Task, examples: Sequence[Example]) -> Predict:
    """Voice where the band of voices is loud (`librosa.feature.rms`), the threshold fitted."""
    (name,) = task.vocabulary

    def decide(loudness: np.ndarray, threshold: float) -> Intervals:
        return _runs(loudness > threshold, name)

    return fitted(task, examples, THRESHOLDS.tolist(), _loudness, decide)


def always_voice(task: Task, examples: Sequence[Example]) -> Predict:
    """Voice from beginning to end, which is right in most frames."""
    del examples

    def voice(waveform: np.ndarray, rate: int) -> Intervals:
        return Intervals(np.array([[0.0, len(waveform) / rate]]), tuple(task.vocabulary))

    return voice


def _loudness(waveform: Float[np.ndarray, " time"]) -> Float[np.ndarray, " frame"]:
    """Return the smoothed level of the band in dB relative to its mean, a frame every 10 ms."""
    spectrum = np.abs(librosa.stft(waveform, n_fft=FRAME, hop_length=HOP))
    frequencies = librosa.fft_frequencies(sr=RATE, n_fft=FRAME)
    spectrum[(frequencies < BAND[0]) | (frequencies > BAND[1])] = 0
    power = librosa.feature.rms(S=spectrum, frame_length=FRAME)[0] ** 2
    smooth = np.convolve(power, np.ones(SMOOTHING) / SMOOTHING, mode="same")
    return 10 * np.log10(smooth / max(power.mean(), 1e-12) + 1e-12)


def _runs(active: np.ndarray, name: str) -> Intervals:
    """Return the stretches of active frames; frame n reaches half a hop around n hops."""
    changes = np.diff(np.concatenate([[0], active.astype(int), [0]]))
    starts, ends = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)
    bounds = (np.stack([starts, ends], axis=1) - 0.5) * HOP / RATE
    return Intervals(np.maximum(bounds, 0.0), (name,) * len(bounds))
