"""Networks small enough to check, with parameters none of which is zero."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from umir.wave_unet.sequences import TCN, ResidualSeqUNet, SeqUNet, WaveNet

PLAIN = SeqUNet(channels=2, widths=(3, 4, 5), outputs=2, taps=3, dropout=0.5)
RESIDUAL = ResidualSeqUNet(channels=2, outputs=2, levels=3, width=4, taps=5, depth=2)
UNETS = [PLAIN, RESIDUAL]
NANO_TCN = TCN(channels=2, widths=(3, 4), outputs=2, taps=3, dropout=0.5)
NANO_WAVENET = WaveNet(2, 2, stacks=2, layers=2, width=3, skip_width=4)
STACKS = [NANO_TCN, NANO_WAVENET]


def draw(net, seed=0):
    """Return parameters of a net, biases among them drawn from a normal distribution too."""
    params = jax.eval_shape(net.init, jax.random.key(0))
    leaves, structure = jax.tree.flatten(params)
    rng = np.random.default_rng(seed)
    fresh = [
        jnp.asarray(rng.standard_normal(x.shape) / np.sqrt(np.prod(x.shape[:-1])), jnp.float32)
        for x in leaves
    ]
    return jax.tree.unflatten(structure, fresh)


def noise(batch, time, channels=2, seed=1):
    """Return a signal of noise."""
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.standard_normal((batch, time, channels)), jnp.float32)


@partial(jax.jit, static_argnames=("net", "padding", "anchor"))
def run(net, params, x, **options):
    """Apply a net, compiled."""
    return net.apply(params, x, **options)
