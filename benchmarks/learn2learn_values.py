"""Record what learn2learn computes on fixed weights and data, for a test of ours to reproduce.

    pip install torch==2.13.0
    pip download --no-deps --no-binary :all: learn2learn==0.2.0
    tar xzf learn2learn-0.2.0.tar.gz
    python benchmarks/learn2learn_values.py learn2learn-0.2.0 tests/meta/learn2learn.json

The network is two convolutions: one of stride 2 (the body), tanh, and one that is the head. The
loss is the mean squared error. All numbers are float64, so that what differs by more than rounding
differs in the algorithm. Written are weights and data, and for MAML of second and first order and
for ANIL the adapted weights, the query loss and its gradient in the weights before adaptation.
Kernels are stored as `(taps, in, out)`, signals as `(batch, time, channel)`.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from maml import load_learn2learn

INNER_STEPS = 3
INNER_RATE = 0.2
STRIDE = 2
BATCH, TIME = 2, 17
# Taps, channels in, channels out.
BODY, HEAD = (5, 1, 3), (3, 3, 2)


def main(learn2learn: Path, out: Path) -> None:
    """Write the values of all cases."""
    problem = draw(np.random.default_rng(0))
    peer = load_learn2learn(learn2learn)
    cases = {
        "maml": maml(peer, problem, first_order=False),
        "fomaml": maml(peer, problem, first_order=True),
        "anil": anil(peer, problem, first_order=False),
        "first_order_anil": anil(peer, problem, first_order=True),
    }
    facts = {
        "made_by": "benchmarks/learn2learn_values.py",
        "learn2learn": "0.2.0",
        "torch": torch.__version__,
        "inner_steps": INNER_STEPS,
        "inner_rate": INNER_RATE,
        "stride": STRIDE,
    }
    out.write_text(json.dumps({**facts, **as_lists(problem), "cases": as_lists(cases)}) + "\n")


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """Draw weights and data."""
    frames = (TIME - BODY[0]) // STRIDE + 1 - HEAD[0] + 1

    def layer(shape: tuple[int, int, int]) -> dict[str, np.ndarray]:
        return {"kernel": rng.normal(size=shape) / 2, "bias": rng.normal(size=shape[-1]) / 2}

    def batch() -> dict[str, np.ndarray]:
        return {"x": rng.normal(size=(BATCH, TIME, 1)), "y": rng.normal(size=(BATCH, frames, 2))}

    weights = {"body": layer(BODY), "head": layer(HEAD)}
    return {"weights": weights, "support": batch(), "query": batch()}


class Layer(torch.nn.Module):
    """A convolution without padding; time last, as PyTorch has it."""

    def __init__(self, leaves: dict[str, np.ndarray], stride: int):
        super().__init__()
        self.kernel = torch.nn.Parameter(torch.tensor(leaves["kernel"].transpose(2, 1, 0)))
        self.bias = torch.nn.Parameter(torch.tensor(leaves["bias"]))
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the convolution of `x`."""
        return torch.nn.functional.conv1d(x, self.kernel, self.bias, self.stride)


class Net(torch.nn.Module):
    """Body, tanh, head."""

    def __init__(self, weights: dict[str, Any]):
        super().__init__()
        self.body, self.head = Layer(weights["body"], STRIDE), Layer(weights["head"], 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output for `x`."""
        return self.head(torch.tanh(self.body(x)))


def maml(peer: Any, problem: dict[str, Any], *, first_order: bool) -> dict[str, Any]:
    """Return what learn2learn's MAML finds: all weights are adapted."""
    net = Net(problem["weights"])
    learner = peer.MAML(net, lr=INNER_RATE, first_order=first_order).clone()
    for _ in range(INNER_STEPS):
        learner.adapt(error(learner, problem["support"]))
    return found(
        net, error(learner, problem["query"]), {"body": learner.body, "head": learner.head}
    )


def anil(peer: Any, problem: dict[str, Any], *, first_order: bool) -> dict[str, Any]:
    """Return what its ANIL finds: its MAML around the head, the body outside (its own example)."""
    net = Net(problem["weights"])
    head = peer.MAML(net.head, lr=INNER_RATE, first_order=first_order).clone()

    def run(x: torch.Tensor) -> torch.Tensor:
        return head(torch.tanh(net.body(x)))

    for _ in range(INNER_STEPS):
        head.adapt(error(run, problem["support"]))
    return found(net, error(run, problem["query"]), {"body": net.body, "head": head.module})


def error(run: Any, batch: dict[str, np.ndarray]) -> torch.Tensor:
    """Return the mean squared error on a batch."""
    x, y = (torch.tensor(batch[name].transpose(0, 2, 1)) for name in ("x", "y"))
    return torch.nn.functional.mse_loss(run(x), y)


def found(net: Net, loss: torch.Tensor, adapted: dict[str, Layer]) -> dict[str, Any]:
    """Return the adapted weights, the query loss and its gradient in the weights of `net`."""
    loss.backward()
    parts = {"body": net.body, "head": net.head}
    return {
        "loss": loss.item(),
        "adapted": {n: stored(x.kernel.detach(), x.bias.detach()) for n, x in adapted.items()},
        "gradient": {n: stored(x.kernel.grad, x.bias.grad) for n, x in parts.items()},
    }


def stored(kernel: torch.Tensor, bias: torch.Tensor) -> dict[str, np.ndarray]:
    """Return a layer's numbers in our layout."""
    return {"kernel": kernel.numpy().transpose(2, 1, 0), "bias": bias.numpy()}


def as_lists(value: Any) -> Any:
    """Return nested dictionaries of arrays as nested dictionaries of lists."""
    if isinstance(value, dict):
        return {name: as_lists(item) for name, item in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("learn2learn", type=Path, help="folder of the unpacked archive")
    parser.add_argument("out", type=Path, help="the JSON file to write")
    main(**vars(parser.parse_args()))
