"""`umir meta-train`: one network on raw waveforms, meta-trained over MIR tasks.

Songs come from the studio, so nothing is downloaded. Training has two phases: a multi-task warm-up
with one persistent head per task, then meta-training in which every episode brings a variant of a
task and a fresh head. Held-out songs then show what the start is worth: each task before and after
adaptation, beside the same number of steps from scratch.

Written to `--out`: the model directory (config.json, model.safetensors, MODEL_CARD.md), log.jsonl,
TensorBoard events, adaptation.png and adaptation.json. Ctrl-C saves the last step; what was stopped
in this or any other way goes on with `--resume`, and ends with the same weights.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from umir.families import FAMILIES, with_their_labels
from umir.huge_pages import begin_again_with_huge_pages
from umir.program import (
    command_line,
    fraction,
    going_on_with,
    positive,
    positive_number,
    program_parser,
    run_program,
    seed,
    use_compilation_cache,
)
from umir.studio.features import GROUPS, LEFT_OUT
from umir.studio.song import SONG_SECONDS

if TYPE_CHECKING:
    from umir.meta_training.phases import Trained
    from umir.meta_training.plan import Plan

# What is trained on unless `--tasks` says otherwise, in the order of turns: names of the registry.
TASKS = (
    "source_separation",
    "drum_transcription",
    "chord_recognition",
    "singing_voice_detection",
    "instrument_recognition",
    "beat_tracking",
    "melody_extraction",
    "genre_recognition",
    "onset_detection",
    "note_transcription",
)
# What is never trained on, to see at the end how the start serves a new task.
NEW_TASKS = ("key_recognition", "tempo_estimation")
# Songs of a pool that rolls on, at least: of 600 songs, no eight in a row lack drums.
FEWEST_ROLLING = 8
# Two songs of a style are needed to learn genres from: of 1500 songs, no sixteen in a row lack them
# (and one of eight times, eight do).
FEWEST_WITH_GENRES = 16
META_LEARNERS = (
    "fomaml",
    "maml",
    "reptile",
    "anil",
    "maml_plus_plus",
    "meta_sgd",
    "imaml",
)
ALGORITHMS = (*META_LEARNERS, "multitask")
# Settings that only some algorithms look at: asked for with another one, they would be lost.
SETTINGS_OF = {
    "rematerialise": ("maml", "anil"),
    "first_order": ("maml_plus_plus", "meta_sgd"),
    "proximity": ("imaml",),
    "inner_optimizer": META_LEARNERS,
    "inner_steps": META_LEARNERS,
    "body_rate": tuple(name for name in META_LEARNERS if name != "anil"),
    "warm_up": META_LEARNERS,
}


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("meta_train", "Meta-train one network over MIR tasks.")
    _what_to_learn(p.add_argument_group("what to learn"))
    _how_to_learn(p.add_argument_group("how to learn it"))
    _what_to_show(p.add_argument_group("what to write and show"))
    return p


def _what_to_learn(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--tasks", nargs="+", default=list(TASKS), metavar="TASK")
    group.add_argument(
        "--hold-out",
        nargs="+",
        default=[],
        metavar="TASK|FAMILY",
        help="tasks, or families of tasks, to take as new: nothing learns from their labels, not "
        f"even inside those of other tasks; families: {', '.join(FAMILIES)}",
    )
    group.add_argument(
        "--new-tasks",
        nargs="*",
        default=list(NEW_TASKS),
        metavar="TASK",
        help="tasks that are never trained on, only adapted to at the end",
    )
    group.add_argument(
        "--data",
        default="studio",
        help="what to learn from: studio, NAME:PATH of data sets (`umir data list`), folders, or "
        "several of them separated by commas",
    )
    group.add_argument(
        "--without",
        nargs="*",
        default=list(LEFT_OUT),
        choices=GROUPS,
        metavar="GROUP",
        help=f"features that songs of the studio shall not have: {', '.join(GROUPS)}; default "
        f"{' '.join(LEFT_OUT)}, without a name none",
    )
    group.add_argument("--songs", type=positive, default=128, help="number of training songs")
    group.add_argument(
        "--songs-per-step",
        type=fraction,
        default=0.0,
        help="new songs per step that take the place of old ones, for example 0.2",
    )
    group.add_argument(
        "--song-seconds",
        type=positive_number,
        default=SONG_SECONDS,
        help="length of a song of the studio; tasks hear up to 12.8 seconds at a time",
    )


def _how_to_learn(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--preset", default="nano", help="network size: nano, small or base")
    group.add_argument(
        "--body",
        default="wave_unet",
        choices=["wave_unet", "seq_unet"],
        help="kind of network; seq_unet is causal, for live use",
    )
    group.add_argument("--algorithm", default="fomaml", choices=ALGORITHMS)
    group.add_argument(
        "--steps", type=positive, default=1200, help="training steps, one episode each"
    )
    group.add_argument("--warm-up", type=fraction, default=0.9, help="fraction that is multi-task")
    group.add_argument("--inner-steps", type=positive, default=3, help="steps of the inner loop")
    group.add_argument(
        "--body-rate",
        type=positive_number,
        help="of the body in the inner loop; none: what suits its size after the warm-up",
    )
    group.add_argument(
        "--inner-optimizer",
        default="sgd",
        choices=["sgd", "adam"],
        help="what takes the steps of the inner loop",
    )
    group.add_argument(
        "--first-order",
        type=fraction,
        default=1.0,
        help="maml_plus_plus, meta_sgd: fraction of meta-training before the gradient goes through "
        "the inner loop; 1 for never, which is cheap",
    )
    group.add_argument(
        "--proximity",
        type=positive_number,
        default=1.0,
        help="imaml: how strongly the inner loop is drawn to where it starts",
    )
    group.add_argument(
        "--rematerialise", action="store_true", help="maml, anil: less memory, more time"
    )
    group.add_argument("--seed", type=seed, default=0)


def _what_to_show(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--out", type=Path, help="model directory; default models/PRESET-ALGORITHM[-causal]"
    )
    group.add_argument("--checkpoint-every", type=positive, default=50, metavar="STEPS")
    group.add_argument(
        "--resume", action="store_true", help="go on from the last checkpoint in --out"
    )
    group.add_argument(
        "--held-out-songs", type=positive, default=18, help="number of songs to show it on"
    )
    group.add_argument(
        "--evaluation-steps", type=positive, default=30, help="steps of adaptation to show"
    )


def run(args: argparse.Namespace) -> None:
    """Train, write the model directory, show what it is worth."""
    from umir.files import locked
    from umir.meta_training.phases import meta_train, report

    use_compilation_cache()
    plan = plan_of(args)
    go_on = command_line(parser(), args, sys.executable, resume=True)
    with locked(plan.out), going_on_with(go_on):
        trained = meta_train(plan)
        save(plan, trained, command_line(parser(), args, resume=False))
        print(report(plan, trained.body))
    print(f"model: {plan.out}")


def plan_of(args: argparse.Namespace) -> "Plan":
    """Return what the arguments ask for.

    Raises:
        ValueError: an unknown preset or task, no task left to train on, too few songs, or a seed
            whose songs are those that models are judged by.
    """
    from umir.meta_training.phases import FIRST_HELD_OUT_SONG, FIRST_VALIDATION_SONG
    from umir.meta_training.plan import Plan
    from umir.studio.catalogue import SONGS_PER_SEED
    from umir.tasks import for_body, get_task
    from umir.wave_unet.presets import preset_config

    config = preset_config(args.preset, args.body)
    held_out = with_their_labels(args.hold_out, [*args.tasks, *args.new_tasks])
    judging = [song // SONGS_PER_SEED for song in (FIRST_HELD_OUT_SONG, FIRST_VALIDATION_SONG)]
    if args.seed in judging:
        raise ValueError(f"--seed {args.seed}: its songs are those that models are judged by")
    if args.held_out_songs < 3:
        raise ValueError("--held-out-songs: at least 3, to adapt on, to fit and to score")
    names = [name for name in args.tasks if name not in held_out]
    _check_settings(args)
    if not names:
        raise ValueError("no task is left to train on: hold out fewer")
    untrained = [name for name in args.tasks if name in held_out]
    new = [name for name in (*untrained, *args.new_tasks) if name not in names]
    settings = vars(args).copy()
    for name in ("preset", "body", "hold_out"):
        del settings[name]
    settings["held_out"] = list(held_out)
    kind = "-causal" if config.causal else ""
    settings["out"] = args.out or Path("models") / f"{args.preset}-{args.algorithm}{kind}"
    settings["tasks"] = [for_body(get_task(name), config) for name in names]
    settings["new_tasks"] = [for_body(get_task(name), config) for name in dict.fromkeys(new)]
    plan = Plan(config=config, **settings)
    fewest = FEWEST_WITH_GENRES if "genre_recognition" in names else FEWEST_ROLLING
    _check_songs(args, fewest, studio=plan.studio)
    return plan


def _check_settings(args: argparse.Namespace) -> None:
    """Raise if a setting was changed that the algorithm does not look at."""
    defaults = parser()
    for name, algorithms in SETTINGS_OF.items():
        changed = getattr(args, name) != defaults.get_default(name)
        if changed and args.algorithm not in algorithms:
            raise ValueError(
                f"--{name.replace('_', '-')}: means nothing to --algorithm {args.algorithm}, but "
                f"to {', '.join(algorithms)}; leave it out or choose one of those"
            )


def _check_songs(args: argparse.Namespace, fewest: int, *, studio: bool) -> None:
    """Raise if songs of the studio shall roll on that are not learnt from, or are too few."""
    if args.songs_per_step and not studio:
        raise ValueError(
            "--songs-per-step: no song of the studio is learnt from; leave it out, or put studio "
            "into --data"
        )
    if args.songs_per_step and args.songs < fewest:
        raise ValueError(
            f"--songs-per-step with --songs {args.songs}: give at least {fewest} songs, or there "
            "are times when none of them has drums, or a voice, or no two are of one genre"
        )


def save(plan: "Plan", trained: "Trained", command: str) -> None:
    """Write the model directory of the shared initialisation, which `command` made."""
    from umir.checkpoint import Model, save_model
    from umir.model_card import LICENCE_WITH_DATA
    from umir.task_model import INITIALISATION, heads_to_config

    names = [task.name for task in plan.tasks]
    config = {
        "format": INITIALISATION,
        "network": asdict(plan.config),
        "tasks": names,
        "training": {**plan.facts(), "body_rate": trained.body_rate},
        "heads": heads_to_config(trained.models),
    }
    if trained.splits:  # who goes on must know what has taught
        config["splits"] = dict(trained.splits)
    card = "\n".join(
        [
            f"# {plan.out.name}\n",
            _purpose(plan, trained),
            f"- Made by: `{command}`",
            f"- Tasks: {', '.join(names)}.",
            f"- Data: {_learnt_from(plan)}.",
            "- Scores: adaptation.json beside this file.",
            f"- Licence: {LICENCE_WITH_DATA if plan.recordings else 'Apache-2.0.'}\n",
        ]
    )
    heads = {model.task.name: model.params["head"] for model in trained.models}
    params = {"body": trained.body} | ({"heads": heads} if heads else {})
    if trained.rates is not None:  # `umir.meta_training.algorithms.inner_loop_of` reads them
        params["rates"] = trained.rates
    save_model(plan.out, Model(config, params), card)


def _learnt_from(plan: "Plan") -> str:
    """Return what a training learnt from, in words."""
    from umir.data_specification import sources_of

    rolling = f", {plan.songs_per_step:g} new ones per step" if plan.songs_per_step else ""
    studio = (
        f"{plan.songs} songs of umir's own studio, of {plan.song_seconds:g} seconds{rolling} "
        "(docs/sound_sources.md)"
    )
    return ", ".join([*([studio] if plan.studio else []), *sources_of(plan.recordings)])


def _purpose(plan: "Plan", trained: "Trained") -> str:
    """Return the first sentence of the model card."""
    if trained.models:
        only = "" if plan.recordings else ", trained in the studio only,"
        return (
            f"A model for each of its tasks (`umir predict --task`){only} "
            "and an initialisation for `umir finetune`.\n"
        )
    return "A shared initialisation for `umir finetune`, not a model for a task.\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    if argv is None:
        begin_again_with_huge_pages()
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
