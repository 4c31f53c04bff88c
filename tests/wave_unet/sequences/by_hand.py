"""The networks once more: numpy in float64, one loop over the outputs, one over the taps.

With `zeros`, every layer has zeros in front of its input; without, only outputs with a full past
are there. As in the published code, everything is aligned by the last frame, and what is joined
loses its oldest frames.
"""

import numpy as np

from umir.wave_unet.sequences import TCN, ResidualSeqUNet, SeqUNet, WaveNet


def apply(net, params, x, padding):
    """Run a network on signals `(batch, time, channel)`, one after another."""
    kinds = {SeqUNet: plain, ResidualSeqUNet: residual, TCN: tcn, WaveNet: wavenet}
    run, params = kinds[type(net)], as_float64(params)
    rows = np.asarray(x, np.float64)
    return np.array([run(net, params, row, padding == "zeros") for row in rows])


def as_float64(params):
    return {
        name: as_float64(x) if isinstance(x, dict) else np.asarray(x, np.float64)
        for name, x in params.items()
    }


def convolve(layer, x, zeros, stride=1, dilation=1):
    kernel = layer["kernel"]
    if zeros:
        x = np.concatenate([np.zeros(((len(kernel) - 1) * dilation, x.shape[1])), x])
    outputs = []
    last = len(x) - 1
    while last - (len(kernel) - 1) * dilation >= 0:
        y = layer["bias"].copy()
        for tap in range(len(kernel)):
            y += x[last - (len(kernel) - 1 - tap) * dilation] @ kernel[tap]
        outputs.insert(0, y)
        last -= stride
    return np.array(outputs)


def transposed(layer, x, zeros, lost):
    """Spread every frame over as many outputs as there are taps, at distances of two."""
    kernel, width = layer["kernel"], layer["kernel"].shape[2]
    taps = len(kernel)
    y = np.zeros((2 * (len(x) - 1) + taps, width))
    for n, frame in enumerate(x):
        for offset in range(taps):
            y[2 * n + offset] += frame @ kernel[taps - 1 - offset]
    y = y + layer["bias"]
    y = y[: len(y) - (taps - 1)]  # outputs after the last frame
    return y if zeros else y[lost:]


def leaky(x):
    return np.where(x > 0, x, 0.01 * x)


def front(x, length):
    """Drop the oldest frames."""
    return x[len(x) - length :]


def plain(net, params, x, zeros):
    """Run a Seq-U-Net on one signal `(time, channel)`."""
    skips = []
    for level in range(len(net.widths) - 1):
        layers = params[f"down{level}"]
        skips.append(leaky(convolve(layers["skip"], x, zeros)))
        x = leaky(convolve(layers["strided"], skips[-1], zeros, stride=2))
    x = leaky(convolve(params["bottom"], x, zeros))
    for level in reversed(range(len(skips))):
        layers = params[f"up{level}"]
        x = leaky(transposed(layers["transposed"], x, zeros, net.taps - 1))
        x = np.concatenate([x, front(skips[level], len(x))], axis=1)
        x = leaky(convolve(layers["joined"], x, zeros))
    return convolve(params["leave"], x, zeros)


def unit(layer, x, zeros, stride=1, condition=None):
    seen = x
    if condition is not None:
        length = min(len(x), len(condition))
        seen = np.concatenate([front(x, length), front(condition, length)], axis=1)
    a, b = np.split(convolve(layer, seen, zeros, stride), 2, axis=1)
    identity = x[::-1][::stride][: len(a)][::-1]
    return identity + np.tanh(a) / (1 + np.exp(-b))


def up_unit(layer, x, zeros):
    a, b = np.split(transposed(layer, x, zeros, len(layer["kernel"]) - 2), 2, axis=1)
    identity = front(np.repeat(x, 2, axis=0)[:-1], len(a))
    return identity + np.tanh(a) / (1 + np.exp(-b))


def residual(net, params, x, zeros):
    """Run a residual Seq-U-Net on one signal `(time, channel)`."""
    skips = []
    x = convolve(params["enter"], x, zeros)
    for level in range(net.levels - 1):
        layers = params[f"down{level}"]
        for number in range(net.depth):
            x = unit(layers[f"unit{number}"], x, zeros)
        skips.append(x)
        x = unit(layers["strided"], x, zeros, stride=2)
    for number in range(net.depth):
        x = unit(params["bottom"][f"unit{number}"], x, zeros)
    for level in reversed(range(net.levels - 1)):
        layers = params[f"up{level}"]
        condition = up_unit(layers["transposed"], x, zeros)
        x = skips[level]
        for number in range(net.depth):
            x = unit(layers[f"unit{number}"], x, zeros, condition=condition)
    y = convolve(params["leave"], np.maximum(x, 0), zeros)
    return y if zeros else front(y, len(y) // net.cycle * net.cycle)


def tcn(net, params, x, zeros):
    """Run a TCN on one signal `(time, channel)`."""
    for number in range(len(net.widths)):
        block, y = params[f"block{number}"], x
        for name in ("first", "second"):
            direction = block[name]["direction"]
            kernel = np.zeros_like(direction)
            for out in range(direction.shape[2]):
                length = np.linalg.norm(direction[:, :, out])
                kernel[:, :, out] = block[name]["length"][out] * direction[:, :, out] / length
            layer = {"kernel": kernel, "bias": block[name]["bias"]}
            y = np.maximum(convolve(layer, y, zeros, dilation=2**number), 0)
        x = front(x, len(y))
        x = convolve(block["identity"], x, zeros) if "identity" in block else x
        x = np.maximum(x + y, 0)
    return convolve(params["leave"], x, zeros)


def wavenet(net, params, x, zeros):
    """Run a WaveNet on one signal `(time, channel)`."""
    x, skips = convolve(params["enter"], x, zeros), []
    for number in range(net.stacks * net.layers):
        layer = params[f"layer{number}"]
        dilation = 2 ** (number % net.layers)
        a, b = np.split(convolve(layer["gate"], x, zeros, dilation=dilation), 2, axis=1)
        gate = np.tanh(a) / (1 + np.exp(-b))
        skips.append(convolve(layer["skip"], gate, zeros))
        x = front(x, len(gate)) + convolve(layer["onward"], gate, zeros)
    total = sum(front(skip, len(x)) for skip in skips)
    y = convolve(params["joined"], np.maximum(total, 0), zeros)
    return convolve(params["leave"], np.maximum(y, 0), zeros)
