"""What the steps of an inner loop gain, by the learning rate of the body in them.

    python benchmarks/inner_rates.py umir-nano
    python benchmarks/inner_rates.py scratch
    python benchmarks/inner_rates.py umir-nano --inner-optimizer adam

Of each task, episodes are drawn from songs of the studio that no model has heard. A fresh head and
the body take three steps of gradient descent, or of Adam, on the support segments, the head at the
rate of `umir meta-train`, the body at each of `--rates`; printed is the loss of the query segments,
the mean over episodes. With a rate of 0 only the head is adapted. The rates of
`umir.meta_training.algorithms` were chosen by it.
"""

import argparse
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import PyTree
from recordings.tables import markdown

from umir.adaptation.start import Start
from umir.meta import Episode
from umir.meta.gradients import loss_and_gradient
from umir.meta.inner_loop import inner_loop
from umir.meta_training.algorithms import INNER_OPTIMIZERS, InnerOptimizer
from umir.meta_training.phases import FIRST_HELD_OUT_SONG, meta_episode
from umir.studio import render_song
from umir.tasks import EpisodeSampler, StudioSource, get_task
from umir.wave_unet.presets import preset_config

TASKS = ("beat_tracking", "onset_detection", "drum_transcription", "chord_recognition")
TASKS += ("melody_extraction", "note_transcription")
TASKS += ("instrument_recognition", "singing_voice_detection")
RATES = {
    "sgd": (0.0, 0.1, 1.0, 10.0, 30.0, 100.0, 300.0, 1000.0),
    "adam": (0.0, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
}


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    p.add_argument("start", metavar="NAME|DIR|scratch")
    p.add_argument("--preset", default="nano", help="of scratch")
    p.add_argument("--tasks", nargs="+", default=TASKS, metavar="TASK")
    p.add_argument("--inner-optimizer", default="sgd", choices=INNER_OPTIMIZERS)
    p.add_argument("--steps", type=int, default=3)
    p.add_argument("--rates", nargs="+", type=float, help="default: some that suit the optimiser")
    p.add_argument("--songs", type=int, default=6, help="that episodes are drawn from")
    p.add_argument("--song-seconds", type=float, default=24.0)
    p.add_argument("--episodes", type=int, default=2, help="of each task")
    return p


def query_loss(
    body: PyTree, episode: Episode, rate: float, optimizer: InnerOptimizer, steps: int
) -> float:
    """Return the query loss after the inner loop with a rate of the body."""
    inner_key, query_key = jax.random.split(episode.key)
    rates = {"body": rate, "head": optimizer.head_rate}
    params = inner_loop(
        episode.loss,
        {"body": body, "head": episode.head},
        episode.support,
        inner_key,
        steps=steps,
        rates=rates,
        optimizer=optimizer.update,
        first_order=True,
    )
    return float(loss_and_gradient(episode.loss, params, episode.query, query_key)[0])


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    args = parser().parse_args(argv)
    start = Start.load(args.start, preset_config(args.preset) if args.start == "scratch" else None)
    body = jax.tree.map(jnp.asarray, start.body)
    seeds = range(FIRST_HELD_OUT_SONG, FIRST_HELD_OUT_SONG + args.songs)
    options = {"rate": start.config.rate, "duration": args.song_seconds}
    source = StudioSource([render_song(seed, **options) for seed in seeds])
    optimizer = INNER_OPTIMIZERS[args.inner_optimizer]
    rates = args.rates or RATES[args.inner_optimizer]
    print(f"{args.start}: norm of the body {float(optax.tree.norm(body)):.0f}\n")
    rows = []
    for name in args.tasks:
        sampler = EpisodeSampler([get_task(name)], source, rate=start.config.rate, seed=0)
        episodes = [
            meta_episode(start.config, sampler, number, seed=0, variants=False)
            for number in range(args.episodes)
        ]
        losses = [
            [query_loss(body, episode, rate, optimizer, args.steps) for rate in rates]
            for episode in episodes
        ]
        rows.append([name, *(f"{loss:.3f}" for loss in np.mean(losses, axis=0))])
    print(markdown(["query loss, rate of the body", *map("{:g}".format, rates)], rows))


if __name__ == "__main__":
    main()
