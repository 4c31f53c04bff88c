"""What comes of training a separator: its scores on what was held out, and its model directory.

A joint model is scored as a detector as well; the settings of its decoder are fitted on the
recordings to validate with.
"""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from umir.annotations import Intervals
from umir.data.example import Example
from umir.data.manifest_lines import ManifestError
from umir.data_sets import DataSetError
from umir.data_specification import LabelledData
from umir.fine_tuning import score
from umir.model_card import DATA, LICENCE, LICENCE_WITH_DATA, MADE_BY
from umir.separation.detector_model import ACTIVITY_SPLITS, DECODER, LEARNT, DetectorModel
from umir.separation.folders import NamedData, known_elsewhere
from umir.separation.joint_losses import ACTIVE
from umir.separation.joint_unet import JointUNet
from umir.separation.prior_training import PriorTraining
from umir.separation.separator_model import SeparatorModel
from umir.separation.training import SeparationTraining, State
from umir.separation.unpaired_audio import Fingerprints, fingerprint
from umir.separation.unpaired_files import TRAIN
from umir.tasks import Task
from umir.tasks.source_separation import separation_of
from umir.user_data import known_examples


@dataclass(frozen=True)
class Origin:
    """Where a model comes from, in words.

    Attributes:
        data: what it learnt from.
        preset: name of its network and recipe.
        command: that made it.
        start: name of the model that it started from; None: fresh parameters.
        splits: the groups that this one has learnt from, and their splits.
        activity_splits: the same of recordings with labels of activity.
    """

    data: Sequence[str]
    preset: str
    command: str
    start: str | None = None
    splits: Mapping[str, str] = field(default_factory=dict)
    activity_splits: Mapping[str, str] = field(default_factory=dict)


def finished(
    training: SeparationTraining, state: State, named: NamedData, origin: Origin, out: Path
) -> dict[str, float]:
    """Write the model directory with the best parameters of a training, and score them.

    The model is there before its scores are: no song that cannot be scored costs a training.

    Args:
        training: that has ended.
        state: its last.
        named: the data that it had.
        origin: for the card.
        out: the directory.

    Returns:
        Metrics on the songs and recordings that were held out, of a detector as `TASK/METRIC`.
    """
    if training.validates and not math.isfinite(float(state["best_loss"])):
        raise ValueError(
            f"{out}: no model was written: no look had a finite validation loss; lower "
            "--learning-rate"
        )
    facts = {
        "init": origin.start,
        "data": list(origin.data),
        "splits": _splits(training, named, origin),
        "validation_loss": float(state["best_loss"]) if training.validates else None,
    }
    model = SeparatorModel(training.network, state["best"], facts)
    elsewhere: Mapping[str, Fingerprints] = {}
    if isinstance(training.network, JointUNet):
        assert isinstance(training, PriorTraining) and training.objective.supervision
        if named.activity is not None:
            elsewhere = known_elsewhere(named, training.network, "valid", "test")
        streams = training.objective.supervision.streams
        model = _with_detection(model, streams, named, elsewhere, origin.activity_splits)
    model.save(out, separator_card(model, None, origin))
    metrics: dict[str, float] = {}
    if named.pairs is not None:
        metrics |= _scores(model, separation_of(training.network.sources), named.pairs)
    metrics |= _detection_scores(model, named, elsewhere)
    model.save(out, separator_card(model, metrics, origin))
    return metrics


def _splits(training: SeparationTraining, named: NamedData, origin: Origin) -> dict[str, str]:
    """Return the splits of all groups; of mixtures and solos, what critics have learnt from."""
    taught: dict[str, str] = {}
    if isinstance(training, PriorTraining) and training.objective.critics:
        taught = dict.fromkeys(named.unpaired_groups, TRAIN)
    return {**origin.splits, **taught, **(named.pairs.assignment if named.pairs else {})}


def _scores(
    model: SeparatorModel | DetectorModel,
    task: Task,
    data: LabelledData,
    elsewhere: Mapping[str, Fingerprints] = MappingProxyType({}),
) -> dict[str, float]:
    """Return the metrics on the test songs; none if there are none that can be used."""
    return score(model, _examples(model, task, data, "test", elsewhere))[0]


def _examples(
    model: SeparatorModel | DetectorModel,
    task: Task,
    data: LabelledData,
    split: str,
    elsewhere: Mapping[str, Fingerprints],
) -> Iterator[Example]:
    """Yield the songs of a split that can be used and are in no other split elsewhere, one at a
    time; says what is left out, or that none can be used."""
    others = elsewhere.get(split, {})
    try:
        for example in data.stream(split, model.rate, model.channels):
            if known := others.get(fingerprint(example.waveform)):
                print(f"{example.name}: is {known}; does not judge", file=sys.stderr)
                continue
            yield from known_examples(task, [example], data)
    except (ManifestError, DataSetError) as error:
        print(error, file=sys.stderr)


def _with_detection(
    model: SeparatorModel,
    streams: Sequence[str],
    named: NamedData,
    elsewhere: Mapping[str, Fingerprints],
    splits: Mapping[str, str],
) -> SeparatorModel:
    """Return a joint model with the tasks that it has learnt, and a fitted decoder.

    The splits stay where activity is no longer learnt: it taught the start.
    """
    facts = {**model.facts, LEARNT: [] if named.pairs is None else [model.task.name]}
    facts[ACTIVITY_SPLITS] = {**splits, **(named.activity.assignment if named.activity else {})}
    if ACTIVE not in streams:
        return replace(model, facts=facts)
    detector = DetectorModel.of(model)
    facts[LEARNT].append(detector.task.name)
    facts[DECODER] = detector.task.default_settings(model.rate)
    if named.activity is not None:
        task, songs = detector.task, named.activity
        if examples := list(_examples(detector, task, songs, "valid", elsewhere)):
            facts[DECODER] = _fitted(detector, examples)
    return replace(model, facts=facts)


def _fitted(detector: DetectorModel, examples: Sequence[Example]) -> dict[str, Any]:
    """Return the settings of the decoder that do best on recordings."""

    def labels() -> Iterator[Intervals]:
        for example in examples:
            assert isinstance(example.annotation, Intervals)
            yield example.annotation

    outputs = [detector.output(example.waveform) for example in examples]
    return dict(detector.task.fit_decoder(outputs, list(labels())))


def _detection_scores(
    model: SeparatorModel, named: NamedData, elsewhere: Mapping[str, Fingerprints]
) -> dict[str, float]:
    """Return the metrics of a detector on the recordings that were held out."""
    if named.activity is None or DECODER not in model.facts:
        return {}
    detector = DetectorModel.of(model)
    found = _scores(detector, detector.task, named.activity, elsewhere)
    return {f"{detector.task.name}/{name}": value for name, value in found.items()}


def separator_card(
    model: SeparatorModel, metrics: Mapping[str, float] | None, origin: Origin
) -> str:
    """Return the MODEL_CARD.md of a separator that was trained here; None: it is not scored yet."""
    found = sorted((metrics or {}).items())
    heard = f"Stems at {model.rate} Hz, {model.channels} channel(s)."
    table = [heard, "", "| metric | value |", "|---|---|"]
    table += [f"| {name} | {value:.4f} |" for name, value in found]
    without = "Not measured yet." if metrics is None else "None were scored."
    splits = list(model.facts["splits"].values())
    loss = model.facts["validation_loss"]
    best = (
        "there were no songs to validate with"
        if loss is None
        else f"the best validation loss was {loss:.6f}"
    )
    counts = ", ".join(f"{splits.count(name)} {name}" for name in ("train", "valid", "test"))
    return "\n".join(
        [
            f"# {', '.join(model.learnt)}",
            "",
            f"A separator of a fixed window ({origin.preset}), trained with umir. Sources: "
            f"{', '.join(model.network.sources)}; {model.channels} channel(s) at {model.rate} Hz.",
            "",
            f"- {MADE_BY}: `{origin.command}`",
            f"- Start: {origin.start or 'fresh parameters'}.",
            f"- Training: {best}.",
            f"- {DATA}: {', '.join(model.facts['data'])}; groups: {counts}.",
            f"- {LICENCE}: {LICENCE_WITH_DATA}",
            "",
            "## Scores on the test songs",
            "",
            *(table if found else [without]),
            "",
        ]
    )
