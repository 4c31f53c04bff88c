"""A training step with critics against the same step in PyTorch.

    pip install torch==2.13.0
    python benchmarks/adversarial_step.py [--rounds 5]

The step of `umir separate-train --prior adversarial --preset magnitudes-half`: two rounds of both
critics with the gradient penalty, each on fresh batches of 8, and one step of the separator on
pairs, critics and additivity. PyTorch runs it eagerly, with as many threads as there are cores.
Both sides start from the same parameters, take the same batches, and must find the same losses in
the first step. Each has a process of its own, warm, and they take turns: only one computes at a
time. Batches are random numbers that are there before the clock starts. Bar: 1.5 times as fast.
Nothing else may run meanwhile: PyTorch's threads wait for each other, so that on a busy machine its
time, that of the CPU as well, is many times too long. Printed beside is the time of the CPU, all
threads together; `--threads 1` has PyTorch work alone, and compares those. `--preset nano` shows in
seconds whether it works.
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np
from turns import WARM_UP, answer, in_turns

from umir.huge_pages import begin_again_with_huge_pages
from umir.priors import Adversarial, marginals
from umir.priors.networks.separation_unet import MIXTURE
from umir.priors.streams import INPUTS
from umir.program import use_compilation_cache
from umir.separation.domains import Magnitudes
from umir.separation.magnitude_unet import MagnitudeUNet
from umir.separation.priors import separation_objective
from umir.separation.recipes import PRESETS, PriorRecipe
from umir.separation.training_streams import LABELLED

BAR = 1.5
NANO = MagnitudeUNet(("accompaniment", "vocals"), window=32, frames=8, filters=2, levels=2)
SECONDS, CPU = "seconds", "seconds of the CPU"  # of a step
TOLERANCE = 1e-3  # relative, of the losses of the first step


def setting(preset: str) -> tuple[MagnitudeUNet, PriorRecipe]:
    """Return the network and the recipe of a preset."""
    network, recipe = PRESETS["magnitudes-half"].network, PRESETS["magnitudes-half"].recipe
    assert isinstance(network, MagnitudeUNet) and isinstance(recipe, PriorRecipe)
    if preset == "nano":
        return NANO, replace(recipe, critic_filters=2)
    return network, recipe


def objective_of(network: MagnitudeUNet, recipe: PriorRecipe) -> Adversarial:
    """Return the objective of `umir.separation.prior_training`, with critics of all sources."""
    return separation_objective(
        Magnitudes(network),
        marginals(network.sources),
        labelled=True,
        alpha=recipe.alpha,
        beta=recipe.beta,
        learning_rate=recipe.stages[0].learning_rate,
        critic_filters=recipe.critic_filters,
    )


def item_of(network: MagnitudeUNet, recipe: PriorRecipe, seed: int = 0) -> dict[str, Any]:
    """Return random batches in the shapes of those that a training draws."""
    rng, batch = np.random.default_rng(seed), recipe.stages[0].batch
    names = network.sources

    def seen(samples: int) -> np.ndarray:
        frames = samples // network.hop - 1
        shape = (batch, network.bins, frames, 1)
        return np.log1p(rng.exponential(size=shape)).astype(np.float32)

    def mixtures() -> dict[str, np.ndarray]:
        return {MIXTURE: seen(network.sizes.input)}

    def solos() -> dict[str, dict[str, np.ndarray]]:
        return {name: {name: seen(network.sizes.output)[:, 1:]} for name in names}

    answers = {name: seen(Magnitudes(network).labelled_sizes.output) for name in names}
    return {
        "rounds": [{INPUTS: mixtures(), **solos()} for _ in range(recipe.rounds)],
        "generator": {INPUTS: mixtures(), LABELLED: mixtures() | answers},
        "keys": rng.integers(2**32, size=(recipe.rounds, 2), dtype=np.uint32),
    }


def our_step(preset: str, threads: int) -> Callable[[], dict[str, float]]:
    """Return what takes one step and returns the losses; XLA takes as many threads as it likes."""
    del threads
    network, recipe = setting(preset)
    objective, item = objective_of(network, recipe), item_of(network, recipe)
    held = [objective.init(jax.random.key(0))]

    def step() -> dict[str, float]:
        held[0], metrics = objective.step(held[0], item)
        jax.block_until_ready(held[0]["networks"])
        return {name: x for name, x in metrics.items() if name.startswith("loss/")}

    return step


def their_step(preset: str, threads: int) -> Callable[[], dict[str, float]]:
    """Return what takes one step in PyTorch, from the same parameters on the same batches."""
    import torch
    from torch_adversarial import AdversarialPeer, drawn_between, tensors

    torch.set_num_threads(threads)
    network, recipe = setting(preset)
    objective, item = objective_of(network, recipe), item_of(network, recipe)
    state = objective.init(jax.random.key(0))
    peer = AdversarialPeer(objective, state, recipe.stages[0].learning_rate)
    given = {
        "rounds": [tensors(batches) for batches in item["rounds"]],
        "generator": tensors(item["generator"]),
        "between": drawn_between([*peer.critics], item["keys"], recipe.stages[0].batch),
    }
    return lambda: peer.step(given)


SIDES = {"ours": our_step, "PyTorch": their_step}


def measured(step: Callable[[], dict[str, float]]) -> dict[str, Any]:
    """Return the seconds of one step, and its losses."""
    start, cpu = time.perf_counter(), time.process_time()
    losses = step()
    seconds = {SECONDS: time.perf_counter() - start, CPU: time.process_time() - cpu}
    return seconds | {"losses": losses}


def check(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Raise an error unless the first steps of both sides have the same losses."""
    ours, theirs = (found[side][0]["losses"] for side in SIDES)
    for name in ours:
        if not np.isclose(ours[name], theirs[name], rtol=TOLERANCE, atol=TOLERANCE):
            raise RuntimeError(f"{name}: ours {ours[name]}, PyTorch's {theirs[name]}")


def main(argv: Sequence[str] | None = None) -> None:
    """Print the times of both sides, and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--preset", default="magnitudes-half", choices=["magnitudes-half", "nano"])
    parser.add_argument("--rounds", type=int, default=5, help="timed steps of each side")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of PyTorch")
    parser.add_argument("--side", choices=list(SIDES), help="only this, for the other process")
    args = parser.parse_args(argv)
    use_compilation_cache()
    if args.side:
        step = SIDES[args.side](args.preset, args.threads)
        answer(lambda: measured(step))
        return
    settings = ["--preset", args.preset, "--threads", str(args.threads)]
    found = in_turns({side: [__file__, "--side", side, *settings] for side in SIDES}, args.rounds)
    check(found)
    for what in (SECONDS, CPU):
        times = {side: [step[what] for step in steps[WARM_UP:]] for side, steps in found.items()}
        ours, theirs = (float(np.median(times[side])) for side in SIDES)
        each = "; ".join(
            f"{side} " + ", ".join(f"{x:.2f}" for x in own) for side, own in times.items()
        )
        print(f"{what}: ours {ours:.3f}, PyTorch {theirs:.3f} ({each})")
        bar = f" (bar {BAR})" if what == SECONDS else ""
        print(f"{args.preset}, {args.threads} threads, {what}: {theirs / ours:.2f} x{bar}")


if __name__ == "__main__":
    begin_again_with_huge_pages()
    main()
