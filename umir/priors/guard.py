"""Notices that an adversarial training has collapsed, and takes it back to where it was well.

Three things count as a collapse: the generator makes (nearly) the same of everything, so that its
spread beside that of what is real, or another measure of what it makes, sinks under a floor; the
gradient of the generator explodes; losses are not finite any more. The training then goes on from
the last good state, with half the weight of the critics, on other batches. It is said on standard
error, and logged. What has been under its floor from the beginning, a source that is silent say, is
said too; there is no good state to go back to. Nor is there for what settles a little above its
floor, and stays there: from then on that is as it should be.
"""

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from umir.wave_unet.parameters import scalar, whole_number

State = dict[str, Any]
MEMORY = 0.95  # of the running means
WELL = 2.0  # times its floor: what has been as high has something to sink from
HIGHEST = 10.0  # times its floor: what counts in the mean, or one batch of near silence lifts it
LOW_LOOKS = 10  # under its floor, and never well, after which that is said; or near it, settled


class Collapsed(ValueError):
    """A training that collapses again and again.

    Attributes:
        state: the last good one.
    """

    def __init__(self, message: str, state: State):
        super().__init__(message)
        self.state = state


@dataclass(frozen=True)
class Guard:
    """When to go back, and how.

    Attributes:
        every: steps between two looks.
        floor: spread of what is generated, over that of what is real, under which all is the same.
            What has not come above twice its floor yet cannot have fallen from it.
        floors: of other metrics (`umir.priors.adversarial.Adversarial.measures`), by prefix.
        explosion: gradient of the generator, over that of the last good state, that is too large.
        bad_steps: steps in a row without finite losses after which nothing comes any more.
        factor: by which the weight of the critics is multiplied; 1 where there are none.
        limit: collapses after which the training is given up.
    """

    every: int = 100
    floor: float = 0.1
    floors: tuple[tuple[str, float], ...] = ()
    explosion: float = 1000.0
    bad_steps: int = 5
    factor: float = 0.5
    limit: int = 10

    def init(self, networks: Any, names: Iterable[str]) -> State:
        """Return the guard's part of the state: what it remembers, all of it arrays.

        Args:
            networks: of the state before the first step, the first to go back to.
            names: of the metrics of a step; those that have a floor are watched.
        """
        number = max(1, len(self._watched(names)))  # checkpoints take no arrays without numbers
        return {
            "good": networks,
            "good_norm": scalar(math.inf),
            "step": whole_number(0),
            "bad": whole_number(0),  # steps in a row without finite losses
            "norm": scalar(0.0),  # a running mean, as heights are
            # Of every watched metric, in the order of their names: itself over its floor, whether
            # it was well in the good state, and at how many looks in a row it was low instead, or
            # on its way there.
            "heights": np.full(number, np.inf, np.float32),
            "well": np.zeros(number, bool),
            "low": np.zeros(number, np.int32),
            "weight": scalar(1.0),
            "collapses": whole_number(0),
        }

    def watched(self, state: State, metrics: Mapping[str, float]) -> tuple[State, dict[str, float]]:
        """Return the state, an earlier one if the training has collapsed, and more metrics.

        Args:
            state: after a step: `networks` and `guard`.
            metrics: of that step; of what is watched, inf is what could not be measured.

        Returns:
            The state; and the metrics that were measured, with `adversarial_weight`, the share of
            the critics' weight that is left, and `collapses`, their number so far.

        Raises:
            Collapsed: `limit` times.
        """
        names = self._watched(metrics)
        unknown = {name for name in names if metrics[name] == math.inf}
        metrics = {name: value for name, value in metrics.items() if name not in unknown}
        seen = self._noted(state["guard"], metrics, names)
        state = {**state, "guard": seen}
        if seen["bad"] >= self.bad_steps:
            state = self._back(state, f"no finite loss in {self.bad_steps} steps")
        elif seen["step"] % self.every == 0 and not seen["bad"]:
            state = self._looked(state, metrics, names)
        weight, collapses = (float(state["guard"][name]) for name in ("weight", "collapses"))
        return state, {**metrics, "adversarial_weight": weight, "collapses": collapses}

    def _floor_of(self, name: str) -> float | None:
        floors = (("spread/", self.floor), *self.floors)
        return next((floor for prefix, floor in floors if name.startswith(prefix)), None)

    def _watched(self, names: Iterable[str]) -> list[str]:
        """Return the names of the metrics that have a floor, in order."""
        return sorted(name for name in names if self._floor_of(name) is not None)

    def _noted(self, seen: State, metrics: Mapping[str, float], names: list[str]) -> State:
        """Return the guard's memory with another step in it."""
        step = int(seen["step"]) + 1
        seen = {**seen, "step": whole_number(step)}
        if not all(map(math.isfinite, metrics.values())):
            return {**seen, "bad": whole_number(seen["bad"] + 1)}
        measures = [metrics.get(name, math.inf) / (self._floor_of(name) or 1) for name in names]
        heights = np.asarray(measures or [math.inf], np.float32)
        known = np.isfinite(heights)
        capped = _running(seen["heights"], np.minimum(heights, HIGHEST), first=step == 1)
        norm = np.asarray(metrics["gradient_norm/generator"], np.float32)
        return {
            **seen,
            "norm": _running(seen["norm"], norm, first=step == 1),
            "heights": np.where(known, capped, seen["heights"]),
            "bad": whole_number(0),
        }

    def _looked(self, state: State, metrics: Mapping[str, float], names: list[str]) -> State:
        """Return the state after a look: the good state, from now on; or the good one before."""
        seen = state["guard"]
        heights, well = seen["heights"], seen["well"]
        # Of this step, or where it could not be measured, of those before.
        means = {name: heights[n] * (self._floor_of(name) or 1) for n, name in enumerate(names)}
        shown = {**means, **metrics}
        if (well & (heights < 1)).any():
            lowest = names[int(np.argmin(np.where(well, heights, np.inf)))]
            return self._back(state, f"{lowest} has sunk to {shown[lowest]:.3f}")
        if seen["norm"] > self.explosion * seen["good_norm"]:
            return self._back(state, f"the gradient is {seen['norm']:.3g}")
        sinking = well & (heights < WELL)
        low = np.where(sinking | (heights < 1), seen["low"] + 1, 0).astype(np.int32)
        if (sinking & (low < LOW_LOOKS)).any():
            # On its way down, maybe: not a state to come back to.
            return {**state, "guard": {**seen, "low": low}}
        if self._has_just_fallen(seen, metrics, names):
            return {**state, "guard": {**seen, "low": low}}
        low = np.where(sinking, 0, low).astype(np.int32)  # it has settled there
        well = (well & ~sinking) | (np.isfinite(heights) & (heights >= WELL))
        for name in (names[n] for n in np.flatnonzero(low == LOW_LOOKS)):
            tqdm.write(
                f"step {seen['step']}: {name} is {shown[name]:.3f}, and has been under "
                f"{self._floor_of(name):g} at {LOW_LOOKS} looks",
                file=sys.stderr,
            )
        good = {"good": state["networks"], "good_norm": seen["norm"]}
        return {**state, "guard": {**seen, **good, "well": well, "low": low}}

    def _has_just_fallen(self, seen: State, metrics: Mapping[str, float], names: list[str]) -> bool:
        """Return whether a step is not well though the means are, which take 30 steps to sink."""
        floors = np.array([self._floor_of(name) for name in names], float)
        values = np.array([metrics.get(name, math.inf) for name in names], float)
        means = seen["heights"][: len(names)]  # one more if nothing is watched
        fallen = (means >= WELL) & (values < WELL * floors)
        norm = metrics["gradient_norm/generator"]
        return bool(fallen.any() or norm > self.explosion * seen["good_norm"])

    def _back(self, state: State, why: str) -> State:
        """Return the last good state, with less weight of the critics."""
        seen = state["guard"]
        count, weight = int(seen["collapses"]) + 1, float(seen["weight"]) * self.factor
        critics = self.factor < 1
        share = f", with {weight:g} of the weight of the critics" if critics else ""
        told = f"step {seen['step']}: {why}; goes back to the last good state{share}"
        again = {
            "heights": np.full_like(seen["heights"], np.inf),
            "low": np.zeros_like(seen["low"]),
            "norm": seen["good_norm"],
            "bad": whole_number(0),
        }
        again |= {"collapses": whole_number(count), "weight": scalar(weight)}
        if not np.isfinite(seen["good_norm"]):
            again["norm"] = scalar(0.0)
        good = {**state, "networks": seen["good"], "guard": {**seen, **again}}
        if count >= self.limit:
            advice = "give the critics less weight, or both sides" if critics else "give it"
            raise Collapsed(
                f"step {seen['step']}: {why}; that was collapse {count}: {advice} a lower learning "
                "rate",
                good,
            )
        tqdm.write(told, file=sys.stderr)
        return good


def _running(mean: np.ndarray, value: np.ndarray, *, first: bool) -> np.ndarray:
    """Return a running mean with another value in it, which is all of it where there was none."""
    begins = first | ~np.isfinite(mean)
    moved = MEMORY * np.where(begins, 0, mean) + (1 - MEMORY) * value
    return np.where(begins, value, moved).astype(np.float32)
