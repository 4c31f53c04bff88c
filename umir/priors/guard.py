"""Notices that an adversarial training has collapsed, and takes it back to where it was well.

Three things count as a collapse: the generator makes (nearly) the same of everything, so that its
spread beside that of what is real, or another measure of what it makes, sinks under a floor; the
gradient of the generator explodes; losses are not finite any more. The training then goes on from
the last good state, with half the weight of the critics, on other batches. It is said on standard
error, and logged.
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from umir.wave_unet.parameters import scalar, whole_number

State = dict[str, Any]
MEMORY = 0.95  # of the running means


class Collapsed(ValueError):
    """A training that collapses again and again."""


@dataclass(frozen=True)
class Guard:
    """When to go back, and how.

    Attributes:
        every: steps between two looks.
        floor: spread of what is generated, over that of what is real, under which all is the same.
            A training that has not come above twice that yet cannot have fallen from it.
        floors: of other metrics (`umir.priors.adversarial.Adversarial.measures`), by prefix.
        explosion: gradient of the generator, over that of the last good state, that is too large.
        bad_steps: steps in a row without finite losses after which nothing comes any more.
        factor: by which the weight of the critics is multiplied.
        limit: collapses after which the training is given up.
    """

    every: int = 100
    floor: float = 0.1
    floors: tuple[tuple[str, float], ...] = ()
    explosion: float = 1000.0
    bad_steps: int = 5
    factor: float = 0.5
    limit: int = 10

    def init(self, networks: Any) -> State:
        """Return the guard's part of the state: what it remembers, all of it arrays.

        Args:
            networks: of the state before the first step, the first to go back to.
        """
        return {
            "good": networks,
            "good_norm": scalar(math.inf),
            "well": scalar(False, np.bool_),  # whether the good state was above the floor
            "step": whole_number(0),
            "bad": whole_number(0),  # steps in a row without finite losses
            "height": scalar(math.inf),  # of what is lowest above its floor, over that floor
            "norm": scalar(0.0),  # both are running means
            "weight": scalar(1.0),
            "collapses": whole_number(0),
        }

    def watched(self, state: State, metrics: Mapping[str, float]) -> tuple[State, dict[str, float]]:
        """Return the state, an earlier one if the training has collapsed, and more metrics.

        Args:
            state: after a step: `networks` and `guard`.
            metrics: of that step.

        Returns:
            The state; and the metrics with `adversarial_weight`, the share of the critics' weight
            that is left, and `collapses`, their number so far.

        Raises:
            Collapsed: `limit` times.
        """
        seen = self._noted(state["guard"], metrics)
        state = {**state, "guard": seen}
        if seen["bad"] >= self.bad_steps:
            state = self._back(state, f"no finite loss in {self.bad_steps} steps")
        elif seen["step"] % self.every == 0:
            state = self._looked(state, metrics)
        weight, collapses = (float(state["guard"][name]) for name in ("weight", "collapses"))
        return state, {**metrics, "adversarial_weight": weight, "collapses": collapses}

    def _noted(self, seen: State, metrics: Mapping[str, float]) -> State:
        """Return the guard's memory with another step in it."""
        step = int(seen["step"]) + 1
        seen = {**seen, "step": whole_number(step)}
        if not all(map(math.isfinite, metrics.values())):
            return {**seen, "bad": whole_number(seen["bad"] + 1)}
        height = min(self._heights(metrics).values(), default=math.inf)
        now = {"norm": metrics["gradient_norm/generator"], "height": height}
        means = {
            name: scalar(
                MEMORY * seen[name] + (1 - MEMORY) * value
                if step > 1 and math.isfinite(seen[name])
                else value
            )
            for name, value in now.items()
        }
        return {**seen, **means, "bad": whole_number(0)}

    def _heights(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Return every metric that has a floor, over that floor."""
        floors = (("spread/", self.floor), *self.floors)
        return {
            name: value / floor
            for name, value in metrics.items()
            for prefix, floor in floors
            if name.startswith(prefix)
        }

    def _looked(self, state: State, metrics: Mapping[str, float]) -> State:
        """Return the state after a look: the good state, from now on; or the good one before."""
        seen = state["guard"]
        if seen["well"] and seen["height"] < 1:
            heights = self._heights(metrics)
            lowest = min(heights, key=lambda name: heights[name])
            return self._back(state, f"{lowest} has sunk to {metrics[lowest]:.3f}")
        if seen["norm"] > self.explosion * seen["good_norm"]:
            return self._back(state, f"the gradient is {seen['norm']:.3g}")
        if seen["well"] and seen["height"] < 2:
            return state  # on its way down, maybe: not a state to come back to
        good = {"good": state["networks"], "good_norm": seen["norm"]}
        well = scalar(seen["height"] >= 2, np.bool_)
        return {**state, "guard": {**seen, **good, "well": well}}

    def _back(self, state: State, why: str) -> State:
        """Return the last good state, with less weight of the critics."""
        seen = state["guard"]
        count, weight = int(seen["collapses"]) + 1, float(seen["weight"]) * self.factor
        if count >= self.limit:
            raise Collapsed(
                f"step {seen['step']}: {why}; that was collapse {count}: give the critics less "
                "weight, or both sides a lower learning rate"
            )
        tqdm.write(
            f"step {seen['step']}: {why}; goes back to the last good state, with {weight:g} of the "
            "weight of the critics",
            file=sys.stderr,
        )
        again = {
            "height": scalar(math.inf),
            "norm": seen["good_norm"],
            "bad": whole_number(0),
        }
        again |= {"collapses": whole_number(count), "weight": scalar(weight)}
        if not np.isfinite(seen["good_norm"]):
            again["norm"] = scalar(0.0)
        return {"networks": seen["good"], "guard": {**seen, **again}}
