"""Instruments from mel-frequency cepstra; and separation without listening."""

from collections.abc import Sequence

import librosa
import numpy as np
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from classical.method import RATE, Predict, mono
from umir.annotations import Labels, Stems
from umir.data.example import Example
from umir.tasks.base import Task


def mfcc_regression(task: Task, examples: Sequence[Example]) -> Predict:
    """Logistic regression on the clip's mean and deviation of 20 MFCCs (`librosa.feature.mfcc`)."""
    del task
    features = [_mfcc(mono(example.waveform, example.rate)) for example in examples]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(np.array(features), [example.annotation.names[0] for example in examples])

    def label(waveform: np.ndarray, rate: int) -> Labels:
        (found,) = model.predict(_mfcc(mono(waveform, rate))[None])
        return Labels((str(found),))

    return label


def equal_shares(task: Task, examples: Sequence[Example]) -> Predict:
    """Every stem the same share of the mixture: what separation must do better than."""
    del examples

    def stems(waveform: np.ndarray, rate: int) -> Stems:
        share = waveform / np.float32(len(task.vocabulary))
        return Stems(dict.fromkeys(task.vocabulary, share), rate)

    return stems


def _mfcc(waveform: Float[np.ndarray, " time"]) -> Float[np.ndarray, "40"]:
    cepstra = librosa.feature.mfcc(y=waveform, sr=RATE, n_mfcc=20)
    return np.concatenate([cepstra.mean(axis=1), cepstra.std(axis=1)])
