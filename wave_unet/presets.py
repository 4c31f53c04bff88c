"""Sizes of the body: the configuration of a Wave-U-Net, and the three that have names.

Each of the three comes as two kinds of body: a Wave-U-Net, which looks ahead, and a Seq-U-Net of
the same strides and widths, which does not (`umir.wave_unet.universal_seq_unet`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from umir.wave_unet.constant_q import ConstantQ

SPECTRUM_RATE = 100.0  # Hz
WAVE_UNET, SEQ_UNET = BODIES = ("wave_unet", "seq_unet")
# What a causal body waits for by default: an onset is hardly told from its first sample. Two frames
# of 100 Hz, so that frames stand at the same samples as without.
LOOKAHEAD_SECONDS = 0.02


@dataclass(frozen=True)
class WaveUNetConfig:
    """The shape of a Wave-U-Net; plain numbers, so that `dataclasses.asdict` can be stored.

    Level 0 is the waveform; level i is `strides[i - 1]` times slower than level i - 1. Kernels had
    better be odd: an even one sees half a sample of its level too early, at 12.5 Hz 40 ms.

    Attributes:
        preset: the name of this configuration.
        rate: sampling rate of the audio in Hz.
        channels: channels of the audio (1 mono, 2 stereo).
        strides: rate of each level over the rate of the next, from the waveform down.
        kernels: taps of the convolution into each level, in samples of the level above.
        widths: channels of each level.
        decoder_kernels: taps of the decoder's convolution at each level but the last.
        dilations: distances between the taps of the residual convolutions at the last level, each
            once.
        context_kernel: taps of each of those.
        bins_per_octave: filters of the constant-Q layer (`umir.wave_unet.constant_q`), whose output
            joins the encoder from `spectrum_level` down; 0 for a network without one.
        body: `wave_unet`, or the causal `seq_unet`.
        lookahead: samples after its own time that a frame of a causal body depends on.
    """

    preset: str = "custom"
    rate: int = 16_000
    channels: int = 1
    strides: tuple[int, ...] = (4, 4, 5, 2, 2, 2, 2, 2)
    kernels: tuple[int, ...] = (31, 15, 15, 7, 5, 5, 5, 5)
    widths: tuple[int, ...] = (32, 64, 96, 96, 96, 96, 96, 96)
    decoder_kernels: tuple[int, ...] = (5, 5, 5, 3, 3, 3, 3)
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16)
    context_kernel: int = 3
    bins_per_octave: int = 0
    body: str = WAVE_UNET
    lookahead: int = 0

    def __post_init__(self):
        levels = len(self.strides)
        if not levels == len(self.kernels) == len(self.widths) == len(self.decoder_kernels) + 1:
            raise ValueError(
                "strides, kernels and widths need one number per level, decoder_kernels one less: "
                f"got {levels}, {len(self.kernels)}, {len(self.widths)}, "
                f"{len(self.decoder_kernels)}"
            )
        self._check_sizes()
        if any(kernel % 2 == 0 for kernel in (*self.decoder_kernels, self.context_kernel)):
            raise ValueError("decoder_kernels and context_kernel must be odd, to be centred")
        if self.body not in BODIES:
            raise ValueError(f"body {self.body!r}: choose one of {', '.join(BODIES)}")
        # The samples of the waveform are given out together, as many as the first stride has.
        least = self.strides[0] - 1 if self.causal else 0
        if self.lookahead < least or (self.lookahead and not self.causal):
            raise ValueError(f"lookahead {self.lookahead}: a {self.body} takes {least} or more")

    def _check_sizes(self) -> None:
        """Raise a ValueError for numbers of which no network can be made, or not the one meant."""
        if min(self.strides, default=0) < 2:
            raise ValueError(f"strides {self.strides}: one level at least, each 2 or more slower")
        sizes = (*self.kernels, *self.widths, *self.dilations, self.rate, self.channels)
        if min(sizes) < 1:
            raise ValueError("kernels, widths, dilations, rate and channels must be 1 or more")
        if len({*self.dilations}) < len(self.dilations):
            # Layers are known by their dilation: two of one would share their parameters.
            raise ValueError(f"dilations {self.dilations}: each can come once")

    @property
    def causal(self) -> bool:
        """Whether a frame depends on nothing after its own time but `lookahead` samples."""
        return self.body == SEQ_UNET

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "WaveUNetConfig":
        """Return the configuration that `dataclasses.asdict` and JSON made of another one.

        Raises:
            ValueError: fields that this version does not know.
        """
        tuples: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()
        }
        try:
            return cls(**tuples)
        except TypeError as error:
            raise ValueError(f"the network's configuration cannot be read: {error}") from None

    @property
    def total_stride(self) -> int:
        """Samples per frame of the last level: lengths must be a multiple of it."""
        return math.prod(self.strides)

    @property
    def spectrum_level(self) -> int:
        """The first level that the constant-Q layer joins: of at most 100 Hz, or the last."""
        slow = (level for level, rate in enumerate(self.rates) if rate <= SPECTRUM_RATE)
        return next(slow, len(self.strides))

    @property
    def constant_q(self) -> ConstantQ | None:
        """The constant-Q layer; None for a network without one."""
        if not self.bins_per_octave:
            return None
        return ConstantQ(self.rate, self.hops[self.spectrum_level], self.bins_per_octave)

    @property
    def hops(self) -> tuple[int, ...]:
        """Samples per frame at every level, from 1 for the waveform."""
        return tuple(math.prod(self.strides[:level]) for level in range(len(self.strides) + 1))

    @property
    def rates(self) -> tuple[float, ...]:
        """Frames per second (Hz) at every level, from the sampling rate down."""
        return tuple(self.rate / hop for hop in self.hops)

    def level_of(self, rate: float) -> int:
        """Return the level that has this rate (Hz).

        Raises:
            ValueError: no level has it.
        """
        for level, known in enumerate(self.rates):
            if math.isclose(rate, known, rel_tol=1e-6):
                return level
        rates = ", ".join(f"{known:g}" for known in self.rates)
        raise ValueError(f"no level of {self.preset} has a rate of {rate:g} Hz: choose of {rates}")


def with_body(config: WaveUNetConfig, body: str) -> WaveUNetConfig:
    """Return the sizes of another kind of body: `wave_unet` or `seq_unet`, this with 20 ms ahead.

    Raises:
        ValueError: there is no such kind.
    """
    lookahead = round(LOOKAHEAD_SECONDS * config.rate) if body == SEQ_UNET else 0
    return replace(config, body=body, lookahead=lookahead)


# All three have a level at 100 Hz (onsets, beats, notes) and end at 6.25 Hz, where the dilated
# convolutions see about 10 s. The waveform is never touched by a narrow convolution of stride 1.
PRESETS: dict[str, WaveUNetConfig] = {
    "nano": WaveUNetConfig(preset="nano", bins_per_octave=36),
    "small": WaveUNetConfig(preset="small", widths=(64, 128) + (192,) * 6, bins_per_octave=36),
    "base": WaveUNetConfig(
        preset="base",
        rate=44_100,
        channels=2,
        strides=(3, 7, 3, 7, 2, 2, 2, 2),
        kernels=(15, 27, 15, 27, 5, 5, 5, 5),
        widths=(64, 256, 384, 384, 384, 384, 384, 384),
        bins_per_octave=36,
    ),
}


def preset_config(name: str, body: str = WAVE_UNET) -> WaveUNetConfig:
    """Return the size of network that a preset names, as one kind of body.

    Raises:
        ValueError: there is no such preset, or no such body; names all.
    """
    if name not in PRESETS:
        raise ValueError(f"no preset {name!r}: choose from {', '.join(PRESETS)}")
    config = PRESETS[name]
    return config if body == config.body else with_body(config, body)
