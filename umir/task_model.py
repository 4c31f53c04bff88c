"""A network, its task and its decoder together: what predicts, and what a model directory holds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from umir.annotations import Annotation
from umir.audio import channel_power, level_gain, resample, to_channels
from umir.audio_stream import Block
from umir.checkpoint import CheckpointError, Model, check_params, load_model, save_model
from umir.inference import Windows, whole_song
from umir.released_models import find_model
from umir.separation.stream import Separator, separate_array
from umir.tasks.base import Settings, Task
from umir.tasks.registry import task_from_config, task_to_config
from umir.wave_unet import Network, WaveUNetConfig

FORMAT = "umir task model 1"
INITIALISATION = "umir initialisation 1"
# How the formats of `umir.sequence_tasks.model` begin.
_SEQUENCE_MODEL = "umir sequence model"


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
        return self.output_of(lambda: [waveform])

    def output_of(self, song: Callable[[], Iterable[Block]]) -> np.ndarray:
        """Return `output` of a song that is read twice, once for its level.

        Args:
            song: gives the song from its beginning, in blocks of any lengths.
        """
        gain = level_gain(float(channel_power(song()).mean()))
        scaled = ((block * gain).astype(np.float32) for block in song())
        windows = Windows.of(self.network, self.task.segment_seconds)
        output = whole_song(self.network, self.params, scaled, windows)
        return output / np.float32(gain) if self.network.head.gives_waveforms else output

    def predict(self, waveform: Float[np.ndarray, "time channel"], rate: int) -> Annotation:
        """Return what the model finds in audio of any rate and number of channels.

        Separated stems come at the rate and with the channels of `waveform`, and add up to it.

        Args:
            waveform: shape `(time, channel)`.
            rate: its sampling rate in Hz.

        Raises:
            ValueError: an array of another shape, or not finite (`umir.audio.check_waveform`).
        """
        config = self.network.config
        if self.network.head.gives_waveforms:
            return separate_array(self.separator, waveform, rate)
        own = resample(to_channels(waveform, config.channels), rate, config.rate)
        return self.task.decode(self.output(own), self.settings)

    @property
    def rate(self) -> int:
        """Sampling rate of the network in Hz."""
        return self.network.config.rate

    @property
    def channels(self) -> int:
        """Channels that the network takes together."""
        return self.network.config.channels

    @property
    def separator(self) -> Separator:
        """What separates files and streams, for a model whose task is separation.

        Raises:
            ValueError: the task is another one.
        """
        if self.task.kind != "stems":
            raise ValueError(f"a model for {self.task.name}, not for separation")
        return Separator(self.network, self.params, self.task.vocabulary)

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
    def load(
        cls, model: str | Path, task: str | None = None, kind: str | None = None
    ) -> "TaskModel":
        """Read a model directory, or a released model.

        Args:
            model: what `save` wrote, an initialisation that has heads for its tasks, or the name
                of a released model (`umir models`).
            task: which of the tasks of an initialisation; must be the task of a task model.
            kind: of an initialisation, take the task that reads annotations of this kind.

        Raises:
            ValueError: it is something else, has no such task, or has several and none is named.
        """
        directory = find_model(model)
        stored = load_model(directory)
        config = dict(stored.config)
        form = config.pop("format", None)
        if form == INITIALISATION and config.get("heads"):
            return cls._of_heads(directory, stored, task, kind)
        if str(form).startswith(_SEQUENCE_MODEL):
            raise ValueError(
                f"{directory}: a sequence model: it makes sequences, with `umir sequences generate "
                f"--model {directory}`, and hears no recordings; give another model"
            )
        if form not in (FORMAT, INITIALISATION):
            raise CheckpointError(
                f"{directory}: its format is {form!r}, which this version of umir does not know; "
                "update umir, or give another model"
            )
        if form != FORMAT:
            raise ValueError(
                f"{directory}: not a model for a task but {form!r}; "
                "adapt it to one with `umir finetune --init`"
            )
        try:
            parts = [config.pop(name) for name in ("task", "network", "decoder")]
        except KeyError as error:
            raise CheckpointError(
                f"{directory}: config.json lacks {error}; copy the model again"
            ) from None
        loaded = cls._checked(directory, parts, stored.params, config)
        if task not in (None, loaded.task.name):
            raise ValueError(f"{directory}: a model for {loaded.task.name}, not for {task}")
        return loaded

    @classmethod
    def _of_heads(
        cls, directory: str | Path, model: Model, task: str | None, kind: str | None
    ) -> "TaskModel":
        """Return the model of one of the tasks that an initialisation has heads for."""
        heads = model.config["heads"]
        known = [
            name for name in heads if kind in (None, task_from_config(heads[name]["task"]).kind)
        ]
        chosen = task or (known[0] if len(known) == 1 else None)
        if chosen not in known:
            asked = f"no head for {task!r}" if task else "several tasks: name one with --task"
            asked = asked if known else f"no head for {kind}"
            raise ValueError(f"{directory}: {asked} ({', '.join(sorted(heads))})")
        try:
            parts = [heads[chosen]["task"], model.config["network"], heads[chosen]["decoder"]]
            params = {"body": model.params["body"], "head": model.params["heads"][chosen]}
        except KeyError as error:
            raise CheckpointError(f"{directory}: lacks {error}; copy the model again") from None
        facts = {"splits": model.config["splits"]} if "splits" in model.config else {}
        return cls._checked(directory, parts, params, facts)

    @classmethod
    def _checked(
        cls, directory: str | Path, parts: list, params: Mapping[str, Any], facts: Mapping[str, Any]
    ) -> "TaskModel":
        """Return the model of a task's configuration, a network's, and decoder settings."""
        try:
            task = task_from_config(parts[0])
            network = Network(WaveUNetConfig.from_json(parts[1]), task.head)
        except ValueError as error:
            raise CheckpointError(f"{directory}: {error}; update umir, or copy it again") from None
        expected = jax.eval_shape(network.init, jax.random.key(0))
        check_params(params, expected, directory)
        return cls(network, task, params, parts[2], facts)


def heads_to_config(models: Sequence[TaskModel]) -> dict[str, Any]:
    """Return, as plain JSON, what models of several tasks have besides their parameters."""
    return {
        model.task.name: {"task": task_to_config(model.task), "decoder": dict(model.settings)}
        for model in models
    }
