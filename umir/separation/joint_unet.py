"""One U-Net with two heads: what every source is, and when one of them is there.

    Stoller, Ewert, Dixon: Jointly detecting and separating singing voice, LVA/ICA 2018.

    mixture ──> log(1 + |X|) ──> U-Net ──┬──> masks of |X| ──> sources
                                         └──> one filter over all bins ──> logit of each frame

The U-Net is that of the adversarial separation with leaky ReLUs and a path at its bottom through
which every bin sees all others. The paper leaves open how wide that path is (here a quarter of the
bottom), the slope of the ReLUs (0.2, the default of its TensorFlow) and what bounds the masks (here
a sigmoid each). Sources keep the phase of the mixture; the paper goes on with ten iterations of
Griffin and Lim.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from umir.priors.networks import SeparationUNet
from umir.separation.magnitude_unet import MagnitudeUNet
from umir.wave_unet.parameters import Key, Params
from umir.wave_unet.separators.layers import convolve, init_convolution

LEAK = 0.2


@dataclass(frozen=True)
class JointUNet(MagnitudeUNet):
    """A U-Net that separates by masks, and detects one of the sources, without its parameters.

    Attributes:
        rate: sampling rate in Hz.
        frames: that two neighbours of come out as well: 128, so that 222 go in and 130 come out.
        detected: name of the source whose activity it tells.

    Raises:
        ValueError: `detected` is none of the sources.
    """

    rate: int = 22_050
    frames: int = 128
    detected: str = "vocals"

    def __post_init__(self):
        super().__post_init__()
        if self.detected not in self.sources:
            raise ValueError(
                f"{self.detected!r} cannot be detected: the sources are {', '.join(self.sources)}"
            )

    @property
    def unet(self) -> SeparationUNet:
        """The network between the spectrograms."""
        plain = SeparationUNet(self.sources, self.filters, self.levels)
        bottom = plain.bottom(plain.input_space((self.bins, self.frames + 2))[0])
        return SeparationUNet(self.sources, self.filters, self.levels, LEAK, bottom)

    @property
    def frame_rate(self) -> float:
        """Frames of activity per second, in Hz."""
        return self.rate / self.hop

    def init(self, key: Key) -> Params:
        """Draw fresh parameters: Glorot's uniform kernels, biases of zero."""
        own, last = jax.random.split(key)
        detector = init_convolution(last, (self._output[0], 1), self.unet.features_out, 1)
        return self.unet.init(own) | {"detector": detector}

    def magnitudes(
        self, params: Params, seen: Float[Array | np.ndarray, "batch bin frame 1"]
    ) -> dict[str, Float[Array, "batch bin kept 1"]]:
        """Return log(1 + magnitude) of every source; see `MagnitudeUNet.magnitudes`."""
        return self.both(params, seen)[0]

    def activity(
        self, params: Params, seen: Float[Array | np.ndarray, "batch bin frame 1"]
    ) -> Float[Array, "batch kept"]:
        """Return the logit that `detected` is there, at the `frames + 2` frames in the middle."""
        return self.both(params, seen)[1]

    def both(
        self, params: Params, seen: Float[Array | np.ndarray, "batch bin frame 1"]
    ) -> tuple[dict[str, Float[Array, "batch bin kept 1"]], Float[Array, "batch kept"]]:
        """Return what `magnitudes` and `activity` do, of one run of the U-Net."""
        mixture = self.padded(seen)
        features = self.unet.features(params, mixture)
        linear = jnp.expm1(features[:, : self.bins, :, :1])  # the mixture, as much as comes out
        found = {}
        for name in self.sources:
            mask = jax.nn.sigmoid(convolve(params[f"source_{name}"], features))
            found[name] = jnp.log1p(linear * mask[:, : self.bins])
        return found, convolve(params["detector"], features)[:, 0, :, 0]
