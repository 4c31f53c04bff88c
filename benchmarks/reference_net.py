"""The net that speed is measured on: a classic Wave-U-Net, the same in JAX and in PyTorch.

Six levels, 16 filters more at each, kernels of 15 going down and 5 coming up, decimation by 2,
linear upsampling, skip concatenation (Stoller et al. 2018, arXiv:1806.03185, table 1, made
smaller): 691,000 parameters. Both sides are written from one list of layers and checked against
each other, so that times can be compared.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from umir.wave_unet.convolution import convolution
from umir.wave_unet.resampling import upsample_linear

LEVELS = 6
FILTERS = 16
DOWN, UP = 15, 5
LEAK = 0.1
BATCH, TIME = 4, 16_384


class Layer(NamedTuple):
    """One convolution: its name, kernel shape `(taps, in, out)` and length in samples."""

    name: str
    shape: tuple[int, int, int]
    time: int


def layers(time: int = TIME) -> Iterator[Layer]:
    """Yield the convolutions of the net in the order in which they run."""
    widths = [1, *(FILTERS * level for level in range(1, LEVELS + 2))]
    for level in range(LEVELS + 1):
        shape = (DOWN, widths[level], widths[level + 1])
        yield Layer(f"down{level}", shape, time >> level)
    for level in reversed(range(LEVELS)):
        shape = (UP, widths[level + 1] + widths[level + 2], widths[level + 1])
        yield Layer(f"up{level}", shape, time >> level)
    yield Layer("output", (1, FILTERS + 1, 1), time)


def gradient_flops(batch: int = BATCH, time: int = TIME) -> float:
    """Return the multiplications and additions of all convolutions of one gradient.

    Every convolution runs forward, towards its input and towards its kernel; the first has no
    gradient towards its input.
    """
    return sum(
        2 * batch * layer.time * np.prod(layer.shape) * (2 if layer.name == "down0" else 3)
        for layer in layers(time)
    )


def init(seed: int) -> dict[str, dict[str, np.ndarray]]:
    """Draw the parameters as numpy arrays: kernels `(taps, in, out)` and biases by layer."""
    rng = np.random.default_rng(seed)
    return {
        layer.name: {
            "kernel": (rng.standard_normal(layer.shape) / np.sqrt(np.prod(layer.shape[:2]))).astype(
                np.float32
            ),
            "bias": np.zeros(layer.shape[-1], np.float32),
        }
        for layer in layers()
    }


def examples(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw an input and a target of shape `(batch, time, 1)`."""
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal((BATCH, TIME, 1)).astype(np.float32) for _ in range(2))


def loss(params: Any, batch: Any, key: Any = None) -> jax.Array:
    """Return the squared error of the net in JAX, in the form that `umir.meta` takes."""
    del key
    params = params.get("body", params)
    x, target = batch

    def layer(name: str, x: jax.Array) -> jax.Array:
        return convolution(x, params[name]["kernel"]) + params[name]["bias"][None, None]

    return _squared_error(_wave_unet(x, layer, _JAX) - target)


def torch_loss(params: Any, batch: Any) -> Any:
    """Return the squared error of the net in PyTorch: kernels `(out, in, taps)`, time last."""
    import torch.nn.functional as functional

    x, target = batch

    def layer(name: str, x: Any) -> Any:
        kernel = params[name]["kernel"]
        return functional.conv1d(x, kernel, params[name]["bias"], padding=kernel.shape[-1] // 2)

    return _squared_error(_wave_unet(x, layer, _torch_operations()) - target)


def to_torch(params: Any, requires_grad: bool = True) -> Any:
    """Return parameters of the JAX net as PyTorch's."""
    import torch

    def leaf(array: np.ndarray) -> Any:
        array = array.transpose(2, 1, 0) if array.ndim == 3 else array
        return torch.tensor(np.ascontiguousarray(array), requires_grad=requires_grad)

    return jax.tree.map(leaf, params)


class _Operations(NamedTuple):
    """What the net needs besides convolution, in one of the two frameworks."""

    leaky: Callable
    decimate: Callable
    upsample: Callable
    join: Callable


def _wave_unet(x: Any, layer: Callable, operations: _Operations) -> Any:
    skips, waveform = [], x
    for level in range(LEVELS):
        x = operations.leaky(layer(f"down{level}", x))
        skips.append(x)
        x = operations.decimate(x)
    x = operations.leaky(layer(f"down{LEVELS}", x))
    for level in reversed(range(LEVELS)):
        x = operations.join(operations.upsample(x), skips[level])
        x = operations.leaky(layer(f"up{level}", x))
    return layer("output", operations.join(x, waveform))


def _squared_error(difference: Any) -> Any:
    return (difference * difference).mean()


_JAX = _Operations(
    leaky=lambda x: jax.nn.leaky_relu(x, LEAK),
    decimate=lambda x: x[:, ::2],
    upsample=lambda x: upsample_linear(x, 2),
    join=lambda *parts: jnp.concatenate(parts, axis=-1),
)


def _torch_operations() -> _Operations:
    import torch

    def upsample(x: Any) -> Any:
        following = torch.cat([x[..., 1:], x[..., -1:]], dim=-1)
        return torch.stack([x, (x + following) / 2], dim=-1).flatten(-2)

    return _Operations(
        leaky=lambda x: torch.nn.functional.leaky_relu(x, LEAK),
        decimate=lambda x: x[..., ::2],
        upsample=upsample,
        join=lambda *parts: torch.cat(parts, dim=1),
    )
