"""What storing weights in half precision does to the outputs of a model."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PyTree

from umir.audio import normalise_level
from umir.checkpoint import Model
from umir.named_parameters import halved
from umir.studio.render import render_song
from umir.task_model import TaskModel
from umir.wave_unet import HeadSpec, Network, WaveUNetConfig, joint_outputs

# A song of the studio, no training's, to see it on: its number, and its length in seconds.
SONG, SONG_SECONDS = 10**13, 8.0


def output_change(model: Model, models: Mapping[str, TaskModel]) -> float:
    """Return how much the outputs for a studio song change, at most, if weights become float16.

    Of probabilities and samples the largest difference; of a start without heads, the largest RMS
    of a feature's difference, relative to the feature's.
    """
    config = WaveUNetConfig.from_json(model.config["network"])
    song = render_song(SONG, rate=config.rate, duration=SONG_SECONDS, channels=config.channels)
    scaled, _ = normalise_level(song.mixture)
    length = len(scaled) // config.total_stride * config.total_stride
    waveform = jnp.asarray(scaled[None, :length])  # (1, time, channel)
    rounded = _rounded(model.params)
    if not models:
        return _feature_change(config, model.params["body"], rounded["body"], waveform)
    specs = {name: task_model.network.head for name, task_model in models.items()}
    heads = {name: task_model.params["head"] for name, task_model in models.items()}
    run = jax.jit(partial(joint_outputs, config, specs))
    exact = run({"body": model.params["body"], "head": heads}, waveform)
    coarse = run({"body": rounded["body"], "head": _rounded(heads)}, waveform)
    return max(
        float(np.abs(_activated(spec, exact[name]) - _activated(spec, coarse[name])).max())
        for name, spec in specs.items()
    )


def _rounded(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as they come back from half precision."""
    return jax.tree.map(
        lambda half, leaf: half.astype(np.asarray(leaf).dtype), halved(params), dict(params)
    )


def _feature_change(
    config: WaveUNetConfig,
    exact: PyTree,
    coarse: PyTree,
    waveform: Float[Array, "batch time channel"],
) -> float:
    """Return the largest RMS of a feature's difference, relative to the feature's."""
    # Whatever stem it gives: a head for waveforms has the body decode all of its features.
    network = Network(config, HeadSpec("waveform", 1))
    head = network.init_head(jax.random.key(0))
    run = jax.jit(lambda body, waveform: network.apply({"body": body, "head": head}, waveform)[1])
    found, other = run(exact, waveform), run(coarse, waveform)
    return max(
        float(jnp.sqrt(jnp.mean((found[name] - other[name]) ** 2) / jnp.mean(found[name] ** 2)))
        for name in found
    )


def _activated(spec: HeadSpec, output: Float[Array, "..."]) -> np.ndarray:
    """Return samples as they are, and probabilities for logits."""
    if spec.gives_waveforms:
        return np.asarray(output)
    return np.asarray((jax.nn.softmax if spec.activation == "softmax" else jax.nn.sigmoid)(output))
