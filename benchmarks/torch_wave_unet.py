"""Both lineages of Wave-U-Nets in PyTorch: what the tests compare with, and the clock.

Written for these from what is published. `FilteredPeer` names its parameters as the checkpoints of
the public repository do; where more than one convolution per unit crashes there, it joins the
shortcut once. Layout `(batch, channel, time)`, as PyTorch has it.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class Unit(nn.Module):
    """A convolution, a normalisation, ReLU."""

    def __init__(self, inputs, outputs, kernel, norm, stride=1, up=False):
        super().__init__()
        if up:
            self.filter = nn.ConvTranspose1d(inputs, outputs, kernel, stride, padding=kernel - 1)
        else:
            self.filter = nn.Conv1d(inputs, outputs, kernel, stride)
        if norm == "group":
            self.norm = nn.GroupNorm(outputs // 8, outputs)
        elif norm == "batch":
            self.norm = nn.BatchNorm1d(outputs, momentum=0.01)
        self.normalised = norm != "none"

    def forward(self, x):
        """Return the features of a signal."""
        y = self.filter(x)
        return functional.relu(self.norm(y)) if self.normalised else functional.leaky_relu(y)


class Filter(nn.Module):
    """A low-pass filter whose window lacks what makes Blackman's out of Hann's."""

    def __init__(self, channels, stride, up):
        super().__init__()
        self.stride, self.up = stride, up
        places = np.arange(15) - 7
        with np.errstate(invalid="ignore"):
            taps = np.sin(np.pi / stride * places) / places
        taps *= 0.42 - 0.5 * np.cos(2 * np.pi * np.arange(15) / 14) + 0.08
        taps[7] = np.pi / stride
        taps = torch.tensor(taps / taps.sum(), dtype=torch.float32)
        self.filter = nn.Parameter(taps.repeat(channels, 1, 1), requires_grad=False)

    def forward(self, x):
        """Return the signal at the lower or the higher rate."""
        padded = functional.pad(x, (7, 7), mode="reflect")
        if not self.up:
            return functional.conv1d(padded, self.filter, stride=self.stride, groups=x.shape[1])
        y = functional.conv_transpose1d(padded, self.filter, stride=self.stride, groups=x.shape[1])
        length = (x.shape[2] - 1) * self.stride + 1
        start = (y.shape[2] - length) // 2
        return y[:, :, start : start + length]


class Block(nn.Module):
    """A level of the encoder or the decoder: resampling, and convolutions around a shortcut."""

    def __init__(self, net, pre, post, resampled, up):
        super().__init__()
        sizes = net.kernel, net.normalisation
        if net.resampling == "fixed":
            resampling = Filter(resampled, net.stride, up)
        else:
            resampling = Unit(resampled, resampled, *sizes, net.stride, up)
        setattr(self, "upconv" if up else "downconv", resampling)
        self.pre_shortcut_convs = units(net, *pre)
        self.post_shortcut_convs = units(net, *post)


def units(net, inputs, outputs):
    """Return `net.depth` units one after the other."""
    widths = [inputs] + [outputs] * net.depth
    pairs = zip(widths, widths[1:], strict=False)
    return nn.ModuleList(Unit(*pair, net.kernel, net.normalisation) for pair in pairs)


def middle(x, length):
    """Return the middle of a signal."""
    start = (x.shape[2] - length) // 2
    return x[:, :, start : start + length]


class FilteredNet(nn.Module):
    """One network of a `FilteredPeer`."""

    def __init__(self, net, outputs):
        super().__init__()
        inputs, widths = [net.channels, *net.widths[1:]], net.widths
        pairs = list(zip(widths, widths[1:], strict=False))
        self.downsampling_blocks = nn.ModuleList(
            Block(net, (inputs[n], own), (own, below), below, False)
            for n, (own, below) in enumerate(pairs)
        )
        self.upsampling_blocks = nn.ModuleList(
            Block(net, (below, own), (2 * own, own), below, True) for own, below in reversed(pairs)
        )
        self.bottlenecks = units(net, widths[-1], widths[-1])
        self.output_conv = nn.Conv1d(widths[0], outputs, 1)

    def forward(self, x):
        """Return the outputs for a mixture."""
        shortcuts = []
        for block in self.downsampling_blocks:
            x = nn.Sequential(*block.pre_shortcut_convs)(x)
            shortcuts.append(x)
            x = block.downconv(nn.Sequential(*block.post_shortcut_convs)(x))
        x = nn.Sequential(*self.bottlenecks)(x)
        for block, shortcut in zip(self.upsampling_blocks, reversed(shortcuts), strict=True):
            x = nn.Sequential(*block.pre_shortcut_convs)(block.upconv(x))
            x = torch.cat([middle(shortcut, x.shape[2]), x], dim=1)
            x = nn.Sequential(*block.post_shortcut_convs)(x)
        return self.output_conv(x)


class FilteredPeer(nn.Module):
    """What a `FilteredWaveUNet` describes."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        each = net.channels * (1 if net.separate else len(net.sources))
        names = net.sources if net.separate else ("ALL",)
        self.waveunets = nn.ModuleDict({name: FilteredNet(net, each) for name in names})

    def forward(self, x):
        """Return the sources, `(batch, source * channel, time)`; clipped when evaluating."""
        found = torch.cat([net(x) for net in self.waveunets.values()], dim=1)
        return found if self.training else found.clamp(-1, 1)


class OriginalPeer(nn.Module):
    """What an `OriginalWaveUNet` with context and without learnt interpolation describes."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        widths = [net.channels, *(net.filters * n for n in range(1, net.levels + 2))]
        self.encoder = nn.ModuleList(
            nn.Conv1d(widths[n], widths[n + 1], net.kernel) for n in range(net.levels)
        )
        self.bottleneck = nn.Conv1d(widths[-2], widths[-1], net.kernel)
        self.decoder = nn.ModuleList(
            nn.Conv1d(widths[n] + widths[n + 1], widths[n], net.decoder_kernel)
            for n in range(net.levels, 0, -1)
        )
        self.outputs = nn.ModuleList(
            nn.Conv1d(net.filters + net.channels, net.channels, 1) for _ in net.own
        )

    def forward(self, mixture):
        """Return the sources, `(batch, source * channel, time)`; clipped when evaluating."""
        x, shortcuts = mixture, []
        for convolution in self.encoder:
            x = functional.leaky_relu(convolution(x), 0.2)
            shortcuts.append(x)
            x = x[:, :, ::2]
        x = functional.leaky_relu(self.bottleneck(x), 0.2)
        for convolution, shortcut in zip(self.decoder, reversed(shortcuts), strict=True):
            x = functional.interpolate(
                x, size=2 * x.shape[2] - 1, mode="linear", align_corners=True
            )
            x = torch.cat([middle(shortcut, x.shape[2]), x], dim=1)
            x = functional.leaky_relu(convolution(x), 0.2)
        rest = middle(mixture, x.shape[2])
        x = torch.cat([rest, x], dim=1)
        found = [torch.tanh(output(x)) for output in self.outputs]
        if self.net.difference:
            last = rest - sum(found)
            found.append(last if self.training else last.clamp(-1, 1))
        return torch.cat(found, dim=1)


def load_original(peer, params):
    """Give an `OriginalPeer` the parameters of the network that it is a peer of."""
    levels = peer.net.levels
    layers = [
        *((peer.encoder[n - 1], params["encoder"][f"level{n}"]) for n in range(1, levels + 1)),
        (peer.bottleneck, params["bottleneck"]),
        *((peer.decoder[levels - n], params["decoder"][f"level{n}"]) for n in range(1, levels + 1)),
        *zip(peer.outputs, (params["output"][name] for name in peer.net.own), strict=True),
    ]
    with torch.no_grad():
        for module, layer in layers:
            _copy(module, layer)


def load_filtered(peer, params):
    """Give a `FilteredPeer` the parameters of the network that it is a peer of."""
    levels = len(peer.net.widths) - 1
    names = peer.net.nets
    with torch.no_grad():
        for name, module in zip(names, peer.waveunets.values(), strict=True):
            own = params[name]
            for n in range(1, levels + 1):
                down, up = module.downsampling_blocks[n - 1], module.upsampling_blocks[levels - n]
                encoder, decoder = own["encoder"][f"level{n}"], own["decoder"][f"level{n}"]
                _copy_units(down.pre_shortcut_convs, encoder["shortcut"])
                _copy_units(down.post_shortcut_convs, encoder["deeper"])
                _copy_units(up.pre_shortcut_convs, decoder["upsampled"])
                _copy_units(up.post_shortcut_convs, decoder["joined"])
            _copy_units(module.bottlenecks, own["bottleneck"])
            _copy(module.output_conv, own["output"])


def _copy_units(units, layers):
    for number, unit in enumerate(units, 1):
        layer = layers[f"unit{number}"]
        _copy(unit.filter, layer)
        if unit.normalised:
            unit.norm.weight.copy_(torch.tensor(np.asarray(layer["scale"])))
            unit.norm.bias.copy_(torch.tensor(np.asarray(layer["shift"])))


def _copy(convolution, layer):
    kernel = np.asarray(layer["kernel"]).transpose(2, 1, 0)
    convolution.weight.copy_(torch.tensor(kernel))
    convolution.bias.copy_(torch.tensor(np.asarray(layer["bias"])))
