"""Real recordings, where there are any: the folders that the benchmarks build can be used.

Set UMIR_RECORDINGS to a folder with `MDBDrums`, `MIR-1K` and `medley-solos-db-small`.
"""

import os
import runpy
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from umir.data.manifest import read_manifest
from umir.tasks import task_for_kind, vocabulary_of

ROOT = Path(__file__).parent.parent
RECORDINGS = Path(os.environ.get("UMIR_RECORDINGS", ROOT.parent / "shared" / "data"))
BUILDERS = runpy.run_path(str(ROOT / "benchmarks" / "real_folders.py"))["FOLDERS"]


def examples_of(name, out):
    if not RECORDINGS.is_dir():
        pytest.skip("no recordings: set UMIR_RECORDINGS")
    manifest = read_manifest(BUILDERS[name](RECORDINGS, out))
    examples = manifest.examples(None, 16_000, 1)
    assert not manifest.problems
    return manifest, examples


def test_mdb_drums(tmp_path):
    manifest, examples = examples_of("mdb_drums", tmp_path)
    annotations = [example.annotation for example in examples]
    vocabulary = vocabulary_of("events", annotations)
    assert (len(examples), vocabulary) == (7, ("CY", "HH", "KD", "OT", "SD", "TT"))
    counts = Counter(label for annotation in annotations for label in annotation.labels)
    assert (counts["KD"], counts["SD"], counts["HH"]) == (288, 174, 279)
    metrics, _ = task_for_kind("events", vocabulary).evaluate_all(annotations, annotations)
    assert metrics["F-measure"] == 1
    assert set(manifest.assignment.values()) == {"train", "valid", "test"}


def test_mir_1k(tmp_path):
    _, examples = examples_of("mir_1k", tmp_path)
    assert (len(examples), len({example.group for example in examples})) == (60, 12)
    for example in examples[:5]:
        total = sum(example.annotation.waveforms.values())
        np.testing.assert_allclose(total, example.waveform, atol=1e-6)


def test_medley_solos(tmp_path):
    _, examples = examples_of("medley_solos", tmp_path)
    counts = Counter(example.annotation.names[0] for example in examples)
    assert len(counts) == 8
    assert set(counts.values()) == {10}
