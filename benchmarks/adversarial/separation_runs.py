"""One training of the separation with few pairs, and what it comes to on songs.

All methods take as many steps, and see the same windows of pairs at the same step; the parameters
that are kept are those of the best look at the validation songs. A training that was killed goes on
from its last checkpoint.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from adversarial.separation_trials import Trial
from umir.annotations import Stems
from umir.data.manifest import Entry
from umir.files import write_json
from umir.prior_training import PriorTraining, prior_training
from umir.priors.pictures import draw_log
from umir.priors.streams import Batch, Source
from umir.resuming import Checkpoints, Interruption
from umir.separation_recipes import SeparationPreset
from umir.separation_streams import LABELLED
from umir.separator_model import SeparatorModel
from umir.stem_songs import StemSong
from umir.tasks.base import nan_mean
from umir.tasks.metrics.separation_metrics import aggregate, track_scores
from umir.tasks.metrics.spectral_distance import stft_distance
from umir.training import JsonLog, ProgressBar

LOOKS = 10  # at the validation songs, in a training
STFT = "STFT"  # the multi-resolution distance
Metrics = dict[str, float]
Judged = Sequence[tuple[Entry, StemSong]]
Learning = TypeVar("Learning", bound=PriorTraining)


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        method: a prior, of `umir.separation_data.PRIORS` but `joint`.
        pairs: how many there are.
        seed: of parameters, windows, and which songs are pairs.
        rate: of all optimisers.
        alpha: weight of the critics; 0 without.
        preset: the network, and everything else of the recipe.
        steps: of the separator.
        folder: for checkpoints and logs.
    """

    method: str
    pairs: int
    seed: int
    rate: float
    alpha: float
    preset: SeparationPreset
    steps: int
    folder: Path

    @property
    def name(self) -> str:
        """What the training is called."""
        weight = f", alpha {self.alpha:g}" if self.alpha else ""
        return f"{self.method}, {self.pairs} pairs, seed {self.seed}, rate {self.rate:g}{weight}"


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


def in_batches(preset: SeparationPreset, batch: int | None) -> SeparationPreset:
    """Return a preset with batches of so many windows; None for its own."""
    (stage,) = preset.recipe.stages
    stage = replace(stage, batch=batch or stage.batch)
    return replace(preset, recipe=replace(preset.recipe, stages=(stage,)))


def with_all_steps(preset: SeparationPreset, rate: float, steps: int) -> SeparationPreset:
    """Return a preset that takes all of its steps, whatever the looks see."""
    (stage,), looks = preset.recipe.stages, min(LOOKS, steps)
    recipe = replace(
        preset.recipe,
        stages=(replace(stage, learning_rate=rate),),
        steps=steps,
        epoch_steps=-(-steps // looks),
        patience=steps + 1,
    )
    return replace(preset, recipe=recipe)


def with_same_windows(training: Learning, *streams: str) -> Learning:
    """Return a training that sees the same at a step in some streams, whatever others it has."""
    same = {name: SameWindows(training.sources[name]) for name in streams}
    return replace(training, sources={**training.sources, **same})


def training_of(trial: Trial, job: Job) -> PriorTraining:
    """Return the training of a job."""
    preset = with_all_steps(job.preset, job.rate, job.steps)
    preset = replace(preset, recipe=replace(preset.recipe, alpha=job.alpha))
    data = trial.data(job.pairs, job.seed)
    return with_same_windows(prior_training(preset, job.method, data, job.seed), LABELLED)


def trained(training: PriorTraining, folder: Path, name: str) -> tuple[SeparatorModel, Metrics]:
    """Return the separator of a training, and what else is known of it.

    Args:
        training: goes on from its last checkpoint.
        folder: for checkpoints, log and picture.
        name: what it is called.
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
    state = training.run(state, step, callbacks)
    draw_log(folder / "log.jsonl", folder / "training.png")
    # As numbers of NumPy: no training keeps what the device holds of another.
    model = SeparatorModel(training.network, jax.device_get(state["best"]))
    course = {"validation_loss": float(state["best_loss"])}
    course["collapses"] = float(state["adversarial"]["guard"]["collapses"])
    return model, course


def measured(trial: Trial, job: Job, split: str) -> dict[str, Any]:
    """Train, score the songs of a split, and clear the checkpoints away.

    Returns:
        `set`: metrics over all songs, and of the training; `songs`: those of each song.
    """
    folder = job.folder / job.name
    model, course = trained(training_of(trial, job), folder, job.name)
    found = scores(model, trial.judged(split))
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
