"""One run: a start, adapted once and scored at several numbers of steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from recordings.results import group_scores, scores_of_groups
from recordings.tables import HEADLINE

from proof.bodies import body_of
from proof.materials import Material, Songs, guess, labelled
from proof.methods import Problem, adam
from proof.starts import WAVEFORM_STEPS, Start
from umir.adaptation.decoder_fitting import fit_and_predict, with_decoder
from umir.adaptation.network_fitting import validation_batches, validation_loss
from umir.data.example import Example
from umir.meta import Params
from umir.task_model import TaskModel
from umir.training import Diverged
from umir.wave_unet import WaveUNetConfig

# Rates are chosen by the mean validation score at these steps, which all starts with Adam reach.
JUDGED_AT = (10, 30, 100, 300)
SEARCH_SEED = 10
CEILING_STEPS = 3000

DECIMALS = 5  # of the scores that are kept

Scores = list[float]  # the headline of each group of test songs, in the order of their names
Looks = dict[str, Scores]  # by number of steps


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        start: what is adapted.
        directory: of its body; None if it is fresh.
        material: what it is adapted to.
        seed: of a fresh body, of the head, and of the audio and segments that it learns from.
        minutes: of labelled audio.
        rate: of learning.
    """

    start: Start
    directory: Path | None
    material: Material
    seed: int
    minutes: float
    rate: float

    def measure(self, songs: Songs, config: WaveUNetConfig, steps: Sequence[int]) -> dict[str, Any]:
        """Return the scores of test groups at each look, and all losses, as plain JSON."""
        examples = labelled(songs.task, songs.train, self.minutes, self.seed)
        return self._measured(songs, config, examples, steps, songs.test)

    def validated(self, songs: Songs, config: WaveUNetConfig) -> dict[str, float]:
        """Return the mean validation score at each look; nothing if the run diverged."""
        examples = labelled(songs.task, songs.train, self.minutes, self.seed)
        steps = self.looks(songs)
        if self.start.method is adam:
            steps = [step for step in steps if step in JUDGED_AT]
        found = self._measured(songs, config, examples, steps, songs.valid)
        if found["failed"]:
            return {}
        return {step: float(np.nanmean(scores)) for step, scores in found["looks"].items()}

    def ceiling(self, songs: Songs, config: WaveUNetConfig, steps: int) -> dict[str, Any]:
        """Return what `measure` does after a long training on all labelled audio there is."""
        return self._measured(songs, config, songs.all(), (steps,), songs.test)

    def looks(self, songs: Songs) -> Sequence[int]:
        """Return the steps at which a start is scored on a task."""
        if self.start.method is not adam or not songs.task.head.gives_waveforms:
            return self.start.steps
        longer = [step for step in self.start.steps if step > max(WAVEFORM_STEPS)]
        return (*WAVEFORM_STEPS, *longer)

    def _measured(
        self,
        songs: Songs,
        config: WaveUNetConfig,
        examples: Sequence[Example],
        steps: Sequence[int],
        judged: Sequence[Example],
    ) -> dict[str, Any]:
        begun, task = perf_counter(), songs.task
        experiment = self.material.experiment
        headline = experiment.headline if experiment else ()
        network = self.start.network(config, task.head)
        batches = validation_batches(network, task, songs.valid)
        looks: Looks = {}
        valid_losses: dict[str, float] = {}

        def look(step: int, params: Params) -> None:
            model = TaskModel(network, task, params)
            if judged is songs.valid:  # heard once, to fit the decoder and to be judged
                _, estimates = fit_and_predict(model, judged)
            else:
                model = with_decoder(model, songs.valid)
                estimates = [model.predict(song.waveform, song.rate) for song in judged]
            looks[str(step)] = headlines(scores_of_groups(task, estimates, judged, headline))
            valid_losses[str(step)] = validation_loss(network, task, params, batches)

        problem = Problem(
            network,
            task,
            body_of(self.directory, network, self.seed),
            self.directory,
            examples,
            songs.valid,
            steps,
            experiment.segments if experiment else None,
            self.start.head,
            self.seed,
        )
        losses, failed = [], ""
        try:
            losses = self.start.method(problem, self.rate, look)
        except Diverged as error:  # a rate that is too high is a result, too
            failed = str(error)
        return {
            "looks": looks,
            "valid_losses": valid_losses,
            "losses": _between(losses, [int(step) for step in looks]),
            "failed": failed,
            "audio_seconds": sum(example.duration for example in examples),
            "seconds": perf_counter() - begun,
        }


def chance(songs: Songs, material: Material) -> Scores:
    """Return the scores of test groups of the best answer that does not listen."""
    headline = material.experiment.headline if material.experiment else ()
    return headlines(group_scores(songs.task, guess(songs), songs.test, headline))


def headlines(scores: Mapping[str, Mapping[str, float]]) -> Scores:
    """Return what is kept of the metrics of groups: with all, rows are ten times as long."""
    return [round(float(metrics[HEADLINE]), DECIMALS) for _, metrics in sorted(scores.items())]


def shown(found: Mapping[str, Any]) -> str:
    """Return a run in short: the mean score at each look."""
    scores = [f"{step}: {np.nanmean(scores):.3f}" for step, scores in found["looks"].items()]
    return ", ".join([*scores, *filter(None, [found["failed"]])])


def _between(losses: Sequence[float], steps: Sequence[int]) -> dict[str, float]:
    """Return the mean training loss of the steps from one look to the next."""
    ends = sorted({0, *steps})
    found = {}
    for first, last in pairwise(ends):
        own = losses[first:last]
        if own:
            found[str(last)] = float(np.mean(own))
    return found
