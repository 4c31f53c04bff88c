"""Audio out of a residual Seq-U-Net, sample by sample, after a prefix or out of silence.

The generation of `umir.wave_unet.sequences` runs in one compiled loop, and nobody can stop it; so
it is called for blocks of half a second or so, each a multiple of the network's cycle: the state
then has the same phase before every block, and one program serves all of them.
"""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from umir.sequence_tasks.mu_law import CLASSES, SILENCE
from umir.sequence_tasks.raw_audio import RawAudio
from umir.wave_unet.parameters import Key, Params
from umir.wave_unet.sequences import CausalUNet, StreamState, generate, with_rows

BLOCK_SECONDS = 0.5


def generate_audio(
    task: RawAudio,
    params: Params,
    count: int,
    *,
    key: Key,
    temperature: float = 0.95,
    prefix: UInt8[np.ndarray, " time"] | None = None,
    progress: Callable[[range], Iterable[int]] = iter,
) -> UInt8[np.ndarray, " new_time"]:
    """Draw samples one after another.

    Args:
        task: with the network.
        params: as `task.init` draws them.
        count: samples to draw.
        key: what to draw from.
        temperature: the logits are divided by it; 0 takes the most probable class.
        prefix: classes of what comes before; None: nothing. Before that there is silence, as far as
            the network hears: it was trained so, and not on a start without any history.
        progress: iterates over the blocks and shows how far it is.

    Returns:
        The classes, without the prefix.

    Raises:
        ValueError: a network that cannot generate.
    """
    network = task.network
    if not isinstance(network, CausalUNet):
        raise ValueError("only Seq-U-Nets generate: a WaveNet has no fast generation here")
    history = -(-network.receptive_field // network.cycle) * network.cycle
    before = np.full(history, SILENCE, np.uint8)
    if prefix is not None:
        before = np.concatenate([before, prefix])
    state = after(network, params["network"], before[:-1])
    last = jnp.asarray(before[-1:], jnp.int32)
    prepared = with_rows(params["network"])
    block = -(-round(BLOCK_SECONDS * task.rate) // network.cycle) * network.cycle
    parts = []
    for number in progress(range(-(-count // block))):
        drawn = jax.random.fold_in(key, number)
        state, classes = generate(
            network, prepared, state, last, block, key=drawn, temperature=temperature
        )
        last = classes[:, -1]
        parts.append(np.asarray(classes[0], np.uint8))
    return np.concatenate(parts)[:count]


def after(network: CausalUNet, params: Any, classes: UInt8[np.ndarray, " time"]) -> StreamState:
    """Return the state of a stream after some samples, which may be none."""
    state = network.init_state(params)
    block = 16 * network.cycle
    step = jax.jit(network.step)
    whole = len(classes) // block * block
    for start in range(0, whole, block):
        state, _ = step(params, state, _one_hot(classes[start : start + block]))
    if whole < len(classes):
        state, _ = step(params, state, _one_hot(classes[whole:]))
    return state


def _one_hot(classes: UInt8[np.ndarray, " time"]) -> jax.Array:
    return jax.nn.one_hot(jnp.asarray(classes, jnp.int32), CLASSES)[None]
