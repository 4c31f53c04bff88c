"""Training one network to separate and to detect: `umir.separation.joint_losses` in epochs.

As `umir.separation.prior_training`, without critics; a look is at whatever there is to validate
with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from umir.priors import Adversarial, Guard
from umir.priors.adversarial import adam
from umir.priors.streams import INPUTS, Source
from umir.separation.active_songs import ActiveSong, windows_in_turn
from umir.separation.data import SeparationData, amount
from umir.separation.domains import Magnitudes
from umir.separation.joint_losses import (
    ACTIVE,
    ActiveWindows,
    JointLoss,
    StemWindows,
    active_batch,
    detection_errors,
    separation_errors,
)
from umir.separation.joint_unet import JointUNet
from umir.separation.prior_training import PriorTraining
from umir.separation.priors import SeparatedParts
from umir.separation.recipes import JointRecipe, SeparationPreset
from umir.separation.stem_songs import windows_in_turn as labelled_windows_in_turn
from umir.separation.training_streams import LABELLED, LabelledWindows, labelled_batch
from umir.wave_unet.parameters import Params


@dataclass(frozen=True, kw_only=True)
class JointTraining(PriorTraining):
    """A training with both losses, without its state.

    Attributes:
        active_songs: recordings with labels of activity to look at.
    """

    network: JointUNet
    active_songs: Sequence[ActiveSong] = ()

    @property
    def validates(self) -> bool:
        """Whether there is anything to look at, of either kind."""
        return bool(self.valid_songs or self.active_songs)

    def validation_loss(self, params: Params, batch: int) -> float:
        """Return the loss over all windows to validate with, of the kinds that there are."""
        found: dict[str, list[np.ndarray]] = {}
        sizes = self.domain.labelled_sizes
        for mixtures, targets, known in labelled_windows_in_turn(self.valid_songs, sizes, batch):
            labelled = labelled_batch(self.domain, mixtures, targets)
            errors = np.asarray(separation_errors(self.network, params, labelled))
            found.setdefault(LABELLED, []).append(errors[known])
        for waveforms, active, known in windows_in_turn(self.active_songs, self.network, batch):
            windows = active_batch(self.network, waveforms, active)
            errors = np.asarray(detection_errors(self.network, params, windows))
            found.setdefault(ACTIVE, []).append(errors[known])
        loss: Any = self.objective.supervision
        return loss.whole({name: float(np.concatenate(e).mean()) for name, e in found.items()})


def joint_training(
    preset: SeparationPreset,
    data: SeparationData,
    seed: int = 0,
    start: Params | None = None,
    *,
    detects: bool = True,
) -> JointTraining:
    """Return the training of a preset on the data that there are.

    Args:
        preset: with a `JointUNet` and a `JointRecipe`.
        data: songs with stems, recordings with labels of activity, or both.
        seed: of the parameters and the windows.
        start: parameters to start from; None: fresh ones.
        detects: whether detection is learnt at all; if not, separation is alone.

    Raises:
        ValueError: there is nothing to learn from, or the preset is another one.
    """
    network, recipe = preset.network, preset.recipe
    if not (isinstance(network, JointUNet) and isinstance(recipe, JointRecipe)):
        raise ValueError(f"{type(network).__name__}: the prior joint is of a JointUNet")
    if not (data.train or (data.active and detects)):
        also = ", --activity or both" if detects else ""
        raise ValueError(f"nothing to learn from: give --pairs{also}")
    domain, sources = Magnitudes(network), _sources(network, data, detects)
    rate = recipe.stages[0].learning_rate
    objective = Adversarial(
        SeparatedParts(domain),
        (),
        optimizer=adam(rate, 0.9),
        supervision=JointLoss(tuple(sorted({*sources} - {INPUTS})), recipe.weight),
        guard=Guard(factor=1.0),
    )
    return JointTraining(
        network=network,
        domain=domain,
        recipe=recipe,
        train_songs=data.train,
        valid_songs=data.valid,
        seed=seed,
        start=start,
        objective=objective,
        sources=sources,
        used=joint_in_words(network, data, detects),
        active_songs=data.active_valid if detects else (),
    )


def _sources(network: JointUNet, data: SeparationData, detects: bool) -> dict[str, Source]:
    """Return where the batches of every stream come from."""
    found: dict[str, Source] = {}
    if data.train:
        found[LABELLED] = LabelledWindows(Magnitudes(network), data.train)
    if detects and data.active:
        found[ACTIVE] = ActiveWindows(network, data.active)
    elif detects:
        found[ACTIVE] = StemWindows(network, data.train)
    # Without critics nothing comes of what is separated from the inputs.
    return found | {INPUTS: next(iter(found.values()))}


def joint_in_words(network: JointUNet, data: SeparationData, detects: bool = True) -> list[str]:
    """Return what is used for what, and what is missing, a line each."""
    rate, detected = network.rate, network.detected
    songs = [active.song for active in data.active]
    lines = ["pairs: none, so separation is not learnt"]
    if data.train:
        lines = [f"pairs: {amount(data.train, rate)} to learn to separate"]
    if not detects:
        lines.append(f"activity of {detected}: not learnt; --prior joint does")
    elif songs:
        lines.append(f"activity of {detected}: {amount(songs, rate)} to learn to detect")
    else:
        lines.append(f"activity of {detected}: no labels; it is told by the stems of the pairs")
    unused = ["mixtures"] if data.mixtures else []
    unused += [f"solos of {name}" for name in data.solos]
    if unused:
        lines.append(f"{', '.join(unused)}: not used, there are no critics")
    if not (data.valid or (data.active_valid and detects)):
        lines.append("nothing to validate with: the last average is kept")
    return lines
