"""Weight normalisation: a kernel as directions and lengths, one length per output channel.

    kernel[:, :, c] = length[c] * direction[:, :, c] / |direction[:, :, c]|

(Salimans and Kingma 2016, arXiv:1602.07868, eq. 2.)
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from umir.wave_unet.parameters import Key, Params, init_uniform


def init_normed(key: Key, taps: int, channels_in: int, channels_out: int) -> Params:
    """Draw a convolution (`init_uniform`) whose kernel is `direction` and `length`."""
    drawn = init_uniform(key, taps, channels_in, channels_out)
    direction = drawn["kernel"]
    length = jnp.sqrt(jnp.sum(jnp.square(direction), axis=(0, 1)))
    return {"direction": direction, "length": length, "bias": drawn["bias"]}


def normed(params: Params) -> Params:
    """Return `kernel` and `bias` of what `init_normed` has drawn."""
    return {"kernel": normed_kernel(params), "bias": params["bias"]}


def normed_kernel(params: Params) -> Float[Array, "tap in_channel out_channel"]:
    """Return the kernel itself."""
    direction = params["direction"]
    norm = jnp.sqrt(jnp.sum(jnp.square(direction), axis=(0, 1), keepdims=True))
    return direction * (params["length"][None, None] / norm)
