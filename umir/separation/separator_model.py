"""Published separators as model directories: what `umir separate`, `evaluate` and `predict` load.

A directory holds, beside the weights, which network it is and all of its sizes. `load_model_for`
opens these as well as models that were adapted with umir.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from umir.annotations import Stems
from umir.checkpoint import CheckpointError, Model, check_params, load_model, save_model
from umir.released_models import find_model
from umir.separation.detector_model import LEARNT, DetectorModel
from umir.separation.joint_unet import JointUNet
from umir.separation.magnitude_unet import MagnitudeUNet
from umir.separation.stream import separate_array
from umir.separation.window_separator import WindowNetwork, WindowSeparator
from umir.task_model import TaskModel
from umir.tasks.source_separation import SourceSeparation, separation_of
from umir.wave_unet.separators import FilteredWaveUNet, OriginalWaveUNet, SpectrogramUNet

FORMAT = "umir separator 1"
NETWORKS: dict[str, type] = {
    "original": OriginalWaveUNet,
    "filtered": FilteredWaveUNet,
    "spectrogram": SpectrogramUNet,
    "magnitudes": MagnitudeUNet,
    "joint": JointUNet,
}


@dataclass(frozen=True)
class SeparatorModel:
    """A published separator with its weights; what it shares with `TaskModel` has the same names.

    Attributes:
        network: its sizes.
        params: its parameters.
        facts: what else is worth keeping (where it came from): plain JSON.
    """

    network: WindowNetwork
    params: Mapping[str, Any] = field(repr=False)
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def rate(self) -> int:
        """Sampling rate of the network in Hz."""
        return self.network.rate

    @property
    def channels(self) -> int:
        """Channels that the network takes together."""
        return self.network.channels

    @property
    def task(self) -> SourceSeparation:
        """What it does, and how that is scored."""
        return separation_of(self.network.sources)

    @property
    def learnt(self) -> list[str]:
        """Names of the tasks that it was trained for; a joint model may be for two."""
        return list(self.facts.get(LEARNT, [self.task.name]))

    @property
    def separator(self) -> WindowSeparator:
        """What separates files and streams."""
        return WindowSeparator(self.network, jax.device_put(dict(self.params)))

    def predict(self, waveform: Float[np.ndarray, "time channel"], rate: int) -> Stems:
        """Separate an array as `umir separate` does a file."""
        return separate_array(self.separator, waveform, rate)

    def save(self, directory: Path, card: str) -> None:
        """Write a model directory with `card` as its MODEL_CARD.md."""
        network = {"kind": kind_of(self.network), **asdict(self.network)}
        config = {"format": FORMAT, "network": network, **self.facts}
        save_model(directory, Model(config, self.params), card)

    @classmethod
    def load(cls, model: str | Path) -> "SeparatorModel":
        """Read a model directory, or a released model.

        Raises:
            CheckpointError: it is something else, or damaged.
        """
        return cls.of(load_model(find_model(model)), find_model(model))

    @classmethod
    def of(cls, stored: Model, directory: Path) -> "SeparatorModel":
        """Return the separator that a model directory holds; see `load`."""
        config = dict(stored.config)
        if config.pop("format", None) != FORMAT:
            raise CheckpointError(f"{directory}: not a separator of a fixed window")
        network = _network(config.pop("network", None), directory)
        check_params(stored.params, jax.eval_shape(network.init, jax.random.key(0)), directory)
        return cls(network, stored.params, config)


def kind_of(network: WindowNetwork) -> str:
    """Return the name that a network's class has in model directories."""
    return next(name for name, known in NETWORKS.items() if type(network) is known)


AnyModel = TaskModel | SeparatorModel | DetectorModel


def load_model_for(model: str | Path, task: str | None = None, kind: str | None = None) -> AnyModel:
    """Read a model directory of either sort, or a released model; see `TaskModel.load`.

    Raises:
        ValueError: it is something else, has no such task, or has several and none is named.
    """
    directory = find_model(model)
    stored = load_model(directory)
    if stored.config.get("format") != FORMAT:
        return TaskModel.load(directory, task, kind)
    separator = SeparatorModel.of(stored, directory)
    learnt = separator.learnt
    if (task or learnt[0]) not in learnt:
        raise ValueError(f"{directory}: a model for {' and '.join(learnt)}, not for {task}")
    if (task or learnt[0]) == separator.task.name:
        return separator
    return DetectorModel.of(separator)


def _network(fields: Any, directory: Path) -> WindowNetwork:
    try:
        known = dict(fields)
        kind = NETWORKS[known.pop("kind")]
        known = {n: tuple(v) if isinstance(v, list) else v for n, v in known.items()}
        return kind(**known)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{directory}: config.json describes a network that this version of umir does not "
            f"know ({error})"
        ) from None
