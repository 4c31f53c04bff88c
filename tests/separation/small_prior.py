"""A separator with critics that is small enough for tests, and songs of noise."""

import jax
import numpy as np

from umir.separation.domains import Magnitudes
from umir.separation.magnitude_unet import MagnitudeUNet
from umir.separation.recipes import PriorRecipe, SeparationPreset, Stage
from umir.separation.stem_songs import stored_song

VOICE = ("accompaniment", "vocals")
NET = MagnitudeUNet(VOICE, 4000, window=32, frames=8, filters=2, levels=2)
DOMAIN = Magnitudes(NET)
RECIPE = PriorRecipe(
    (Stage(3, 3e-3),), epoch_steps=2, patience=2, rounds=2, critic_filters=2, steps=4
)
PRESET = SeparationPreset(NET, RECIPE)
APPLY = jax.jit(NET.magnitudes)


def song(path, rng, sources=2, length=1500):
    return stored_song(path, rng.uniform(-0.4, 0.4, (length, sources, 1)).astype(np.float32))
