"""A critic of waveforms, after the one of WaveGAN (Donahue, McAuley, Puckette: ICLR 2019).

Kernels of 25 samples, strides of 4, channels that double, a leaky ReLU with a slope of 0.2, and one
number from all that is left. Of one channel, 16,384 samples and 64 filters it is the published
discriminator, without its phase shuffle. That hides checkerboards of transposed convolutions,
which a Wave-U-Net does not have, and would draw at random in every run of the critic.
"""

from dataclasses import dataclass

import jax
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from umir.priors.networks.layers import dense
from umir.wave_unet.parameters import Params
from umir.wave_unet.separators.layers import convolve, init_convolution

LEAK = 0.2
TAPS, STRIDE = 25, 4
SHORTEST = 16  # frames that are left at least, if so many went in


@dataclass(frozen=True)
class WaveformCritic:
    """Strided convolutions, as long as 16 frames or more come out, and a dense layer.

    Attributes:
        length: of the waveforms, in samples.
        channels: of all parts together.
        filters: of the first convolution, twice as many in each that follows.
    """

    length: int = 16_384
    channels: int = 1
    filters: int = 64

    @property
    def lengths(self) -> tuple[int, ...]:
        """Samples that go in, and frames after every convolution: at least one of them."""
        found = [self.length, -(-self.length // STRIDE)]
        while found[-1] >= STRIDE * SHORTEST:
            found.append(-(-found[-1] // STRIDE))
        return tuple(found)

    def init(self, key: PRNGKeyArray) -> Params:
        """Draw fresh parameters: Glorot's uniform kernels, biases of zero."""
        levels = len(self.lengths) - 1
        widths = (self.channels, *(self.filters << n for n in range(levels)))
        keys = jax.random.split(key, levels + 1)
        params = {
            f"level{n + 1}": init_convolution(keys[n], TAPS, widths[n], widths[n + 1])
            for n in range(levels)
        }
        return {
            **params,
            "output": init_convolution(keys[-1], (), self.lengths[-1] * widths[-1], 1),
        }

    def apply(
        self, params: Params, x: Float[Array, "batch time channel"]
    ) -> Float[Array, " batch"]:
        """Return a number for each waveform."""
        for n in range(1, len(self.lengths)):
            x = convolve(params[f"level{n}"], x, "same", stride=STRIDE)
            x = jax.nn.leaky_relu(x, LEAK)
        return dense(params["output"], x.reshape(len(x), -1))[:, 0]
