"""Seq-U-Net: time of a training step against TCN, samples per second in generation, live streams.

    python benchmarks/seq_unet.py training
    python benchmarks/seq_unet.py training --dropout 0
    python benchmarks/seq_unet.py generation
    python benchmarks/seq_unet.py generation --batch 4
    python benchmarks/seq_unet.py live

Nothing else may run meanwhile. Add `--size nano` to any row to see in seconds whether it works.

Training: characters with the sizes of the paper's table (Stoller et al. 2020, arXiv:1911.06393): 3
taps, 4 levels, an embedding of 100 that the output shares, dropout 0.1 after every layer, batches
of 16 and 320 targets each; widths of 390 for Seq-U-Net (397 characters in, 325 out, of which the
last 320 count) and 600 for TCN (400 characters in, zeros before). About 5.9 million
parameters both. A step is forward, backward and Adam; both nets take turns in one process. The
bar: TCN takes at least 1.9 times as long. Printed beside are the counted multiply-adds of one
forward pass, layer by layer from the shapes.

Generation: the residual Seq-U-Net of the paper's raw audio (11 levels, 180 channels, 5 taps, depth
2, 256 classes), temperature 0.95. The bar, for one stream: 309 samples per second, what the paper
reports for a GTX 1080. Kernels are prepared as rows once, before the clock starts. Reading weights
is all that costs: printed beside is how many megabytes of them a sample needs on average, and the
rate that this makes.

Live: the causal body of all tasks, preset `nano`, as `umir predict --live` runs it: blocks of 20
ms of noise through body, head and decoder. Printed are the real-time factor (below 1 is faster than
the audio), the longest that a block took, and the algorithmic latency.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from timing import median_seconds

from umir.huge_pages import begin_again_with_huge_pages
from umir.live_prediction import BLOCK_SECONDS, LivePrediction
from umir.task_model import TaskModel
from umir.tasks import get_task
from umir.wave_unet import Network, n_parameters
from umir.wave_unet.presets import preset_config
from umir.wave_unet.sequences import TCN, ResidualSeqUNet, SeqUNet, generate, with_rows

CHARACTERS = 50
TAPS, BATCH, TARGETS, TCN_CONTEXT = 3, 16, 320, 80
RATES = {"Seq-U-Net": 7.3e-4, "TCN": 1.4e-4}  # of Adam, as published
BAR_OF_TRAINING, BAR_OF_GENERATION = 1.9, 309
TEMPERATURE = 0.95


def training(size: str, rounds: int, dropout: float) -> None:
    """Print the time of a training step of both nets, the ratio, and what is counted."""
    nano = size == "nano"
    embedding, ours, theirs = (8, 8, 12) if nano else (100, 390, 600)
    batch, targets = (2, 40) if nano else (BATCH, TARGETS)
    unet = SeqUNet(embedding, (ours,) * 3 + (embedding,), embedding, TAPS, dropout)
    tcn = TCN(embedding, (theirs,) * 3 + (embedding,), embedding, TAPS, dropout)
    inputs = {"Seq-U-Net": unet.input_length(targets), "TCN": targets + TCN_CONTEXT}
    counted = {
        "Seq-U-Net": unet_multiply_adds(unet, inputs["Seq-U-Net"]),
        "TCN": tcn_multiply_adds(tcn, inputs["TCN"]),
    }
    models = {"Seq-U-Net": (unet, unet_output), "TCN": (tcn, tcn_output)}
    functions = {
        name: training_step(net, output, (batch, inputs[name]), targets, RATES[name])
        for name, (net, output) in models.items()
    }
    seconds = median_seconds(functions, rounds)
    for name, (net, _) in models.items():
        millions = n_parameters(jax.eval_shape(net.init, jax.random.key(0))) / 1e6
        rate = 6 * counted[name] * batch / seconds[name] / 1e9  # 3 passes, 2 operations each
        print(
            f"{name:10} {millions:5.2f} M parameters, {inputs[name]} in, "
            f"{counted[name] / 1e6:7.1f} M multiply-adds, {seconds[name] * 1e3:7.1f} ms per step, "
            f"{rate:5.0f} GFLOP/s"
        )
    ratio = seconds["TCN"] / seconds["Seq-U-Net"]
    floor = counted["TCN"] / counted["Seq-U-Net"]
    print(f"TCN over Seq-U-Net {ratio:.2f} (bar {BAR_OF_TRAINING}, counted {floor:.2f})")


def training_step(
    net: Any, output: Callable, shape: tuple[int, int], targets: int, rate: float
) -> Callable[[], jax.Array]:
    """Return a function that makes one update and returns the loss."""
    optimizer = optax.adam(rate)

    def loss(params: Any, text: jax.Array, key: jax.Array) -> jax.Array:
        y = output(net, params["net"], params["embedding"][text], key)[:, -targets:]
        logits = y @ params["embedding"].T + params["bias"][None, None]
        wanted = jax.nn.one_hot(text[:, -targets:], CHARACTERS)  # which ones does not matter here
        return -jnp.mean(jnp.sum(wanted * jax.nn.log_softmax(logits), axis=-1))

    @jax.jit
    def update(params: Any, state: Any, text: jax.Array, key: jax.Array) -> Any:
        value, gradient = jax.value_and_grad(loss)(params, text, key)
        changes, state = optimizer.update(gradient, state)
        return value, optax.apply_updates(params, changes), state

    text = jax.random.randint(jax.random.key(1), shape, 0, CHARACTERS)
    embedding = 0.1 * jax.random.normal(jax.random.key(2), (CHARACTERS, net.channels))
    params = {
        "net": net.init(jax.random.key(0)),
        "embedding": embedding,
        "bias": jnp.zeros(CHARACTERS),
    }
    state = optimizer.init(params)
    key = jax.random.key(3)
    return lambda: update(params, state, text, key)


def unet_output(net: SeqUNet, params: Any, x: jax.Array, key: jax.Array) -> jax.Array:
    """Return what Seq-U-Net gives without padding."""
    return net.apply(params, x, padding="valid", key=key)[0]


def tcn_output(net: TCN, params: Any, x: jax.Array, key: jax.Array) -> jax.Array:
    """Return the last block of the TCN, which has the width of the embedding."""
    return net.apply(params, x, key=key)[1][f"block_{2 ** (len(net.widths) - 1)}"]


def unet_multiply_adds(net: SeqUNet, frames: int) -> int:
    """Count the multiply-adds of a forward pass over one input without padding."""
    above, total = net.channels, 0
    for width in net.widths[:-1]:
        frames -= net.taps - 1
        total += frames * net.taps * above * width
        frames = (frames - net.taps) // 2 + 1
        total += frames * net.taps * width**2
        above = width
    frames -= net.taps - 1
    below = net.widths[-1]
    total += frames * net.taps * above * below
    for width in reversed(net.widths[:-1]):
        total += frames * net.taps * below**2
        frames = 2 * frames - net.taps - (net.taps - 1)
        total += frames * net.taps * (below + width) * width
        below = width
    return total + frames * below * net.outputs


def tcn_multiply_adds(net: TCN, frames: int) -> int:
    """Count the multiply-adds of the blocks in a forward pass over one input."""
    total, above = 0, net.channels
    for width in net.widths:
        total += frames * (net.taps * (above + width) * width)
        total += frames * above * width if above != width else 0
        above = width
    return total


def generation(size: str, rounds: int, batch: int) -> None:
    """Print the samples per second of one stream, and the memory traffic of the weights."""
    net = ResidualSeqUNet(levels=4, width=8) if size == "nano" else ResidualSeqUNet()
    params = net.init(jax.random.key(0))
    state, last = net.init_state(params, batch), jnp.full(batch, net.channels // 2)

    prepared = with_rows(params)

    def sample() -> jax.Array:
        key = jax.random.key(1)
        return generate(net, prepared, state, last, net.cycle, key=key, temperature=TEMPERATURE)[1]

    seconds = median_seconds({"generation": sample}, rounds)["generation"]
    speed = net.cycle / seconds
    megabytes = 4e-6 * weights_per_sample(net, params)
    bar = f" (bar {BAR_OF_GENERATION})" if batch == 1 else ""
    print(
        f"{batch} stream(s): {speed:.0f} samples per second each{bar}; "
        f"{megabytes:.1f} MB of weights per sample, {speed * megabytes / 1e3:.1f} GB/s"
    )


def weights_per_sample(net: ResidualSeqUNet, params: Any) -> float:
    """Count the weights that a sample reads on average: level l's once in 2^l samples.

    What changes the rate is used for half of them: every second sample, or half the taps.
    """
    total = float(n_parameters([params["enter"], params["leave"]]))
    total += n_parameters(params["bottom"]) / net.cycle
    for level in range(net.levels - 1):
        stages = params[f"down{level}"] | {"up": params[f"up{level}"]}
        halves = n_parameters([stages["strided"], stages["up"]["transposed"]])
        total += (n_parameters(stages) - halves / 2) / 2**level
    return total


def live(rounds: int) -> None:
    """Print how much of the time of a stream its computation takes, for a head of each kind."""
    config = preset_config("nano", "seq_unet")
    seconds = float(rounds)
    noise = 0.1 * np.random.default_rng(0).normal(size=(round(seconds * config.rate), 1))
    for name in ("onset_detection", "note_transcription", "genre_recognition"):
        task = get_task(name)
        network = Network(config, task.head)
        params = network.init(jax.random.key(0))
        model = TaskModel(network, task, params, task.default_settings(config.rate))
        prediction = LivePrediction(model)
        prediction.warm_up()
        longest = 0.0
        for block in np.array_split(noise.astype(np.float32), round(seconds / BLOCK_SECONDS)):
            started = time.perf_counter()
            prediction.push(block)
            longest = max(longest, time.perf_counter() - started)
        parts = prediction.latency
        print(
            f"{name:20} real-time factor {prediction.elapsed / seconds:.3f}, longest block "
            f"{1e3 * longest:.1f} ms, algorithmic latency {parts.total:.1f} ms (network "
            f"{parts.network:.0f}, decoder {parts.decoder:.0f}, blocks {parts.block:.1f})"
        )


if __name__ == "__main__":
    begin_again_with_huge_pages()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["training", "generation", "live"])
    parser.add_argument("--size", choices=["full", "nano"], default="full")
    parser.add_argument(
        "--rounds", type=int, default=7, help="timed calls of each contender; live: seconds"
    )
    parser.add_argument("--dropout", type=float, default=0.1, help="training only")
    parser.add_argument("--batch", type=int, default=1, help="streams; generation only")
    arguments = parser.parse_args()
    if arguments.what == "training":
        training(arguments.size, arguments.rounds, arguments.dropout)
    elif arguments.what == "live":
        live(arguments.rounds)
    else:
        generation(arguments.size, arguments.rounds, arguments.batch)
