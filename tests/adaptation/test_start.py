"""What an adaptation starts from: which heads of a start annotations fit."""

import numpy as np
import pytest

from umir.adaptation.start import Start
from umir.annotations import F0, Events, Intervals, Labels, Notes, Stems
from umir.tasks import task_for_kind, vocabulary_of

TIMES, PITCHES = np.array([0.1, 0.2, 0.3]), np.array([220.0, 440.0, 220.0])
STRETCHES = np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]])


def stems(*names):
    return Stems({name: np.ones((9, 1), np.float32) for name in names}, 16_000)


@pytest.mark.parametrize(
    ("kind", "annotation", "fitting"),
    [
        ("events", Events(TIMES, ("kick", "snare", "hihat")), ["drum_transcription"]),
        ("events", Events(TIMES, ("KD", "SD", "SD")), ["drum_transcription"]),
        ("events", Events(TIMES, ("kick", "snare", "cowbell")), []),
        ("events", Events(TIMES, ("1", "2", "3")), ["beat_tracking"]),
        ("events", Events(TIMES, ("", "", "")), ["onset_detection", "beat_tracking"]),
        ("events", Events(TIMES, ("clap",) * 3), ["onset_detection"]),
        ("intervals", Intervals(STRETCHES, ("A:min", "C:7", "N")), ["chord_recognition"]),
        ("intervals", Intervals(STRETCHES, ("vocals",) * 3), ["singing_voice_detection"]),
        ("intervals", Intervals(STRETCHES, ("verse", "chorus", "verse")), []),
        ("notes", Notes(STRETCHES, PITCHES), ["note_transcription"]),
        ("f0", F0(TIMES, PITCHES), ["melody_extraction"]),
        ("label", [Labels(("piano",)), Labels(("flute",))], ["instrument_recognition"]),
        ("label", [Labels(("piano",)), Labels(("ukulele",))], []),
        ("stems", stems("vocals", "rest"), []),
        ("stems", stems("bass", "drums", "vocals", "other"), ["source_separation"]),
    ],
)
def test_heads_that_know_all_labels_fit(kind, annotation, fitting):
    annotations = annotation if isinstance(annotation, list) else [annotation]
    task = task_for_kind(kind, vocabulary_of(kind, annotations))
    assert Start.load("umir-nano").fitting(task, annotations) == fitting
    assert Start.load("scratch").fitting(task, annotations) == []
