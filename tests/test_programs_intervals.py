"""The programs end to end on folders of intervals: text, .lab and .jams files, named tasks."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from folders import RATE, SPLITS, check_scores, fails, finetune, write_rows
from tiny import TINY

from umir.cli import main
from umir.data.annotation_files import read_intervals
from umir.tasks import IntervalDetection
from umir.wave_unet import PRESETS

SECONDS = 8.0
# The smallest network with levels at 50 and 12.5 Hz.
CONFIG = replace(
    TINY,
    strides=(4, 4, 5, 2, 2, 4),
    kernels=(7, 7, 15, 3, 3, 7),
    widths=(4, 8, 8, 8, 8, 8),
    decoder_kernels=(3, 3, 3, 3, 3),
)


@pytest.fixture(autouse=True)
def tiny_network(monkeypatch, tmp_path):
    monkeypatch.setitem(PRESETS, "tiny", CONFIG)
    monkeypatch.chdir(tmp_path)


def _write_jams(path, rows):
    data = [
        {"time": start, "duration": end - start, "value": label, "confidence": None}
        for start, end, label in rows
    ]
    annotation = {"namespace": "segment_open", "data": data}
    path.write_text(json.dumps({"annotations": [annotation], "file_metadata": {}, "sandbox": {}}))


def _write(path, rows):
    if path.suffix == ".jams":
        return _write_jams(path, rows)
    separator = {".csv": ",", ".lab": " ", ".txt": "\t"}[path.suffix]
    path.write_text("".join(separator.join(map(str, row)) + "\n" for row in rows) or "# none\n")


def _tones(rng, rows, frequencies):
    times = np.arange(int(SECONDS * RATE)) / RATE
    waveform = 0.003 * rng.normal(size=len(times))
    for start, end, label in rows:
        inside = (times >= start) & (times < end)
        waveform += 0.2 * inside * np.sin(2 * np.pi * frequencies[label] * times)
    return waveform.astype(np.float32)


def _folder(path, rng, songs, frequencies, suffixes):
    path.mkdir()
    lines = []
    for index, (rows, split, suffix) in enumerate(zip(songs, SPLITS, suffixes, strict=True)):
        soundfile.write(path / f"{index}.wav", _tones(rng, rows, frequencies), RATE)
        _write(path / f"{index}{suffix}", rows)
        lines.append({"audio": f"{index}.wav", "intervals": f"{index}{suffix}", "split": split})
    return write_rows(path, lines)


@pytest.fixture
def sections_folder(tmp_path, rng):
    """Low and high tones that overlap, with gaps, in a file of each format."""
    songs = []
    for shift in (0.0, 0.7, 1.1, 0.4):
        low = [(shift + 0.5, shift + 2.5, "low"), (shift + 4.0, shift + 6.0, "low")]
        songs.append([low[0], (shift + 2.0, shift + 3.0, "high"), low[1]])
    frequencies = {"low": 200, "high": 3000}
    return _folder(tmp_path / "tones", rng, songs, frequencies, (".lab", ".jams", ".csv", ".txt"))


def test_intervals_from_folder_to_predictions(sections_folder, tmp_path, capsys):
    assert finetune(sections_folder, "--steps", "80", "--learning-rate", "0.01") == 0
    check_scores(capsys.readouterr().out, ["accuracy", "f1", "f1/high", "f1/low"])
    arguments = ["--model", "model", "--data", str(sections_folder), "--json", "scores.json"]
    assert main(["evaluate", *arguments]) == 0
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["task"] == "intervals"
    assert scores["metrics"]["f1"] > 0.8
    assert set(scores["per_track"][0]) == {"track", *scores["metrics"]}
    assert main(["predict", str(sections_folder / "3.wav"), "--model", "model", "--out", "p"]) == 0
    # What is predicted is what was scored, and can be read as an annotation.
    reference, _ = read_intervals(sections_folder / "3.txt", SECONDS)
    found, problems = read_intervals(tmp_path / "p" / "3.txt", SECONDS)
    assert problems == []
    task = IntervalDetection("intervals", ("high", "low"))
    again = task.evaluate(reference, found)
    assert again == pytest.approx(scores["metrics"], abs=1e-3)


def test_a_song_with_nothing_in_it_and_a_label_that_was_not_learnt(sections_folder, capsys):
    (sections_folder / "1.jams").unlink()
    (sections_folder / "1.txt").write_text("# none\n")
    rows = [json.loads(x) for x in (sections_folder / "manifest.jsonl").read_text().splitlines()]
    rows[1]["intervals"] = "1.txt"
    (sections_folder / "3.txt").write_text("1\t2\tlow\n3\t4\tbridge\n")
    write_rows(sections_folder, rows)
    assert finetune(sections_folder, "--steps", "2") == 0
    shown = capsys.readouterr()
    assert "3.wav: 'bridge': not among the classes 'high', 'low'" in shown.err
    check_scores(shown.out, ["accuracy", "f1", "f1/low"])


def test_a_song_of_other_labels_is_scored_by_both_programs(sections_folder, capsys):
    """To know only `high` and `low` means that a song of bridges has neither."""
    label = sections_folder / "3.txt"
    label.write_text("1\t2\tbridge\n")
    rows = [json.loads(x) for x in (sections_folder / "manifest.jsonl").read_text().splitlines()]
    rows[3]["intervals"] = label.name
    write_rows(sections_folder, rows)
    assert finetune(sections_folder, "--steps", "2") == 0
    learnt = capsys.readouterr().out
    assert main(["evaluate", "--model", "model", "--data", str(sections_folder)]) == 0
    shown = capsys.readouterr().out
    assert "1 tracks of test" in shown
    check_scores(learnt, ["accuracy"])
    check_scores(shown, ["accuracy"])


def test_singing_is_learnt_by_its_name_among_others(tmp_path, rng, capsys):
    songs = [
        [(start, start + 2.0, "vocals"), (0.0, 6.0, "piano")] for start in (1.0, 3.0, 4.0, 2.0)
    ]
    frequencies = {"vocals": 3000, "piano": 200}
    folder = _folder(tmp_path / "songs", rng, songs, frequencies, (".lab",) * 4)
    options = ["--task", "singing_voice_detection", "--steps", "60", "--learning-rate", "0.01"]
    assert finetune(folder, *options) == 0
    shown = capsys.readouterr()
    assert "not among" not in shown.err  # the piano is no mistake
    check_scores(shown.out, ["accuracy", "f1", "precision", "recall"])
    (line,) = [line for line in shown.out.splitlines() if line.startswith("accuracy")]
    assert float(line.split()[-1]) > 0.9


def test_names_in_another_language_are_no_silence(tmp_path, rng, capsys):
    songs = [[(1.0, 3.0, name)] for name in ("vocals", "vocals", "vocals", "Gesang")]
    frequencies = {"vocals": 3000, "Gesang": 3000}
    folder = _folder(tmp_path / "songs", rng, songs, frequencies, (".lab",) * 4)
    assert finetune(folder, "--task", "singing_voice_detection", "--steps", "1") == 0
    shown = capsys.readouterr()
    assert "3.wav: left out: 'gesang': not among the classes 'backing vocals'" in shown.err
    assert "2 to learn from (0.3 minutes), 1 to choose by, 0 to score" in shown.err


def test_chords_are_learnt_and_predicted(tmp_path, rng, capsys):
    rows = [(0.0, 2.0, "N"), (2.0, 5.0, "C:maj"), (5.0, 8.0, "G:min7")]
    frequencies = {"N": 50, "C:maj": 523, "G:min7": 3136}
    folder = _folder(tmp_path / "songs", rng, [rows] * 4, frequencies, (".lab",) * 4)
    options = ["--task", "chord_recognition", "--steps", "60", "--learning-rate", "0.01"]
    assert finetune(folder, *options) == 0
    check_scores(capsys.readouterr().out, ["majmin", "root", "thirds", "mirex", "seg"])
    arguments = ["--model", "model", "--data", str(folder), "--json", "scores.json"]
    assert main(["evaluate", *arguments]) == 0
    assert json.loads((tmp_path / "scores.json").read_text())["metrics"]["majmin"] > 0.8
    assert main(["predict", str(folder / "3.wav"), "--model", "model", "--out", "p"]) == 0
    found, problems = read_intervals(tmp_path / "p" / "3.txt", SECONDS)
    assert problems == [] and {"C:maj", "G:min"} <= set(found.labels)
    np.testing.assert_array_equal(found.intervals[1:, 0], found.intervals[:-1, 1])


def test_chords_that_are_none_are_reported(tmp_path, rng, capsys):
    rows = [(0.0, 4.0, "C:maj"), (4.0, 8.0, "verse")]
    folder = _folder(tmp_path / "x", rng, [rows] * 4, {"C:maj": 523, "verse": 99}, (".lab",) * 4)
    assert finetune(folder, "--task", "chord_recognition", "--steps", "1") == 0
    assert "0.wav: 'verse': not among chords (`N`, `C:maj`" in capsys.readouterr().err


def test_a_folder_without_any_interval_has_nothing_to_learn(tmp_path, rng, capsys):
    folder = _folder(tmp_path / "silent", rng, [[]] * 4, {}, (".txt",) * 4)
    preset = ["--init", "scratch", "--preset", "tiny", "--out", "model"]
    shown = fails(capsys, "finetune", "--data", str(folder), *preset)
    assert "the annotations of kind 'intervals' name nothing: no class to learn" in shown
    named = [*preset, "--task", "singing_voice_detection"]
    shown = fails(capsys, "finetune", "--data", str(folder), *named)
    assert "no song of the split 'train' has any of what singing_voice_detection reads" in shown


def test_labels_of_something_else_are_not_scored(sections_folder, capsys):
    """Of songs whose sections are known it is not known that nobody sings in them."""
    arguments = ["evaluate", "--model", "umir-nano", "--task", "singing_voice_detection"]
    assert main([*arguments, "--data", str(sections_folder)]) == 1
    shown = capsys.readouterr().err
    assert "left out: 'high', 'low': not among the classes 'backing vocals'" in shown
    assert "no usable audio in the split 'test'" in shown
