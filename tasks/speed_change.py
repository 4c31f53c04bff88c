"""Speed change: the same music faster and higher, or slower and lower, with labels that follow.

As of a tape that runs at another speed: a change by k semitones multiplies all frequencies and the
tempo by r = 2^(k / 12) and divides all times by it. It is linear, so that stems still add up, and
exact: no sound is stretched. What becomes of labels depends on the task: roots of chords, keys and
tempi move; instruments, drums and styles stay. Changes by whole semitones leave chords and keys in
tune; others leave them up to 50 cents out of it, as recordings are.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import soxr
from jaxtyping import Float

from umir.annotations import F0, Annotation, Events, Intervals, Labels, Notes, Stems
from umir.audio_stream import with_length
from umir.data.example import Example
from umir.tasks.base import Task, entry_of
from umir.tasks.beat_tracking import BeatTracking
from umir.tasks.chord_recognition import ChordRecognition, SeventhChordRecognition
from umir.tasks.drum_transcription import DrumTranscription
from umir.tasks.event_detection import EventDetection
from umir.tasks.genre_recognition import GenreRecognition
from umir.tasks.instrument_recognition import InstrumentRecognition
from umir.tasks.key_recognition import KeyRecognition, read_key
from umir.tasks.melody_extraction import MelodyExtraction
from umir.tasks.metrics.chord_metrics import is_chord
from umir.tasks.note_transcription import NoteTranscription
from umir.tasks.onset_detection import OnsetDetection
from umir.tasks.pitch_axis import LETTERS, TONICS
from umir.tasks.singing_voice_detection import SingingVoiceDetection
from umir.tasks.source_separation import SourceSeparation
from umir.tasks.tempo_estimation import TempoEstimation, tempo_of

SEMITONES = (-2, -1, 1, 2)  # what is drawn in training: more makes other voices and instruments
_ROOT = re.compile(r"([A-G])([#b]*)(.*)")

# How often fine-tuning hears another speed where classes are each other's transpositions: with four
# changes to draw from, all five speeds equally often.
USUAL_SPEED = 0.8

# Label and semitones -> what the label is after the change.
LabelMove = Callable[[str, float | int], str]


def speed_ratio(semitones: float | int) -> float:
    """Return how many times as fast and high music is after a change: 2^(k / 12)."""
    return 2.0 ** (semitones / 12)


def change_speed(
    example: Example, semitones: float | int, move: LabelMove | None = None
) -> Example:
    """Return an example as it sounds at another speed, with its annotation.

    Args:
        example: audio and annotation.
        semitones: how much higher; negative for lower and slower.
        move: what labels become, from `label_move`; None: they stay as they are.

    Returns:
        The example; its waveform has `round(time / r)` samples, one at least.
    """
    ratio = speed_ratio(semitones)
    rename = partial(_renamed, move=move, semitones=semitones)
    annotation = _moved(example.annotation, ratio, rename)
    return replace(example, waveform=_resampled(example.waveform, ratio), annotation=annotation)


def label_move(task: Task) -> LabelMove | None:
    """Return what a change of speed does to the labels of a task.

    None if that is not known: of a user's own classes, intervals or tags, which may depend on pitch
    or tempo. Such a task cannot be trained at other speeds. Names of events are taken for those of
    what sounds (`kick`, `snare`), and stay.
    """
    return entry_of(_MOVES, task)


def usual_speed(task: Task) -> float:
    """Return how often fine-tuning hears a task's audio at another speed unless it is told.

    Where classes are each other's transpositions (chords, keys), a few songs have few of them, and
    other speeds bring the others: of a song in C they make one in each of B flat to D. What other
    tasks gain is less sure (`benchmarks/speed_change.py`).
    """
    move = label_move(task)
    return USUAL_SPEED if move in (moved_chord, moved_key) else 0.0


def random_semitones(rng: np.random.Generator, task: Task, probability: float) -> int:
    """Return a change of speed from `SEMITONES`, or 0.

    Args:
        rng: source of randomness; left alone if the result can only be 0.
        task: gets 0 if its labels cannot follow.
        probability: of a change.
    """
    if probability <= 0 or label_move(task) is None or rng.uniform() >= probability:
        return 0
    return int(rng.choice(SEMITONES))


def stays(label: str, semitones: float | int) -> str:
    """Return a label that has nothing to do with pitch and tempo."""
    del semitones
    return label


def moved_chord(label: str, semitones: float | int) -> str:
    """Return a chord in the syntax of mir_eval with another root; what is none stays (`N`, `X`).

    The bass is written as a degree of the chord and needs no change.
    """
    found = _ROOT.fullmatch(label)
    if not found or not is_chord(label):
        return label
    letter, accidentals, rest = found.groups()
    root = LETTERS[letter] + accidentals.count("#") - accidentals.count("b")
    return TONICS[(root + round(semitones)) % 12] + rest


def moved_key(label: str, semitones: float | int) -> str:
    """Return another key, as mir_eval writes it; what is none stays."""
    key = read_key(label)
    if key is None:
        return label
    tonic, mode = key.split()
    return f"{TONICS[(TONICS.index(tonic) + round(semitones)) % 12]} {mode}"


def moved_tempo(label: str, semitones: float | int) -> str:
    """Return another tempo in beats per minute, with two decimals; what is none stays."""
    tempo = tempo_of(label)
    return label if tempo is None else f"{tempo * speed_ratio(semitones):.2f}"


# A class that is derived from one of these does as it does.
_MOVES: dict[type[Task], LabelMove] = {
    **dict.fromkeys(
        (
            *(BeatTracking, DrumTranscription, EventDetection, GenreRecognition),
            *(InstrumentRecognition, MelodyExtraction, NoteTranscription, OnsetDetection),
            *(SingingVoiceDetection, SourceSeparation),
        ),
        stays,
    ),
    ChordRecognition: moved_chord,
    SeventhChordRecognition: moved_chord,
    KeyRecognition: moved_key,
    TempoEstimation: moved_tempo,
}


def _renamed(label: str, move: LabelMove | None, semitones: float | int) -> str:
    return label if move is None else move(label, semitones)


def _moved(annotation: Annotation, ratio: float, rename: Callable[[str], str]) -> Annotation:
    """Return an annotation with times divided and frequencies multiplied by a ratio."""
    if isinstance(annotation, Labels):
        return replace(annotation, names=tuple(map(rename, annotation.names)))
    if isinstance(annotation, Events):
        return Events(annotation.times / ratio, tuple(map(rename, annotation.labels)))
    if isinstance(annotation, Intervals):
        end = annotation.duration
        labels = tuple(map(rename, annotation.labels))
        return Intervals(annotation.intervals / ratio, labels, None if end is None else end / ratio)
    if isinstance(annotation, F0):
        return F0(annotation.times / ratio, annotation.frequencies * ratio)
    if isinstance(annotation, Notes):
        frequencies = annotation.frequencies * ratio
        return replace(annotation, intervals=annotation.intervals / ratio, frequencies=frequencies)
    assert isinstance(annotation, Stems)
    stems = {name: _resampled(wave, ratio) for name, wave in annotation.waveforms.items()}
    return Stems(stems, annotation.rate)


def _resampled(
    waveform: Float[np.ndarray, "time channel"], ratio: float
) -> Float[np.ndarray, "new_time channel"]:
    """Return a waveform of 1 / ratio times the length, as if sampled at `ratio` times the rate."""
    length = max(1, round(len(waveform) / ratio))
    resampled = soxr.resample(np.asarray(waveform, np.float32), ratio, 1.0)
    return with_length(resampled, length)
