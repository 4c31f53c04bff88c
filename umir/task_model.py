"""A network, its task and its decoder together: what predicts, and what a model directory holds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from umir.annotations import Annotation, Stems
from umir.audio import normalise_level, resample, to_channels
from umir.checkpoint import CheckpointError, Model, check_params, load_model, save_model
from umir.inference import Windows, whole_song
from umir.separation import Separator
from umir.tasks.base import Settings, Task
from umir.tasks.registry import task_from_config, task_to_config
from umir.wave_unet import Network, WaveUNetConfig

FORMAT = "umir task model 1"


@dataclass(frozen=True)
class TaskModel:
    """A model for one task: audio in, annotation out.

    Attributes:
        network: body and head.
        task: encodes, decodes and evaluates.
        params: parameters of the network, `{"body": ..., "head": ...}`.
        settings: the decoder's settings, from `Task.fit_decoder`.
        facts: what else is worth keeping (splits, training settings): plain JSON.
    """

    network: Network
    task: Task
    params: Mapping[str, Any] = field(repr=False)
    settings: Settings = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def output(self, waveform: Float[np.ndarray, "time channel"]) -> np.ndarray:
        """Return the network's output for a whole song at the network's rate and channels.

        The level is normalised for the network and, where the output is a waveform, undone.
        """
        scaled, gain = normalise_level(waveform)
        windows = Windows.of(self.network, self.task.segment_seconds)
        output = whole_song(self.network, self.params, scaled, windows)
        return output / np.float32(gain) if self.network.head.kind == "waveform" else output

    def predict(self, waveform: Float[np.ndarray, "time channel"], rate: int) -> Annotation:
        """Return what the model finds in audio of any rate and number of channels.

        Separated stems come at the rate and with the channels of `waveform`, and add up to it.
        """
        config = self.network.config
        if self.network.head.kind == "waveform":
            return self._separate(waveform, rate)
        own = resample(to_channels(waveform, config.channels), rate, config.rate)
        return self.task.decode(self.output(own), self.settings)

    @property
    def separator(self) -> Separator:
        """What separates files and streams, for a model whose task is separation.

        Raises:
            ValueError: the task is another one.
        """
        if self.task.kind != "stems":
            raise ValueError(f"a model for {self.task.name}, not for separation")
        return Separator(self.network, self.params, self.task.vocabulary)

    def _separate(self, waveform: np.ndarray, rate: int) -> Stems:
        """Separate an array as `umir separate` does a file."""
        separator, blocks = self.separator, [np.asarray(waveform, np.float32)]
        found = list(separator.separate(blocks, rate, separator.measure(blocks, rate)))
        names = self.task.vocabulary
        return Stems({name: np.concatenate([part[name] for part in found]) for name in names}, rate)

    def save(self, directory: Path, card: str) -> None:
        """Write a model directory with `card` as its MODEL_CARD.md."""
        config = {
            "format": FORMAT,
            "network": asdict(self.network.config),
            "task": task_to_config(self.task),
            "decoder": dict(self.settings),
            **self.facts,
        }
        save_model(directory, Model(config, self.params), card)

    @classmethod
    def load(cls, directory: str | Path) -> "TaskModel":
        """Read a model directory that `save` wrote.

        Raises:
            ValueError: if it is something else, for example an initialisation.
        """
        model = load_model(directory)
        if model.config.get("format") != FORMAT:
            raise ValueError(
                f"{directory}: not a model for a task but {model.config.get('format')!r}; "
                "adapt it to one with `umir finetune --init`"
            )
        config = dict(model.config)
        config.pop("format")
        try:
            parts = [config.pop(name) for name in ("task", "network", "decoder")]
        except KeyError as error:
            raise CheckpointError(
                f"{directory}: config.json lacks {error}; copy the model again"
            ) from None
        task = task_from_config(parts[0])
        network = Network(WaveUNetConfig.from_json(parts[1]), task.head)
        expected = jax.eval_shape(network.init, jax.random.key(0))
        check_params(model.params, expected, directory)
        return cls(network, task, model.params, parts[2], config)
