"""Time of one MAML step, first and second order, against learn2learn.

    pip install torch==2.13.0
    pip download --no-deps --no-binary :all: learn2learn==0.2.0
    tar xzf learn2learn-0.2.0.tar.gz
    python benchmarks/maml.py --learn2learn learn2learn-0.2.0 [--inner-steps 5] [--rounds 5]

"Again" is rematerialised second order: what is inside an inner step is computed again on the way
back.

One task per step on the reference net (`reference_net.py`), support and query of 4 x 16384 samples,
warm, each contender in a process of its own, in turns; nothing else may run meanwhile, and 12 GB of
memory must be free.
Beside the times stands the most memory that a process held during these steps (Linux only). The
bars at 5 inner steps: second order takes at most 2.7 times as long as first order (2.67 is what
counting forward passes gives, 9K+3 over 3K+3), and learn2learn takes at least 1.7 times as long as
ours of second order, 1.6 times of first, and holds as much memory.

learn2learn 0.2.0 does not install on Python 3.11 (its compiled data loaders), so its MAML, which is
plain Python on PyTorch, is imported as it is from the unpacked archive. Without `--learn2learn`,
or without PyTorch, only our side runs.
"""

import argparse
import functools
import importlib
import importlib.util
import statistics
import sys
import time
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import reference_net
from turns import WARM_UP, answer, in_turns

from umir.huge_pages import begin_again_with_huge_pages
from umir.meta import MAML, Episode, FirstOrderMAML, MetaLearner
from umir.program import use_compilation_cache

INNER_RATE = 0.01
OUTER_RATE = 1e-3
OURS = FIRST, SECOND, AGAIN = (
    "ours, first order",
    "ours, second order",
    "ours, second order, again",
)
THEIRS = ("learn2learn, first order", "learn2learn, second order")
BAR_OF_ORDERS = 2.7
BARS_OVER_LEARN2LEARN = {"first order": 1.6, "second order": 1.7}


def main(inner_steps: int, rounds: int, learn2learn: Path | None) -> None:
    """Print times, memory and ratios of all contenders."""
    names = OURS + (THEIRS if learn2learn and importlib.util.find_spec("torch") else ())
    if len(names) == len(OURS):
        print("learn2learn: left out (see the top of this file)")
    found = timed_in_turns(names, rounds, inner_steps, learn2learn)
    check_equal({name: own["loss"] for name, own in found.items()})
    for name, own in found.items():
        print(f"{name:28} {own['seconds'] * 1e3:8.0f} ms {own['megabytes']:8.0f} MB")
    ratio = found[SECOND]["seconds"] / found[FIRST]["seconds"]
    floor = (9 * inner_steps + 3) / (3 * inner_steps + 3)
    print(f"second over first order {ratio:.2f} (bar {BAR_OF_ORDERS}, counted {floor:.2f})")
    for order, bar in BARS_OVER_LEARN2LEARN.items():
        peer = found.get(f"learn2learn, {order}")
        for name in (name for name in OURS if peer and order in name):
            ahead = peer["seconds"] / found[name]["seconds"]
            held = found[name]["megabytes"] / peer["megabytes"]
            print(f"{name}: {ahead:.2f} x as fast as learn2learn (bar {bar})", end=", ")
            print(f"{held:.2f} of its memory (bar 1)")


def contender(name: str, inner_steps: int, learn2learn: Path | None) -> Callable[[], Any]:
    """Return a function that makes one outer step and returns the query loss."""
    params = reference_net.init(0)
    episode = reference_net.examples(1), reference_net.examples(2)
    if name in THEIRS:
        assert learn2learn is not None, "its folder is needed"
        first_order = name.endswith("first order")
        return theirs(load_learn2learn(learn2learn), params, episode, inner_steps, first_order)
    settings = optax.sgd(OUTER_RATE), inner_steps, INNER_RATE, INNER_RATE
    if name == FIRST:
        return ours(FirstOrderMAML(*settings), params, episode)
    return ours(MAML(*settings, rematerialise=name == AGAIN), params, episode)


def timed_in_turns(
    names: Sequence[str], rounds: int, inner_steps: int, learn2learn: Path | None
) -> dict[str, dict[str, float]]:
    """Return the loss, the median seconds and the most memory (MB) of each contender's steps."""
    settings = ["--inner-steps", str(inner_steps)]
    settings += ["--learn2learn", str(learn2learn)] if learn2learn else []
    found = in_turns({name: [__file__, "--alone", name, *settings] for name in names}, rounds)
    return {
        name: {
            "loss": steps[-1]["loss"],
            "seconds": statistics.median(step["seconds"] for step in steps[WARM_UP:]),
            "megabytes": max(step["megabytes"] for step in steps[WARM_UP:]),
        }
        for name, steps in found.items()
    }


def measured(function: Callable[[], Any]) -> dict[str, float]:
    """Return the loss of one step, its seconds and the most memory (MB) during it."""
    Path("/proc/self/clear_refs").write_text("5")  # Linux forgets the peak so far
    start = time.perf_counter()
    loss = float(function())
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1e3
    return {"loss": loss, "seconds": seconds, "megabytes": peak}


def check_equal(losses: dict[str, float]) -> None:
    """Raise unless all contenders find the same query loss after the inner loop.

    Raises:
        RuntimeError: they do not.
    """
    if not np.allclose(list(losses.values()), losses[FIRST], rtol=1e-3):
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
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inner-steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5, help="timed calls of each contender")
    parser.add_argument("--learn2learn", type=Path, help="folder of the unpacked archive")
    parser.add_argument("--alone", help="only this contender, for the other process")
    args = parser.parse_args()
    use_compilation_cache()
    if args.alone:
        function = contender(args.alone, args.inner_steps, args.learn2learn)
        answer(lambda: measured(function))
    else:
        main(args.inner_steps, args.rounds, args.learn2learn)
