"""What is said about a search (`umir.adaptation.rate_search`): how long it takes, how far it is.

Times are measured on the very steps that will be taken, once they are compiled.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
from tqdm import tqdm

from umir.adaptation.network_fitting import Adaptation
from umir.meta import Params


@dataclass(frozen=True)
class Pace:
    """How long things take, in seconds.

    Attributes:
        compiling: what the first step and the first look take longer than the others.
        step: drawing a batch, and a gradient step on it.
        look: at the validation songs.
    """

    compiling: float
    step: float
    look: float

    @classmethod
    def measure(cls, start: Adaptation, validate: Callable[[Params], Any]) -> "Pace":
        """Take three steps and two looks, and forget what they gave."""

        def take(step: int) -> Any:
            return start.step_function(start.state, start.draw(step))

        steps = [_seconds(partial(take, step)) for step in range(3)]
        looks = [_seconds(lambda: validate(start.params)) for _ in range(2)]
        step, look = min(steps[1:]), looks[1]
        return cls(max(0.0, steps[0] - step + looks[0] - look), step, look)

    def seconds(self, steps: int, looks: int) -> float:
        """Return how long so many steps and looks take; both are compiled by now."""
        return steps * self.step + looks * self.look


def _seconds(action: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    jax.block_until_ready(action())
    return time.perf_counter() - begin


def expectation(pace: Pace, steps: int, looks: int) -> str:
    """Return what a search of so many steps and looks will take, in a line."""
    device = jax.default_backend().upper()
    return (
        f"about {spelled_duration(pace.seconds(steps, looks))} on this {device}, or less: up to "
        f"{steps} steps of {pace.step:.2g} s and {looks} validations of {pace.look:.2g} s "
        f"(compiling took {pace.compiling:.0f} s)"
    )


def spelled_duration(seconds: float) -> str:
    """Return a duration as people say it: `20 seconds`, `1 minute`, `4 minutes`, `1.5 hours`."""
    if seconds < 55:
        return f"{max(10, 10 * round(seconds / 10))} seconds"
    if seconds < 5700:
        minutes = max(1, round(seconds / 60))
        return f"{minutes} minute{'s' if minutes > 1 else ''}"
    return f"{seconds / 3600:.1f} hours"


class SearchProgress:
    """A bar over the steps of all runs, with the validation loss and score beside it.

    Args:
        title: what is learnt.
        steps: of all runs, if none stops early.
        score: what it is called.
        of: whose loss and score are shown.
        shown: if not, nothing is.

    Attributes:
        score: what it is called.
    """

    def __init__(
        self, title: str, steps: int, score: str = "score", of: str = "valid", shown: bool = True
    ):
        self.score, self._of, self._shown = score, of, shown
        self._bar = tqdm(
            total=steps, desc=title, unit="step", dynamic_ncols=True, disable=not shown
        )

    def stepped(self) -> None:
        """Move the bar by a step."""
        self._bar.update()

    def looked(self, rate: float, loss: float, score: float | None) -> None:
        """Show the loss of a run, and a score if there is one."""
        values = {"rate": f"{rate:g}", f"{self._of} loss": f"{loss:.3f}"}
        if score is not None:
            values[f"{self._of} {self.score}"] = f"{score:.3f}"
        self._bar.set_postfix(values)

    def say(self, line: str) -> None:
        """Write a line on standard error, above the bar."""
        if self._shown:
            tqdm.write(line, file=sys.stderr)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.close()


class Affordable:
    """A measurement that is taken as long as it is quick.

    Args:
        measure: what to measure on parameters.
        seconds: more is too slow. The first call, which may compile, is not judged.
    """

    def __init__(self, measure: Callable[[Params], float], seconds: float):
        self._measure, self._limit = measure, seconds
        self._calls, self._slow = 0, False

    def __call__(self, params: Params) -> float | None:
        """Return the measurement; None after one that was too slow."""
        if self._slow:
            return None
        begin = time.perf_counter()
        value = self._measure(params)
        self._calls += 1
        self._slow = self._calls > 1 and time.perf_counter() - begin > self._limit
        return value
