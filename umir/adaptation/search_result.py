"""What a search for rate and step found (`umir.adaptation.rate_search`), in words and as JSON."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from umir.adaptation.validation import Look
from umir.meta import Params


@dataclass(frozen=True)
class Found:
    """What a search kept, and how it came to that.

    Attributes:
        params: body and head.
        learning_rate: in the run that they are from.
        step: of that run.
        look: what the validation songs say of them.
        before: what they say of the start.
        tried: rate -> step -> what they say.
        steps: how far the run went that was taken to the end.
        stopped: why it went no further, in words; `interrupted` after Ctrl-C.
        score: what the score is called.
        share: of the way from the start to what that step had, on which the parameters lie
            (`umir.adaptation.weight_averaging`).
    """

    params: Params = field(repr=False)
    learning_rate: float
    step: int
    look: Look
    before: Look
    tried: Mapping[float, Mapping[int, Look]]
    steps: int
    stopped: str
    score: str = "score"
    share: float = 1.0

    @property
    def loss(self) -> float:
        """The validation loss of what was kept."""
        return self.look.loss

    @property
    def chosen_by(self) -> str:
        """What rate and step were chosen by: `loss`, or the name of a score."""
        return self.look.decided_by(self.score)

    def lines(self) -> list[str]:
        """Return what was tried and what was chosen, in a line or two."""
        rates = ", ".join(
            f"{rate:g} ({self._value(looks[max(looks)])} at step {max(looks)})"
            for rate, looks in self.tried.items()
            if looks
        )
        tried = [f"learning rates tried, with their validation {self.chosen_by}: {rates}"]
        way = f"{self.share:.0%} of the way from the start to " if self.share < 1 else ""
        kept = f"stopped after {self.steps} steps: {self.stopped}; kept {way}step {self.step}"
        kept += f" at the rate {self.learning_rate:g} (validation {self.chosen_by} "
        kept += f"{self._value(self.look)})"
        if self.step == 0:
            kept += f": no other had a {self.look.better} validation {self.chosen_by}"
            kept += ", so nothing was learnt from this audio"
        elif self.before.beats(self.look):
            kept += (
                f", {self.look.worse} than {self._value(self.before)} before the first step: "
                "what was learnt does not hold for other songs; give more labelled audio"
            )
        return [*(tried if len(self.tried) > 1 else []), kept]

    def facts(self) -> dict[str, Any]:
        """Return the same as plain JSON, for a model directory; what is not finite is null."""
        facts: dict[str, Any] = {
            "chosen_by": self.chosen_by,
            "validation_loss": _or_none(self.look.loss),
            "validation_loss_before": self.before.loss,
            "learning_rate": self.learning_rate,
            "step": self.step,
            "share": self.share,
            "steps": self.steps,
            "stopped": self.stopped,
            "tried": self._tried(lambda look: look.loss),
        }
        if self.look.score is not None:
            facts["validation_score"] = _or_none(self.look.score)
            facts["validation_score_before"] = _or_none(self.before.score)
            facts["tried_scores"] = self._tried(lambda look: look.score)
        return facts

    def _tried(self, value: Callable[[Look], float | None]) -> dict[str, dict[str, float | None]]:
        return {
            f"{rate:g}": {str(step): _or_none(value(look)) for step, look in looks.items()}
            for rate, looks in self.tried.items()
        }

    @staticmethod
    def _value(look: Look) -> str:
        return f"{look.loss if look.score is None else look.score:.3f}"


def _or_none(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
