"""What a task finds in a stream: findings, one after the other, as soon as they are known."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Finding:
    """Something that is found in a stream.

    Attributes:
        time: when it is, in seconds from the start of the stream.
        label: what it is; "" where there is one kind of thing only.
        values: what else is known of it, by name: `probability`, `frequency` (Hz), `change` (`on`,
            `off`).
    """

    time: float
    label: str
    values: tuple[tuple[str, float | str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the finding as plain JSON."""
        label = {"label": self.label} if self.label else {}
        return {"time": self.time, **label, **dict(self.values)}

    def as_text(self) -> str:
        """Return the finding as columns: time, label, and what else is known."""
        values = (f"{v:.3f}" if isinstance(v, float) else v for _, v in self.values)
        label = [self.label] if self.label else []
        return "\t".join([f"{self.time:.3f}", *label, *values])


class LiveDecoder(ABC):
    """A decoder that is given the frames of an output as they come.

    Whatever blocks they come in, it finds the same.
    """

    @property
    @abstractmethod
    def delay(self) -> float:
        """What it waits for after a frame to be sure of it, in seconds."""

    @abstractmethod
    def push(self, output: Float[np.ndarray, "_ class"]) -> list[Finding]:
        """Return what is known after the next frames of logits, `(frame, class)`, and was not."""

    def finish(self) -> list[Finding]:
        """Return what is known when there are no more frames."""
        return []
