"""A body and a head as two pure functions: what training and meta-learning work on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jaxtyping import Float

from umir.wave_unet.heads import Head, HeadSpec, build_head, decoder_rate
from umir.wave_unet.parameters import Key, Params
from umir.wave_unet.presets import WaveUNetConfig
from umir.wave_unet.universal_seq_unet import universal_seq_unet
from umir.wave_unet.wave_unet import WaveUNet


@dataclass(frozen=True)
class Network:
    """A body, Wave-U-Net or causal Seq-U-Net, with a head, without its parameters.

    Two networks of the same configuration and head are equal and hash alike, so that functions
    compiled for one (`jax.jit(..., static_argnames="network")`) serve the other. Parameters are
    nested dictionaries of arrays, `{"body": ..., "head": ...}`; those of the body do not depend on
    the head.

    Attributes:
        config: sizes of the body.
        head: what the task asks for.

    Raises:
        ValueError: the head asks for a rate that the body does not have.
    """

    config: WaveUNetConfig
    head: HeadSpec

    def __post_init__(self):
        decoder_rate(self.head, self.config)

    def init(self, key: Key) -> Params:
        """Draw fresh parameters: `{"body": ..., "head": ...}`."""
        body_key, head_key = jax.random.split(key)
        return {"body": self.init_body(body_key), "head": self.init_head(head_key)}

    def init_body(self, key: Key) -> Params:
        """Draw a fresh body."""
        return init_body(self.config, key)

    def init_head(
        self, key: Key, prior: Float[Array | np.ndarray, " channel"] | None = None
    ) -> Params:
        """Draw a fresh head.

        Args:
            key: what to draw from.
            prior: the bias to start with, one number per class (the log-odds of the classes);
                heads that give waveforms have no bias, and take `None` only.

        Returns:
            The parameters of the head.

        Raises:
            ValueError: a prior of another length than the head, or for a waveform.
        """
        params = _parameters(build_head(self.head, self.config, rngs=nnx.Rngs(params=key)))
        if prior is None:
            return params
        if "bias" not in params or prior.shape != params["bias"].shape:
            raise ValueError(f"a prior of shape {prior.shape} does not fit {self.head}")
        return params | {"bias": jnp.asarray(prior, jnp.float32)}

    def apply(
        self, params: Params, waveform: Float[Array, "batch time channel"]
    ) -> tuple[Float[Array, "batch ..."], dict[str, Float[Array, "batch frame _"]]]:
        """Run the network.

        Args:
            params: as `init` returns them.
            waveform: level normalised to -20 dBFS RMS, shape `(batch, time, channel)`, `time` a
                multiple of `config.total_stride`.

        Returns:
            The output, `(batch, time, stem, channel)` for a head that gives stems, logits
            `(batch, frame, class)` or `(batch, class)` for the others; and the features by name
            (`encoder_RATE`, `decoder_RATE`, rates in Hz), each `(batch, frame, channel)`.

        Raises:
            ValueError: a waveform whose shape does not fit.
        """
        features = self.features(params["body"], waveform)
        return _output(self.config, self.head, params["head"], features, waveform), features

    def features(
        self, body: Params, waveform: Float[Array, "batch time channel"]
    ) -> dict[str, Float[Array, "batch frame _"]]:
        """Run the body alone, as far as the head needs it: the second of what `apply` returns."""
        return _features(self.config, body, waveform, decoder_rate(self.head, self.config))


def joint_outputs(
    config: WaveUNetConfig,
    heads: Mapping[str, HeadSpec],
    params: Mapping[str, Any],
    waveform: Float[Array, "batch time channel"],
) -> dict[str, Float[Array, "batch ..."]]:
    """Run one body under several heads: as `Network.apply` for each, but the body once.

    Args:
        config: sizes of the body.
        heads: name -> what that head gives.
        params: `{"body": ..., "head": {name: ...}}`.
        waveform: level normalised to -20 dBFS RMS, shape `(batch, time, channel)`.

    Returns:
        Name -> output, as `Network.apply` returns it.
    """
    rate = max(decoder_rate(head, config) for head in heads.values())
    features = _features(config, params["body"], waveform, rate)
    return {
        name: _output(config, head, params["head"][name], features, waveform)
        for name, head in heads.items()
    }


def _features(
    config: WaveUNetConfig, body: Params, waveform: Array, rate: float
) -> dict[str, Float[Array, "batch frame _"]]:
    if config.causal:
        return universal_seq_unet(config).apply(body, waveform, rate)
    return nnx.merge(_body_definition(config), body)(waveform, rate)


def _output(
    config: WaveUNetConfig,
    spec: HeadSpec,
    head: Params,
    features: Mapping[str, Array],
    waveform: Array,
) -> Float[Array, "batch ..."]:
    return head_with(config, spec, head)(features, waveform)


def head_with(config: WaveUNetConfig, spec: HeadSpec, head: Params) -> Head:
    """Return the head itself, with its parameters."""
    return nnx.merge(_head_definition(config, spec), head)


@partial(jax.jit, static_argnums=0)  # one compilation, not one for each shape
def init_body(config: WaveUNetConfig, key: Key) -> Params:
    """Draw fresh parameters of a body, which no head is needed for."""
    if config.causal:
        return universal_seq_unet(config).init(key)
    return _parameters(WaveUNet(config, rngs=nnx.Rngs(params=key)))


def _parameters(module: nnx.Module) -> Params:
    return nnx.to_pure_dict(nnx.split(module)[1])


# What nnx knows of a module besides its numbers; building it takes longer than tracing the network.
@cache
def _body_definition(config: WaveUNetConfig) -> nnx.GraphDef[WaveUNet]:
    return nnx.split(nnx.eval_shape(lambda: WaveUNet(config, rngs=nnx.Rngs(0))))[0]


@cache
def _head_definition(config: WaveUNetConfig, spec: HeadSpec) -> nnx.GraphDef[Head]:
    return nnx.split(nnx.eval_shape(lambda: build_head(spec, config, rngs=nnx.Rngs(0))))[0]
