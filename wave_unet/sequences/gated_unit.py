"""Residual units with a gate: `y = identity(x) + tanh(a(x)) * sigmoid(b(x))`.

The unit of the residual Seq-U-Net (Stoller et al. 2020, arXiv:1911.06393). Both
convolutions are one of twice the width. A strided unit keeps every second sample as its identity, a
transposed one repeats every frame; a unit with a condition reads it beside `x`, and the identity is
that of `x` alone. Identities are always aligned with the output: same moment, nothing later.
"""

import jax
import jax.numpy as jnp
from jax import Array

from umir.wave_unet.parameters import Key, Params, init_uniform
from umir.wave_unet.sequences.causal_convolution import (
    STRIDE,
    causal_upsampling,
    upsampling_reach,
    windows,
)
from umir.wave_unet.sequences.history import History
from umir.wave_unet.sequences.signal import Signal


def init_gated_unit(key: Key, taps: int, width: int, *, conditioned: bool = False) -> Params:
    """Draw a unit: `kernel`, `(tap, width or 2 width, 2 width)`, and `bias`.

    Args:
        key: what to draw from.
        taps: of the convolutions.
        width: channels of the output, and of the input.
        conditioned: whether as many channels of a condition come beside.
    """
    return init_uniform(key, taps, width * (2 if conditioned else 1), 2 * width)


def gated_unit(
    params: Params,
    x: Signal,
    history: History,
    name: str,
    *,
    stride: int = 1,
    condition: Signal | None = None,
) -> Signal:
    """Run a unit at the rate of `x`, or at a slower one.

    Args:
        params: as `init_gated_unit` returns them.
        x: the signal.
        history: what lies before.
        name: of the unit in the history.
        stride: 1, or 2 to keep only even positions.
        condition: a second signal, which may start later or end later than `x`.

    Returns:
        As many channels as `x`.
    """
    width = x.values.shape[2]
    if condition is not None:
        x = _beside(x, condition)
    taps = params["kernel"].shape[0]
    x = history.before(name, x, taps - 1)
    gate = _gate(windows(params, x, stride))
    start = gate.first * stride - x.first
    return _plus(x.values[:, start::stride, :width], gate)


def gated_upsampling(
    params: Params, x: Signal, history: History, name: str, first: int, end: int
) -> Signal:
    """Run a transposed unit, which doubles the rate.

    Args:
        params: as `init_gated_unit` returns them.
        x: the slow signal.
        history: what lies before.
        name: of the unit in the history.
        first: first wanted position, at the rate of the output.
        end: position after the last wanted one.

    Returns:
        The wanted positions, as far as they have a full past.
    """
    x = history.before(name, x, upsampling_reach(params["kernel"].shape[0]))
    gate = _gate(causal_upsampling(params, x, first, end))
    repeated = Signal(jnp.repeat(x.values, STRIDE, axis=1), STRIDE * x.first)
    return _plus(repeated.within(gate.first, gate.end).values, gate)


def _gate(x: Signal) -> Signal:
    a, b = jnp.split(x.values, 2, axis=-1)
    return Signal(jnp.tanh(a) * jax.nn.sigmoid(b), x.first)


def _plus(identity: Array, gate: Signal) -> Signal:
    return Signal(identity + gate.values, gate.first)


def _beside(x: Signal, condition: Signal) -> Signal:
    """Concatenate the channels of two signals where both are there."""
    x = x.within(condition.first, condition.end)
    condition = condition.within(x.first, x.end)
    return Signal(jnp.concatenate([x.values, condition.values], axis=-1), x.first)
