"""Real recordings, where there are any: the folders that the benchmarks build can be used.

Set UMIR_RECORDINGS to a folder with `MDBDrums`, `MedleyDB_annotations`, `MIR-1K`,
`medley-solos-db-small`, `ASAP`, `POP909`, `free-spoken-digit`, `philharmonia` and `mirdata`. The
expected numbers are counts of the data sets' own files.
"""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from benchmark_scripts import benchmark_module

from umir.data.manifest import read_manifest
from umir.tasks import task_for_kind, vocabulary_of
from umir.user_data import read_user_data
from umir.wave_unet import PRESETS

RECORDINGS = Path(os.environ.get("UMIR_RECORDINGS", Path(__file__).parents[3] / "shared" / "data"))
FOLDERS = benchmark_module("real_folders").FOLDERS
EXPERIMENTS = benchmark_module("recordings.experiments").EXPERIMENTS
MIR_1K = benchmark_module("recordings.mir_1k")
MUSIC_DELTA = benchmark_module("recordings.music_delta")
PIANO = benchmark_module("recordings.rendered_piano")
FOLDER = benchmark_module("recordings.folder")


def built(name, out):
    """Build one folder and return where it is."""
    if not RECORDINGS.is_dir():
        pytest.skip("no recordings: set UMIR_RECORDINGS")
    if name == "tempo":
        pytest.importorskip("librosa")
    return FOLDERS[name](RECORDINGS, out)


def examples_of(name, out):
    manifest = read_manifest(built(name, out))
    examples = manifest.examples(None, 16_000, 1)
    assert not manifest.problems
    return manifest, examples


def groups_of(examples):
    return {example.group for example in examples}


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


def test_onsets_are_those_of_the_drum_track(tmp_path):
    _, examples = examples_of("onsets", tmp_path)
    assert sum(len(example.annotation.times) for example in examples) == 946
    names = [Path(example.name).stem for example in examples]
    assert "MusicDelta_Shadows_RAW_02_01" in names  # its first track is the bass
    for example in examples:  # a hit is louder 20 ms after its label than 50 ms before
        power = np.convolve(example.waveform[:, 0] ** 2, np.ones(160) / 160, mode="same")
        frames = np.rint(example.annotation.times * 16_000).astype(int)
        inside = frames[(frames > 800) & (frames < len(power) - 320)]
        assert np.mean(power[inside + 320] > power[inside - 800]) > 0.8


def test_beats_count_bars_of_four(tmp_path):
    _, examples = examples_of("beats", tmp_path)
    annotations = [example.annotation for example in examples]
    assert sum(len(annotation.times) for annotation in annotations) == 376
    assert {label for annotation in annotations for label in annotation.labels} == set("1234")
    reggae = next(e.annotation for e in examples if "Reggae" in e.group)
    np.testing.assert_allclose(reggae.times[:4], [0.01, 0.58, 1.13, 1.68])
    assert reggae.labels[:5] == ("1", "2", "3", "4", "1")


@pytest.mark.slow
def test_tempo_is_that_of_the_copies(tmp_path):
    _, examples = examples_of("tempo", tmp_path)
    assert (len(examples), len(groups_of(examples))) == (45, 9)
    originals = {e.group: e for e in examples if e.name.endswith("_1.000.wav")}
    for example in examples:  # as much shorter as it is faster
        original = originals[example.group]
        ratio = float(example.annotation.names[0]) / float(original.annotation.names[0])
        assert example.duration == pytest.approx(original.duration / ratio, rel=1e-3)
    tempi = {song: float(example.annotation.names[0]) for song, example in originals.items()}
    assert tempi["Media-105901"] == 84  # as its annotation says
    assert tempi["MusicDelta_Punk"] == pytest.approx(149.9, abs=0.1)


def test_mean_tempo_and_speeds():
    assert MUSIC_DELTA.mean_tempo(np.array([0.0, 0.51, 1.0])) == pytest.approx(120)
    drawn = MUSIC_DELTA.speeds(np.random.default_rng(0))
    quarters = np.floor(4 * np.log(np.array(drawn) / 0.7) / np.log(2))
    np.testing.assert_array_equal(quarters, range(4))


def test_singing(tmp_path):
    _, examples = examples_of("singing", tmp_path)
    assert (len(examples), len(groups_of(examples))) == (67, 13)
    clips = [example for example in examples if example.group != "Music Delta"]
    sung = sum(np.diff(clip.annotation.intervals).sum() for clip in clips)
    assert sung / sum(clip.duration for clip in clips) == pytest.approx(0.76, abs=0.01)
    songs = [example for example in examples if example.group == "Music Delta"]
    assert sum(not song.annotation.labels for song in songs) == 1  # an instrumental
    assert {label for e in examples for label in e.annotation.labels} == {"voice"}


def test_voice_is_loudest_where_its_labels_are(tmp_path):
    _, examples = examples_of("singing", tmp_path)
    agreement = {-0.04: [], 0.0: [], 0.04: []}
    for example in examples[:30]:
        path = RECORDINGS / "MIR-1K" / "Wavfile" / f"{Path(example.name).stem}.flac"
        voice = soundfile.read(path)[0][:, 1]
        level = np.log(np.convolve(voice**2, np.ones(320) / 320, mode="same") + 1e-6)[::160]
        times = np.arange(len(level)) / 100
        for shift, found in agreement.items():
            inside = [
                (example.annotation.intervals[:, 0] <= t) & (t < example.annotation.intervals[:, 1])
                for t in times + shift
            ]
            found.append(np.corrcoef(level, np.any(inside, axis=1))[0, 1])
    assert max(agreement, key=lambda shift: np.mean(agreement[shift])) == 0.0


def test_voice_intervals_by_hand():
    found = MIR_1K.voice_intervals(np.array([1, 0, 1, 1, 0, 1], bool), 0.14)
    np.testing.assert_allclose(found.intervals, [[0, 0.03], [0.05, 0.09], [0.11, 0.14]])
    assert found.labels == ("voice",) * 3
    assert not MIR_1K.voice_intervals(np.zeros(3, bool), 0.08).labels


def test_melody(tmp_path):
    _, examples = examples_of("melody", tmp_path)
    assert (len(examples), len(groups_of(examples))) == (60, 12)
    voiced = np.concatenate([example.annotation.frequencies > 0 for example in examples])
    assert voiced.mean() == pytest.approx(0.69, abs=0.02)


def test_pitch_curve_by_hand():
    curve = MIR_1K.pitch_curve(np.array([0.0, 69.0, 81.0]))
    np.testing.assert_allclose(curve.times, [0.02, 0.04, 0.06])
    np.testing.assert_allclose(curve.frequencies, [0, 440, 880])


def test_mir_1k(tmp_path):
    _, examples = examples_of("mir_1k", tmp_path)
    assert (len(examples), len(groups_of(examples))) == (60, 12)
    for example in examples[:5]:
        total = sum(example.annotation.waveforms.values())
        np.testing.assert_allclose(total, example.waveform, atol=1e-6)


def test_spoken_digits(tmp_path):
    _, examples = examples_of("spoken_digits", tmp_path)
    counts = Counter(example.annotation.names[0] for example in examples)
    assert counts == {str(digit): 12 for digit in range(10)}
    assert len(groups_of(examples)) == 6


def test_techniques_and_dynamics_of_single_notes(tmp_path):
    _, examples = examples_of("playing_technique", tmp_path)
    counts = Counter(example.annotation.names[0] for example in examples)
    assert counts == {"blown": 287, "bowed": 63, "plucked": 41, "struck": 21}
    _, examples = examples_of("dynamics", tmp_path)
    both = {group: {"soft", "loud"} for group in groups_of(examples)}
    assert len(both) == 12
    found = {(example.group, example.annotation.names[0]) for example in examples}
    assert found == {(group, label) for group, labels in both.items() for label in labels}


def test_medley_solos(tmp_path):
    _, examples = examples_of("medley_solos", tmp_path)
    counts = Counter(example.annotation.names[0] for example in examples)
    assert len(counts) == 8
    assert set(counts.values()) == {10}


@pytest.mark.parametrize("name", ["asap_rendered", "pop909_rendered"])
def test_notes_are_within_the_rendered_audio(name, tmp_path):
    _, examples = examples_of(name, tmp_path)
    assert (len(examples), len(groups_of(examples))) == (10, 10)
    for example in examples:
        numbers = 69 + 12 * np.log2(example.annotation.frequencies / 440)
        np.testing.assert_allclose(numbers, np.rint(numbers), atol=1e-3)
        assert example.annotation.intervals.max() <= example.duration


def test_chords_cover_the_songs(tmp_path):
    _, examples = examples_of("chords_rendered", tmp_path)
    for example in examples:
        bounds = example.annotation.intervals
        assert bounds[0, 0] < 2.0
        np.testing.assert_allclose(bounds[1:, 0], bounds[:-1, 1], atol=1e-5)
        assert bounds[-1, 1] == pytest.approx(example.duration, abs=1e-5)


@pytest.mark.slow
def test_keys_of_each_song_are_all_twelve(tmp_path):
    _, examples = examples_of("keys_rendered", tmp_path)
    assert (len(examples), len(groups_of(examples))) == (120, 10)
    of_song = {example.group: set() for example in examples}
    for example in examples:
        of_song[example.group].update(example.annotation.names)
    assert all(len(labels) == 12 for labels in of_song.values())
    named = {Path(example.name).stem: example.annotation.names[0] for example in examples}
    assert (named["001_+0"], named["001_+2"], named["233_-1"]) == (
        "Gb major",
        "Ab major",
        "B major",
    )


def test_higher_key_keeps_the_mode():
    assert PIANO.higher_key("B minor", 1) == "C minor"
    assert PIANO.higher_key("C major", -1) == "B major"


def test_transposed_audio_is_higher_and_shorter():
    tone = np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050)
    played = FOLDER.transposed(tone, 22_050, 12)
    assert len(played) == 8000
    spectrum = np.abs(np.fft.rfft(played * np.hanning(len(played))))
    assert np.argmax(spectrum) * 2 == 880  # bins of 2 Hz


def test_stretched_audio_is_shorter_but_not_higher():
    pytest.importorskip("librosa")
    tone = np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050)
    played = FOLDER.stretched(tone, 22_050, 1.25)
    assert len(played) == 12_800
    spectrum = np.abs(np.fft.rfft(played * np.hanning(len(played))))
    assert np.argmax(spectrum) * 1.25 == pytest.approx(440, abs=1.25)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_named_tasks_read_everything(name, tmp_path):
    folder = built(name, tmp_path)
    data = read_user_data(folder, PRESETS["nano"], EXPERIMENTS[name].task)
    assert not data.problems
    assert data.train and data.valid and data.test
