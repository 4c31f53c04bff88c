"""MDB Drums, MIR-1K and MUSDB18 as they are published: made copies and excerpts."""

import importlib.util
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from made_sets import (
    make_mdb_drums,
    make_mir_1k,
    make_musdb18hq,
    real_folder,
    text,
    tone,
)

from umir.annotations import Events
from umir.data_sets import DataSetError, open_data_set
from umir.data_sets.musdb18 import VALIDATION
from umir.tasks import get_task
from umir.tasks.drum_transcription import DrumTranscription


def examples(name, home, task, channels=1):
    data = open_data_set(name, home, task)
    return data, data.examples(None, 8000, channels)


def heard(task, annotation):
    """Return how many events a drum task hears of each class."""
    return {name: int(found.sum()) for name, found in task.of_class(annotation).items()}


def test_mdb_drums(tmp_path):
    data, found = examples("mdb_drums", make_mdb_drums(tmp_path), "drum_transcription")
    assert not data.problems
    np.testing.assert_allclose(found[0].annotation.times, 0.2 * np.arange(1, 7))
    kit = found[0].annotation
    assert heard(DrumTranscription(), kit) == {"kick": 1, "snare": 1, "hihat": 1}
    five = {"kick": 1, "snare": 1, "hihat": 1, "tom": 1, "cymbal": 1}
    assert heard(DrumTranscription.with_classes(5), kit) == five
    test = {group for group, split in data.assignment.items() if split == "test"}
    assert test == {"mdb_drums/MusicDelta_Punk", "mdb_drums/MusicDelta_Hendrix"}


def test_mdb_drums_onsets_are_of_the_drums_alone(tmp_path):
    data, found = examples("mdb_drums", make_mdb_drums(tmp_path), "onset_detection")
    expected, _ = soundfile.read(
        tmp_path / "MDB Drums" / "audio" / "drum_only" / "MusicDelta_80sRock_Drum.wav"
    )
    np.testing.assert_allclose(found[0].waveform[:, 0], expected, atol=1e-6)
    assert isinstance(found[0].annotation, Events)
    # Named, so that hits of two drums at one time count as one onset.
    assert "" not in found[0].annotation.labels
    assert not data.problems


def test_mdb_drums_finds_the_drum_track_in_the_metadata(tmp_path):
    base = make_mdb_drums(tmp_path, ["Rock"]) / "MDB Drums"
    (base / "audio" / "drum_only" / "MusicDelta_Rock_Drum.wav").unlink()
    song = base / "audio" / "multi-tracks" / "MusicDelta_Rock"
    raw = {
        f"R{n}": {"filename": f"MusicDelta_Rock_RAW_0{n}_01.wav", "instrument": instrument}
        for n, instrument in ((1, "electric bass"), (2, "drum set"))
    }
    metadata = {"stems": {"S01": {"raw": raw}}}
    text(song / "MusicDelta_Rock_METADATA.yaml", yaml.safe_dump(metadata))
    raw_folder = song / "MusicDelta_Rock_RAW"
    drums = tone(raw_folder / "MusicDelta_Rock_RAW_02_01.wav", frequency=50.0)
    _, (example,) = examples("mdb_drums", base, "onset_detection")
    np.testing.assert_allclose(example.waveform, drums, atol=1e-6)


def test_mdb_drums_elsewhere(tmp_path):
    with pytest.raises(DataSetError, match=r"no file annotations/class/\*_class.txt; give"):
        open_data_set("mdb_drums", tmp_path, "drum_transcription")


def test_mdb_drums_excerpts():
    home = real_folder("MDBDrums")
    data, found = examples("mdb_drums", home, "drum_transcription")
    assert (len(found), data.problems) == (7, [])
    counts = Counter(label for example in found for label in example.annotation.labels)
    assert (counts["kick"], counts["snare"], counts["HH"]) == (288, 174, 279)
    data, found = examples("mdb_drums", home, "onset_detection")
    assert sum(len(example.annotation.times) for example in found) == sum(counts.values())
    assert Counter(data.assignment.values()) == {"test": 3, "train": 3, "valid": 1}
    _, found = examples("mdb_drums", home, "beat_tracking")
    assert get_task("beat_tracking").complaint(found[0].annotation) is None


def test_mir_1k(tmp_path):
    home = make_mir_1k(tmp_path)
    data, found = examples("mir_1k", home, "vocal_separation")
    assert {example.group for example in found} == {"mir_1k/amy", "mir_1k/bug", "mir_1k/khair"}
    expected, _ = soundfile.read(home / "Wavfile" / "amy_1_01.wav")
    stems = found[0].annotation.waveforms
    np.testing.assert_allclose(stems["vocals"][:, 0], expected[:, 1], atol=1e-6)
    np.testing.assert_allclose(stems["accompaniment"][:, 0], expected[:, 0], atol=1e-6)
    np.testing.assert_allclose(found[0].waveform[:, 0], expected.sum(axis=1), atol=1e-6)
    assert not data.problems
    assert set(data.assignment.values()) == {"train", "valid", "test"}


def test_mir_1k_voice_and_melody(tmp_path):
    home = make_mir_1k(tmp_path)
    _, found = examples("mir_1k", home, "singing_voice_detection", channels=2)
    # Frames 10 to 19, centred at 0.22 to 0.40 s, reach 10 ms further on both sides.
    np.testing.assert_allclose(found[0].annotation.intervals, [[0.21, 0.41]])
    assert found[0].annotation.labels == ("voice",)
    assert found[0].waveform.shape == (8000, 2)
    _, found = examples("mir_1k", home, "melody_extraction")
    curve = found[0].annotation
    np.testing.assert_allclose(curve.times[:3], [0.02, 0.04, 0.06])
    np.testing.assert_array_equal(np.flatnonzero(curve.frequencies), np.arange(10, 20))
    np.testing.assert_allclose(curve.frequencies[10:20], 440.0)


def test_mir_1k_defects_are_reported(tmp_path):
    home = make_mir_1k(tmp_path)
    text(home / "PitchLabel" / "amy_1_01.pv", "")
    text(home / "PitchLabel" / "bug_1_01.pv", "69\nsixty\n")
    tone(home / "Wavfile" / "amy_2_01.wav", 1.0, channels=1)
    data, found = examples("mir_1k", home, "melody_extraction")
    assert [example.name for example in found] == ["mir_1k/khair_3_02"]
    first, second, third = sorted(map(str, data.problems))
    assert first.endswith("amy_1_01.pv: cannot be used: is empty")
    assert "amy_2_01.wav: has 1 channels, not accompaniment and voice" in second
    assert "bug_1_01.pv: cannot be used: could not convert string to float: 'sixty'" in third
    with pytest.raises(DataSetError, match="no clip in a folder 'Wavfile'"):
        open_data_set("mir_1k", tmp_path / "PitchLabel", "melody_extraction")


def test_mir_1k_excerpts():
    home = real_folder("MIR-1K")
    data, found = examples("mir_1k", home, "singing_voice_detection")
    assert (len(found), len(data.assignment), data.problems) == (60, 12, [])
    sung = sum(np.ptp(e.annotation.intervals, axis=1).sum() for e in found)
    # "Voice is labelled in 76% of the frames."
    assert sung / sum(example.duration for example in found) == pytest.approx(0.76, abs=0.01)


def test_musdb18hq(tmp_path):
    home = make_musdb18hq(tmp_path)
    data, found = examples("musdb18hq", home, "source_separation", channels=2)
    assert not data.problems
    example = found[0]
    assert example.name == "musdb18hq/train/A - One"
    assert tuple(example.annotation.waveforms) == ("vocals", "drums", "bass", "other")
    stems = list(example.annotation.waveforms.values())
    assert {stem.shape for stem in stems} == {(8000, 2)}
    # All of the mixture, but for the samples that are missing at the end of a stem.
    np.testing.assert_allclose(np.sum(stems, axis=0)[:-5], example.waveform[:-5], atol=1e-6)
    assert get_task("source_separation").can_use(example.annotation)
    assert get_task("vocal_separation").can_use(example.annotation)


def test_musdb18hq_without_a_stem(tmp_path):
    home = make_musdb18hq(tmp_path)
    (home / "train" / "B - Three" / "bass.wav").unlink()
    data, found = examples("musdb18hq", home, "source_separation")
    assert len(found) == 3
    assert "1 of 4 tracks of musdb18hq left out: 1 of their files missing (bass.wav)" in str(
        data.problems[0]
    )
    with pytest.raises(DataSetError, match="no song folders in 'train' or 'test'; download"):
        open_data_set("musdb18hq", home / "train", "source_separation")


def test_musdb18_validation_is_that_of_musdb():
    package = Path(importlib.util.find_spec("musdb").origin).parent
    setup = yaml.safe_load((package / "configs" / "mus.yaml").read_text())
    assert sorted(VALIDATION) == sorted(setup["validation_tracks"])


def test_musdb18_says_that_it_needs_ffmpeg(tmp_path, monkeypatch):
    text(tmp_path / "train" / "A - One.stem.mp4", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataSetError, match="need ffmpeg and ffprobe: install ffmpeg, or use musdb"):
        open_data_set("musdb18", tmp_path, "source_separation")
    with pytest.raises(DataSetError, match=r"no .stem.mp4 files in 'train' or 'test'; download"):
        open_data_set("musdb18", tmp_path / "train", "source_separation")


@pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason=".stem.mp4 needs ffmpeg"
)
def test_musdb18_excerpt():
    home = real_folder("musdb7s") / "MUSDB18-7-SAMPLE"
    data, (example,) = examples("musdb18", home, "source_separation", channels=2)
    assert example.name == "musdb18/train/Music Delta - 80s Rock"
    assert data.assignment == {"musdb18/Music Delta": "train"}
    assert example.duration == pytest.approx(6.8, abs=0.1)
    stems = np.sum(list(example.annotation.waveforms.values()), axis=0)
    rest = np.mean((example.waveform - stems) ** 2) / np.mean(example.waveform**2)
    assert rest < 0.05
