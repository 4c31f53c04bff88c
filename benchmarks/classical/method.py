"""What a method is, and how its one setting is fitted.

A method is a function of a task and its training songs, which returns what predicts: a function
from a waveform to an annotation. Most learn nothing. Those that have a threshold get the one that
scores best on the songs which the network may learn from, as the network's decoder does. All hear
what the network hears, 16 kHz and mono, at the rate that librosa's defaults are chosen for.
"""

from collections.abc import Callable, Iterable, Sequence
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
    settings: Iterable[float],
    analyse: Callable[[np.ndarray], Any],
    decide: Callable[[Any, float], Annotation],
) -> Predict:
    """Return the method with the setting that scores best in the task's headline metric.

    Args:
        task: what the songs are scored for.
        examples: songs to fit on.
        settings: those to choose from; of equally good ones the first.
        analyse: waveform `(time,)` at librosa's rate -> what the decision needs.
        decide: that and a setting -> annotation.
    """
    analysed = [analyse(mono(example.waveform, example.rate)) for example in examples]
    references = [example.annotation for example in examples]

    def score(setting: float) -> float:
        estimates = [decide(features, setting) for features in analysed]
        return task.evaluate_all(references, estimates)[0][task.headline]

    best = max(settings, key=score)
    return lambda waveform, rate: decide(analyse(mono(waveform, rate)), best)
