"""The causal body that all tasks can share: a Seq-U-Net with the sizes of the Wave-U-Net's.

Stoller et al. 2020 (arXiv:1911.06393) make a U-Net causal by convolutions that look back only, on
the way down and up. This body does so with the strides, widths and scales of
`umir.wave_unet.wave_unet`, so that every head, task and preset fits both. What differs:

- Frame n of rate r stands at n / r seconds and is computed of samples up to `config.lookahead`
  after that, and of none later, at every level and in every phase: that is the algorithmic latency.
- A fast level reads a slower one as it was: frame p the slow frames up to `floor(p / stride)`, by a
  transposed convolution with taps of its own for each phase, where the other body interpolates.
- The windows of the constant-Q layer end with the frame instead of lying around it, and slower
  levels hear the mean of the frames since their last one.

Nothing is normalised over time. `lookahead` shifts the whole network: inside, position q holds
sample `q + lookahead`, and everything is causal in the strict sense.
"""

from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from umir.wave_unet.constant_q import (
    ConstantQ,
    anti_alias_filter,
    filters,
    mean_of_channels,
    one_by_one,
    power_of_parts,
)
from umir.wave_unet.parameters import Key, Params
from umir.wave_unet.presets import WaveUNetConfig
from umir.wave_unet.sequences.causal_convolution import (
    add_bias,
    causal_convolution,
    causal_upsampling,
    upsampling_reach,
)
from umir.wave_unet.sequences.causal_stage import Call, CausalStage, run_or_skip, whole_file
from umir.wave_unet.sequences.history import History
from umir.wave_unet.sequences.signal import Signal
from umir.wave_unet.wave_unet import (
    BOUNDED_RATE,
    INPUT_SCALE,
    LOUD,
    SPECTRUM_TAPS,
    check_waveform,
    feature_name,
    soft_normalise,
)

# Slow frames that each fast one reads on the way up: the newest and the one before.
FRAMES_READ = 2


@dataclass(frozen=True)
class Hear(CausalStage):
    """The power of each filter of the constant-Q layer, of windows that end with the frame.

    Attributes:
        bank: the filterbank; `factor` is its hop.
    """

    bank: ConstantQ

    def run(self, params: Params, history: History, *signals: Signal) -> Signal:
        """Return the power of samples, mean over the channels."""
        del params
        (x,), bank = signals, self.bank
        mono = Signal(one_by_one(x.values), x.first)
        low, high = ({"kernel": jnp.asarray(f)} for f in filters(bank, causal=True))
        anti_alias = anti_alias_filter(bank.rate, bank.decimation)[:, None, None]
        slow = causal_convolution(
            {"kernel": jnp.asarray(anti_alias)}, mono, history, "slow", stride=bank.decimation
        )
        of_low = causal_convolution(low, slow, history, "low", stride=bank.hop // bank.decimation)
        of_high = causal_convolution(high, mono, history, "high", stride=bank.hop)
        parts = [power_of_parts(y.values) for y in (of_low, of_high)]
        power = jnp.concatenate(parts, axis=-1)
        return Signal(mean_of_channels(power, x.values.shape[2]), of_low.first)


@dataclass(frozen=True)
class Average(CausalStage):
    """The mean of the last `factor` frames, at every `factor`-th."""

    def run(self, params: Params, history: History, *signals: Signal) -> Signal:
        """Return the power at the slower rate."""
        del params
        (x,) = signals
        x = history.before("average", x, self.factor - 1)
        skipped = -(x.first + self.factor - 1) % self.factor
        frames = (x.values.shape[1] - skipped) // self.factor
        kept = x.values[:, skipped : skipped + frames * self.factor]
        grouped = kept.reshape(kept.shape[0], frames, self.factor, kept.shape[2])
        return Signal(grouped.mean(axis=2), (x.first + self.factor - 1 + skipped) // self.factor)


@dataclass(frozen=True)
class Encode(CausalStage):
    """A level on the way down: a strided convolution, and what the constant-Q layer hears there.

    Attributes:
        bounded: whether loud frames are held.
        bank: the constant-Q layer, where it joins.
    """

    bounded: bool
    bank: ConstantQ | None = None

    def run(self, params: Params, history: History, *signals: Signal) -> Signal:
        """Return features of the level above and, beside it, of a power at this level's rate."""
        x = causal_convolution(params["strided"], signals[0], history, "x", stride=self.factor)
        y = activated(x.values, self.bounded)
        if self.bank is not None:
            power = signals[1]
            heard = Signal(self.bank.features(power.values), power.first)
            z = causal_convolution(params["spectrum"], heard, history, "spectrum")
            y = y + activated(z.values, self.bounded)
        return Signal(y, x.first)


@dataclass(frozen=True)
class Context(CausalStage):
    """The residual convolutions at the last level.

    Attributes:
        dilations: distances between the taps of each.
    """

    dilations: tuple[int, ...]

    def run(self, params: Params, history: History, *signals: Signal) -> Signal:
        """Return the features with what came up to ten seconds before."""
        (x,) = signals
        for dilation in self.dilations:
            name = f"dilation{dilation}"
            y = causal_convolution(params[name], x, history, name, dilation=dilation)
            x = Signal(x.values + activated(y.values, True), x.first)
        return x


@dataclass(frozen=True)
class Join(CausalStage):
    """A level on the way up: what was seen on the way down, and the level below as it was.

    Attributes:
        bounded: whether loud frames are held.
    """

    bounded: bool

    @property
    def slows(self) -> tuple[bool, ...]:
        """Its one signal is at the faster rate."""
        return (False,)

    def run(self, params: Params, history: History, *signals: Signal) -> Signal:
        """Return features at the rate of the first signal, `skip`."""
        skip, low = signals
        reach = upsampling_reach(params["low"].shape[0], self.factor)
        low = history.before("low", low, reach)
        span = skip.first, skip.end
        risen = causal_upsampling({"kernel": params["low"]}, low, *span, stride=self.factor)
        x = causal_convolution({"kernel": params["skip"]}, skip, history, "skip")
        y = add_bias(risen.values + x.values, params)
        return Signal(activated(y, self.bounded), skip.first)


def activated(y: Float[Array, "batch frame channel"], bounded: bool) -> Array:
    """Return SiLU, of frames that are held where they are loud."""
    return jax.nn.silu(soft_normalise(y, LOUD) if bounded else y)


@dataclass(frozen=True)
class UniversalSeqUNet:
    """The body, without its parameters.

    Attributes:
        config: sizes; `config.causal` holds.
    """

    config: WaveUNetConfig

    def init(self, key: Key) -> Params:
        """Draw fresh parameters: kernels that keep the size of what they are given, no bias."""
        config, last = self.config, len(self.config.strides)
        widths, bank = (config.channels, *config.widths), config.constant_q
        keys = iter(jax.random.split(key, 4 * last + len(config.dilations)))
        initialise = jax.nn.initializers.variance_scaling(2.0, "fan_in", "normal")

        def drawn(taps: int, above: int, width: int) -> Params:
            kernel = initialise(next(keys), (taps, above, width))
            return {"kernel": kernel, "bias": jnp.zeros((width,))}

        encoder, decoder = {}, {}
        for level in range(1, last + 1):
            sizes = config.kernels[level - 1], widths[level - 1], widths[level]
            encoder[f"level{level}"] = {"strided": drawn(*sizes)}
            if bank is not None and level >= config.spectrum_level:
                taps = SPECTRUM_TAPS if level == config.spectrum_level else 1
                heard = drawn(taps, bank.n_features, widths[level])
                encoder[f"level{level}"]["spectrum"] = heard
        for level in range(1, last):
            taps, width = config.decoder_kernels[level - 1], widths[level]
            low = drawn(FRAMES_READ * config.strides[level], widths[level + 1], width)
            skip = drawn(taps, width, width)
            # Each phase reads its own two taps, and both sums go into one activation.
            decoder[f"level{level}"] = {
                "low": low["kernel"] * (config.strides[level] / 2) ** 0.5,
                "skip": skip["kernel"] * 0.5**0.5,
                "bias": skip["bias"],
            }
        width, taps = widths[last], config.context_kernel
        context = {f"dilation{n}": drawn(taps, width, width) for n in config.dilations}
        return {"encoder": encoder, "context": context, "decoder": decoder}

    def apply(
        self, params: Params, waveform: Float[Array, "batch time channel"], rate: float
    ) -> dict[str, Float[Array, "batch _ _"]]:
        """Compute features on everything at once; see `umir.wave_unet.WaveUNet`.

        Before the waveform every layer's past is zeros, after it there is silence.
        """
        top = check_waveform(self.config, waveform, rate)
        ahead = self.config.lookahead
        x = jnp.pad(waveform, ((0, 0), (0, ahead), (0, 0)))
        features = self.run(params, Signal(x, -ahead), top, whole_file())
        time = waveform.shape[1]
        return {
            name: signal.within(0, time // hop).values
            for (name, signal), hop in zip(features.items(), self._hops(top), strict=True)
        }

    def run(self, params: Params, x: Signal, top: int, call: Call) -> dict[str, Signal]:
        """Run the stages down to the last level, and up again to that of number `top`.

        Args:
            params: as `init` returns them.
            x: the waveform, at positions that are `lookahead` samples early.
            top: the level to stop at.
            call: runs a stage.

        Returns:
            The features by name, at positions that may be negative.
        """
        config, last = self.config, len(self.config.strides)
        features, encoded = {}, [x]
        power: tuple[Signal, ...] = ()
        heard, x = x, Signal(x.values * INPUT_SCALE, x.first)
        for level in range(1, last + 1):
            hearing = self._hearing(level)
            if hearing is not None:
                power = (run_or_skip(call, f"hear{level}", hearing, {}, heard),)
                heard = power[0]
            own, width = params["encoder"][f"level{level}"], config.widths[level - 1]
            name, encode = f"encoder{level}", self._encode(level)
            x = run_or_skip(call, name, encode, own, x, *power, width=width)
            features[feature_name("encoder", config.rates[level])] = x
            encoded.append(x)
        context = Context(1, config.dilations)
        x = run_or_skip(call, "context", context, params.get("context", {}), x)
        features[feature_name("decoder", config.rates[last])] = x
        for level in range(last - 1, top - 1, -1):
            join = Join(config.strides[level], config.rates[level] <= BOUNDED_RATE)
            own = params["decoder"][f"level{level}"]
            x = run_or_skip(call, f"decoder{level}", join, own, encoded[level], x)
            features[feature_name("decoder", config.rates[level])] = x
        return features

    def _hops(self, top: int) -> list[int]:
        """Return the samples per frame of each feature, in the order in which `run` has them."""
        hops = self.config.hops
        return [*hops[1:], *reversed(hops[top:])]

    def _hearing(self, level: int) -> CausalStage | None:
        """Return the stage that gives the power at a level; None where there is none."""
        bank, fastest = self.config.constant_q, self.config.spectrum_level
        if bank is None or level < fastest:
            return None
        return Hear(bank.hop, bank) if level == fastest else Average(self.config.strides[level - 1])

    def _encode(self, level: int) -> Encode:
        config = self.config
        joins = config.constant_q is not None and level >= config.spectrum_level
        bank = config.constant_q if joins else None
        return Encode(config.strides[level - 1], config.rates[level] <= BOUNDED_RATE, bank)


@cache
def universal_seq_unet(config: WaveUNetConfig) -> UniversalSeqUNet:
    """Return the causal body of a configuration."""
    return UniversalSeqUNet(config)
