"""Labels of clips, live: what holds of the last seconds that were heard.

The network's output is that of the last seconds of the stream, as many as a segment of the task's
training (fewer at the start), at every frame. What a file gets as a whole, the mean over its
windows, is what this goes up and down around.
"""

import numpy as np
from jaxtyping import Float

from umir.annotations import Labels
from umir.tasks.base import Settings, Task
from umir.tasks.live.base import Finding, LiveDecoder

EVERY = 1.0  # seconds between two findings, if nothing changes
NO_LABEL = "none"


class LiveLabels(LiveDecoder):
    """The label, or labels, of what is heard: said when they change, and once a second.

    Args:
        task: what decodes the output of a clip.
        settings: of its decoder.
        rate: frames per second in Hz.
    """

    def __init__(self, task: Task, settings: Settings, rate: float):
        self._task, self._settings, self._rate = task, settings, rate
        self._names: tuple[str, ...] | None = None
        self._frame, self._said = 0, -np.inf

    @property
    def delay(self) -> float:
        """Nothing."""
        return 0.0

    def push(self, output: Float[np.ndarray, "_ class"]) -> list[Finding]:
        """Return the labels at the times at which they are said; see `LiveDecoder`."""
        found = []
        for logits in output:
            time, self._frame = self._frame / self._rate, self._frame + 1
            labels = self._task.decode(logits, self._settings)
            changed = labels.names != self._names and set(labels.names) <= {*self._task.vocabulary}
            if changed or time - self._said >= EVERY - 1e-9:
                found += _findings(time, labels)
                self._names, self._said = labels.names, time
        return found


def _findings(time: float, labels: Labels) -> list[Finding]:
    """Return one finding per label; a label that no class has (a tempo) is as sure as the best."""
    scores = labels.scores or {}
    best = max(scores.values(), default=0.0)
    names = labels.names or (NO_LABEL,)
    return [
        Finding(time, name, (("probability", float(scores.get(name, best))),))
        if name != NO_LABEL
        else Finding(time, name)
        for name in names
    ]
