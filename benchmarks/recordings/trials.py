"""What a model is tried on that has never heard a recording, and what stands beside it.

A trial is a folder of recordings and the task that it scores; several trials of one task count
together, as groups of songs. Nothing is trained, so that all songs are test songs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
from classical import chance, drums, harmony, notes, rhythm, separation, timbre, voice
from classical.method import Method

from recordings.held_out_songs import validation_songs
from umir.annotations import Labels, Stems
from umir.data.example import Example
from umir.data.manifest import read_manifest
from umir.studio.features import Features
from umir.task_model import TaskModel
from umir.tasks import StudioSource, Task, get_task
from umir.user_data import known_examples

RATE = 16_000  # Hz: what everybody hears, mono


@dataclass(frozen=True)
class Trial:
    """One folder's trial.

    Attributes:
        task: the named task that scores.
        methods: the classical ones, by name.
        chance: the best answer that does not listen.
        head: the task whose head answers, if it is another one.
        also: metrics that are shown apart.
        counts: whether it is one of those that decide; the others are shown.
        rendered: whether a sampled piano plays, and nobody was recorded.
        names: the folder's label -> class of the task; clips of other labels are left out.
        refitted: whether the methods may be fitted on the folder's own songs, too; one with
            hundreds of parameters would know its test songs by heart.
    """

    task: str
    methods: Mapping[str, Method]
    chance: Method
    head: str = ""
    also: tuple[str, ...] = ()
    counts: bool = True
    rendered: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    refitted: bool = True

    @property
    def answers(self) -> str:
        """The task whose head answers."""
        return self.head or self.task


_ONSETS = Trial(
    "onset_detection",
    {"onset_detect": rhythm.onset_detect},
    chance.regular_events,
    also=("Precision", "Recall"),
)
_MELODY = Trial(
    "melody_extraction",
    {"pyin": voice.pyin_with_threshold},
    chance.constant_pitch,
    also=("Raw Pitch Accuracy", "Raw Chroma Accuracy", "Voicing Recall", "Voicing False Alarm"),
)
_NOTES = Trial(
    "note_transcription",
    {"CQT peaks": notes.cqt_peaks},
    chance.no_notes,
    also=("Onset_F-measure", "F-measure"),
)
_SEPARATION = Trial(
    "source_separation",
    {
        "REPET-SIM": separation.repet_sim,
        "HPSS": separation.hpss,
        "mixture": separation.mixture_itself,
    },
    timbre.equal_shares,
    also=("SDR_pooled", "SDRi", "SI-SDR", "silence_rms_db"),
)

# Folder -> trial, in the order of the table.
TRIALS: dict[str, Trial] = {
    "onsets": _ONSETS,
    "onset_excerpts": _ONSETS,
    "mdb_drums": Trial(
        "drum_transcription",
        {"onsets, bands": drums.onset_bands},
        chance.regular_events,
        also=("F-measure_micro", "F-measure/kick", "F-measure/snare", "F-measure/hihat"),
    ),
    "beats": Trial(
        "beat_tracking",
        {"beat_track": rhythm.beat_track},
        chance.steady_beats,
        also=("CMLt", "AMLt", "Downbeat F-measure"),
    ),
    "melody": _MELODY,
    "melody_medley": _MELODY,
    "notes_recorded": _NOTES,
    "asap_rendered": replace(_NOTES, rendered=True),
    "pop909_rendered": replace(_NOTES, rendered=True),
    "chords_rendered": Trial(
        "chord_recognition",
        {"chroma templates": harmony.chroma_templates},
        chance.constant_chord,
        also=("root", "seg"),
        rendered=True,
    ),
    "singing": Trial(
        "singing_voice_detection",
        {"energy": voice.vocal_energy},
        voice.always_voice,
        also=("f1", "precision", "recall"),
    ),
    "mir_1k": replace(
        _SEPARATION,
        task="vocal_separation",
        head="source_separation",
        also=("SDR/vocals", "SDR/accompaniment", *_SEPARATION.also),
    ),
    "mdb_stems": replace(
        _SEPARATION,
        also=(*(f"SDR/{stem}" for stem in ("bass", "drums", "vocals", "other")), *_SEPARATION.also),
    ),
    "medley_solos": Trial(
        "instrument_recognition",
        {"MFCC, regression": timbre.mfcc_regression},
        chance.constant_label,
        also=("macro_f1",),
        counts=False,
        names={
            "clarinet": "clarinet",
            "distorted electric guitar": "electric_guitar",
            "female singer": "voice",
            "flute": "flute",
            "piano": "piano",
            "tenor saxophone": "saxophone",
            "violin": "strings",
        },
        refitted=False,
    ),
}


def songs_of(folder: Path, trial: Trial, task: Task) -> list[Example]:
    """Return all songs of a folder that a task can read, at 16 kHz and mono."""
    manifest = read_manifest(folder, task.kind, common_stems=False)
    found = [_named(example, trial) for example in manifest.examples(None, RATE, 1)]
    return known_examples(task, found, manifest)


def _named(example: Example, trial: Trial) -> Example:
    """Return the example with the task's name for its label, where the trial has such names."""
    if not trial.names:
        return example
    (label,) = example.annotation.names
    return replace(example, annotation=Labels((trial.names.get(label, label),)))


def scored_task(trial: Trial, models: Sequence[TaskModel]) -> Task:
    """Return the task that scores: that of the models, if their heads are for it."""
    own = [model.task for model in models if model.task.name == trial.task]
    if any(task != own[0] for task in own):
        raise ValueError(f"the models have different classes for {trial.task}: try them apart")
    return own[0] if own else get_task(trial.task)


@cache
def _studio(features: Features) -> StudioSource:
    return StudioSource(validation_songs(features, rate=RATE))


def studio_songs(task: Task, features: Features) -> list[Example]:
    """Return the songs that the decoders of models are fitted on that were trained in the studio.

    Args:
        task: what has to be known of them.
        features: of the songs of these models.
    """
    return [song for song in _studio(features).examples(task) if task.can_use(song.annotation)]


def answers_of(model: TaskModel, task: Task, songs: Sequence[Example]) -> list:
    """Return what a model finds in songs, in the terms of the task that scores.

    Of stems, a stem of that task is the sum of the model's stems that it selects.
    """
    found = [model.predict(song.waveform, song.rate) for song in songs]
    if model.task.name == task.name or not isinstance(found[0], Stems):
        return found
    return [_selected(stems, task) for stems in found]


def _selected(stems: Stems, task: Task) -> Stems:
    mixed: np.ndarray = task.mix(stems)  # type: ignore[attr-defined]
    return Stems(dict(zip(task.vocabulary, mixed, strict=True)), stems.rate)
