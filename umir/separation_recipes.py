"""How published separators were trained: the presets of `umir separate-train`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import optax

from umir.wave_unet.separators import FilteredWaveUNet
from umir.wave_unet.separators.variants import VARIANTS
from umir.window_separator import WindowNetwork

LOSSES = ("squared", "absolute", "magnitudes")


@dataclass(frozen=True)
class Stage:
    """A part of a training, which ends when validation has not improved for a while.

    Attributes:
        batch: windows per step.
        learning_rate: of Adam; where the rate swings, its highest.
        lowest: the rate that it swings down to by a cosine, twice in every epoch; None: it stays.
    """

    batch: int
    learning_rate: float
    lowest: float | None = None

    def rate(self, epoch_steps: int) -> Callable[[Any], Any]:
        """Return the learning rate as a function of the step in this stage."""
        if self.lowest is None:
            return optax.constant_schedule(self.learning_rate)
        period, share = max(epoch_steps // 2, 1), self.lowest / self.learning_rate
        falling = optax.cosine_decay_schedule(self.learning_rate, period, share)
        return lambda step: falling(step % period)


@dataclass(frozen=True)
class SeparationRecipe:
    """How a separator is trained.

    Attributes:
        stages: one after the other; a later one goes on from where the earlier one ended.
        epoch_steps: steps between two looks at the validation songs; None: as many as it takes to
            see each song once in windows side by side.
        patience: looks without an improvement after which a stage ends.
        loss: of windows: `squared` or `absolute` error of waveforms, or absolute error of
            `magnitudes`, for networks that mask spectrograms.
        gains: each source is multiplied by a random number of this range, and the mixture is the
            sum of what this gives.
    """

    stages: tuple[Stage, ...]
    epoch_steps: int | None = 2000
    patience: int = 20
    loss: str = "squared"
    gains: tuple[float, float] = (0.7, 1.0)

    def __post_init__(self):
        if self.loss not in LOSSES:
            raise ValueError(f"loss {self.loss!r}: choose of {', '.join(LOSSES)}")


@dataclass(frozen=True)
class SeparationPreset:
    """A published network and its training.

    Attributes:
        network: its sizes.
        recipe: its training.
    """

    network: WindowNetwork
    recipe: SeparationRecipe


# Stoller et al., ISMIR 2018, section 5.2: Adam, batches of 16, then 32 at a tenth of the rate.
PAPER = SeparationRecipe((Stage(16, 1e-4), Stage(32, 1e-5)))
# At 8192 Hz, in batches of 4.
COMPARISON = replace(PAPER, stages=(Stage(4, 1e-4), Stage(4, 1e-5)))
# github.com/f90/Wave-U-Net-Pytorch: absolute error, a rate that swings, one stage.
FILTERED = SeparationRecipe((Stage(4, 1e-3, 5e-5),), epoch_steps=None, loss="absolute")


def _recipe_of(variant: str) -> SeparationRecipe:
    return COMPARISON if variant in ("M7", "U7") else PAPER


PRESETS: dict[str, SeparationPreset] = {
    **{name.lower(): SeparationPreset(net, _recipe_of(name)) for name, net in VARIANTS.items()},
    "u7a": SeparationPreset(VARIANTS["U7"], replace(COMPARISON, loss="magnitudes")),
    "filtered": SeparationPreset(FilteredWaveUNet(), FILTERED),
}
