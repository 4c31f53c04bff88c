"""The adversarial separation in PyTorch: what the tests compare with, and the clock.

The networks of `umir.priors.networks` and the step of `umir.priors.Adversarial` with Wasserstein's
criterion, written for these: the same layers, losses and order. Layout `(batch, channel, bin,
frame)`, as PyTorch has it. What our step measures beside (balance, spread, presence) is left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from umir.priors import Adversarial, Wasserstein
from umir.priors.networks import SeparationCritic
from umir.priors.networks.separation_critic import DENSE, LEAK
from umir.priors.networks.separation_unet import MIXTURE, SeparationUNet
from umir.priors.streams import INPUTS
from umir.separation.magnitude_unet import MagnitudeUNet
from umir.separation.training_streams import LABELLED


class UNetPeer(nn.Module):
    """`SeparationUNet`."""

    def __init__(self, net: SeparationUNet):
        super().__init__()
        widths = net.widths
        inputs = (1, *widths)
        self.down = nn.ModuleList(nn.Conv2d(inputs[n], w, 3) for n, w in enumerate(widths))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, 2) for w in widths[:-1])
        self.joined = nn.ModuleList(nn.Conv2d(2 * w, w, 3) for w in widths[:-1])
        self.last = nn.ModuleDict({name: nn.Conv2d(widths[0] + 1, 1, 1) for name in net.sources})

    def forward(self, mixture):
        """Return the magnitudes of every source."""
        x, skips = mixture, []
        for n, convolution in enumerate(self.down):
            x = functional.relu(convolution(functional.max_pool2d(x, 2) if n else x))
            skips.append(x)
        for n in reversed(range(len(self.up))):
            x = self.up[n](x)
            x = torch.cat([cropped(skips[n], x.shape[2:]), x], dim=1)
            x = functional.relu(self.joined[n](x))
        x = torch.cat([cropped(mixture, x.shape[2:]), x], dim=1)
        return {name: functional.relu(convolution(x)) for name, convolution in self.last.items()}


class SeparatorPeer(nn.Module):
    """`MagnitudeUNet.magnitudes`."""

    def __init__(self, network: MagnitudeUNet):
        super().__init__()
        self.unet = UNetPeer(network.unet)
        below, before = network.context
        self.bins, self.before, self.frames = network.bins, before, network.frames + 2
        whole = network.unet.input_space((network.bins, network.frames + 2))[0]
        self.pads = (0, 0, below, whole - network.bins - below)

    def forward(self, seen):
        """Return log(1 + magnitude) of every source."""
        found = self.unet(functional.pad(seen, self.pads))
        return {name: x[:, :, : self.bins] for name, x in found.items()}

    def middle(self, seen):
        """Return the frames of a mixture that come out."""
        return seen[..., self.before : self.before + self.frames]


class CriticPeer(nn.Module):
    """`SeparationCritic`."""

    def __init__(self, critic: SeparationCritic):
        super().__init__()
        layers, space, channels = [], critic.space, critic.channels
        self.odd = []
        for taps, strides, width in critic.layers:
            # Zeros for as many frames as there are strides, shared out, the odd one after.
            surplus = [k - stride for k, stride in zip(taps, strides, strict=True)]
            shared = tuple(n // 2 for n in surplus)
            layers.append(nn.Conv2d(channels, width, taps, strides, padding=shared))
            self.odd.append((0, surplus[1] % 2, 0, surplus[0] % 2))
            space = (space[0] // strides[0], space[1] // strides[1])
            channels = width
        self.layers = nn.ModuleList(layers)
        self.dense = nn.Linear(space[0] * space[1] * channels, DENSE)
        self.output = nn.Linear(DENSE, 1, bias=False)

    def forward(self, x):
        """Return a number for each spectrogram."""
        for odd, convolution in zip(self.odd, self.layers, strict=True):
            padded = functional.pad(x, odd) if any(odd) else x
            x = functional.leaky_relu(convolution(padded), LEAK)
        x = functional.leaky_relu(self.dense(x.flatten(1)), LEAK)
        return self.output(x)[:, 0]


class AdversarialPeer:
    """`Adversarial.step`: rounds of critics with Wasserstein's criterion, a step of the separator.

    Args:
        objective: whose networks and weights are taken.
        state: its state, whose parameters are taken.
        rate: of Adam.
    """

    def __init__(self, objective: Adversarial, state: Mapping[str, Any], rate: float):
        if not isinstance(objective.criterion, Wasserstein):
            raise ValueError("only Wasserstein's criterion has a peer")
        network, params = objective.generator.domain.network, state["networks"]
        self.penalty, self.alpha = objective.criterion.penalty, objective.weight
        self.beta, self.memory, self.steps = objective.supervision.beta, objective.memory, 0
        self.names = network.sources
        self.separator, self.average = SeparatorPeer(network), SeparatorPeer(network)
        for peer in (self.separator, self.average):
            load_unet(peer.unet, params["generator"])
        self.critics = {}
        for critic in objective.critics:
            self.critics[critic.factor.name] = CriticPeer(critic.network)
            load_critic(self.critics[critic.factor.name], params["critics"][critic.factor.name])
        betas = (0.9, 0.999)
        self.optimizer = torch.optim.Adam(self.separator.parameters(), rate, betas)
        self.optimizers = {
            name: torch.optim.Adam(critic.parameters(), rate, betas)
            for name, critic in self.critics.items()
        }

    def step(self, item: Mapping[str, Any]) -> dict[str, float]:
        """Take the rounds of the critics, and a step of the separator.

        Args:
            item: `rounds` and `generator` as `tensors` returns them, and `between`: for each round
                and critic the order of what is real, and the weight of it.

        Returns:
            The losses, as `Adversarial.step` names them.
        """
        losses = {}
        for batches, between in zip(item["rounds"], item["between"], strict=True):
            with torch.no_grad():
                made = self.separated(batches[INPUTS][MIXTURE])[0]
            for name, critic in self.critics.items():
                loss = self.critic_loss(critic, batches[name][name], made[name], between[name])
                self._move(self.optimizers[name], loss)
                losses[f"loss/{name}"] = loss
        for critic in self.critics.values():
            critic.requires_grad_(False)  # these gradients nobody needs, and ours does not compute
        made, found = self.separated(item["generator"][INPUTS][MIXTURE])
        judged = -sum(critic(made[name]) for name, critic in self.critics.items()).mean()
        own = self.supervised(item["generator"], found)
        self._move(self.optimizer, own + self.alpha * judged)
        for critic in self.critics.values():
            critic.requires_grad_(True)
        self._remember()
        losses |= {"loss/generator": judged, "loss/supervised": own}
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def separated(self, mixture):
        """Return the sources as critics see them, and all that comes out."""
        found = self.separator(mixture)
        return {name: x[:, :, 1:, 1:-1] for name, x in found.items()}, found

    def critic_loss(self, critic, real, fake, between):
        """Return the distance with the sign turned, and the one-sided gradient penalty."""
        order, weight = between
        points = (weight * real[order] + (1 - weight) * fake).requires_grad_()
        slope = torch.autograd.grad(critic(points).sum(), points, create_graph=True)[0]
        squares = slope.square().sum(dim=(1, 2, 3))
        # The root of 1 in place of what is flat, as ours has it.
        steep = torch.where(squares > 1, squares, 1.0).sqrt() - 1
        return critic(fake).mean() - critic(real).mean() + self.penalty * steep.square().mean()

    def supervised(self, batches, found):
        """Return Ls + beta * Ladd."""
        labelled = batches[LABELLED]
        answers = self.separator(labelled[MIXTURE])
        loss = sum(functional.mse_loss(answers[name], labelled[name]) for name in self.names)
        whole = torch.expm1(self.separator.middle(batches[INPUTS][MIXTURE]))
        total = sum(torch.expm1(found[name]) for name in self.names)
        return loss + self.beta * functional.mse_loss(total, whole)

    def _move(self, optimizer, loss) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def _remember(self) -> None:
        self.steps += 1
        memory = min(self.memory, 1 - 10 / (self.steps + 9))
        pairs = (list(peer.parameters()) for peer in (self.average, self.separator))
        with torch.no_grad():
            average, new = pairs
            torch._foreach_lerp_(average, new, 1 - memory)


def cropped(x, space):
    """Return the middle of a picture; where that is not whole, the earlier of the two."""
    top, left = (x.shape[2] - space[0]) // 2, (x.shape[3] - space[1]) // 2
    return x[:, :, top : top + space[0], left : left + space[1]]


def tensors(batches: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, torch.Tensor]]:
    """Return batches of ours, `(batch, bin, frame, channel)`, in PyTorch's layout."""
    return {
        stream: {
            part: torch.from_numpy(np.array(x).transpose(0, 3, 1, 2).copy())
            for part, x in parts.items()
        }
        for stream, parts in batches.items()
    }


def drawn_between(names: Sequence[str], keys: np.ndarray, batch: int) -> list[dict[str, Any]]:
    """Return what our step draws of its keys: orders and weights of each round and critic."""
    rounds = []
    for key in keys:
        found = {}
        for name, own in zip(names, jax.random.split(key, len(names)), strict=True):
            order, places = jax.random.split(jax.random.split(own)[1])
            weight = jax.random.uniform(places, (batch, 1, 1, 1))
            indices = jax.random.permutation(order, np.arange(batch))
            found[name] = torch.tensor(np.array(indices)), torch.tensor(np.array(weight))
        rounds.append(found)
    return rounds


def load_unet(peer: UNetPeer, params: Mapping[str, Any]) -> None:
    """Give a peer the parameters of a `SeparationUNet`."""
    for n, convolution in enumerate(peer.down):
        _copy(convolution, params[f"down{n}"])
    for n in range(len(peer.up)):
        _copy(peer.up[n], params[f"up{n}"])
        _copy(peer.joined[n], params[f"joined{n}"])
    for name, convolution in peer.last.items():
        _copy(convolution, params[f"source_{name}"])


def load_critic(peer: CriticPeer, params: Mapping[str, Any]) -> None:
    """Give a peer the parameters of a `SeparationCritic`."""
    for n, convolution in enumerate(peer.layers, 1):
        _copy(convolution, params[f"level{n}"])
    # Ours is laid flat with the channels last.
    channels = peer.layers[-1].out_channels
    kernel = np.asarray(params["dense"]["kernel"]).reshape(-1, channels, DENSE)
    dense = {"kernel": kernel.swapaxes(0, 1).reshape(-1, DENSE), "bias": params["dense"]["bias"]}
    _copy(peer.dense, dense)
    _copy(peer.output, params["output"])


def _copy(module, layer: Mapping[str, Any]) -> None:
    kernel = np.asarray(layer["kernel"])
    # (*window, in, out) -> (out, in, *window); PyTorch names the ends of a transposed convolution
    # the other way round, so that its kernel, that of the convolution it undoes, fits as well.
    axes = (kernel.ndim - 1, kernel.ndim - 2, *range(kernel.ndim - 2))
    with torch.no_grad():
        module.weight.copy_(torch.tensor(kernel.transpose(axes)))
        if module.bias is not None:
            module.bias.copy_(torch.tensor(np.asarray(layer["bias"])))
