"""What a method is, and how its one setting is fitted.

A method is a function of a task and its training songs, which returns what predicts: a function
from a waveform to an annotation. Most learn nothing. Those that have a threshold get the one that
scores best on the songs which the network may learn from, as the network's decoder does. All hear
what the network hears, 16 kHz and mono, at the rate that librosa's defaults are chosen for.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import librosa
import numpy as np
from jaxtyping import Float

from umir.annotations import Annotation
from umir.data.example import Example
from umir.tasks.base import Task

Predict = Callable[[Float[np.ndarray, "time channel"], int], Annotation]
Method = Callable[[Task, Sequence[Example]], Predict]

RATE = 22_050  # Hz


def mono(waveform: Float[np.ndarray, "time channel"], rate: int) -> Float[np.ndarray, " new_time"]:
    """Return the mean of the channels at librosa's rate."""
    return librosa.resample(waveform.mean(axis=1), orig_sr=rate, target_sr=RATE)


def fitted(
    task: Task,
    examples: Sequence[Example],
    settings: Iterable[Any],
    analyse: Callable[[np.ndarray], Any],
    decide: Callable[[Any, Any], Annotation],
    metric: str | None = None,
) -> Predict:
    """Return the method with the setting that scores best.

    Args:
        task: what the songs are scored for.
        examples: songs to fit on; without any, the first setting is taken.
        settings: those to choose from; of equally good ones the first.
        analyse: waveform `(time,)` at librosa's rate -> what the decision needs.
        decide: that and a setting -> annotation.
        metric: of the task; default its headline.
    """
    analysed = [analyse(mono(example.waveform, example.rate)) for example in examples]
    best = best_setting(task, examples, settings, analysed, decide, metric)
    return lambda waveform, rate: decide(analyse(mono(waveform, rate)), best)


def best_setting(
    task: Task,
    examples: Sequence[Example],
    settings: Iterable[Any],
    analysed: Sequence[Any],
    decide: Callable[[Any, Any], Annotation],
    metric: str | None = None,
) -> Any:
    """Return the setting that scores best on songs that are analysed already (see `fitted`)."""
    references = [example.annotation for example in examples]

    def score(setting: Any) -> float:
        estimates = [decide(features, setting) for features in analysed]
        found = task.evaluate_all(references, estimates)[0][metric or task.headline]
        return -math.inf if math.isnan(found) else found

    settings = list(settings)
    return max(settings, key=score) if examples else settings[0]


def once_per_song(analyse: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], Any]:
    """Return a slow analysis as one that remembers what it found for each waveform."""
    found: dict[bytes, Any] = {}

    @wraps(analyse)
    def remembered(waveform: np.ndarray) -> Any:
        key = hashlib.sha256(waveform.tobytes()).digest()
        if key not in found:
            found[key] = analyse(waveform)
        return found[key]

    return remembered


def spread(examples: Sequence[Example], most: int) -> list[Example]:
    """Return at most so many of the examples, evenly from the first to the last."""
    if len(examples) <= most:
        return list(examples)
    return [examples[index] for index in np.linspace(0, len(examples) - 1, most).astype(int)]
