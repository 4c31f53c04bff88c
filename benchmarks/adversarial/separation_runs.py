"""One training of the separation with few pairs, and what it comes to on songs.

All methods take as many steps, and see the same windows of pairs at the same step; the parameters
that are kept are those of the best look at the validation songs. A training that was killed goes on
from its last checkpoint.
"""

import argparse
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
from recordings.results import Results

from adversarial.grid import Grid, Job
from adversarial.separation_trials import Trial
from adversarial.vocal_songs import groups_of
from umir.annotations import Stems
from umir.data.manifest import Entry
from umir.files import write_json
from umir.priors.guard import Collapsed
from umir.priors.streams import Batch, Source
from umir.priors.training_curves import draw_log
from umir.resuming import Checkpoints, Interruption
from umir.separation.prior_training import PriorTraining, prior_training
from umir.separation.recipes import SeparationPreset
from umir.separation.separator_model import SeparatorModel
from umir.separation.stem_songs import StemSong
from umir.separation.training_streams import LABELLED
from umir.tasks.base import nan_mean
from umir.tasks.metrics.separation_metrics import aggregate, track_scores
from umir.tasks.metrics.spectral_distance import stft_distance
from umir.training import Diverged, JsonLog, ProgressBar

LOOKS = 10  # at the validation songs, in a training
STFT = "STFT"  # the multi-resolution distance
Metrics = dict[str, float]
Judged = Sequence[tuple[Entry, StemSong]]
Learning = TypeVar("Learning", bound=PriorTraining)


@dataclass(frozen=True)
class SameWindows:
    """A source that gives the same at a step, whatever was drawn before: `umir.priors.Streams`.

    Attributes:
        source: what it draws from.
    """

    source: Source

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """Return what a fresh generator gives that has the seed of this one."""
        entropy: Any = rng.bit_generator.seed_seq.entropy  # type: ignore[attr-defined]
        return self.source.draw(np.random.default_rng([*entropy, 1]), batch)


def grid_of(
    args: argparse.Namespace,
    name: str,
    preset: SeparationPreset,
    songs: Callable[[], Any],
    measured: Callable[[Any, SeparationPreset, Job, str], dict[str, Any]],
    **more: Any,
) -> Grid:
    """Return the grid of a trial on songs.

    Args:
        args: as the scripts have them.
        name: of the trial.
        preset: the network, and the recipe.
        songs: returns the trial; not called for tables of what is kept.
        measured: trial, preset, job and split -> what it came to.
        more: of `Grid`.
    """
    batch = args.batch or preset.recipe.stages[0].batch
    settings = f"{args.preset}, {args.steps} steps of {batch}"
    folder = args.folder / "trainings" / name / settings
    measure = None if args.table else partial(measured, songs(), preset)
    results = Results(args.out, measuring=not args.table)
    return Grid(args, results, name, settings, measure, batch=batch, folder=folder, **more)


def of_job(preset: SeparationPreset, job: Job) -> SeparationPreset:
    """Return a preset with rate and batch of a job, that takes all steps, whatever looks see."""
    (stage,), looks = preset.recipe.stages, min(LOOKS, job.steps)
    recipe = replace(
        preset.recipe,
        stages=(replace(stage, learning_rate=job.rate, batch=job.batch),),
        steps=job.steps,
        epoch_steps=-(-job.steps // looks),
        patience=job.steps + 1,
    )
    return replace(preset, recipe=recipe)


def with_same_windows(training: Learning, *streams: str) -> Learning:
    """Return a training that sees the same at a step in some streams, whatever others it has."""
    same = {name: SameWindows(training.sources[name]) for name in streams}
    return replace(training, sources={**training.sources, **same})


def training_of(trial: Trial, preset: SeparationPreset, job: Job) -> PriorTraining:
    """Return the training of a job, whose method is one of `umir.separation.data.PRIORS`."""
    preset = of_job(preset, job)
    preset = replace(preset, recipe=replace(preset.recipe, alpha=job.alpha))
    data = trial.data(job.pairs, job.seed)
    return with_same_windows(prior_training(preset, job.method, data, job.seed), LABELLED)


def trained(training: PriorTraining, folder: Path, name: str) -> tuple[SeparatorModel, Metrics]:
    """Return the separator of a training, and what else is known of it.

    Args:
        training: goes on from its last checkpoint.
        folder: for checkpoints, log and picture.
        name: what it is called.

    One that collapses again and again ends with what it had: the grid goes on.
    """
    places = folder / "checkpoints"

    def checkpoints(last: int) -> Checkpoints:
        return Checkpoints(places, training.epoch_steps, last)

    def callbacks(first: int, last: int) -> list[Any]:
        bar = ProgressBar(f"{name}, to {last}", last, first)
        log = JsonLog(folder / "log.jsonl", "separation", first)
        return [bar, log, checkpoints(last), Interruption()]

    state, stored = training.init(), checkpoints(0)
    try:
        state, step = stored.latest(state) or (state, 0)
    finally:
        stored.close()
    try:
        state = training.run(state, step, callbacks)
    except (Collapsed, Diverged) as error:  # before the first look: the worst of all results
        print(f"{name}: {error}", flush=True)
        last = error.state if isinstance(error, Collapsed) else state["adversarial"]
        best = last["networks"]["average"]
        state = {"adversarial": last, "best": best, "best_loss": np.nan}
    draw_log(folder / "log.jsonl", folder / "training.png")
    # As numbers of NumPy: no training keeps what the device holds of another.
    model = SeparatorModel(training.network, jax.device_get(state["best"]))
    course = {"validation_loss": float(state["best_loss"])}
    course["collapses"] = float(state["adversarial"]["guard"]["collapses"])
    return model, course


def measured(trial: Trial, preset: SeparationPreset, job: Job, split: str) -> dict[str, Any]:
    """Train, score the songs of a split, and clear the checkpoints away.

    Returns:
        `set`: metrics over all songs, and of the training; `songs`: those of each song; `groups`:
        who sings it, where singers have several songs.
    """
    folder = job.folder / job.name
    model, course = trained(training_of(trial, preset, job), folder, job.name)
    songs = trial.judged(split)
    found = scores(model, songs) | {"groups": groups_of([entry for entry, _ in songs])}
    found["set"] |= course
    return done(folder, split, found)


def done(folder: Path, split: str, found: dict[str, Any]) -> dict[str, Any]:
    """Write what a training came to beside its log, clear its checkpoints away, and return it."""
    write_json(folder / f"{split}.json", found)
    shutil.rmtree(folder / "checkpoints")
    return found


def no_more(entry: Entry, found: Stems) -> Metrics:
    """Return no metrics."""
    del entry, found
    return {}


def scores(
    model: SeparatorModel, songs: Judged, more: Callable[[Entry, Stems], Metrics] = no_more
) -> dict[str, Any]:
    """Return the metrics of the library over songs, and of each, at the network's rate.

    Beside them is `STFT/STEM`, the multi-resolution STFT distance, and its mean over stems.

    Args:
        model: that separates.
        songs: with their stems.
        more: other metrics of a song of which this has been separated.
    """
    names = model.network.sources
    per_song, frames = [], []
    for entry, song in songs:
        stems = song.window(0, song.length)  # (time, stem, 1)
        found = model.predict(stems.sum(axis=1), model.rate)
        metrics, sdr = _of_song(stems.transpose(1, 0, 2), found, names)
        per_song.append(metrics | more(entry, found))
        frames.append(sdr)
    whole = aggregate(per_song, frames, names)
    return {
        "set": whole,
        "songs": {entry.name: metrics for (entry, _), metrics in zip(songs, per_song, strict=True)},
    }


def _of_song(
    reference: np.ndarray, found: Stems, names: Sequence[str]
) -> tuple[Metrics, np.ndarray]:
    """Return the metrics of a song, and the SDR of its windows of a second."""
    estimate = np.stack([found.waveforms[name] for name in names])
    metrics, frames = track_scores(reference, estimate, names, found.rate)
    apart = [stft_distance(*pair) for pair in zip(reference, estimate, strict=True)]
    metrics |= {f"{STFT}/{name}": value for name, value in zip(names, apart, strict=True)}
    return metrics | {STFT: nan_mean(apart)}, frames
