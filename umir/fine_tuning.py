"""From a folder of labelled audio to a model: start, adaptation, decoder, scores.

Training songs teach, validation songs choose the learning rate and the best step
(`umir.adaptation.rate_search`) and fit the decoder, test songs are only scored at the end.
"""

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import chain, tee
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, PyTree
from tqdm import tqdm

from umir.adaptation.decoder_fitting import with_decoder
from umir.adaptation.network_fitting import Adaptation, Recipe
from umir.adaptation.rate_search import INTERRUPTED, Budget, search
from umir.adaptation.search_progress import Affordable, Pace, SearchProgress, expectation
from umir.adaptation.search_result import Found
from umir.adaptation.start import Start
from umir.adaptation.validation import Validation
from umir.adaptation.weight_averaging import halfway, part_way
from umir.annotations import Annotation
from umir.data.example import Example
from umir.data.problems import describe
from umir.data_specification import sources_of
from umir.interrupts import interrupts_as_such
from umir.meta import Params
from umir.released_models import SCRATCH
from umir.task_model import TaskModel
from umir.tasks import Task
from umir.tasks.base import Settings
from umir.tasks.source_separation import SourceSeparation
from umir.tasks.speed_change import label_move
from umir.user_data import UserData, possible, read_user_data
from umir.wave_unet import Network, WaveUNetConfig
from umir.wave_unet.presets import WAVE_UNET, preset_config

# The validation score is shown while it takes at most this part of the time of the training.
SCORE_SHARE = 0.2


@runtime_checkable
class Predicting(Protocol):
    """What can be scored: a `TaskModel`, a `umir.separation.separator_model.SeparatorModel`."""

    @property
    def task(self) -> Task:
        """What it does, and how that is scored."""
        ...

    def predict(self, waveform: Float[np.ndarray, "time channel"], rate: int) -> Annotation:
        """Return what it finds in audio of any rate and number of channels."""
        ...


def finetune(
    data: str | Path,
    *,
    init: str | Path,
    task: str | Task | None = None,
    kind: str | None = None,
    preset: str | None = None,
    body: str | None = None,
    config: WaveUNetConfig | None = None,
    steps: int | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
    speed: float | None = None,
    share: float | None = None,
    splits: Mapping[str, str] | None = None,
    progress: bool = True,
) -> tuple[TaskModel, dict[str, float]]:
    """Adapt a network to labelled audio.

    Args:
        data: a user's folder, public data sets or both (`umir.data_specification`).
        init: model directory or released model (`umir models`) to start from, or `scratch`.
        task: a task, or the name of one (`drum_transcription`); default: the task of the
            manifest's kind.
        kind: which annotation to use if the manifest has several.
        preset: size of a network from scratch, `nano` if none is given; that of another start, if
            given, must be this one.
        body: kind of a network from scratch, `wave_unet` if none is given, or the causal
            `seq_unet`; that of another start, if given, must be this one.
        config: the size of a network from scratch in numbers: takes the place of `preset` and
            `body`; of another start, it must be this one.
        steps: gradient steps; default: until the validation songs gain no more.
        learning_rate: of Adam; default: the best of three on the validation songs. A fresh head has
            ten times that, and a body that many times which it is larger than a fresh one.
        seed: of the fresh head, the batches, and a body from scratch.
        speed: how often a training segment is heard up to two semitones faster and higher, or
            slower and lower, its labels moved along; from 0 to 1. Default: 0.8 of chords and keys,
            never of other tasks (`umir.tasks.speed_change.usual_speed`).
        share: how far the weights go from the start's to those that were learnt, from 0 to 1, where
            the start's own head goes on. Default: halfway, unless ten validation groups or more
            show that all the way is better (`umir.adaptation.weight_averaging`).
        splits: group -> split, of groups that the folder says nothing of, as the `splits` of the
            facts of another model, to be compared with it; default: those of the start.
        progress: whether to say what is expected, what was chosen, and to show a bar.

    Returns:
        The model, and its metrics on the test songs (empty if there are none). After Ctrl-C it is
        the best model so far, with the decoder and the metrics that there was time for
        (`facts["search"]["stopped"]` is `interrupted`).

    Raises:
        ValueError: if the manifest, the audio or the start cannot be used, names the file; or a
            number is none that can be meant.
        KeyboardInterrupt: Ctrl-C before anything was learnt.
    """
    _check_numbers(steps, learning_rate, speed=speed, share=share)
    init = str(init)  # as it is kept with the model
    start = Start.load(init, config or _wanted_config(init, preset, body), seed)
    if body not in (None, start.config.body):
        raise ValueError(
            f"{init}: its body is a {start.config.body}, not a {body}; leave out --body, or start "
            "with --init scratch"
        )
    splits = start.splits if splits is None else splits
    user_data = read_user_data(data, start.config, task, kind, splits)
    if user_data.problems:
        print(describe(user_data.problems), file=sys.stderr)
    known = start.decoder(user_data.task)
    _check_choices(init, user_data.task, known, speed, share)
    if progress:
        print(possible(user_data), file=sys.stderr)
        if isinstance(user_data.task, SourceSeparation):
            print(_remainder(user_data.task, start.config.rate), file=sys.stderr)
        if task is None and not start.knows(user_data.task):
            _say_what_fits(start, user_data)
        print("compiling, which takes a while the first time", file=sys.stderr)
    budget = Budget.of(steps, learning_rate)
    recipe = start.recipe(user_data.task, seed)
    if speed is not None:
        recipe = replace(recipe, speed=speed)
    model, found = train_on(
        user_data, start.config, start.body, budget, recipe, known, share=share, progress=progress
    )
    recipe = replace(recipe, steps=found.steps, learning_rate=found.learning_rate)
    facts = {
        "init": init,
        "data": sources_of(data),
        "recipe": asdict(recipe),
        "search": found.facts(),
        "splits": {**(splits or {}), **user_data.splits},  # who goes on must know all that taught
    }
    return _scored(replace(model, facts=facts), user_data.test)


def _check_numbers(
    steps: int | None, learning_rate: float | None, **fractions: float | None
) -> None:
    """Raise a ValueError if a number that is given cannot be meant."""
    if steps is not None and steps < 1:
        raise ValueError(f"steps {steps}: must be at least 1")
    if learning_rate is not None and not 0 < learning_rate < math.inf:
        raise ValueError(f"learning_rate {learning_rate}: must be above 0, and finite")
    for name, value in fractions.items():
        if value is not None and not 0 <= value <= 1:
            raise ValueError(f"{name} {value}: must be from 0 to 1")


def _check_choices(
    init: str, task: Task, known: Settings | None, speed: float | None, share: float | None
) -> None:
    """Raise a ValueError if something is asked for that a task or its start does not have."""
    if speed and label_move(task) is None:
        raise ValueError(
            f"--speed: what another speed does to labels of {task.name!r} is not known; leave it "
            "out, or name a --task"
        )
    if share is not None and known is None:
        raise ValueError(
            f"--share: {init} has no head for {task.name!r}, which begins afresh: leave it out, or "
            "name a --task that the start knows"
        )


def _wanted_config(init: str, preset: str | None, body: str | None) -> WaveUNetConfig | None:
    """Return the size that is asked for; None where any will do."""
    if preset is None and (init != SCRATCH or body is None):
        return None
    if body is None:
        body = WAVE_UNET if init == SCRATCH else Start.load(init).config.body
    return preset_config(preset or "nano", body)


def _scored(model: TaskModel, test: Sequence[Example]) -> tuple[TaskModel, dict[str, float]]:
    """Return the model and its metrics on the test songs; none after Ctrl-C, which is noted."""
    try:
        with interrupts_as_such():
            return model, score(model, test)[0]
    except KeyboardInterrupt:
        print("interrupted: the test songs are not scored", file=sys.stderr)
        search = {**model.facts["search"], "stopped": INTERRUPTED}
        return replace(model, facts={**model.facts, "search": search}), {}


def _remainder(task: SourceSeparation, rate: int) -> str:
    """Return which stem takes what a network at `rate` Hz cannot give to any."""
    *others, last = task.vocabulary
    return (
        f"{last} takes the rest: the song without {', '.join(others)}, and all that is above "
        f"{rate / 2000:g} kHz"
    )


def _say_what_fits(start: Start, data: UserData) -> None:
    """Say which heads of the start would go on if their task was named; nothing if none would."""
    names = start.fitting(data.task, [example.annotation for example in data.train])
    if options := " or ".join(f"--task {name}" for name in names):
        told = f"{start.name} has learnt what such labels say: its head goes on with {options}"
        print(told, file=sys.stderr)


def train_on(
    data: UserData,
    config: WaveUNetConfig,
    body: PyTree,
    budget: Budget,
    recipe: Recipe,
    known: Settings | None = None,
    *,
    share: float | None = None,
    progress: bool = False,
) -> tuple[TaskModel, Found]:
    """Search rate and step on the validation songs, and fit the decoder on them.

    Args:
        data: labelled audio, and the task that it poses.
        config: size of the network.
        body: the start.
        budget: what the search may try.
        recipe: how to adapt; the search chooses its steps and its learning rate.
        known: settings of the decoder that the start has; None: it has none, nor a head.
        share: see `finetune`.
        progress: whether to show a bar and what is chosen.

    Raises:
        ValueError: the task cannot be learnt; names it and says why.
    """
    task, valid = data.task, data.valid or data.train
    network = Network(config, task.head)
    validation = Validation(network, task, valid, seen=not data.valid)
    start = Adaptation.begin(network, task, body, data.train, recipe)
    pace = Pace.measure(start, validation.look)
    of = "valid" if data.valid else "training"
    title = f"adapting to {task.name}"
    bar = SearchProgress(title, budget.most_steps, task.headline, of, progress)
    bar.say(f"{task.name}: {expectation(pace, budget.most_steps, budget.count(budget.looks))}")
    watched = progress and not network.head.gives_waveforms  # museval takes longer than training
    scores = Affordable(validation.score, SCORE_SHARE * budget.looks[0] * pace.step)
    try:
        options = {"score": scores} if watched else {}
        # The head of a recipe that names none is fresh: it answers without listening.
        listens = recipe.head != Recipe.head
        found = search(start, budget, validation.look, bar, **options, keep_start=listens)
        if known is not None:
            found = _on_the_way(start.state[0], found, validation, share)
    except ValueError as error:
        raise ValueError(f"task {task.name!r} cannot be learnt: {error}") from error
    finally:
        bar.close()
    for line in found.lines():
        bar.say(line)
    settings = known or task.default_settings(config.rate)
    model = TaskModel(network, task, found.params, settings)
    if known is not None and not data.valid:  # training songs fit whatever was fitted to them
        return model, found
    try:
        with interrupts_as_such():
            return with_decoder(model, valid, known), found
    except KeyboardInterrupt:
        bar.say("interrupted: the decoder keeps the settings that it began with")
        return model, replace(found, stopped=INTERRUPTED)


def _on_the_way(start: Params, found: Found, validation: Validation, share: float | None) -> Found:
    """Return what was found, back on the way from a start that had learnt the task."""
    try:
        with interrupts_as_such():
            if share is None:
                return halfway(start, found, validation)
            return part_way(start, found, share, validation)
    except KeyboardInterrupt:
        return replace(found, stopped=INTERRUPTED)


def score(
    model: Predicting, examples: Iterable[Example]
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Return the metrics over songs, and those of each song with its name; nothing for no song.

    Stems of songs take gigabytes: of a stream of songs, one at a time is in memory.
    """
    names: list[str] = []

    def heard() -> Iterator[tuple[Any, Any]]:
        for example in tqdm(examples, "scoring", unit="song", leave=False, disable=None):
            names.append(example.name)
            yield example.annotation, model.predict(example.waveform, example.rate)

    metrics, per_track = _evaluated(model.task, heard())
    return metrics, [
        {"track": name, **values} for name, values in zip(names, per_track, strict=True)
    ]


def _evaluated(
    task: Task, pairs: Iterator[tuple[Any, Any]]
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Return what `Task.evaluate_all` does of references and estimates, a pair at a time."""
    if (first := next(pairs, None)) is None:
        return {}, []
    pairs = chain([first], pairs)
    if isinstance(task, SourceSeparation):
        del first  # else its stems stay
        ours, theirs = tee(pairs)
        return task.evaluate_all((pair[0] for pair in ours), (pair[1] for pair in theirs))
    references, estimates = zip(*pairs, strict=True)
    return task.evaluate_all(references, estimates)
