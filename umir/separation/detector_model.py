"""The other head of a joint model: what tells when the detected source is there.

Frames of the spectrogram are windows of `umir.separation.window_separator`, side by side; their
logits are brought to the rate of the task by linear interpolation, and decoded as those of every
other network.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import jax
import numpy as np
from jaxtyping import Float

from umir.annotations import Annotation
from umir.audio import resample, to_channels
from umir.audio_stream import Block, Counted
from umir.data.splits import splits_together
from umir.separation.active_songs import detection_of
from umir.separation.joint_unet import JointUNet
from umir.separation.window_separator import windows
from umir.tasks import IntervalDetection
from umir.tasks.base import Settings
from umir.tasks.interval_detection import FRAME_RATE
from umir.wave_unet.parameters import Params

if TYPE_CHECKING:
    from umir.separation.separator_model import SeparatorModel

LEARNT = "learnt"  # the fact that names the tasks which a joint model was trained for
DECODER = "decoder"  # the settings of the detector's decoder
ACTIVITY_SPLITS = "activity_splits"  # the splits of the recordings with labels of activity


@dataclass(frozen=True)
class DetectorModel:
    """A joint network with its weights, as a detector; named as in `TaskModel`.

    Attributes:
        network: its sizes.
        params: its parameters.
        settings: the decoder's settings.
        facts: what else is worth keeping (the splits of its data): plain JSON.
    """

    network: JointUNet
    params: Mapping[str, Any] = field(repr=False)
    settings: Settings = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, model: "SeparatorModel") -> "DetectorModel":
        """Return the detector of a joint model."""
        network, facts = model.network, dict(model.facts)
        assert isinstance(network, JointUNet)
        facts["splits"] = splits_together(facts.pop(ACTIVITY_SPLITS, {}), facts.get("splits", {}))
        return cls(network, model.params, facts.pop(DECODER, {}), facts)

    @property
    def task(self) -> IntervalDetection:
        """What it does, and how that is scored."""
        return detection_of(self.network.detected)

    @property
    def rate(self) -> int:
        """Sampling rate of the network in Hz."""
        return self.network.rate

    @property
    def channels(self) -> int:
        """Channels that the network takes together."""
        return self.network.channels

    @property
    def separator(self) -> NoReturn:
        """What a detector does not have.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"a model for {self.task.name}, not for separation")

    def output(self, waveform: Float[np.ndarray, "time 1"]) -> Float[np.ndarray, "frame 1"]:
        """Return the logits of a song at the network's rate, at the frames of the task."""
        return self.output_of(lambda: [waveform])

    def output_of(self, song: Callable[[], Iterable[Block]]) -> Float[np.ndarray, "frame 1"]:
        """Return `output` of a song that is given in blocks of any lengths."""
        network, params = self.network, jax.device_put(dict(self.params))
        sizes = network.sizes
        after = sizes.input - sizes.output - sizes.margin
        found, places, counted = np.zeros(0, np.float32), np.zeros(0), Counted(song())
        for window, first in windows(counted, sizes.output, sizes.margin, after):
            logits = np.asarray(_logits(network, params, window[None, :, 0])[0])
            # The last frame is the first of the next window. The last window may begin earlier.
            earlier = places < first
            found = np.append(found[earlier], logits[:-1])
            places = np.append(places[earlier], first + network.hop * np.arange(len(logits) - 1))
        frames = np.arange(int(np.ceil(counted.length * FRAME_RATE / network.rate)))
        curve = np.interp(frames / FRAME_RATE, places / network.rate, found)
        return curve[:, None].astype(np.float32)

    def predict(self, waveform: Float[np.ndarray, "time channel"], rate: int) -> Annotation:
        """Return when the source is there, in audio of any rate and number of channels."""
        own = resample(to_channels(waveform, self.channels), rate, self.rate)
        return self.task.decode(self.output(own), self.settings)


@partial(jax.jit, static_argnums=0)
def _logits(
    network: JointUNet, params: Params, waveforms: Float[jax.Array, "batch time"]
) -> Float[jax.Array, "batch kept"]:
    return network.activity(params, network.seen(waveforms))
