"""Clips of noise, loud ones labelled `a` and soft ones `b`."""

import numpy as np
from tiny import TINY

from umir.annotations import Labels
from umir.data.example import Example


def song(group, seconds, label="a", seed=0):
    waveform = np.random.default_rng(seed).standard_normal((round(seconds * TINY.rate), 1))
    waveform = waveform.astype(np.float32) * (0.5 if label == "a" else 0.01)
    return Example(waveform, TINY.rate, Labels((label,)), group, group)


def clips(groups, per_group=1):
    names = [f"{number}" for number in range(groups) for _ in range(per_group)]
    return [song(name, 1.0, "ab"[index % 2], index) for index, name in enumerate(names)]
