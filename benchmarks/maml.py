"""Time of one MAML step, first and second order, against learn2learn.

    pip install torch==2.13.0
    pip download --no-deps --no-binary :all: learn2learn==0.2.0
    tar xzf learn2learn-0.2.0.tar.gz
    python benchmarks/maml.py --learn2learn learn2learn-0.2.0 [--inner-steps 5] [--rounds 5]

Rematerialised second order is timed beside, and the memory of both: what the largest of their
compiled programs needs beside its arguments.

One task per step on the reference net (`reference_net.py`), support and query of 4 x 16384 samples,
warm, in turns, in one process; nothing else may run meanwhile. The bars at 5 inner steps: second
order takes at most 2.7 times as long as first order (2.67 is what counting forward passes gives,
9K+3 over 3K+3), and learn2learn takes at least 1.7 times as long as ours of second order, 1.6 times
of first.

learn2learn 0.2.0 does not install on Python 3.11 (its compiled data loaders), so its MAML, which is
plain Python on PyTorch, is imported as it is from the unpacked archive. Without `--learn2learn`,
or without PyTorch, only our side runs.
"""

import argparse
import functools
import importlib
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import reference_net
from timing import median_seconds

from umir.huge_pages import begin_again_with_huge_pages
from umir.meta import MAML, Episode, FirstOrderMAML, MetaLearner, hessian_product
from umir.meta.maml import outer_gradient

INNER_RATE = 0.01
OUTER_RATE = 1e-3
BAR_OF_ORDERS = 2.7
BARS_OVER_LEARN2LEARN = {"first order": 1.6, "second order": 1.7}


def main(inner_steps: int, rounds: int, learn2learn: Path | None) -> None:
    """Print times and ratios of all contenders."""
    params = reference_net.init(0)
    episode = reference_net.examples(1), reference_net.examples(2)
    functions = {}
    rates = INNER_RATE, INNER_RATE
    optimizer = optax.sgd(OUTER_RATE)
    second = MAML(optimizer, inner_steps, *rates)
    again = MAML(optimizer, inner_steps, *rates, rematerialise=True)
    functions["ours, rematerialised"] = ours(again, params, episode)
    for name, algorithm in (
        ("first order", FirstOrderMAML(optimizer, inner_steps, *rates)),
        ("second order", second),
    ):
        functions[f"ours, {name}"] = ours(algorithm, params, episode)
        if learn2learn and importlib.util.find_spec("torch"):
            peer = load_learn2learn(learn2learn)
            functions[f"learn2learn, {name}"] = theirs(
                peer, params, episode, inner_steps, algorithm.first_order
            )
        else:
            print(f"learn2learn, {name}: left out (see the top of this file)")
    check_equal({name: float(function()) for name, function in functions.items()})
    seconds = median_seconds(functions, rounds)
    for name, value in seconds.items():
        print(f"{name:28} {value * 1e3:8.0f} ms")
    ratio = seconds["ours, second order"] / seconds["ours, first order"]
    floor = (9 * inner_steps + 3) / (3 * inner_steps + 3)
    print(f"second over first order {ratio:.2f} (bar {BAR_OF_ORDERS}, counted {floor:.2f})")
    kept, least = megabytes(second, params, episode), megabytes(again, params, episode)
    slower = seconds["ours, rematerialised"] / seconds["ours, second order"]
    print(f"second order {kept:.0f} MB; rematerialised {least:.0f} MB, {slower:.2f} x the time")
    if "learn2learn, second order" in seconds:
        for name, bar in BARS_OVER_LEARN2LEARN.items():
            ahead = seconds[f"learn2learn, {name}"] / seconds[f"ours, {name}"]
            print(f"{name}: {ahead:.2f} x as fast as learn2learn (bar {bar})")


def check_equal(losses: dict[str, float]) -> None:
    """Raise unless all contenders find the same query loss after the inner loop.

    Raises:
        RuntimeError: they do not.
    """
    if not np.allclose(list(losses.values()), losses["ours, first order"], rtol=1e-3):
        raise RuntimeError(f"the contenders do not compute the same: {losses}")


def ours(algorithm: MetaLearner, params: Any, episode: Any) -> Any:
    """Return a function that makes one outer step with `umir.meta` and returns the query loss."""
    state = algorithm.init(jax.tree.map(jnp.asarray, params))
    support, query = jax.tree.map(jnp.asarray, episode)
    task = Episode("task", reference_net.loss, {}, support, query, jax.random.key(0))

    def step() -> jax.Array:
        new, metrics = algorithm.step(state, [task])
        return jax.block_until_ready((metrics["loss/task"], new))[0]

    return step


def megabytes(algorithm: MAML, params: Any, episode: Any) -> float:
    """Return the memory of the outer gradient's largest program, beside its arguments, in MB."""
    support, query = jax.tree.map(jnp.asarray, episode)
    loss, key = reference_net.loss, jax.random.key(0)
    if algorithm.rematerialise:
        start = {"body": params, "head": {}}
        program = hessian_product.lower(loss, start, support, key, start)
    else:
        program = outer_gradient.lower(algorithm, loss, params, {}, support, query, key)
    return program.compile().memory_analysis().temp_size_in_bytes / 1e6


def theirs(peer: Any, params: Any, episode: Any, inner_steps: int, first_order: bool) -> Any:
    """Return a function that makes one outer step with learn2learn and returns the query loss."""
    import torch

    algorithm = peer.MAML(torch_module(params), lr=INNER_RATE, first_order=first_order)
    optimizer = torch.optim.SGD(algorithm.parameters(), lr=OUTER_RATE)
    support, query = map(reference_net.batch_to_torch, episode)
    start = [parameter.detach().clone() for parameter in algorithm.parameters()]

    def step() -> Any:
        learner = algorithm.clone()
        for _ in range(inner_steps):
            learner.adapt(learner(support))
        loss = learner(query)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():  # every call starts from the same parameters, as ours does
            for parameter, value in zip(algorithm.parameters(), start, strict=True):
                parameter.copy_(value)
        return loss.detach()

    return step


def torch_module(params: Any) -> Any:
    """Return the reference net as a module that maps a batch to its loss."""
    import torch

    class Layer(torch.nn.Module):
        def __init__(self, leaves: Any):
            super().__init__()
            self.kernel = torch.nn.Parameter(leaves["kernel"].detach())
            self.bias = torch.nn.Parameter(leaves["bias"].detach())

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            layers = reference_net.to_torch(params)
            self.layers = torch.nn.ModuleDict({name: Layer(x) for name, x in layers.items()})

        def forward(self, batch: Any) -> Any:
            leaves = {n: {"kernel": x.kernel, "bias": x.bias} for n, x in self.layers.items()}
            return reference_net.torch_loss(leaves, batch)

    return Net()


@functools.cache
def load_learn2learn(folder: Path) -> Any:
    """Import `learn2learn.algorithms.maml` from the unpacked archive, and nothing it has compiled.

    The packages' own `__init__` files, which import everything, are passed over.

    Raises:
        FileNotFoundError: the folder is not the unpacked archive.
    """
    if not (folder / "learn2learn" / "algorithms" / "maml.py").is_file():
        raise FileNotFoundError(f"{folder} is not the unpacked archive of learn2learn 0.2.0")
    for name in ("learn2learn", "learn2learn.algorithms"):
        package = types.ModuleType(name)
        package.__path__ = [str(folder.joinpath(*name.split(".")))]
        sys.modules[name] = package
    return importlib.import_module("learn2learn.algorithms.maml")


if __name__ == "__main__":
    begin_again_with_huge_pages()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inner-steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5, help="timed calls of each contender")
    parser.add_argument("--learn2learn", type=Path, help="folder of the unpacked archive")
    main(**vars(parser.parse_args()))
