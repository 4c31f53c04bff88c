"""Which songs teach, which validate and which test, for each folder of recordings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from umir.data.example import Example
from umir.user_data import UserData


@dataclass(frozen=True)
class Experiment:
    """One folder's protocol.

    Attributes:
        task: the named task; None for the one of the folder's kind.
        folds: how many parts the groups are dealt into for testing; 1 tests on one part only.
        test: number of groups per test part, if there is one fold.
        valid: number of groups kept from training, for learning rates and decoders.
        headline: metric name or names, averaged; none for the task's own.
        segments: segments per step; None for the task's own number.
        also: metrics that are shown apart.
        stratified: whether each class gives its own share of the groups.
    """

    task: str | None = None
    folds: int = 1
    test: int = 0
    valid: int = 1
    headline: tuple[str, ...] = ()
    segments: int | None = None
    also: tuple[str, ...] = ()
    stratified: bool = False


# All of them, from both starts, take about half an hour on two cores: test groups and segments are
# as many as fit.
EXPERIMENTS = {
    "mdb_drums": Experiment(
        test=3,
        headline=("F-measure/KD", "F-measure/SD", "F-measure/HH"),
        also=("F-measure/KD", "F-measure/SD", "F-measure/HH", "F-measure/CY", "F-measure/OT"),
    ),
    "onsets": Experiment("onset_detection", test=3, also=("Precision", "Recall")),
    "beats": Experiment("beat_tracking", test=3, also=("CMLt", "AMLt", "Downbeat F-measure")),
    "tempo": Experiment("tempo_estimation", test=4, segments=2, also=("Accuracy2",)),
    "singing": Experiment("singing_voice_detection", test=4, valid=2, also=("f1",)),
    "melody": Experiment(
        "melody_extraction",
        test=4,
        valid=2,
        also=("Raw Pitch Accuracy", "Raw Chroma Accuracy", "Voicing Recall", "Voicing False Alarm"),
    ),
    "mir_1k": Experiment(
        test=4,
        valid=2,
        segments=2,
        also=("SDR/vocals", "SDR/accompaniment", "SDRi", "SI-SDR"),
    ),
    "medley_solos": Experiment(test=4, valid=2, also=("macro_f1",), stratified=True),
    "asap_rendered": Experiment("note_transcription", test=4, also=("Onset_F-measure",)),
    "pop909_rendered": Experiment("note_transcription", test=4, also=("Onset_F-measure",)),
    "chords_rendered": Experiment("chord_recognition", test=4, segments=4, also=("root", "seg")),
    "keys_rendered": Experiment("key_recognition", test=4, segments=4, also=("accuracy",)),
}
# Tasks that look like nothing in training (`benchmarks/adaptation.py`).
NEW_EXPERIMENTS = {
    "spoken_digits": Experiment(test=2, also=("macro_f1",)),
    "playing_technique": Experiment(test=3, valid=2, also=("macro_f1",), stratified=True),
    "dynamics": Experiment(test=4, valid=2, also=("macro_f1",)),
}


def deal(experiment: Experiment, examples: Sequence[Example], fold: int) -> tuple[set, set]:
    """Return the test groups and the validation groups of a fold, the same for every start."""
    rng = np.random.default_rng(0)
    classes: dict[str, list[str]] = {}
    for example in examples:
        name = example.annotation.names[0] if experiment.stratified else ""
        if example.group not in classes.setdefault(name, []):
            classes[name].append(example.group)
    test, valid = set(), set()
    for groups in classes.values():
        shuffled = [str(group) for group in rng.permutation(sorted(groups))]
        parts = np.array_split(shuffled, experiment.folds)
        chosen = list(parts[fold]) if experiment.folds > 1 else shuffled[: experiment.test]
        rest = [group for group in shuffled if group not in chosen]
        test.update(chosen)
        valid.update(rest[: experiment.valid])
    return test, valid


def split(data: UserData, experiment: Experiment, fold: int) -> UserData:
    """Return the data with this experiment's splits in place of the manifest's."""
    examples = [*data.train, *data.valid, *data.test]
    test, valid = deal(experiment, examples, fold)
    return replace(
        data,
        train=[e for e in examples if e.group not in test | valid],
        valid=[e for e in examples if e.group in valid],
        test=[e for e in examples if e.group in test],
    )
