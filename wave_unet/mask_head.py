"""Stems as masks of the mixture's spectrogram: what separates after minutes of training.

A mask says, for each frame and frequency, how much of the mixture belongs to a stem. The decoder of
the body stops at the masks' frame rate, which costs a third of decoding the waveform, and most of
what separation needs is there already: the mixture's phases, and sounds that the body tells apart.

    X[n, k]     = STFT of the mixture, frame n centred at n / rate seconds
    m[n, k, s]  = softmax over stems of (h[n] W[:, k, s] + b[k, s] + sum_j c[j, s] L_j[n, k])
    stem s      = overlap-add of m[n, k, s] X[n, k]

h are the decoder's features, L_j the levels of X as they are and averaged over time or frequency,
whose difference tells lasting tones from strokes (Fitzgerald 2010, "Harmonic/percussive separation
using median filtering"). Hann windows six hops long, before and after, add up to a constant, so
that masks that sum to one give stems that sum to the mixture.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jaxtyping import Complex, Float

from umir.wave_unet.constant_q import levels

OVERLAP = 6  # hops in a window: 60 ms at 100 Hz
# Frames whose windows begin before the first sample, or end after the last one, on either side.
BEFORE, AFTER = OVERLAP // 2 - 1, OVERLAP // 2
SMOOTHED_FRAMES, SMOOTHED_BINS = 9, 9  # that levels are averaged over, odd; at least OVERLAP
LEVELS = 3  # as they are, averaged over frames, averaged over bins


def spectrogram(
    waveform: Float[Array, "batch time channel"], hop: int
) -> Complex[Array, "batch frame bin channel"]:
    """Return the short-time Fourier transform.

    Args:
        waveform: shape `(batch, time, channel)`, `time` a multiple of the hop.
        hop: samples between two frames; windows have `OVERLAP` times as many.

    Returns:
        Frames `-BEFORE` to `time / hop - 1 + AFTER`, all that hear any sample; frame n is centred
        at sample `n * hop`.
    """
    batch, time, channel = waveform.shape
    margin = (OVERLAP - 1) * hop
    padded = jnp.pad(waveform, ((0, 0), (margin, margin), (0, 0)))
    blocks = padded.reshape(batch, -1, hop, channel)
    frames = time // hop + OVERLAP - 1
    cut = jnp.concatenate([blocks[:, i : i + frames] for i in range(OVERLAP)], axis=2)
    return jnp.fft.rfft(cut * _window(hop)[None, None, :, None], axis=2)


def overlap_add(
    spectrum: Complex[Array, "batch frame bin channel"], hop: int
) -> Float[Array, "batch time channel"]:
    """Return the waveform of a short-time Fourier transform: the inverse of `spectrogram`."""
    cut = jnp.fft.irfft(spectrum, OVERLAP * hop, axis=2) * _window(hop)[None, None, :, None]
    batch, frames, _, channel = cut.shape
    parts = cut.reshape(batch, frames, OVERLAP, hop, channel)
    moved = (
        jnp.pad(parts[:, :, i], ((0, 0), (i, OVERLAP - 1 - i), (0, 0), (0, 0)))
        for i in range(OVERLAP)
    )
    total = sum(moved, jnp.zeros(())) / (OVERLAP * 3 / 8)  # what the squared windows add up to
    inside = total[:, OVERLAP - 1 : frames]
    return inside.reshape(batch, -1, channel)


def mixture_levels(
    power: Float[Array, "batch heard_frame bin"],
) -> Float[Array, "batch frame bin level"]:
    """Return levels of a spectrogram's power: as they are, averaged over frames, over bins.

    Args:
        power: with `SMOOTHED_FRAMES // 2` frames more on either side than are returned.
    """
    heard, reach = levels(power), SMOOTHED_FRAMES // 2
    frames = heard.shape[1] - 2 * reach
    own = heard[:, reach : reach + frames]
    over_time = sum(heard[:, i : i + frames] for i in range(SMOOTHED_FRAMES)) / SMOOTHED_FRAMES
    side = SMOOTHED_BINS // 2
    wide = jnp.pad(own, ((0, 0), (0, 0), (side, side)), mode="edge")
    bins = own.shape[2]
    over_bins = sum(wide[:, :, i : i + bins] for i in range(SMOOTHED_BINS)) / SMOOTHED_BINS
    return jnp.stack([own, jnp.asarray(over_time), jnp.asarray(over_bins)], axis=-1)


class Masks(nnx.Module):
    """Parameters of the masks, and stems from features and mixture.

    Args:
        width: channels of the features.
        hop: samples per frame.
        stems: how many; one alone is masked against nothing in particular.
        small: draws weights of a shape.
    """

    def __init__(
        self, width: int, hop: int, stems: int, *, small: Callable[[tuple[int, ...]], Array]
    ):
        self.hop, self.stems = hop, stems
        bins, free = OVERLAP * hop // 2 + 1, max(stems - 1, 1)
        self.kernel = nnx.Param(small((width, bins * free)))
        self.level = nnx.Param(jnp.zeros((LEVELS, free)))
        self.offset = nnx.Param(jnp.zeros((bins, free)))

    def __call__(
        self,
        features: Float[Array, "batch frame width"],
        mixture: Float[Array, "batch time channel"],
    ) -> Float[Array, "batch time stem channel"]:
        """Return the stems that have masks of their own: all but the last, or the only one."""
        spectrum = spectrogram(mixture, self.hop)
        masks = self._masks(features, spectrum)
        found = [
            overlap_add(_masked(spectrum, masks[..., stem]), self.hop)
            for stem in range(masks.shape[-1])
        ]
        return jnp.stack(found, axis=2)

    def _masks(
        self,
        features: Float[Array, "batch frame width"],
        spectrum: Complex[Array, "batch any_frame bin channel"],
    ) -> Float[Array, "batch any_frame bin stem"]:
        """Return masks in (0, 1), for the frames of the spectrum; those outside hold the last."""
        logits = features @ self.kernel[...]
        logits = logits.reshape(*features.shape[:2], *self.offset[...].shape)
        logits = logits + self.offset[...][None, None]
        power = jnp.mean(jnp.square(spectrum.real) + jnp.square(spectrum.imag), axis=-1)
        power = power / jnp.sum(_window(self.hop)) ** 2
        # The average over time hears silence where no window hears the mixture.
        reach = SMOOTHED_FRAMES // 2
        power = jnp.pad(power, ((0, 0), (reach - BEFORE, reach - AFTER), (0, 0)))
        logits = logits + mixture_levels(power) @ self.level[...]
        logits = jnp.pad(logits, ((0, 0), (BEFORE, AFTER), (0, 0), (0, 0)), mode="edge")
        rest = jnp.zeros_like(logits[..., :1])
        return jax.nn.softmax(jnp.concatenate([logits, rest], axis=-1))[..., :-1]


def _masked(spectrum: Complex[Array, "..."], mask: Float[Array, "..."]) -> Complex[Array, "..."]:
    """Return the spectrum times a mask that all channels share."""
    shared = mask[..., None]
    return jax.lax.complex(spectrum.real * shared, spectrum.imag * shared)


def _window(hop: int) -> Float[Array, " sample"]:
    """Return a periodic Hann window of `OVERLAP` hops, centred at its middle sample."""
    phase = np.arange(OVERLAP * hop) / (OVERLAP * hop)
    return jnp.asarray(0.5 - 0.5 * np.cos(2 * np.pi * phase), jnp.float32)
