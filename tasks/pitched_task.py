"""What tasks share whose vocabulary is a pitch axis: melody extraction and note transcription."""

from dataclasses import dataclass

from umir.tasks.base import Task
from umir.tasks.pitch_axis import PitchAxis


@dataclass(frozen=True)
class PitchedTask(Task):
    """A task with note names for classes, evenly spaced (`umir.tasks.pitch_axis`)."""

    def __post_init__(self):
        super().__post_init__()
        PitchAxis.of(self.vocabulary)  # raises if it is no axis

    @property
    def axis(self) -> PitchAxis:
        """The pitches that the vocabulary names."""
        return PitchAxis.of(self.vocabulary)
