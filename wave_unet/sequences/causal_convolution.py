"""Convolutions that see the present and the past only.

The output at position n reads inputs up to position n; strided, it stands at the positions that are
multiples of the stride, which become positions n / stride of the slower signal. The transpose goes
the other way: output p reads the frames up to `floor(p / stride)`, each of which reaches as many
outputs forward as there are taps.

One output frame is computed as a matrix product, not as a convolution: convolutions inside a loop
(`jax.lax.scan`) are tens of times slower on a CPU, and one frame is all that a step of generation
needs.
"""

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from umir.wave_unet.convolution import convolution, transposed_convolution
from umir.wave_unet.parameters import Params
from umir.wave_unet.sequences.history import History
from umir.wave_unet.sequences.signal import Signal

STRIDE = 2  # of everything that changes the rate in the networks of the paper


def causal_convolution(
    params: Params,
    x: Signal,
    history: History,
    name: str = "",
    *,
    stride: int = 1,
    dilation: int = 1,
) -> Signal:
    """Convolve a signal with what the history has before it.

    Args:
        params: `kernel` and `bias`.
        x: the signal.
        history: what lies before.
        name: of the layer in the history.
        stride: 1 or more; kept are the positions that are multiples of it.
        dilation: distance between taps.

    Returns:
        Outputs at all positions that have a full past.
    """
    reach = (params["kernel"].shape[0] - 1) * dilation
    return windows(params, history.before(name, x, reach), stride, dilation)


def windows(params: Params, x: Signal, stride: int = 1, dilation: int = 1) -> Signal:
    """Convolve where every tap meets a frame: `causal_convolution` after the history is there."""
    reach = (params["kernel"].shape[0] - 1) * dilation
    skipped = -(x.first + reach) % stride
    values = _valid(params, x.values[:, skipped:], stride, dilation)
    return Signal(add_bias(values, params), (x.first + reach + skipped) // stride)


def upsampling_reach(taps: int, stride: int = STRIDE) -> int:
    """Return how many frames before its newest one `causal_upsampling` needs.

    Where no new frame has come yet, the newest one is itself of the past.
    """
    return -(-(taps - 1) // stride)


def causal_upsampling(
    params: Params, x: Signal, first: int, end: int, *, stride: int = STRIDE
) -> Signal:
    """Convolve at a multiple of the rate (transposed), where no frame of the past is missing.

    With K taps and stride s, output `s q + b` reads as many frames up to q as there are taps
    K - 1 - b, K - 1 - b - s, ... from 0 on, the first of them for frame q.

    Args:
        params: `kernel`, `(tap, in, out)` with at least as many taps as the stride, over the signal
            with `stride - 1` zeros after every frame, and `bias`, if any.
        x: the signal with its past in front: `upsampling_reach` frames.
        first: first wanted position, at the rate of the output.
        end: position after the last wanted one.
        stride: positions of the output per frame.

    Returns:
        The outputs at the wanted positions, as far as they have a full past.
    """
    kernel = params["kernel"]
    lost = kernel.shape[0] - stride
    first, end = max(first, stride * x.first + lost), min(end, stride * x.end)
    if end <= first:
        return Signal(jnp.zeros((x.values.shape[0], 0, kernel.shape[2]), x.values.dtype), first)
    if end - first == 1:
        now, oldest = first // stride + 1, (kernel.shape[0] - 1 - first) % stride
        taps = kernel[oldest::stride]
        frames = x.within(now - taps.shape[0], now)
        values = _one_frame(frames.values, taps, params.get(f"rows{oldest}"))
        return Signal(add_bias(values, params), first)
    adjoint = jnp.flip(kernel, 0).swapaxes(1, 2)
    space = stride * (x.values.shape[1] - 1) + kernel.shape[0]
    values = transposed_convolution(
        x.values, adjoint, space=(space,), stride=stride, padding="valid", exact=True
    )
    values = add_bias(values, params)
    return Signal(values, stride * x.first).within(first, end)


def add_bias(
    x: Float[Array, "batch time channel"], params: Params
) -> Float[Array, "batch time channel"]:
    """Add the bias of a layer, if it has one."""
    return x + params["bias"][None, None] if "bias" in params else x


@jax.jit
def with_rows(params: Params) -> Params:
    """Return parameters whose kernels stand by as matrices too, for steps of one frame.

    The matrices are `(out, tap * in)`: a product with one frame then reads memory in order, at the
    rate that the machine has. For generation and for streams in blocks of one sample; it takes as
    much memory again as the kernels.
    """
    prepared = {}
    for name, value in params.items():
        prepared[name] = with_rows(value) if isinstance(value, dict) else value
        if name == "transposed":
            phases = {f"rows{n}": _rows(value["kernel"][n::STRIDE]) for n in range(STRIDE)}
            prepared[name] = value | phases
    if "kernel" in params:
        prepared["rows"] = _rows(params["kernel"])
    return prepared


def _rows(kernel: Array) -> Array:
    return kernel.reshape(-1, kernel.shape[2]).T


def _one_frame(window: Array, kernel: Array, rows: Array | None) -> Array:
    """Return the one output of a window as long as the kernel; `rows` are the kernel's, if any."""
    window = window.reshape(window.shape[0], -1)
    if rows is None:
        return (window @ kernel.reshape(-1, kernel.shape[2]))[:, None]
    return lax.dot_general(window, rows, (((1,), (1,)), ((), ())))[:, None]


def _valid(params: Params, x: Array, stride: int, dilation: int) -> Array:
    """Convolve without padding; a signal that is too short gives no frames."""
    kernel = params["kernel"]
    batch, time, _ = x.shape
    taps, _, channels = kernel.shape
    frames = max((time - (taps - 1) * dilation - 1) // stride + 1, 0)
    if frames == 0:
        return jnp.zeros((batch, 0, channels), x.dtype)
    if frames == 1:
        window = x[:, : (taps - 1) * dilation + 1 : dilation]
        return _one_frame(window, kernel, params.get("rows"))
    # What comes later must not show, not even by rounding.
    return convolution(x, kernel, stride=stride, dilation=dilation, padding="valid", exact=True)
