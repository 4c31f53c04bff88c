"""Texts and piano rolls out of a model, symbol by symbol, after a beginning.

Each symbol is drawn from what the network gives for all that it can see, computed anew: a text's
context is some 70 symbols, and a piece of music is short. (Audio, whose context is thousands of
samples, runs as a stream: `umir.sequence_tasks.audio_generation`.)
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from umir.annotations import Notes
from umir.sequence_tasks.language import Characters, Words
from umir.sequence_tasks.networks import cycle_of
from umir.sequence_tasks.piano_rolls import Roll, piece_batch
from umir.sequence_tasks.polyphonic_music import KEYS, PolyphonicMusic
from umir.sequence_tasks.texts import Symbols
from umir.wave_unet.parameters import Key, Params
from umir.wave_unet.sequences.input_checks import check_temperature

LOWEST_KEY = 21  # as MIDI counts
Progress = Callable[[range], Iterable[int]]


def continue_text(
    task: Characters | Words,
    params: Params,
    before: Symbols,
    count: int,
    *,
    key: Key,
    temperature: float = 1.0,
    progress: Progress = iter,
) -> Symbols:
    """Draw symbols one after another.

    Args:
        task: with the network.
        params: as `task.init` draws them.
        before: numbers of the symbols so far, at least one; where they are fewer than the network
            sees, the first one stands before them, again and again.
        count: symbols to draw.
        key: what to draw from.
        temperature: the logits are divided by it; 0 takes the most probable symbol.
        progress: iterates over the symbols and shows how far it is.

    Returns:
        The numbers of the new symbols.

    Raises:
        ValueError: nothing is before, or a temperature below 0.
    """
    if not len(before):
        raise ValueError("a text goes on from one symbol at least")
    check_temperature(temperature)
    seen = task.network.input_length(1)
    filled = np.concatenate([np.full(max(seen - len(before), 0), before[0]), before])
    window = jnp.asarray(filled[-seen:], jnp.int32)
    drawn = []
    for number in progress(range(count)):
        one = jax.random.fold_in(key, number)
        window = _next_window(task, params, window, one, jnp.float32(temperature))
        drawn.append(window[-1])
    return np.asarray(jax.device_get(drawn), np.int32)


def continue_roll(
    task: PolyphonicMusic,
    params: Params,
    before: Roll,
    count: int,
    *,
    key: Key,
    temperature: float = 1.0,
    progress: Progress = iter,
) -> Roll:
    """Draw frames one after another, each key of a frame by itself.

    Args:
        task: with the network.
        params: as `task.init` draws them.
        before: the piece so far; without frames, a silent one stands for it.
        count: frames to draw.
        key: what to draw from.
        temperature: the logits are divided by it; 0 takes what is more probable than not.
        progress: iterates over the frames and shows how far it is.

    Returns:
        The new frames.

    Raises:
        ValueError: a temperature below 0.
    """
    check_temperature(temperature)
    silent = np.zeros((1, KEYS), np.uint8)
    piece, start = (before, len(before)) if len(before) else (silent, 1)
    for number in progress(range(count)):
        batch = piece_batch(np.concatenate([piece, silent]), cycle_of(task.network))
        one = jax.random.fold_in(key, number)
        frame = _next_frame(task, params, batch, one, jnp.float32(temperature))
        piece = np.concatenate([piece, np.asarray(frame, np.uint8)[None]])
    return piece[start:]


def notes_of_roll(roll: Roll, frame_seconds: float) -> Notes:
    """Return the notes of a piano roll; a key that sounds in frames in a row is one note.

    Args:
        roll: shape `(frame, key)`.
        frame_seconds: length of a frame.
    """
    edges = np.diff(np.pad(roll.astype(np.int8), ((1, 1), (0, 0))), axis=0)
    found = [
        (onset, offset, key)
        for key in range(KEYS)
        for onset, offset in zip(*(np.nonzero(edges[:, key] == e)[0] for e in (1, -1)), strict=True)
    ]
    rows = np.array(sorted(found), np.float64).reshape(-1, 3)
    frequencies = 440.0 * 2.0 ** ((rows[:, 2] + LOWEST_KEY - 69) / 12)
    return Notes(rows[:, :2] * frame_seconds, frequencies)


@partial(jax.jit, static_argnums=0)
def _next_window(
    task: Any, params: Params, window: Int[Array, " time"], key: Key, temperature: Float[Array, ""]
) -> Int[Array, " time"]:
    """Return the window one symbol later."""
    logits = task.logits(params, window[None])[0, -1]
    tempered = logits / jnp.maximum(temperature, jnp.finfo(jnp.float32).tiny)
    drawn = jax.random.categorical(key, tempered)
    chosen = jnp.where(temperature > 0, drawn, jnp.argmax(logits)).astype(window.dtype)
    return jnp.append(window[1:], chosen)


@partial(jax.jit, static_argnums=0)
def _next_frame(
    task: Any, params: Params, batch: Mapping[str, Any], key: Key, temperature: Float[Array, ""]
) -> Int[Array, " key"]:
    """Return what follows the last position that the mask counts."""
    logits = task.logits(params, jnp.asarray(batch["inputs"]))[0]
    last = logits.shape[0] - 1 - jnp.argmax(jnp.flip(batch["mask"][0]))
    chances = jax.nn.sigmoid(logits[last] / jnp.maximum(temperature, 1e-6))
    drawn = jax.random.bernoulli(key, chances)
    return jnp.where(temperature > 0, drawn, logits[last] > 0).astype(jnp.int32)
