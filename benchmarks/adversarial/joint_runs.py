"""One training of joint detection and separation, or of one of them alone, and what it comes to.

| method | learns from | is scored in |
|---|---|---|
| `joint` | songs with stems, and others with labels of activity | both |
| `separation` | songs with stems | separation |
| `detection` | others with labels of activity | detection |

All have the network and its start, the steps, the batches and the windows at a step in common; the
parameters that are kept are those of the best look at the validation songs, by the method's own
loss.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.metrics import roc_auc_score

from adversarial.grid import VALID, Job
from adversarial.joint_trials import JointTrial
from adversarial.separation_runs import Metrics, done, of_job, scores, trained, with_same_windows
from adversarial.vocal_songs import groups_of
from umir.annotations import Intervals, Stems
from umir.data.manifest import Entry
from umir.priors.streams import INPUTS
from umir.separation.active_songs import ActiveSong
from umir.separation.data import SeparationData
from umir.separation.detector_model import DetectorModel
from umir.separation.joint_losses import ACTIVE
from umir.separation.joint_training import JointTraining, joint_training
from umir.separation.recipes import SeparationPreset
from umir.separation.separator_model import SeparatorModel
from umir.separation.training_streams import LABELLED
from umir.tasks import IntervalDetection
from umir.tasks.metrics.separation_metrics import SILENCE_DB

JOINT, SEPARATION, DETECTION = METHODS = ("joint", "separation", "detection")
STREAMS = {JOINT: (LABELLED, ACTIVE), SEPARATION: (LABELLED,), DETECTION: (ACTIVE,)}
AREA, ACCURACY, NONVOCAL = "roc_auc", "accuracy", "nonvocal_rms_db"
Marked = Sequence[tuple[Entry, ActiveSong]]


def data_of(method: str, data: SeparationData) -> SeparationData:
    """Return what of the data a method learns from, and chooses by."""
    if LABELLED not in STREAMS[method]:
        data = replace(data, train=(), valid=())
    if ACTIVE not in STREAMS[method]:
        data = replace(data, active=(), active_valid=())
    return data


def training_of(trial: JointTrial, preset: SeparationPreset, job: Job) -> JointTraining:
    """Return the training of a job, whose method is one of `METHODS`."""
    streams, data = STREAMS[job.method], data_of(job.method, trial.data())
    training = joint_training(of_job(preset, job), data, job.seed, detects=ACTIVE in streams)
    return with_same_windows(training, INPUTS, *streams)


def measured(trial: JointTrial, preset: SeparationPreset, job: Job, split: str) -> dict[str, Any]:
    """Train, score the songs of a split in what the method has learnt, and clear up.

    Returns:
        `set`: metrics over all songs, and of the training; `songs`: those of each song; `groups`:
        who sings it, where singers have several songs. Of validation songs, their loss alone: rates
        are chosen by it.
    """
    folder, streams = job.folder / job.name, STREAMS[job.method]
    model, course = trained(training_of(trial, preset, job), folder, job.name)
    if split == VALID:
        return done(folder, split, course)
    songs, heard = trial.judged(split), trial.heard(split)
    groups = groups_of([entry for entry, _ in songs])
    found: dict[str, Any] = {"set": dict(course), "songs": {}, "groups": groups}
    if LABELLED in streams:
        more = level_where_nobody_sings(heard, model.network.detected)
        add(found, scores(model, songs, more))
    if ACTIVE in streams:
        add(found, detection_scores(model, trial.heard(VALID), heard))
    return done(folder, split, found)


def add(found: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Add the metrics of other scores."""
    found["set"] |= other["set"]
    for song, metrics in other["songs"].items():
        found["songs"].setdefault(song, {}).update(metrics)


def level_where_nobody_sings(marked: Marked, detected: str) -> Callable[[Entry, Stems], Metrics]:
    """Return what gives the level of the separated voice where the labels say that there is none.

    It is in dBFS, and needs no silence in the reference, which songs that were recorded lack.

    Args:
        marked: the songs that will be separated.
        detected: the voice's name among the stems.
    """
    intervals = {entry.name: active.intervals for entry, active in marked}

    def level(entry: Entry, found: Stems) -> Metrics:
        voice = found.waveforms[detected]
        times = np.arange(len(voice)) / found.rate
        sung = np.zeros(len(voice), bool)
        for start, end in intervals[entry.name]:
            sung |= (start <= times) & (times < end)
        return {NONVOCAL: level_db(voice[~sung])}

    return level


def level_db(waveform: Float[np.ndarray, "time channel"]) -> float:
    """Return the RMS level in dBFS, -120 at the least; NaN if there is no sample."""
    if not waveform.size:
        return float("nan")
    power = np.mean(np.square(waveform, dtype=np.float64))
    return float(max(SILENCE_DB, 10 * np.log10(power))) if power else SILENCE_DB


def detection_scores(model: SeparatorModel, valid: Marked, songs: Marked) -> dict[str, Any]:
    """Return the metrics of a detector over songs, and of each.

    `roc_auc` is over frames of 20 ms, of all songs together, as published; of a song, it is NaN
    unless it has frames of both kinds. `accuracy` is that of what the decoder says.

    Args:
        model: a joint one.
        valid: what the decoder is fitted on.
        songs: to score.
    """
    detector = DetectorModel(model.network, model.params)
    task, output = detector.task, partial(logits, detector)
    fitted = task.fit_decoder(
        [output(active) for _, active in valid],
        [annotation_of(task, active, detector.rate) for _, active in valid],
    )
    outputs = [output(active) for _, active in songs]
    references = [annotation_of(task, active, detector.rate) for _, active in songs]
    sung = [
        task.encode(reference, active.song.length, detector.rate).values
        for reference, (_, active) in zip(references, songs, strict=True)
    ]
    estimates = [task.decode(found, fitted) for found in outputs]
    whole, per_song = task.evaluate_all(references, estimates)
    own = {
        entry.name: {ACCURACY: metrics[ACCURACY], AREA: area(true, found)}
        for (entry, _), metrics, true, found in zip(songs, per_song, sung, outputs, strict=True)
    }
    together = area(np.concatenate(sung), np.concatenate(outputs))
    return {"set": {ACCURACY: whole[ACCURACY], AREA: together}, "songs": own}


def logits(detector: DetectorModel, active: ActiveSong) -> Float[np.ndarray, "frame 1"]:
    """Return what a detector says of a song on disk."""
    return detector.output(active.song.window(0, active.song.length)[:, 0])


def annotation_of(task: IntervalDetection, active: ActiveSong, rate: int) -> Intervals:
    """Return when somebody sings in a song on disk."""
    labels = tuple(task.vocabulary) * len(active.intervals)
    return Intervals(active.intervals, labels, active.song.length / rate)


def area(sung: Float[np.ndarray, "frame 1"], found: Float[np.ndarray, "frame 1"]) -> float:
    """Return the area under the ROC of frames; NaN unless there are both kinds."""
    true = sung[:, 0] > 0
    return float(roc_auc_score(true, found[:, 0])) if 0 < true.sum() < len(true) else float("nan")
