"""The PyTorch Wave-U-Net in PyTorch, with the names that its checkpoints have: what tests against.

Written for this suite from the facts of the public repository; where more than one convolution per
unit crashes there, this one joins the shortcut once.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class Unit(nn.Module):
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
        padded = functional.pad(x, (7, 7), mode="reflect")
        if not self.up:
            return functional.conv1d(padded, self.filter, stride=self.stride, groups=x.shape[1])
        y = functional.conv_transpose1d(padded, self.filter, stride=self.stride, groups=x.shape[1])
        length = (x.shape[2] - 1) * self.stride + 1
        start = (y.shape[2] - length) // 2
        return y[:, :, start : start + length]


class Block(nn.Module):
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
    widths = [inputs] + [outputs] * net.depth
    pairs = zip(widths, widths[1:], strict=False)
    return nn.ModuleList(Unit(*pair, net.kernel, net.normalisation) for pair in pairs)


def middle(x, length):
    start = (x.shape[2] - length) // 2
    return x[:, :, start : start + length]


class TorchNet(nn.Module):
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


class TorchWaveUNet(nn.Module):
    """What `FilteredWaveUNet` describes, `(batch, channel, time)` as PyTorch has it."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        each = net.channels * (1 if net.separate else len(net.sources))
        names = net.sources if net.separate else ("ALL",)
        self.waveunets = nn.ModuleDict({name: TorchNet(net, each) for name in names})

    def forward(self, x):
        """Return the sources, `(batch, source * channel, time)`; clipped when evaluating."""
        found = torch.cat([net(x) for net in self.waveunets.values()], dim=1)
        return found if self.training else found.clamp(-1, 1)
