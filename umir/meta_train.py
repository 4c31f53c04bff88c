"""`umir meta_train`: one network on raw waveforms, meta-trained over MIR tasks.

Songs come from the studio, so nothing is downloaded. Training has two phases: a multi-task warm-up
with one persistent head per task, then meta-training in which every episode brings a variant of a
task and a fresh head. Held-out songs then show what the start is worth: each task before and after
adaptation, beside the same number of steps from scratch.

Written to `--out`: the model directory (config.json, model.safetensors, MODEL_CARD.md), log.jsonl,
TensorBoard events, adaptation.png and adaptation.json.
"""

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from umir.program import program_parser, run_program, use_compilation_cache

if TYPE_CHECKING:
    from umir.meta import Episode, MetaState
    from umir.tasks import EpisodeSampler, Task
    from umir.wave_unet import WaveUNetConfig

# Songs for training are numbered from 0, held-out songs from here.
FIRST_HELD_OUT_SONG = 1_000_000
TASKS = ("source_separation", "drum_transcription", "instrument_recognition")
FORMAT = "umir initialisation 1"


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("meta_train", "Meta-train one network over MIR tasks.")
    p.add_argument("--preset", default="nano", help="network size: nano, small or base")
    p.add_argument("--body", default="wave_unet", choices=["wave_unet"], help="kind of network")
    p.add_argument("--algorithm", default="fomaml", choices=["fomaml", "maml", "multitask"])
    p.add_argument("--tasks", nargs="+", default=list(TASKS), metavar="TASK")
    p.add_argument("--hold-out", nargs="+", default=[], metavar="TASK", help="leave these out")
    p.add_argument("--data", default="studio", choices=["studio"], help="where songs come from")
    p.add_argument("--songs", type=int, default=128, help="number of training songs")
    p.add_argument("--held-out-songs", type=int, default=18, help="number of songs to show it on")
    p.add_argument("--steps", type=int, default=1300, help="training steps, one episode each")
    p.add_argument("--warm-up", type=float, default=0.85, help="fraction that is multi-task")
    p.add_argument("--inner-steps", type=int, default=3, help="steps of the inner loop")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--out", type=Path, help="model directory; default models/umir-PRESET")
    p.add_argument("--checkpoint-every", type=int, default=50, metavar="STEPS")
    p.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    p.add_argument("--evaluation-steps", type=int, default=30, help="steps of adaptation to show")
    return p


def run(args: argparse.Namespace) -> None:
    """Render songs, train, evaluate, write the model directory."""
    from umir.files import locked
    from umir.tasks import get_task
    from umir.wave_unet import PRESETS

    if args.preset not in PRESETS:
        raise ValueError(f"no preset {args.preset!r}: choose from {', '.join(PRESETS)}")
    use_compilation_cache()
    args.out = args.out or Path("models") / f"umir-{args.preset}"
    names = [name for name in args.tasks if name not in args.hold_out]
    if not names:
        raise ValueError("no task is left to train on: hold out fewer")
    tasks = [get_task(name) for name in names]
    config = PRESETS[args.preset]
    with locked(args.out):
        if not args.resume:
            (args.out / "log.jsonl").unlink(missing_ok=True)
        body = meta_train(args, config, tasks)
        save(args, config, body, names)
        print(show(args, config, body, tasks))
    print(f"model: {args.out}")


def meta_train(args: argparse.Namespace, config: "WaveUNetConfig", tasks: "Sequence[Task]") -> Any:
    """Return the body after the warm-up and the meta-training."""
    from umir.studio.catalogue import render_songs
    from umir.tasks import EpisodeSampler, StudioSource

    songs = render_songs(
        range(args.seed * 10_000, args.seed * 10_000 + args.songs),
        rate=config.rate,
        channels=config.channels,
        progress=True,
    )
    sampler = EpisodeSampler(tasks, StudioSource(songs), rate=config.rate, seed=args.seed)
    warm_up_steps = (
        args.steps if args.algorithm == "multitask" else round(args.warm_up * args.steps)
    )
    state = _warm_up(args, config, sampler, warm_up_steps)
    if warm_up_steps < args.steps:
        state = _meta_phase(args, config, sampler, state.body, warm_up_steps)
    return state.body


def _warm_up(args: Any, config: Any, sampler: "EpisodeSampler", steps: int) -> "MetaState":
    """Multi-task training with persistent heads, on the tasks as they are."""
    import jax

    from umir.meta import MultiTask
    from umir.tasks.objective import fresh_params
    from umir.wave_unet import Network, init_body

    body = init_body(config, jax.random.key(args.seed))
    heads = {}
    for index, task in enumerate(sampler.tasks):
        first = sampler.episode(index, variants=False).support.target
        key = jax.random.key(args.seed)
        heads[task.name] = fresh_params(Network(config, task.head), body, task, first, key)["head"]
    algorithm = MultiTask(outer_optimizer(1e-3, 2 * steps))  # two updates a step
    return _phase(
        args, "warm-up", algorithm.step, algorithm.init(body, heads),
        lambda step: meta_episode(config, sampler, step, variants=False), 0, steps,
    )  # fmt: skip


def _meta_phase(args: Any, config: Any, sampler: Any, body: Any, first_step: int) -> "MetaState":
    """Meta-training on variants with fresh heads."""
    from umir.meta import MAML

    optimizer = outer_optimizer(5e-4, args.steps - first_step)
    algorithm = MAML(optimizer, args.inner_steps, first_order=args.algorithm != "maml")
    return _phase(
        args, "meta-training", algorithm.step, algorithm.init(body),
        lambda step: meta_episode(config, sampler, step, variants=True), first_step, args.steps,
    )  # fmt: skip


def _phase(
    args: argparse.Namespace,
    phase: str,
    step_function: Callable[..., Any],
    state: "MetaState",
    stream: Callable[[int], "list[Episode]"],
    first_step: int,
    steps: int,
) -> "MetaState":
    """Run one phase in the training loop, from its last checkpoint if it is to be resumed."""
    from umir.training import Checkpoints, JsonLog, ProgressBar, TensorBoard, train

    folder = args.out / "checkpoints" / phase
    if not args.resume:
        shutil.rmtree(folder, ignore_errors=True)
    checkpoints = Checkpoints(folder, args.checkpoint_every, steps)
    if args.resume and (done := checkpoints.latest_step) is not None:
        state, first_step = checkpoints.restore(done, state), done
    return train(
        step_function,
        state,
        stream,
        steps=steps,
        first_step=first_step,
        callbacks=[
            ProgressBar(phase, steps, first_step),
            JsonLog(args.out / "log.jsonl", phase),
            TensorBoard(args.out / "tensorboard" / phase),
            checkpoints,
        ],
    )


def outer_optimizer(rate: float, steps: int) -> Any:
    """Adam with a short warm-up, a cosine decay, and gradients clipped to norm 1."""
    import optax

    warm_up = max(1, min(20, steps // 10))
    schedule = optax.warmup_cosine_decay_schedule(0.0, rate, warm_up, max(steps, warm_up + 1))
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))


def meta_episode(
    config: "WaveUNetConfig", sampler: "EpisodeSampler", step: int, variants: bool
) -> "list[Episode]":
    """Return the episode of one step with a fresh head, as the algorithms take it."""
    import jax

    from umir.meta import Episode
    from umir.tasks.objective import Objective, as_arrays
    from umir.wave_unet import Network

    drawn = sampler.episode(step, variants=variants)
    network = Network(config, drawn.task.head)
    head_key, key = jax.random.split(jax.random.key(step))
    head = network.init_head(head_key, drawn.task.head_prior(drawn.support.target))
    support, query = as_arrays(drawn.support), as_arrays(drawn.query)
    objective = Objective.of(network, drawn.task)
    return [Episode(sampler.family(step), objective, head, support, query, key)]


def show(
    args: argparse.Namespace, config: "WaveUNetConfig", body: Any, tasks: "Sequence[Task]"
) -> str:
    """Adapt the body and a fresh one to held-out songs; return the table of before and after."""
    import jax

    from umir.adaptation import Recipe
    from umir.adaptation_report import curves, deal_songs, write_report
    from umir.studio.catalogue import render_songs
    from umir.tasks import StudioSource
    from umir.wave_unet import init_body

    seeds = range(FIRST_HELD_OUT_SONG, FIRST_HELD_OUT_SONG + args.held_out_songs)
    songs = render_songs(seeds, rate=config.rate, channels=config.channels, progress=True)
    source = StudioSource(songs)
    held_out = [deal_songs(task, source.examples(task)) for task in tasks]
    starts = {"meta-trained": body, "scratch": init_body(config, jax.random.key(args.seed))}
    last = args.evaluation_steps
    steps = [0, *(step for step in (1, 3, 10, 30, 100, 300) if step < last), last]
    found = curves(config, starts, held_out, Recipe(last, seed=args.seed), steps)
    return write_report(found, held_out, args.out)


def save(
    args: argparse.Namespace, config: "WaveUNetConfig", body: Any, names: Sequence[str]
) -> None:
    """Write the model directory of the shared initialisation."""
    from umir.checkpoint import Model, save_model

    command = "umir meta_train " + " ".join(sys.argv[1:])
    settings = {name: value for name, value in vars(args).items() if name not in ("out", "resume")}
    stored = {
        "format": FORMAT,
        "network": asdict(config),
        "tasks": list(names),
        "training": settings,
    }
    card = "\n".join(
        [
            f"# {args.out.name}\n",
            "A shared initialisation for `umir finetune`, not a model for a task.\n",
            f"- Made by: `{command.strip()}`",
            f"- Tasks: {', '.join(names)}.",
            f"- Data: {args.songs} songs of umir's own studio (docs/sound_sources.md).",
            "- Scores: adaptation.json beside this file.",
            "- Licence: Apache-2.0.\n",
        ]
    )
    save_model(args.out, Model(stored, {"body": body}), card)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
