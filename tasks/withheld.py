"""Labels that are kept from training wherever they stand, because their task is held out.

A task that is not trained on may still be taught by the labels of another one, which are richer
than the other task itself needs: the notes of a song say who plays them, its voice activity comes
with that of every instrument, and variants ask for these. So, if what is on the left is held out:

| held out | what other tasks lose |
|---|---|
| instruments | who plays: in onsets, notes, activity, and stems within stems |
| singing voice | that it is a voice who plays: in onsets and notes, and solo clips of voices |
| onsets, drums | where the drums play, in that activity: it is made of their hits |
| melody, notes | where pitched instruments play, in it too: it is made of their notes |
| beats, tempo | onsets that are beats, by their names: places in the bar, nothing else |

Chords, keys and genres are in no other task's labels. Audio stays: a chord is still
learnt from a mixture without its vocals, which no label calls so.
"""

from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np

from umir.annotations import Annotation, Events, Intervals, Labels, Notes, Stems
from umir.data.example import Example
from umir.tasks.base import Task, entry_of
from umir.tasks.beat_tracking import bar_position
from umir.tasks.instrument_recognition import InstrumentRecognition
from umir.tasks.note_transcription import NoteTranscription
from umir.tasks.onset_detection import OnsetDetection
from umir.tasks.singing_voice_detection import SingingVoiceDetection
from umir.tasks.source_separation import SourceSeparation
from umir.tasks.sources import Source

# Annotation -> what is left of it; None if nothing is.
Mask = Callable[[Annotation], Annotation | None]

_VOICES = SingingVoiceDetection().source_labels
_DRUMS = frozenset({"drums", "drum set", "percussion"})


class WithheldSource:
    """A source without the labels of tasks that are held out.

    Waveforms stay the same arrays, so that tasks are still found to share them.

    Args:
        source: where examples come from.
        held_out: names of tasks.
    """

    def __init__(self, source: Source, held_out: Collection[str]):
        self._source = source
        self._masks: list[dict[type[Task], Mask]] = []
        for name in held_out:
            if name in _MASKS and _MASKS[name] not in self._masks:
                self._masks.append(_MASKS[name])
        # Beats are known by their names, which others take away.
        self._masks.sort(key=lambda masks: masks is not _BEATS)

    def examples(self, task: Task) -> list[Example]:
        """Return the examples of a task; those of which no label is left are left out."""
        examples = list(self._source.examples(task))
        for masks in self._masks:
            if mask := entry_of(masks, task):
                masked = [(example, mask(example.annotation)) for example in examples]
                examples = [replace(e, annotation=left) for e, left in masked if left is not None]
        return examples


def nameless(annotation: Annotation) -> Annotation:
    """Return events or notes of which nobody says who plays them."""
    assert isinstance(annotation, Events | Notes)
    return replace(annotation, labels=("",) * len(annotation.labels))


def nameless_voices(annotation: Annotation) -> Annotation:
    """Return events or notes that are named unless a voice makes them."""
    assert isinstance(annotation, Events | Notes)
    names = ("" if name.lower() in _VOICES else name for name in annotation.labels)
    return replace(annotation, labels=tuple(names))


def without_voices(annotation: Annotation) -> Annotation | None:
    """Return the labels of a clip, None if they say that it is a voice."""
    assert isinstance(annotation, Labels)
    return None if any(name.lower() in _VOICES for name in annotation.names) else annotation


def not_beats(annotation: Annotation) -> Annotation | None:
    """Return events, None if they are beats: as onsets they would be the same times again.

    Events without any name may be anything, and stay.
    """
    assert isinstance(annotation, Events)
    names = {*annotation.labels} - {""}
    return None if names and all(map(bar_position, names)) else annotation


def coarse_stems(annotation: Annotation) -> Stems:
    """Return stems by the first part of their names: `other/piano` and `other/harp` are one."""
    assert isinstance(annotation, Stems)
    found: dict[str, np.ndarray] = {}
    for name, waveform in annotation.waveforms.items():
        stem = name.split("/")[0]
        found[stem] = found[stem] + waveform if stem in found else waveform
    return Stems(found, annotation.rate)


def _activity(keep: Callable[[str], bool]) -> Mask:
    """Return what leaves, of intervals, those with certain labels, in small letters."""

    def mask(annotation: Annotation) -> Annotation:
        assert isinstance(annotation, Intervals)
        kept = [index for index, name in enumerate(annotation.labels) if keep(name.lower())]
        labels = tuple(annotation.labels[index] for index in kept)
        return Intervals(annotation.intervals[kept], labels, annotation.duration)

    return mask


_INSTRUMENTS: dict[type[Task], Mask] = {
    SourceSeparation: coarse_stems,
    SingingVoiceDetection: _activity(lambda name: name in _VOICES),
    OnsetDetection: nameless,
    NoteTranscription: nameless,
}
_SINGING: dict[type[Task], Mask] = {
    InstrumentRecognition: without_voices,
    OnsetDetection: nameless_voices,
    NoteTranscription: nameless_voices,
}
_HITS: dict[type[Task], Mask] = {
    SingingVoiceDetection: _activity(lambda name: name not in _DRUMS),
}
_NOTES: dict[type[Task], Mask] = {
    SingingVoiceDetection: _activity(lambda name: name in _VOICES | _DRUMS),
}
_BEATS: dict[type[Task], Mask] = {OnsetDetection: not_beats}
# What goes when a task is held out; of every named task, even if no other has its labels.
_NOTHING: dict[type[Task], Mask] = {}
_MASKS = {
    "source_separation": _NOTHING,
    "vocal_separation": _NOTHING,
    "genre_recognition": _NOTHING,
    "beat_tracking": _BEATS,
    "tempo_estimation": _BEATS,
    "chord_recognition": _NOTHING,
    "chord_recognition_sevenths": _NOTHING,
    "key_recognition": _NOTHING,
    "instrument_recognition": _INSTRUMENTS,
    "singing_voice_detection": _SINGING,
    "onset_detection": _HITS,
    "drum_transcription": _HITS,
    "drum_transcription_5": _HITS,
    "drum_transcription_8": _HITS,
    "melody_extraction": _NOTES,
    "note_transcription": _NOTES,
}
