"""Joint training against single tasks: splits, windows, scores by hand, and a run that goes on."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
import soundfile
from benchmark_scripts import benchmark_module
from folders import write_rows

from umir.annotations import Stems
from umir.priors.streams import INPUTS
from umir.separation.joint_losses import ACTIVE
from umir.separation.separator_model import SeparatorModel
from umir.separation.training_streams import LABELLED
from umir.song_library import LibrarySettings, SongLibrary

GRID = benchmark_module("adversarial.grid")
TRIALS = benchmark_module("adversarial.joint_trials")
RUNS = benchmark_module("adversarial.joint_runs")
TABLES = benchmark_module("adversarial.joint_tables")
SCRIPT = benchmark_module("joint_separation")
NET = SCRIPT.NANO.network
RATE = 16_000
SUNG = 0.3  # seconds from which on there is a voice, of half a second


def sounds(n, seconds=0.5):
    """Accompaniment, then vocals that begin later; other ones for each number."""
    time = np.arange(round(seconds * RATE)) / RATE
    voice = (time >= SUNG) * np.sin(2 * np.pi * (400 + 29 * n) * time)
    return 0.1 * np.sin(2 * np.pi * (200 + 31 * n) * time), 0.1 * voice


@pytest.fixture
def mir_1k(tmp_path):
    """A clip of each of twelve singers, in the data set's own layout."""
    base = tmp_path / "published" / "MIR-1K"
    (base / "Wavfile").mkdir(parents=True)
    (base / "vocal-nonvocalLabel").mkdir()
    for n in range(12):
        name = f"singer{n}_1"
        stereo = np.stack(sounds(n), axis=1)
        soundfile.write(base / "Wavfile" / f"{name}.flac", stereo, RATE)
        voiced = 0.02 * (np.arange(24) + 1) >= SUNG
        np.savetxt(base / "vocal-nonvocalLabel" / f"{name}.vocal", voiced, "%d")
    return base.parent


@pytest.fixture
def studio(tmp_path):
    """A library of eight songs of half a second, as the studio's, and two without a voice."""
    root = tmp_path / "studio"
    SongLibrary(root, LibrarySettings(rate=RATE, song_seconds=0.5))  # writes its settings
    rows, marks = [], []
    for n in range(10):
        accompaniment, vocals = sounds(n)
        parts = {"mixture": accompaniment + vocals, "drums": accompaniment, "vocals": vocals}
        for name, waveform in parts.items():
            soundfile.write(root / f"{n}-{name}.wav", waveform, RATE, subtype="FLOAT")
        stems = {name: f"{n}-{name}.wav" for name in ("drums", "vocals")}
        labels = ["drums"] if n in (1, 4) else ["drums", "voice"]
        row = {"audio": f"{n}-mixture.wav", "group": f"song{n}"}
        rows.append({**row, "stems": stems, "labels": labels})
        (root / f"{n}.lab").write_text(f"{SUNG}\t0.5\tvoice\n")
        marks.append({**row, "intervals": f"{n}.lab"})
    write_rows(root, rows)
    lines = "".join(json.dumps(mark) + "\n" for mark in marks)
    (root / "singing_voice_detection.jsonl").write_text(lines)
    return root.parent


def arguments(trial, folder, *more):
    return [trial, "--folder", str(folder), "--preset", "nano", *map(str, more)]


def trial_of(*command):
    return TRIALS.trial_of(SCRIPT.parser().parse_args(arguments(*command)), NET)


def studio_trial(folder):
    counts = ("--test", 2, "--valid", 1, "--pairs", 2, "--active", 3, "--song-seconds", 0.5)
    return trial_of("studio", folder, *counts)


def purposes(trial, what):
    """What of the songs of each purpose: with stems, labels, to choose, to test."""
    deal = trial.share.deal
    pairs = [song for own in deal.paired for song in own]
    return [{what(x) for x in own} for own in (pairs, deal.unpaired["activity"], deal.valid,
                                               deal.test)]  # fmt: skip


def test_no_song_of_the_studio_has_two_purposes(studio):
    trial = studio_trial(studio)
    found = purposes(trial, lambda entry: int(entry.name.split("-")[0]))
    # Songs without a voice, 1 and 4, are left out.
    assert found == [{5, 6}, {7, 8, 9}, {3}, {0, 2}]
    data = trial.data()
    assert [len(own) for own in (data.train, data.active, data.valid, data.active_valid)] == [
        2, 3, 1, 1,
    ]  # fmt: skip
    length = data.train[0].length
    stems, heard = data.valid[0].window(0, length), data.active_valid[0].song.window(0, length)
    np.testing.assert_allclose(heard, stems.sum(axis=1, keepdims=True), atol=1e-5)
    assert stems.shape == (NET.rate // 2, 2, 1)
    waveform, _ = soundfile.read(studio / "studio" / "7-mixture.wav")
    active = data.active[0]
    assert np.std(active.song.window(0, length)) == pytest.approx(np.std(waveform), rel=0.01)
    np.testing.assert_allclose(active.intervals, [[SUNG, 0.5]])
    assert [e.name for e, _ in trial.judged("test")] == [e.name for e, _ in trial.heard("test")]
    written = active.song.path.stat().st_mtime_ns  # what is there is not written again
    assert studio_trial(studio).data().active[0].song.path.stat().st_mtime_ns == written


@pytest.mark.parametrize("fold", [0, 2])
def test_no_singer_has_two_purposes(mir_1k, tmp_path, fold):
    trial = trial_of("mir1k", tmp_path, "--mir-1k", mir_1k, "--fold", fold)
    whole = purposes(trial, lambda entry: entry.group)
    assert [len(part) for part in whole] == [3, 4, 1, 4] and len(set.union(*whole)) == 12
    # The labels are those of the same clips, and both tasks are judged by the same.
    for split in ("valid", "test"):
        for (entry, song), (_, active) in zip(trial.judged(split), trial.heard(split), strict=True):
            assert trial.marked.lines[entry.name].group == entry.group
            mixture = song.window(0, song.length).sum(axis=1, keepdims=True)
            np.testing.assert_allclose(active.song.window(0, song.length), mixture, atol=1e-4)
            np.testing.assert_allclose(active.intervals, [[SUNG - 0.01, 0.5]], atol=1e-9)


def training_on(trial, folder, method, seed=0):
    job = GRID.Job(method, seed, 1e-3, 2, 8, folder / "trainings")
    return RUNS.training_of(trial, SCRIPT.NANO, job)


def test_methods_see_the_same_windows(studio):
    trial, seen, starts = studio_trial(studio), {}, []
    for method in RUNS.METHODS:
        training = training_on(trial, studio, method)
        stage = training.recipe.stages[0]
        batches = [training._batch(stage, step)["generator"] for step in (0, 1)]
        assert {*batches[0]} == {INPUTS, *RUNS.STREAMS[method]}
        assert training.objective.supervision.streams == tuple(sorted(RUNS.STREAMS[method]))
        for stream in RUNS.STREAMS[method]:
            first, second = (batch[stream]["mixture"] for batch in batches)
            assert not np.array_equal(first, second)
            seen.setdefault(stream, []).append([batch[stream] for batch in batches])
        # Each chooses by what it has learnt; all steps are taken.
        assert bool(training.valid_songs) == (LABELLED in RUNS.STREAMS[method])
        assert bool(training.active_songs) == (ACTIVE in RUNS.STREAMS[method])
        assert training.recipe.patience > training.recipe.steps == 2 * training.epoch_steps
        starts.append(jax.device_get(training.init()["params"]))
    for joint, single in (seen[LABELLED], seen[ACTIVE]):
        jax.tree.map(np.testing.assert_array_equal, joint, single)
    for start in starts[1:]:
        jax.tree.map(np.testing.assert_array_equal, start, starts[0])
    again = training_on(trial, studio, "joint", seed=1)
    other = again._batch(again.recipe.stages[0], 0)["generator"]
    assert not np.array_equal(other[ACTIVE]["mixture"], seen[ACTIVE][0][0]["mixture"])


def test_level_where_nobody_sings(studio, rng):
    marked = studio_trial(studio).heard("test")
    voice = rng.normal(size=(NET.rate // 2, 1))
    own = voice[: int(np.ceil(SUNG * NET.rate))]
    level = RUNS.level_where_nobody_sings(marked, "vocals")
    found = level(marked[0][0], Stems({"vocals": voice}, NET.rate))
    assert found["nonvocal_rms_db"] == pytest.approx(20 * np.log10(np.sqrt(np.mean(own**2))))
    assert RUNS.level_db(np.zeros((3, 1))) == -120 and np.isnan(RUNS.level_db(np.zeros((0, 1))))


def test_area_by_pairs(rng):
    """The share of pairs of frames that are in the right order."""
    sung, found = rng.integers(0, 2, (40, 1)).astype(np.float32), rng.normal(size=(40, 1))
    on, off = found[sung > 0], found[sung == 0]
    assert RUNS.area(sung, found) == pytest.approx(np.mean(on[:, None] > off[None]))
    assert np.isnan(RUNS.area(np.ones((3, 1), np.float32), found[:3]))


def test_a_detector_that_knows(studio, monkeypatch):
    """Its logits are the truth of one song, and the opposite of another's."""
    trial = studio_trial(studio)
    model = SeparatorModel(NET, {})
    signs = iter([1, 1, -1])  # of the song to choose by, then of those to test

    def known(detector, active):
        task = detector.task
        annotation = RUNS.annotation_of(task, active, detector.rate)
        values = task.encode(annotation, active.song.length, detector.rate).values
        return next(signs) * (2 * values - 1)

    monkeypatch.setattr(RUNS, "logits", known)
    found = RUNS.detection_scores(model, trial.heard("valid"), trial.heard("test"))
    first, second = found["songs"].values()
    assert (first["roc_auc"], second["roc_auc"]) == (1, 0) and found["set"]["roc_auc"] == 0.5
    assert first["accuracy"] > 0.9 > 0.1 > second["accuracy"]


def runs_of(values, groups=()):
    """method -> metric -> songs, as runs of two seeds that differ by chance."""
    return {
        method: {
            str(seed): {
                "set": {name: float(np.nanmean(songs)) for name, songs in metrics.items()},
                "songs": {
                    f"{n}": {name: songs[n] + (-1) ** seed for name, songs in metrics.items()}
                    for n in range(12)
                },
                "groups": dict(groups),
            }
            for seed in range(2)
        }
        for method, metrics in values.items()
    }


def test_answers_in_words(rng, capsys):
    hard, chance = rng.normal(scale=10, size=12), rng.normal(size=12)
    area = np.where(np.arange(12) < 3, np.nan, rng.uniform(size=12))
    alone = {"SDR/accompaniment": hard, "SDR/vocals": hard, "silence_rms_db": hard}
    runs = runs_of(
        {
            "joint": {
                "SDR/accompaniment": hard + chance - chance.mean(),
                "SDR/vocals": hard + 1 + 0.1 * chance,
                "silence_rms_db": hard - 2 + 0.1 * chance,
                "roc_auc": area,
            },
            "separation": alone,
            "detection": {"roc_auc": area + 0.01 * chance - 0.01 * chance[3:].mean()},
        },
        {f"{n}": f"{n % 3}" for n in range(12)},
    )
    found = TABLES.answers(runs, ["accompaniment", "vocals"])
    assert {question.metric: word for question, word in found.items()} == {
        "SDR/accompaniment": "neither better nor worse",
        "SDR/vocals": "better",
        "roc_auc": "neither better nor worse",  # of the nine songs that have one
        "silence_rms_db": "better",
    }
    printed = capsys.readouterr().out
    middle = 1 + 0.1 * chance.mean()
    assert f"SDR/vocals, joint minus separation: {middle:+.2f} [" in printed
    assert "; over seeds and singers" in printed
    assert TABLES.verdict(found) == [
        "separation: joint training is better, beyond the interval",
        "detection: joint training is neither better nor worse, beyond the interval",
        "both tasks no worse, and one of them better: yes",
        "silence_rms_db lower: yes",
    ]
    worse = {**found, TABLES.Question("SDR/vocals", "separation"): "worse"}
    assert TABLES.verdict(worse)[2].endswith("better: no")
    del runs["detection"]
    assert len(TABLES.verdict(TABLES.answers(runs, ["vocals"]))) == 2
    shown = TABLES.table(runs, ["vocals"])
    assert "| metric | joint | separation |" in shown and "SI-SDR" not in shown
    # Seeds of runs_of are the songs, which are seed 0's plus and minus 1: Student's t, two seeds.
    assert f"| SDR/vocals | {hard.mean() + middle:.2f} ± 0.00 |" in shown


def test_clips_of_a_singer_count_as_one(capsys):
    """Better with two singers and worse with a third: sure over songs, not over singers."""
    gain = np.array([1.0, 1.0, -0.2] * 4)
    values = {"joint": {"SDR/vocals": gain}, "separation": {"SDR/vocals": 0 * gain}}
    for singers in ({f"{n}": f"{n % 3}" for n in range(12)}, {}):
        runs = runs_of(values, singers)
        TABLES.answers(runs, ["vocals"])
    with_singers, without = capsys.readouterr().out.splitlines()
    begin, student = "SDR/vocals, joint minus separation:", "+0.60 [-1.12, +2.32]"
    words = f"{begin} {student} dB; over seeds and singers {student}: neither better nor worse"
    assert with_singers == words
    assert without.startswith(f"{begin} +0.60 [+0.") and without.endswith("]: better")


@pytest.mark.slow
def test_a_run_that_goes_on(mir_1k, tmp_path, capsys):
    out = tmp_path / "joint.json"
    command = arguments("mir1k", tmp_path, "--mir-1k", mir_1k, "--out", out, "--steps", 1)
    command += ["--batch", "2", "--seeds", "0", "--rates"]
    SCRIPT.main([*command, "1e-3", "3e-3", "--methods", "separation"])
    rates = json.loads(out.read_text())["joint mir1k, fold 0, 3 singers with stems"]
    losses = {
        float(rate): run["validation_loss"]
        for rate, run in rates["nano, 1 steps of 2, rates"]["separation"].items()
    }
    best = min(losses, key=losses.get)
    assert {*losses} == {1e-3, 3e-3}
    assert f"separation: rate {best:g}" in capsys.readouterr().out
    SCRIPT.main([*command, f"{best:g}"])
    printed = capsys.readouterr().out
    for line in ("| SDR_pooled/vocals | ", "| roc_auc | ", "| accuracy | ", "of one seed"):
        assert line in printed
    assert printed.count(" s)") == 2  # the third was there
    assert "nonvocal_rms_db, joint minus separation" in printed
    (runs,) = json.loads(out.read_text()).values()
    found = {method: own["0"]["set"] for method, own in runs["nano, 1 steps of 2"].items()}
    assert "SDR" not in found["detection"] and "roc_auc" not in found["separation"]
    assert not [*Path(tmp_path).rglob("checkpoints")]
    SCRIPT.main([*command, f"{best:g}"])
    again = capsys.readouterr().out
    assert " s)" not in again
    # Its table needs no songs.
    kept = [word for word in command if word not in ("--mir-1k", str(mir_1k))]
    SCRIPT.main([*kept, f"{best:g}", "--table", "--folder", str(tmp_path / "gone")])
    assert capsys.readouterr().out == again


def test_arguments_that_cannot_be(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        SCRIPT.main(arguments("mir1k", tmp_path))
    assert "the trial mir1k is on MIR-1K: give --mir-1k DIR" in capsys.readouterr().err
    with pytest.raises(ValueError, match="has no MIR-1K/Wavfile; give the folder that holds"):
        trial_of("mir1k", tmp_path, "--mir-1k", tmp_path)
    with pytest.raises(SystemExit, match="2"):
        SCRIPT.main(arguments("studio", tmp_path, "--pairs", 0))
    assert "--pairs 0: at least 1 is needed" in capsys.readouterr().err
