"""Kick, snare and hi-hat: onsets, each given to the drums whose bands become louder there.

The oldest scheme of drum transcription (C.-W. Wu et al., "A Review of Automatic Drum
Transcription", IEEE/ACM TASLP 26(9), 2018, section III: segment and classify, with features that
are band energies).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import librosa
import numpy as np
from jaxtyping import Float

from classical.method import RATE, Predict, best_setting, mono
from classical.rhythm import DELTAS
from umir.annotations import Events
from umir.data.example import Example
from umir.tasks.base import Task

FRAME, HOP = 1024, 256  # samples; 46 and 12 ms
BANDS = {"kick": (30.0, 120.0), "snare": (150.0, 2500.0), "hihat": (6000.0, 11_025.0)}  # Hz
AROUND = 4  # frames before and after an onset whose levels are compared
# How much a band must rise, relative to what it does at its loudest onsets.
RISES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7)
LOUDEST = 90  # percentile of the rises of a song that is taken as 1


@dataclass(frozen=True)
class Onsets:
    """What is decided on.

    Attributes:
        strength: of onsets, per frame.
        levels: class -> root of the power of its band, per frame.
    """

    strength: Float[np.ndarray, " frame"]
    levels: Mapping[str, Float[np.ndarray, " frame"]]


def onset_bands(task: Task, examples: Sequence[Example]) -> Predict:
    """Onsets (`librosa.onset.onset_detect`) at which a drum's band rises.

    The onsets' `delta` and the least rise are fitted for each drum.
    """
    analysed = [analyse(mono(example.waveform, example.rate)) for example in examples]
    settings = {}
    for name in task.vocabulary:

        def decide(onsets: Onsets, setting: tuple[float, float], name: str = name) -> Events:
            return _events({name: times_of(onsets, name, *setting)})

        metric = f"F-measure/{name}"
        choices = product(DELTAS, RISES)
        settings[name] = best_setting(task, examples, choices, analysed, decide, metric)

    def drums(waveform: np.ndarray, rate: int) -> Events:
        onsets = analyse(mono(waveform, rate))
        return _events({name: times_of(onsets, name, *settings[name]) for name in settings})

    return drums


def analyse(waveform: Float[np.ndarray, " time"]) -> Onsets:
    """Return onset strength and band levels, a frame every 12 ms."""
    spectrum = np.abs(librosa.stft(waveform, n_fft=FRAME, hop_length=HOP))
    frequencies = librosa.fft_frequencies(sr=RATE, n_fft=FRAME)
    strength = librosa.onset.onset_strength(y=waveform, sr=RATE, hop_length=HOP)
    levels = {
        name: np.sqrt(np.sum(spectrum[(frequencies >= low) & (frequencies < high)] ** 2, axis=0))
        for name, (low, high) in BANDS.items()
    }
    return Onsets(strength, levels)


def times_of(onsets: Onsets, name: str, delta: float, least: float) -> np.ndarray:
    """Return the onsets, in seconds, at which the band of a drum rises enough."""
    frames = librosa.onset.onset_detect(
        onset_envelope=onsets.strength, sr=RATE, hop_length=HOP, units="frames", delta=delta
    )
    if not len(frames):
        return np.zeros(0)
    rises = _rises(onsets.levels[name], frames)
    chosen = rises > least * max(float(np.percentile(rises, LOUDEST)), 1e-9)
    return librosa.frames_to_time(frames[chosen], sr=RATE, hop_length=HOP)


def _rises(levels: Float[np.ndarray, " frame"], frames: np.ndarray) -> np.ndarray:
    """Return by how much each onset's highest level exceeds the mean before it."""
    padded = np.pad(levels, AROUND, mode="edge")
    stretches = np.lib.stride_tricks.sliding_window_view(padded, AROUND)
    before, after = stretches[frames], stretches[frames + AROUND]  # (onset, AROUND)
    return after.max(axis=1) - before.mean(axis=1)


def _events(times: Mapping[str, np.ndarray]) -> Events:
    found = sorted((time, name) for name, own in times.items() for time in own.tolist())
    return Events(np.array([t for t, _ in found], float), tuple(name for _, name in found))
