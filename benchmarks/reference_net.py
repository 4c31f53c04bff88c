"""The net that speed is measured on: a classic Wave-U-Net, the same in JAX and in PyTorch.

Six levels, 16 filters more at each, kernels of 15 going down and 5 coming up, decimation by 2,
linear upsampling, skip concatenation (Stoller et al. 2018, arXiv:1806.03185, table 1, made
smaller): 691,000 parameters. On our side the upsampling is folded into the convolution after it,
which changes the outermost samples by what lies beyond the ends; `check_equal` compares the losses.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from umir.wave_unet.convolution import convolution
from umir.wave_unet.resampling import upsampled_convolution

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
        2.0 * batch * layer.time * math.prod(layer.shape) * (2 if layer.name == "down0" else 3)
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
    x, target = rng.standard_normal((2, BATCH, TIME, 1)).astype(np.float32)
    return x, target


def loss(params: Any, batch: Any, key: Any = None) -> jax.Array:
    """Return the squared error of the net in JAX, in the form that `umir.meta` takes."""
    del key
    params, (x, target) = params.get("body", params), batch

    def activate(x: jax.Array, name: str) -> jax.Array:
        return jax.nn.leaky_relu(x + params[name]["bias"][None, None], LEAK)

    skips, waveform = [], x
    for level in range(LEVELS + 1):
        x = x[:, ::2] if level else x
        x = activate(convolution(x, params[f"down{level}"]["kernel"]), f"down{level}")
        skips.append(x)
    for level in reversed(range(LEVELS)):
        kernel, width = params[f"up{level}"]["kernel"], x.shape[2]
        # The interpolation and the concatenation are never computed: the kernel is cut in two.
        above = upsampled_convolution(x, kernel[:, :width], 2)
        x = activate(above + convolution(skips[level], kernel[:, width:]), f"up{level}")
    x = jnp.concatenate([x, waveform], axis=-1) @ params["output"]["kernel"][0]
    return jnp.mean(jnp.square(x + params["output"]["bias"][None, None] - target))


def torch_loss(params: Any, batch: Any) -> Any:
    """Return the squared error of the net in PyTorch: kernels `(out, in, taps)`, time last."""
    import torch
    from torch.nn import functional

    x, target = batch

    def layer(x: Any, name: str) -> Any:
        kernel = params[name]["kernel"]
        return functional.conv1d(x, kernel, params[name]["bias"], padding=kernel.shape[-1] // 2)

    skips, waveform = [], x
    for level in range(LEVELS + 1):
        x = x[..., ::2] if level else x
        x = functional.leaky_relu(layer(x, f"down{level}"), LEAK)
        skips.append(x)
    for level in reversed(range(LEVELS)):
        following = torch.cat([x[..., 1:], x[..., -1:]], dim=-1)
        up = torch.stack([x, (x + following) / 2], dim=-1).flatten(-2)
        joined = torch.cat([up, skips[level]], dim=1)
        x = functional.leaky_relu(layer(joined, f"up{level}"), LEAK)
    x = layer(torch.cat([x, waveform], dim=1), "output")
    return functional.mse_loss(x, target)


def to_torch(params: Any) -> Any:
    """Return parameters of the JAX net as PyTorch's."""
    import torch

    def leaf(array: np.ndarray) -> Any:
        array = array.transpose(2, 1, 0) if array.ndim == 3 else array
        return torch.tensor(np.ascontiguousarray(array), requires_grad=True)

    return jax.tree.map(leaf, params)


def batch_to_torch(batch: tuple[np.ndarray, np.ndarray]) -> Any:
    """Return an input and a target with time last."""
    import torch

    return tuple(torch.tensor(np.ascontiguousarray(x.transpose(0, 2, 1))) for x in batch)


def check_equal(params: Any, batch: Any) -> None:
    """Raise unless both sides compute the same loss, but for the ends of the signals.

    Raises:
        RuntimeError: they do not.
    """
    ours = float(loss(params, batch))
    theirs = float(torch_loss(to_torch(params), batch_to_torch(batch)).detach())
    if not np.isclose(ours, theirs, rtol=1e-4):
        raise RuntimeError(f"the nets differ: loss {ours} in JAX, {theirs} in PyTorch")
