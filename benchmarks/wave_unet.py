"""Published Wave-U-Nets against the same networks in PyTorch: training steps, and a whole song.

    pip install torch==2.13.0
    python benchmarks/wave_unet.py training [--batch 4] [--rounds 3]
    python benchmarks/wave_unet.py song [--seconds 300]

`training`: one step of Adam of M4 and of the PyTorch lineage (`filtered`), both sides warm, in
turns, in one process; both must find the same loss. Beside the times stand the multiply-adds of
their convolutions, counted from shapes, forwards and backwards, and what part of the rate of a
plain matrix product, measured in the same run, ours reaches. Bar: 1.5 times as fast.

`song`: separating a stereo song at 44.1 kHz with `filtered`, each side in a process of its own, in
windows side by side as both were published; ours as `umir separate` does it, as a stream; both load
the same weights from files of their own, a model directory and a PyTorch checkpoint. Memory is
the most that a process held, and beside it what it held before the song. Bars: 1.3 times as fast,
half of the memory. Nothing else may run meanwhile.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from timing import median_seconds

from umir.huge_pages import begin_again_with_huge_pages
from umir.program import use_compilation_cache
from umir.separation.recipes import PRESETS
from umir.separation.separator_model import SeparatorModel, load_model_for
from umir.separation.training import SeparationTraining
from umir.separation.window_separator import WindowNetwork
from umir.wave_unet.separators import FilteredWaveUNet

TRAINING_BAR, SONG_BAR, MEMORY_BAR = 1.5, 1.3, 0.5
RATE = 44_100
CHECKPOINT = "peer.pt"


def multiply_adds(network: WindowNetwork) -> float:
    """Return the multiply-adds of the convolutions of one window, forwards.

    Every kernel is met once by every sample of what it gives.
    """
    total = 0
    params = jax.eval_shape(network.init, jax.random.key(0))
    mixture = jax.ShapeDtypeStruct((1, network.sizes.input, network.channels), jnp.float32)
    _, features = jax.eval_shape(network.apply, params, mixture)
    nets = params if isinstance(network, FilteredWaveUNet) else {"": params}
    for name, net in nets.items():
        length = {n.removeprefix(f"{name}/"): x.shape[1] for n, x in features.items()}
        for path, leaf in jax.tree.leaves_with_path(net):
            if path[-1].key == "kernel":
                total += leaf.size * _frames(network, [p.key for p in path], length)
    return total


def _frames(network: WindowNetwork, path: list[str], length: dict[str, int]) -> int:
    """Return the length of what the convolution at a place of the parameters gives."""
    stage, *rest = path
    if stage == "output":
        return network.sizes.output
    own = length["bottleneck" if stage == "bottleneck" else f"{stage}_{rest[0][len('level') :]}"]
    if not isinstance(network, FilteredWaveUNet):
        return own
    lost, unit = network.kernel - 1, int(rest[-2].removeprefix("unit"))
    if "deeper" in rest:  # begins where the feature that has a name ends
        return own - unit * lost
    after = network.depth - unit + (network.depth if "upsampled" in rest else 0)
    return own + after * lost


def matrix_rate() -> float:
    """Return the multiply-adds per second of a product of two large matrices."""
    size = 2048
    a = jnp.ones((size, size))
    product = jax.jit(lambda a: a @ a)
    return size**3 / median_seconds({"": lambda: product(a)}, 5)[""]


def steps_of(preset: str, batch: int) -> tuple[Callable[[], jax.Array], Callable[[], float] | None]:
    """Return what takes one training step on our side and in PyTorch, and returns the loss."""
    network, recipe = PRESETS[preset].network, PRESETS[preset].recipe
    rng = np.random.default_rng(0)
    shape = (batch, network.sizes.input, network.channels)
    mixture = rng.uniform(-0.5, 0.5, shape).astype(np.float32)
    target = np.stack([0.5 * mixture] * len(network.sources), axis=2)
    margin = network.sizes.margin
    target = target[:, margin : margin + network.sizes.output]
    training = SeparationTraining(network, replace(recipe, epoch_steps=1000), [], [])
    held = [training.init()]
    params = held[0]["params"]

    def ours() -> jax.Array:
        item = (mixture, target), jax.random.key(0)
        held[0], metrics = jax.block_until_ready(training.step(recipe.stages[0], held[0], item))
        return metrics["loss"]

    return ours, theirs(network, recipe.loss, params, mixture, target)


def theirs(
    network: WindowNetwork, kind: str, params: Any, mixture: np.ndarray, target: np.ndarray
) -> Callable[[], float] | None:
    """Return what takes one training step in PyTorch, from the same parameters."""
    try:
        import torch
    except ImportError:
        return None
    peer = peer_of(network, params).train()
    optimizer = torch.optim.Adam([p for p in peer.parameters() if p.requires_grad], lr=1e-4)
    x = torch.from_numpy(mixture.transpose(0, 2, 1).copy())
    y = torch.from_numpy(target.reshape(*target.shape[:2], -1).transpose(0, 2, 1).copy())
    error = torch.nn.functional.l1_loss if kind == "absolute" else torch.nn.functional.mse_loss

    def step() -> float:
        optimizer.zero_grad()
        loss = error(peer(x), y)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def peer_of(network: WindowNetwork, params: Any) -> Any:
    """Return the same network in PyTorch, with the same parameters where that matters."""
    from torch_wave_unet import FilteredPeer, OriginalPeer, load_filtered, load_original

    if isinstance(network, FilteredWaveUNet):
        peer = FilteredPeer(network)
        load_filtered(peer, params)
        return peer
    peer = OriginalPeer(network)
    load_original(peer, params)
    return peer


def training(presets: list[str], batch: int, rounds: int) -> None:
    """Print the times of training steps."""
    rate = matrix_rate()
    print(f"matrix product: {2e-9 * rate:.0f} GFLOP/s")
    for preset in presets:
        ours, peer = steps_of(preset, batch)
        contenders: dict[str, Callable[[], Any]] = {"ours": ours}
        if peer is not None:
            first = float(ours()), peer()
            if not np.allclose(*first, rtol=1e-3):
                raise RuntimeError(f"{preset}: the contenders do not compute the same: {first}")
            contenders["PyTorch"] = peer
        seconds = median_seconds(contenders, rounds)
        counted = 3 * batch * multiply_adds(PRESETS[preset].network)
        share = counted / seconds["ours"] / rate
        print(
            f"{preset}, batches of {batch}: {counted * 1e-9:.0f} G multiply-adds a step; ours "
            f"{seconds['ours']:.2f} s, {100 * share:.0f}% of the matrix product's rate"
        )
        if peer is not None:
            ratio = seconds["PyTorch"] / seconds["ours"]
            print(
                f"{preset}: PyTorch {seconds['PyTorch']:.2f} s, {ratio:.2f} x (bar {TRAINING_BAR})"
            )


def peak_megabytes() -> float:
    """Return the most memory that this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def song_blocks(seconds: float) -> Iterator[np.ndarray]:
    """Yield a song of noise, a second at a time."""
    rng = np.random.default_rng(0)
    for _ in range(round(seconds)):
        yield rng.uniform(-0.5, 0.5, (RATE, 2)).astype(np.float32)


def write_models(folder: Path) -> None:
    """Write one network, with weights such as a trained one has, as both sides store it."""
    import torch

    network = PRESETS["filtered"].network
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(network.init, jax.random.key(0))
    params = jax.tree.map(lambda s: draw(rng, s.shape), shapes)
    SeparatorModel(network, params).save(folder, "# Noise\n")
    torch.save(peer_of(network, params).state_dict(), folder / CHECKPOINT)


def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return numbers such as a trained network has."""
    limit = math.prod(shape[:-1]) ** -0.5 if len(shape) > 1 else 1.0
    return rng.uniform(-limit, limit, shape).astype(np.float32)


def our_song(seconds: float, models: Path) -> dict[str, float]:
    """Separate a song as `umir separate` does; return seconds, megabytes and a checksum."""
    separator = load_model_for(models).separator

    def separated(seconds: float) -> float:
        level = separator.measure(song_blocks(seconds), RATE)
        total = 0.0
        for stems in separator.separate(song_blocks(seconds), RATE, level):
            total += sum(float(np.abs(stem).sum()) for stem in stems.values())
        return total

    return measured(separated, seconds)


def their_song(seconds: float, models: Path) -> dict[str, float]:
    """Separate it as the public repository does: the whole song as an array, window by window."""
    import torch
    from torch_wave_unet import FilteredPeer

    network = PRESETS["filtered"].network
    peer = FilteredPeer(network).eval()
    peer.load_state_dict(torch.load(models / CHECKPOINT, weights_only=True))
    sizes = network.sizes

    def separated(seconds: float) -> float:
        song = np.concatenate(list(song_blocks(seconds))).T
        length = song.shape[1]
        whole = -(-length // sizes.output) * sizes.output
        margin = sizes.margin
        padded = np.pad(song, ((0, 0), (margin, whole - length + margin)))
        found = np.zeros((len(network.sources) * 2, whole), np.float32)
        with torch.no_grad():
            for start in range(0, whole, sizes.output):
                window = torch.from_numpy(padded[None, :, start : start + sizes.input].copy())
                found[:, start : start + sizes.output] = peer(window)[0].numpy()
        return float(np.abs(found[:, :length]).sum())

    return measured(separated, seconds)


def measured(separated: Callable[[float], float], seconds: float) -> dict[str, float]:
    """Return what separating a song takes, once a short one has been."""
    separated(3.0)
    before, start = peak_megabytes(), time.perf_counter()
    checksum = separated(seconds)
    elapsed = time.perf_counter() - start
    return {
        "seconds": elapsed,
        "megabytes": peak_megabytes(),
        "before": before,
        "loudness": checksum / (seconds * RATE * 2 * 4),
    }


SIDES = {"ours": our_song, "PyTorch": their_song}
WRITING = "models"  # what must be done before, in place of a side


def in_own_process(side: str, seconds: float, models: Path) -> str:
    """Return the last line that a side prints, in a process that has done nothing else.

    What this process has held counts as held by those that it starts: so it holds little.
    """
    command = [sys.executable, __file__, "song", "--seconds", str(seconds)]
    command += ["--side", side, "--models", str(models)]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    return found.stdout.splitlines()[-1]


def song(seconds: float) -> None:
    """Print time and memory of both sides."""
    found = {}
    with TemporaryDirectory() as folder:
        in_own_process(WRITING, seconds, Path(folder))
        for side in SIDES:
            found[side] = json.loads(in_own_process(side, seconds, Path(folder)))
    for side in SIDES:
        print(
            f"{side}: {found[side]['seconds']:.0f} s for {seconds:.0f} s of audio, "
            f"{found[side]['megabytes']:.0f} MB ({found[side]['before']:.0f} MB before the song)"
        )
    ours, peer = found["ours"], found["PyTorch"]
    ratio, memory = peer["seconds"] / ours["seconds"], ours["megabytes"] / peer["megabytes"]
    print(f"{ratio:.2f} x as fast (bar {SONG_BAR}), {memory:.2f} of the memory (bar {MEMORY_BAR})")


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    p.add_argument("what", choices=["training", "song"])
    p.add_argument("--presets", nargs="+", default=["m4", "filtered"], choices=["m4", "filtered"])
    p.add_argument("--batch", type=int, default=4)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=300.0)
    p.add_argument("--side", choices=[WRITING, *SIDES], help="of the song: only this")
    p.add_argument("--models", type=Path, help="of the song: where `write_models` has been")
    return p


if __name__ == "__main__":
    begin_again_with_huge_pages()
    use_compilation_cache()
    args = parser().parse_args()
    if args.what == "training":
        training(args.presets, args.batch, args.rounds)
    elif args.side == WRITING:
        write_models(args.models)
        print(args.models)
    elif args.side:
        print(json.dumps(SIDES[args.side](args.seconds, args.models)))
    else:
        song(args.seconds)
