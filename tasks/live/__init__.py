"""Decoders for streams: each says what it finds as soon as that is known, and never takes it back.

They take the settings that were fitted for the decoder of whole songs. Where that one looks at the
whole song, the one here does the causal counterpart; each module says what differs.
"""

import numpy as np

from umir.tasks.base import Settings, Task
from umir.tasks.beat_tracking import BeatTracking
from umir.tasks.chord_recognition import FRAME_RATE as CHORD_RATE
from umir.tasks.chord_recognition import ChordRecognition
from umir.tasks.event_detection import EventDetection
from umir.tasks.interval_detection import FRAME_RATE as INTERVAL_RATE
from umir.tasks.interval_detection import IntervalDetection
from umir.tasks.live.base import Finding as Finding
from umir.tasks.live.base import LiveDecoder as LiveDecoder
from umir.tasks.live.clips import LiveLabels
from umir.tasks.live.peaks import LiveBeats, LiveEvents
from umir.tasks.live.pitches import LiveMelody, LiveNotes
from umir.tasks.live.stretches import LiveActivity, LiveChords
from umir.tasks.melody_extraction import MelodyExtraction
from umir.tasks.note_transcription import NoteTranscription


def live_decoder(task: Task, settings: Settings, slowest_rate: float) -> LiveDecoder:
    """Return what decodes a task's output on a stream.

    Args:
        task: the task.
        settings: from its `fit_decoder` or `default_settings`.
        slowest_rate: frames per second of the network's lowest level, in Hz: those of clips.

    Raises:
        ValueError: stems, or a task of a class that has no live decoder.
    """
    if task.head.gives_waveforms:
        raise ValueError(f"{task.name}: stems are audio, not lines; use `umir separate`")
    if isinstance(task, BeatTracking):
        return LiveBeats(settings)
    if isinstance(task, EventDetection):
        return LiveEvents({name: settings["peaks"][name] for name in task.vocabulary})
    if isinstance(task, IntervalDetection):
        own = {name: settings["activity"][name] for name in task.vocabulary}
        return LiveActivity(own, INTERVAL_RATE)
    if isinstance(task, ChordRecognition):
        return LiveChords(task.vocabulary, settings["change_penalty"], CHORD_RATE)
    if isinstance(task, MelodyExtraction):
        return LiveMelody(task.axis, settings)
    if isinstance(task, NoteTranscription):
        places = np.arange(task.axis.bins, dtype=float)
        return LiveNotes(task.vocabulary, task.axis.frequencies(places), settings)
    if task.head.kind == "clip":
        return LiveLabels(task, settings, slowest_rate)
    raise ValueError(f"{task.name}: no live decoder for a {type(task).__name__}")
