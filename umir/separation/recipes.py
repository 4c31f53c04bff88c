"""How published separators were trained: the presets of `umir separate-train`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import optax

from umir.separation.joint_unet import JointUNet
from umir.separation.magnitude_unet import MagnitudeUNet
from umir.separation.window_separator import WindowNetwork
from umir.wave_unet.separators import FilteredWaveUNet
from umir.wave_unet.separators.variants import M3, M4, VARIANTS, VOICE

LOG_MAGNITUDES = "log-magnitudes"  # networks that learn with critics, or to detect as well
LOSSES = ("squared", "absolute", "magnitudes", LOG_MAGNITUDES)


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

        def swinging(step: Any) -> Any:
            place = step % epoch_steps  # the second cycle has the odd step
            return falling(place - period * jnp.minimum(place // period, 1))

        return swinging


@dataclass(frozen=True)
class SeparationRecipe:
    """How a separator is trained.

    Attributes:
        stages: one after the other; a later one goes on from where the earlier one ended.
        epoch_steps: steps between two looks at the validation songs; None: as many as it takes to
            see each song once in windows side by side.
        patience: looks without an improvement after which a stage ends.
        loss: of windows: `squared` or `absolute` error of waveforms, or absolute error of
            `magnitudes`, for networks that mask spectrograms; recipes for more than that have
            their own.
        gains: each source is multiplied by a random number of this range, and the mixture is the
            sum of what this gives.
        steps: after which training ends in any case; None: never.
    """

    stages: tuple[Stage, ...]
    epoch_steps: int | None = 2000
    patience: int = 20
    loss: str = "squared"
    gains: tuple[float, float] = (0.7, 1.0)
    steps: int | None = None

    def __post_init__(self):
        if self.loss not in LOSSES:
            raise ValueError(f"loss {self.loss!r}: choose of {', '.join(LOSSES)}")


@dataclass(frozen=True)
class PriorRecipe(SeparationRecipe):
    """How a separator is trained with critics, or without them in the same way.

    Attributes:
        loss: on songs with stems, summed over sources: squared error of log(1 + magnitude), or of
            waveforms, as the network has it.
        gains: what is not labelled is multiplied by a random number of this range.
        alpha: weight of the critics.
        beta: weight of additivity.
        rounds: steps of the critics for one of the separator.
        critic_filters: of the first convolution of critics.
    """

    loss: str = LOG_MAGNITUDES
    gains: tuple[float, float] = (0.2, 1.2)
    alpha: float = 0.001
    beta: float = 0.001
    rounds: int = 5
    critic_filters: int = 32


@dataclass(frozen=True)
class JointRecipe(SeparationRecipe):
    """How one network learns to separate and to detect.

    Attributes:
        loss: squared error of log(1 + magnitude), and binary cross-entropy of activity.
        weight: of separation; what is left to 1 is that of detection.
    """

    loss: str = LOG_MAGNITUDES
    weight: float = 0.9


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
# At 8192 Hz, in batches of 4, then 8.
COMPARISON = replace(PAPER, stages=(Stage(4, 1e-4), Stage(8, 1e-5)))
# github.com/f90/Wave-U-Net-Pytorch: absolute error, a rate that swings, one stage.
FILTERED = SeparationRecipe((Stage(4, 1e-3, 5e-5),), epoch_steps=None, loss="absolute")
# Stoller et al., ICASSP 2018: an epoch is 1000 steps, and the seventh in a row without an
# improvement is the last.
SEMI_SUPERVISED = PriorRecipe((Stage(64, 5e-5),), epoch_steps=1000, patience=7)
# For a CPU, ours: narrower networks, fewer rounds, and a higher rate for as few steps as that.
SMALL_SEMI_SUPERVISED = PriorRecipe(
    (Stage(8, 5e-4),), epoch_steps=200, patience=7, rounds=2, critic_filters=16, steps=2000
)
# On waveforms, ours. The gradient of a mean over samples is smaller for each of them the more there
# are, and amplitudes are smaller than log-magnitudes, while that of a critic has a norm of about 1
# for a whole window; so alpha is smaller as well. That is reckoned, not tried. The sources of these
# networks add up to the mixture whatever they are: there is nothing for beta to do.
WAVEFORMS = replace(
    SEMI_SUPERVISED,
    stages=(Stage(16, 1e-4),),
    loss="squared",
    alpha=0.0002,
    beta=0.0,
    critic_filters=64,
)
SMALL_WAVEFORMS = replace(SMALL_SEMI_SUPERVISED, loss="squared", alpha=0.0005, beta=0.0)
# M3 for a CPU: a second of sound comes out of two.
SMALL_M3 = replace(M3, rate=8192, wanted=8192, levels=8, filters=12)

# Stoller et al., LVA/ICA 2018: a look every 1000 steps, and ten of them without an improvement end
# the training. Batch and rate are not stated: here as in the paper of the same year.
JOINT = JointRecipe((Stage(64, 5e-5),), epoch_steps=1000, patience=10)
SMALL_JOINT = JointRecipe((Stage(8, 5e-4),), epoch_steps=200, patience=10, steps=2000)


def _recipe_of(variant: str) -> SeparationRecipe:
    return COMPARISON if variant in ("M7", "U7") else PAPER


PRESETS: dict[str, SeparationPreset] = {
    **{name.lower(): SeparationPreset(net, _recipe_of(name)) for name, net in VARIANTS.items()},
    "u7a": SeparationPreset(VARIANTS["U7"], replace(COMPARISON, loss="magnitudes")),
    "filtered": SeparationPreset(FilteredWaveUNet(), FILTERED),
    "magnitudes": SeparationPreset(MagnitudeUNet(VOICE), SEMI_SUPERVISED),
    "magnitudes-half": SeparationPreset(MagnitudeUNet(VOICE, filters=8), SMALL_SEMI_SUPERVISED),
    "joint": SeparationPreset(JointUNet(VOICE), JOINT),
    "joint-half": SeparationPreset(JointUNet(VOICE, 8192, frames=64, filters=8), SMALL_JOINT),
    "waveforms": SeparationPreset(M4, WAVEFORMS),
    "waveforms-half": SeparationPreset(SMALL_M3, SMALL_WAVEFORMS),
}
