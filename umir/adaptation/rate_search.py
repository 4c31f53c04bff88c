"""Which learning rate, how many steps: a search that the validation songs decide.

Successive halving (Jamieson and Talwalkar 2016, algorithm 1) over a few rates, of which those of
body and head are fixed multiples: all take the first steps, on the same batches and from the same
head; the better half goes on, and one of them to the end. That comes with a limit, or where no look
at the validation songs was the best for a while (early stopping; Prechelt 1998). What is kept is
the best step of all that were looked at. The start is one of them where its head knows the task
already; a fresh head, which says the same of any audio, is none.

Which look is better the validation songs say by their loss or, if they are many, by their score
(`umir.adaptation.validation`). All limits are numbers of steps, none are seconds: a seed gives the
same weights on any load of the machine.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from umir.adaptation.network_fitting import Adaptation
from umir.adaptation.search_progress import SearchProgress
from umir.adaptation.search_result import Found
from umir.adaptation.validation import WORST, Look
from umir.interrupts import interrupts_as_such
from umir.meta import Params
from umir.resuming import Interruption
from umir.training import BadStreak, Callback, Diverged

RATES = (3e-4, 1e-3, 3e-3)
RUNGS = (25, 75)  # steps at which rates are compared
MOST_STEPS = 600
LOOK_EVERY = 25  # steps
# Steps without a new best look: a network from scratch may stay that long where it began.
PATIENCE = 150

INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Budget:
    """What a search may try.

    Attributes:
        rates: of learning; a single one is taken as it is.
        steps: of the run that goes on to the end.
        patience: stop after so many steps without a new best look; None: only at `steps`.
    """

    rates: tuple[float, ...] = RATES
    steps: int = MOST_STEPS
    patience: int | None = PATIENCE

    @classmethod
    def of(cls, steps: int | None = None, learning_rate: float | None = None) -> "Budget":
        """Return the budget that leaves out the search for what is given."""
        rates = RATES if learning_rate is None else (learning_rate,)
        return cls(rates) if steps is None else cls(rates, steps, None)

    @property
    def rungs(self) -> list[int]:
        """The steps at which rates are compared, and half of them are left."""
        return sorted({min(rung, self.steps) for rung in RUNGS}) if len(self.rates) > 1 else []

    @property
    def looks(self) -> list[int]:
        """The steps at which the validation songs are looked at."""
        every = max(1, min(LOOK_EVERY, self.steps // 10))
        return sorted({*range(every, self.steps, every), *self.rungs, self.steps})

    def count(self, stops: Sequence[int]) -> int:
        """Return how many of `stops`, steps in order, all runs pass if none stops early."""
        running, total, before = len(self.rates), 0, 0
        for rung in self.rungs:
            total += running * sum(before < stop <= rung for stop in stops)
            running, before = _half(running), rung
        return total + sum(before < stop for stop in stops)

    @property
    def most_steps(self) -> int:
        """The number of gradient steps of all runs, if none stops early."""
        return self.count(range(1, self.steps + 1))


def search(
    start: Adaptation,
    budget: Budget,
    validate: Callable[[Params], Look],
    progress: SearchProgress,
    score: Callable[[Params], float | None] = lambda params: None,
    *,
    keep_start: bool = True,
) -> Found:
    """Return the best parameters, by the validation songs, that the budget leads to.

    Args:
        start: what to adapt, before the first step.
        budget: rates and steps.
        validate: what the validation songs say of parameters.
        progress: sees every step and every look.
        score: shown beside the loss of the run that goes on to the end, where the loss decides;
            None is not shown.
        keep_start: whether the start may be what is kept: it answers already.

    Returns:
        What was found. After Ctrl-C it is the best so far.

    Raises:
        ValueError: nothing can be learnt, because losses are not finite or do not change.
        KeyboardInterrupt: Ctrl-C before anything was learnt.
    """
    return _Search(start, budget, validate, progress, score, keep_start).run()


class _Run:
    """One rate: how far it got, and what the validation songs said on the way."""

    def __init__(self, rate: float, adaptation: Adaptation):
        self.rate, self.adaptation = rate, adaptation
        self.looks: dict[int, Look] = {}
        self.diverged = False
        self.streak = BadStreak()  # of all legs together: one alone may be too short to tell

    @property
    def last(self) -> Look:
        """The last look; the worst there is if the run is broken off."""
        return WORST if self.diverged or not self.looks else [*self.looks.values()][-1]

    @property
    def best_step(self) -> int:
        """The step of the best look; 0 if there was none."""
        return max(self.looks, key=lambda step: self.looks[step].order, default=0)


class _Search:
    """The state of a search: its runs, and the best that was seen."""

    def __init__(
        self,
        start: Adaptation,
        budget: Budget,
        validate: Callable[[Params], Look],
        progress: SearchProgress,
        score: Callable[[Params], float | None],
        keep_start: bool,
    ):
        self._budget, self._progress = budget, progress
        self._validate, self._score = validate, score
        self._runs = [_Run(rate, start.at_rate(rate)) for rate in budget.rates]
        self._norms: list[float] = []
        self._first = validate(start.params)
        if not math.isfinite(self._first.loss):
            raise ValueError(
                f"the validation loss is {self._first.loss} before the first step: "
                "look for broken audio or labels in the validation songs"
            )
        best = self._first if keep_start else WORST
        self._best = (best, self._runs[0].rate, 0, start.params)

    def run(self) -> Found:
        """Compare the rates, take the best one to the end, return the best step of all."""
        try:
            with interrupts_as_such():
                running = self._rungs()
                stopped = self._finish(_ahead(running)[0])
        except KeyboardInterrupt:
            if not any(run.looks for run in self._runs) or self._best[0] is WORST:
                raise KeyboardInterrupt("interrupted before anything was learnt") from None
            return self._found(max(run.adaptation.step for run in self._runs), INTERRUPTED)
        self._check_learnt()
        learnt_nothing = all(run.diverged for run in self._runs) and self._best[2] == 0
        if learnt_nothing or self._best[0] is WORST:
            rates = ", ".join(f"{run.rate:g}" for run in self._runs)
            raise ValueError(f"no finite loss at the rates {rates}: give a lower --learning-rate")
        return self._found(_ahead(running)[0].adaptation.step, stopped)

    def _rungs(self) -> list[_Run]:
        """Take the rates past the rungs, half of them after each, and return those left."""
        running = list(self._runs)
        for rung in self._budget.rungs:
            for run in running:
                self._go(run, [look for look in self._budget.looks if look <= rung])
            running = _ahead(running)[: _half(len(running))]
        return running

    def _go(self, run: _Run, looks: Sequence[int], score: bool = False) -> None:
        """Take a run past some steps to look at; a run that diverges stops where it is."""
        for look in looks:
            if look <= run.adaptation.step or run.diverged:
                continue
            try:
                listener = _Listener(run.streak, self._norms, self._progress)
                listeners: list[Callback] = [listener, Interruption()]
                run.adaptation = run.adaptation.until(look, listeners)
            except Diverged:
                run.diverged = True
                self._check_learnt()
            else:
                self._look(run, score)

    def _look(self, run: _Run, score: bool) -> None:
        """Look at the validation songs, and keep the parameters of a run if they are the best."""
        params, step = run.adaptation.params, run.adaptation.step
        run.looks[step] = look = self._validate(params)
        if look.beats(self._best[0]):
            self._best = (look, run.rate, step, params)
        shown = self._score(params) if score and look.score is None else look.score
        self._progress.looked(run.rate, look.loss, shown)

    def _finish(self, run: _Run) -> str:
        """Take a run to the end and return why it ended."""
        patience = self._budget.patience
        for look in self._budget.looks:
            self._go(run, [look], score=True)
            if run.diverged:
                return f"no finite loss at the rate {run.rate:g} any more"
            if patience and run.adaptation.step - run.best_step >= patience:
                by = run.last.decided_by(self._progress.score)
                return f"no {run.last.better} validation {by} for {patience} steps"
        rising = patience is not None and run.best_step == run.adaptation.step
        return "that is the limit" + ("; more --steps may help" if rising else "")

    def _check_learnt(self) -> None:
        """Raise if no step so far could change anything, or if no change is seen in validation."""
        usable = [norm for norm in self._norms if math.isfinite(norm)]
        losses = [look.loss for run in self._runs for look in run.looks.values()]
        if not usable:
            raise ValueError("its loss or gradient is NaN: look for broken audio or labels")
        if not any(usable):
            raise ValueError(
                f"its loss is constant: nothing in the training songs tells it what to learn "
                f"(validation loss {self._first.loss:.3g})"
            )
        if losses and all(loss == self._first.loss for loss in losses):
            raise ValueError(
                f"its validation loss stays at {self._first.loss:.3g} whatever is learnt: the "
                "validation songs have no labels that count; put others into the split 'valid'"
            )

    def _found(self, steps: int, stopped: str) -> Found:
        look, rate, step, params = self._best
        tried = {run.rate: run.looks for run in self._runs}
        name = self._progress.score
        return Found(params, rate, step, look, self._first, tried, steps, stopped, name)


class _Listener:
    """What listens to the steps of all runs; unlike them, it does not end with a leg."""

    def __init__(self, streak: BadStreak, norms: list[float], progress: SearchProgress):
        self._streak, self._norms, self._progress = streak, norms, progress

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        self._norms.append(metrics["gradient_norm"])
        self._progress.stepped()
        self._streak.see(step, metrics)

    def close(self) -> None:
        pass


def _ahead(runs: Sequence[_Run]) -> list[_Run]:
    """Return runs in the order of their last looks, the best first, of equal ones the earlier."""
    return sorted(runs, key=lambda run: run.last.order, reverse=True)


def _half(number: int) -> int:
    return math.ceil(number / 2)
