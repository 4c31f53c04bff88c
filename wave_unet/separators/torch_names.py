"""Weights of the PyTorch Wave-U-Net under our names: what its checkpoints say of the network.

A checkpoint holds tensors by name (`waveunets.vocals.downsampling_blocks.0...`) and nothing about
the network; but levels, widths, kernel, depth, channels, normalisation and, where it is fixed, the
resampling filter can be read off their shapes and values. Sampling rate, length of a window and the
names of sources that share a network cannot, and are asked for.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from umir.wave_unet.parameters import Params
from umir.wave_unet.separators.filtered import FilteredWaveUNet
from umir.wave_unet.separators.filtered_resampling import low_pass
from umir.wave_unet.separators.layers import TOGETHER

Tensors = Mapping[str, np.ndarray]

ROOT = "waveunets."
SHARED = "ALL"  # what the one network of all sources is called there
STRIDES = range(2, 17)  # that are looked for in a filter
# Their name of a unit's tensor -> ours.
LEAVES = {
    "filter.bias": "bias",
    "norm.weight": "scale",
    "norm.bias": "shift",
    "norm.running_mean": "mean",
    "norm.running_var": "variance",
}
# Our name of a place -> their block, and their name there; {0} counts as they count blocks.
PLACES = {
    "encoder/shortcut": "downsampling_blocks.{0}.pre_shortcut_convs",
    "encoder/deeper": "downsampling_blocks.{0}.post_shortcut_convs",
    "encoder/resampling": "downsampling_blocks.{0}.downconv",
    "decoder/upsampled": "upsampling_blocks.{0}.pre_shortcut_convs",
    "decoder/joined": "upsampling_blocks.{0}.post_shortcut_convs",
    "decoder/resampling": "upsampling_blocks.{0}.upconv",
}


def network_of(
    tensors: Tensors,
    *,
    rate: int = 44_100,
    seconds: float = 2.0,
    sources: Sequence[str] | None = None,
    stride: int | None = None,
) -> FilteredWaveUNet:
    """Return the network that tensors belong to.

    Args:
        tensors: the model's state, name -> array, without a leading `module.`.
        rate: sampling rate in Hz that it was trained at.
        seconds: of output to have per window at least.
        sources: names of the sources, in the order of the outputs; needed where they share a net.
        stride: between levels; needed where resampling is learnt.

    Raises:
        ValueError: names that are not of such a network, something that is needed and not given,
            or something given that the tensors contradict.
    """
    nets = list(dict.fromkeys(name[len(ROOT) :].split(".")[0] for name in tensors if ROOT in name))
    if not nets or not all(name.startswith(ROOT) for name in tensors):
        strange = next((name for name in tensors if not name.startswith(ROOT)), "nothing")
        raise ValueError(f"has {strange!r}: not the state of a Wave-U-Net in PyTorch")
    first = _below(tensors, f"{ROOT}{nets[0]}.")
    separate = nets != [SHARED]
    try:
        shapes = _shapes_of(first)
        outputs = first["output_conv.weight"].shape[0]
    except KeyError as error:
        raise ValueError(f"lacks {error}: not a whole Wave-U-Net in PyTorch") from None
    if sources is not None and (not all(sources) or len({*sources}) < len(sources)):
        raise ValueError(f"sources {','.join(sources)}: each needs a name of its own")
    found = nets if separate else list(sources or ())
    if not found:
        raise ValueError("its sources share one network: name them in their order (--sources)")
    if sources is not None and set(found) != set(sources):
        raise ValueError(f"sources: it has {', '.join(found)}, not {', '.join(sources)}")
    channels = shapes.pop("channels")
    wanted = channels * (1 if separate else len(found))
    if outputs != wanted:
        raise ValueError(
            f"sources: its output has {outputs} channels; {len(found)} source(s) of {channels} "
            f"channel(s) that {'have a network each' if separate else 'share it'} have {wanted}"
        )
    return FilteredWaveUNet(
        sources=tuple(sources or found),
        rate=rate,
        channels=channels,
        wanted=round(seconds * rate),
        stride=_stride_of(first, stride),
        separate=separate,
        **shapes,
    )


def params_of(network: FilteredWaveUNet, tensors: Tensors) -> Params:
    """Return a network's parameters, from the state of the same network in PyTorch.

    Raises:
        ValueError: a tensor is missing; says which.
    """
    theirs = {name: SHARED if name == TOGETHER else name for name in network.nets}
    try:
        return {
            name: _net_params(network, _below(tensors, f"{ROOT}{theirs[name]}."))
            for name in network.nets
        }
    except KeyError as error:
        raise ValueError(f"lacks {error}: not a whole Wave-U-Net in PyTorch") from None


def _shapes_of(net: Tensors) -> dict[str, Any]:
    """Return what the shapes of one net say, as fields of `FilteredWaveUNet`."""
    blocks = 1 + max(int(m[1]) for m in _matches(net, r"downsampling_blocks\.(\d+)\."))
    depth = 1 + max(int(m[1]) for m in _matches(net, r"bottlenecks\.(\d+)\."))
    places = [f"downsampling_blocks.{n}.pre_shortcut_convs.0.filter.weight" for n in range(blocks)]
    first = net[places[0]]  # (out, in, tap)
    widths = [net[place].shape[0] for place in places]
    widths.append(net["bottlenecks.0.filter.weight"].shape[0])
    norms = ("bottlenecks.0.norm.running_mean", "batch"), ("bottlenecks.0.norm.weight", "group")
    return {
        "channels": first.shape[1],
        "widths": tuple(widths),
        "kernel": first.shape[2],
        "depth": depth,
        "normalisation": next((kind for name, kind in norms if name in net), "none"),
        "resampling": "fixed" if _FILTER in net else "learned",
    }


_FILTER = "downsampling_blocks.0.downconv.filter"
_HALF = 2e-3  # what rounding to half precision may change of a filter, bfloat16 too


def _matches(net: Tensors, pattern: str) -> list[re.Match]:
    found = [m for name in net if (m := re.match(pattern, name))]
    if not found:
        raise KeyError(pattern.replace(r"\.(\d+)\.", ""))
    return found


def _stride_of(net: Tensors, given: int | None) -> int:
    """Return the stride whose low-pass filter a net has, or the one that is given."""
    if _FILTER not in net:
        if given is None:
            raise ValueError("its resampling is learnt, and does not tell by how much (--stride)")
        return given
    taps = net[_FILTER][0, 0]
    for stride in STRIDES:
        known = low_pass(stride)
        if taps.shape == known.shape and np.allclose(taps, known, atol=_HALF):
            if given not in (None, stride):
                raise ValueError(f"stride: its filter is for {stride}, not {given}")
            return stride
    raise ValueError(f"its resampling filter is none that is known: {taps}")


def _net_params(network: FilteredWaveUNet, net: Tensors) -> Params:
    levels = len(network.widths) - 1
    params: Params = {"encoder": {}, "decoder": {}}
    for place, pattern in PLACES.items():
        stage, part = place.split("/")
        if part == "resampling" and network.resampling == "fixed":
            continue
        for level in range(1, levels + 1):
            block = level - 1 if stage == "encoder" else levels - level
            own = _below(net, pattern.format(block) + ".")
            unit = _unit(own) if part == "resampling" else _units(network, own)
            params[stage].setdefault(f"level{level}", {})[part] = unit
    params["bottleneck"] = _units(network, _below(net, "bottlenecks."))
    kernel = net["output_conv.weight"].transpose(2, 1, 0)
    params["output"] = {"kernel": kernel, "bias": net["output_conv.bias"]}
    return params


def _units(network: FilteredWaveUNet, units: Tensors) -> Params:
    return {f"unit{n + 1}": _unit(_below(units, f"{n}.")) for n in range(network.depth)}


def _unit(unit: Tensors) -> Params:
    """Return one unit. Theirs are `(out, in, tap)` or, transposed convolutions, `(in, out, tap)`.

    Turned round, both are as ours: the adjoint of a convolution has `(tap, out, in)`.
    """
    kernel = unit["filter.weight"].transpose(2, 1, 0)
    own = {ours: unit[name] for name, ours in LEAVES.items() if name in unit}
    return {"kernel": np.ascontiguousarray(kernel), **own}


def _below(tensors: Tensors, prefix: str) -> dict[str, np.ndarray]:
    """Return the tensors under a name, without it."""
    found = {n[len(prefix) :]: value for n, value in tensors.items() if n.startswith(prefix)}
    if not found:
        raise KeyError(prefix.rstrip("."))
    return found
