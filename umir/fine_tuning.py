"""From a folder of labelled audio to a model: start, adaptation, decoder, scores.

Training songs teach, validation songs choose the best step and fit the decoder, test songs are only
scored at the end.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from umir.adaptation import Recipe, adapt, validation_batches, validation_loss
from umir.checkpoint import check_params, load_model
from umir.data.example import Example
from umir.data.problems import describe
from umir.data_specification import sources_of
from umir.meta import Params
from umir.task_model import TaskModel
from umir.training import ProgressBar
from umir.user_data import UserData, read_user_data
from umir.wave_unet import PRESETS, Network, WaveUNetConfig, init_body

# Looks at the validation songs in the course of an adaptation.
LOOKS = 10


def finetune(
    data: str | Path,
    *,
    init: str,
    task: str | None = None,
    kind: str | None = None,
    preset: str = "nano",
    config: WaveUNetConfig | None = None,
    steps: int = 300,
    learning_rate: float = 1e-3,
    seed: int = 0,
    progress: bool = True,
) -> tuple[TaskModel, dict[str, float]]:
    """Adapt a network to labelled audio.

    Args:
        data: a user's folder, public data sets or both (`umir.data_specification`).
        init: model directory to start from, or `scratch`.
        task: a named task (`drum_transcription`); default: the task of the manifest's kind.
        kind: which annotation to use if the manifest has several.
        preset: size of a network from scratch.
        config: the same, in numbers: takes the place of `preset`.
        steps: gradient steps.
        learning_rate: of Adam.
        seed: of the fresh head and the batches.
        progress: whether to show a bar.

    Returns:
        The model, and its metrics on the test songs (empty if there are none).

    Raises:
        ValueError: if the manifest, the audio or the start cannot be used; names the file.
    """
    if init == "scratch" and config is not None:
        body = init_body(config, jax.random.key(seed))
    else:
        config, body = starting_point(init, preset, seed)
    user_data = read_user_data(data, config, task, kind)
    if user_data.problems:
        print(describe(user_data.problems), file=sys.stderr)
    if not user_data.valid:
        print("no validation songs: training songs choose step and decoder", file=sys.stderr)
    recipe = Recipe(steps, learning_rate, seed=seed)
    model = train_on(user_data, config, body, recipe, progress=progress)
    facts = {
        "init": init,
        "data": sources_of(data),
        "recipe": asdict(recipe),
        "splits": dict(user_data.splits),
    }
    model = replace(model, facts=facts)
    return model, score(model, user_data.test)[0] if user_data.test else {}


def starting_point(init: str, preset: str, seed: int) -> tuple[WaveUNetConfig, PyTree]:
    """Return configuration and body of the start: a model directory's, or fresh ones.

    Raises:
        ValueError: if there is no such model directory or preset; says what to do.
    """
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
    if "network" not in model.config or "body" not in model.params:
        raise ValueError(f"{init}: holds no network to start from; give another model directory")
    config = WaveUNetConfig.from_json(model.config["network"])
    expected = jax.eval_shape(partial(init_body, config), jax.random.key(seed))
    check_params({"body": model.params["body"]}, {"body": expected}, init)
    return config, model.params["body"]


def train_on(
    data: UserData,
    config: WaveUNetConfig,
    body: PyTree,
    recipe: Recipe,
    *,
    progress: bool = False,
) -> TaskModel:
    """Adapt, keep the step that is best on the validation songs, fit the decoder on them."""
    network = Network(config, data.task.head)
    valid = data.valid or data.train
    batches = validation_batches(network, data.task, valid)
    best: list[Any] = [np.inf, None]

    def keep_best(step: int, params: Params) -> None:
        loss = validation_loss(network, data.task, params, batches)
        loss = loss if np.isfinite(loss) else np.inf
        if loss < best[0] or best[1] is None:
            best[:] = [loss, params]

    every = max(1, recipe.steps // LOOKS)
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


def with_decoder(model: TaskModel, valid: Sequence[Example]) -> TaskModel:
    """Return the model with decoder settings fitted on validation songs."""
    outputs = [model.output(example.waveform) for example in valid]
    settings = model.task.fit_decoder(outputs, [example.annotation for example in valid])
    return replace(model, settings=settings)


def score(
    model: TaskModel, examples: Sequence[Example]
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Return the metrics over songs, and those of each song with its name."""
    references = [example.annotation for example in examples]
    estimates = [model.predict(example.waveform, example.rate) for example in examples]
    metrics, per_track = model.task.evaluate_all(references, estimates)
    named = zip(examples, per_track, strict=True)
    return metrics, [{"track": example.name, **values} for example, values in named]
