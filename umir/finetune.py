"""`umir finetune`: from a folder of labelled audio to a model directory.

The folder holds a `manifest.jsonl` (see the README). Training songs teach, validation songs choose
the best step and fit the decoder, test songs are only scored at the end.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from umir.program import program_parser, run_program, use_compilation_cache

if TYPE_CHECKING:
    from umir.data.example import Example
    from umir.task_model import TaskModel
    from umir.user_data import UserData
    from umir.wave_unet import WaveUNetConfig

DEFAULT_INIT = "models/umir-nano"


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("finetune", "Adapt a network to your own labelled audio.")
    p.add_argument("--data", required=True, type=Path, help="folder with manifest.jsonl")
    p.add_argument("--out", required=True, type=Path, help="model directory to write")
    p.add_argument("--task", help="a named task; default: what the manifest's kind is")
    p.add_argument("--kind", help="which annotation to use if the manifest has several")
    p.add_argument(
        "--init", default=DEFAULT_INIT, help="model directory to start from, or 'scratch'"
    )
    p.add_argument("--preset", default="nano", help="network size when starting from scratch")
    p.add_argument("--steps", type=int, default=300, help="gradient steps")
    p.add_argument("--learning-rate", type=float, default=1e-3, help="of Adam")
    p.add_argument("--seed", type=int, default=0, help="of the fresh head and the batches")
    p.add_argument("--compare", action="store_true", help="train from scratch as well")
    return p


def finetune(
    data: str | Path,
    *,
    task: str | None = None,
    kind: str | None = None,
    init: str = DEFAULT_INIT,
    preset: str = "nano",
    steps: int = 300,
    learning_rate: float = 1e-3,
    seed: int = 0,
    progress: bool = True,
) -> "tuple[TaskModel, dict[str, float]]":
    """Adapt a network to the labelled audio in a folder.

    Args:
        data: folder with `manifest.jsonl`, or that file.
        task: a named task (`drum_transcription`); default: the task of the manifest's kind.
        kind: which annotation to use if the manifest has several.
        init: model directory to start from, or `scratch`.
        preset: size of a network from scratch.
        steps: gradient steps.
        learning_rate: of Adam.
        seed: of the fresh head and the batches.
        progress: whether to show a bar.

    Returns:
        The model, and its metrics on the test songs (empty if there are none).

    Raises:
        ValueError: if the manifest, the audio or the start cannot be used; names the file.
    """
    from umir.adaptation import Recipe
    from umir.data.problems import describe
    from umir.user_data import read_user_data

    config, body = starting_point(init, preset, seed)
    user_data = read_user_data(data, config, task, kind)
    if user_data.problems:
        print(describe(user_data.problems), file=sys.stderr)
    recipe = Recipe(steps, learning_rate, seed=seed)
    model = train_on(user_data, config, body, recipe, progress=progress)
    facts = {"init": init, "recipe": asdict(recipe), "splits": dict(user_data.splits)}
    model = replace(model, facts=facts)
    return model, score(model, user_data.test)[0] if user_data.test else {}


def starting_point(init: str, preset: str, seed: int) -> "tuple[WaveUNetConfig, Any]":
    """Return configuration and body of the start: a model directory's, or fresh ones.

    Raises:
        ValueError: if there is no such model directory or preset; says what to do.
    """
    import jax

    from umir.checkpoint import load_model
    from umir.wave_unet import PRESETS, WaveUNetConfig, init_body

    if init == "scratch":
        if preset not in PRESETS:
            raise ValueError(f"no preset {preset!r}: choose from {', '.join(PRESETS)}")
        return PRESETS[preset], init_body(PRESETS[preset], jax.random.key(seed))
    if not Path(init).exists():
        raise ValueError(
            f"{init}: no such model directory; make one with `python -m umir.meta_train`, "
            "or start with `--init scratch`"
        )
    model = load_model(init)
    return WaveUNetConfig.from_json(model.config["network"]), model.params["body"]


def train_on(
    data: "UserData", config: "WaveUNetConfig", body: Any, recipe: Any, *, progress: bool = False
) -> "TaskModel":
    """Adapt, keep the step that is best on the validation songs, fit the decoder on them."""
    import numpy as np

    from umir.adaptation import adapt, validation_batches, validation_loss
    from umir.task_model import TaskModel
    from umir.training import ProgressBar
    from umir.wave_unet import Network

    network = Network(config, data.task.head)
    valid = data.valid or data.train
    batches = validation_batches(network, data.task, valid)
    best: list[Any] = [np.inf, None]

    def keep_best(step: int, params: Any) -> None:
        loss = validation_loss(network, data.task, params, batches)
        if loss < best[0] or best[1] is None:
            best[:] = [loss, params]

    every = max(1, recipe.steps // 10)
    bars = [ProgressBar(f"adapting to {data.task.name}", recipe.steps)] if progress else []
    adapt(
        network,
        data.task,
        body,
        data.train,
        recipe,
        watch=keep_best,
        watch_at=[*range(0, recipe.steps, every), recipe.steps],
        callbacks=bars,
    )
    return with_decoder(TaskModel(network, data.task, best[1]), valid)


def with_decoder(model: "TaskModel", valid: "Sequence[Example]") -> "TaskModel":
    """Return the model with decoder settings fitted on validation songs."""
    outputs = [model.output(example.waveform) for example in valid]
    settings = model.task.fit_decoder(outputs, [example.annotation for example in valid])
    return replace(model, settings=settings)


def score(
    model: "TaskModel", examples: "Sequence[Example]"
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Return the metrics over songs, and those of each song with its name."""
    references = [example.annotation for example in examples]
    estimates = [model.predict(example.waveform, example.rate) for example in examples]
    metrics, per_track = model.task.evaluate_all(references, estimates)
    named = zip(examples, per_track, strict=True)
    return metrics, [{"track": example.name, **values} for example, values in named]


def run(args: argparse.Namespace) -> int:
    """Fine-tune, print the scores, write the model directory."""
    from umir.files import locked
    from umir.model_card import model_card

    use_compilation_cache()
    options = {name: value for name, value in vars(args).items() if name not in ("out", "compare")}
    with locked(args.out):
        model, metrics = finetune(**options)
        rows = {args.init: metrics}
        if args.compare and args.init != "scratch":
            rows["scratch"] = finetune(**{**options, "init": "scratch"})[1]
        model.save(args.out, model_card(model, metrics, " ".join(["umir finetune", *sys.argv[1:]])))
    print_scores(rows, model.task.headline)
    print(f"model: {args.out}")
    return 0


def print_scores(rows: dict[str, dict[str, float]], headline: str) -> None:
    """Print metrics of several starts side by side, the headline metric first."""
    names = sorted({name for metrics in rows.values() for name in metrics}, key=str)
    names.sort(key=lambda name: name != headline)
    if not names:
        print("no test songs: nothing to score")
        return
    width = max(map(len, names))
    print(" " * width, *(f"{Path(start).name:>12}" for start in rows))
    for name in names:
        print(f"{name:<{width}}", *(f"{rows[start][name]:12.3f}" for start in rows))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
