"""The ablation of the studio's features: trained, scored and kept in seconds, and its table."""

import json
from functools import partial

import numpy as np
import pytest
import soundfile
from benchmark_scripts import BENCHMARKS, benchmark_module
from folders import RATE, clicks, write_rows

from umir.studio.catalogue import render_songs
from umir.studio.features import GROUPS

pytest.importorskip("librosa")
SCRIPT = benchmark_module("studio_ablation")


def found(score):
    return {"onsets": {"groups": {"x": {"headline": score}}, "all": {}}}


def test_conditions_leave_out_one_group_each():
    alone = {f"without {group}" for group in GROUPS}
    assert set(SCRIPT.CONDITIONS) == {"all", "none", SCRIPT.BOTH, *alone}
    for group in GROUPS:
        left = SCRIPT.CONDITIONS[f"without {group}"]
        assert [name for name in GROUPS if not getattr(left, name)] == [group]
    assert not any(getattr(SCRIPT.CONDITIONS["none"], group) for group in GROUPS)


def test_differences_are_paired_by_seed_and_group(rng):
    """What makes a song hard for everybody, or a seed good at everything, is no difference."""
    hard, gain = rng.uniform(size=9), rng.uniform(size=9)

    def of(scores):
        groups = {str(n): {"headline": score} for n, score in enumerate(scores)}
        return {"onsets": {"groups": groups, "all": {}}}

    ours = {seed: of(hard + gain + int(seed)) for seed in "012"}
    others = {seed: of(hard + int(seed)) for seed in "21"}
    del others["1"]["onsets"]["groups"]["4"]  # what one of them lacks does not count
    others["2"]["onsets"]["groups"]["5"]["headline"] = np.nan
    found = SCRIPT.differences(ours, others, "onset_detection")
    np.testing.assert_allclose(found, [np.delete(gain, [4, 5])] * 2)
    assert SCRIPT.differences(ours, others, "beat_tracking").size == 0
    assert SCRIPT.differences(ours, {}, "onset_detection").size == 0


def test_tables_show_differences_without_decibels():
    stems = {"mir_1k": {"groups": {"x": {"headline": 9.0}}, "all": {}}}
    runs = {
        "all": {"0": found(0.5) | stems, "1": found(0.7)},
        "none": {"0": found(0.4), "1": found(0.6)},
    }
    rows = SCRIPT.table(runs, "all").splitlines()
    assert rows[0].startswith("| songs | onset_detection | drum_transcription |")
    assert rows[0].count("|") == rows[1].count("|")
    assert rows[2].startswith("| all | 0.600 | - |") and " 9.000 " in rows[2]
    assert rows[3].endswith("-0.100 [-0.100, -0.100] |")
    head, _, row = SCRIPT.per_task(runs, "all").splitlines()
    assert head.startswith("| difference to all | onset_detection |")
    assert row.startswith("| none | -0.100 [-0.100, -0.100] |  |")


def test_the_curve_has_all_hours(tmp_path):
    amounts = {
        "150 songs": {"all": {"0": found(0.5), "1": found(0.7)}, "none": {"0": found(0.1)}},
        "450 songs": {"all": {"0": found(0.8)}},
        "4 songs": {"none": {"0": found(0.1)}},
    }
    curve = SCRIPT.curve_of(amounts)
    assert {hours: of["onset_detection"] for hours, of in curve.items()} == {
        1.0: [0.5, 0.7],
        3.0: [0.8],
    }
    SCRIPT.draw(curve, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 10_000


def test_trainings_on_other_songs_or_tasks_are_others(tmp_path, monkeypatch, capsys):
    trained = []

    def run_once(plan, features, folders, title):
        trained.append((plan.songs, [task.name for task in plan.tasks]))
        return found(plan.songs / 100)

    monkeypatch.setattr(SCRIPT, "run_once", run_once)
    fixed = [str(tmp_path), "--out", str(tmp_path / "found.json"), "--steps", "5", "--seeds", "0"]
    fixed += ["--tasks", "onset_detection", "--only", "all"]
    for songs, score in {"50": "0.500", "15": "0.150"}.items():
        SCRIPT.run(SCRIPT.parser().parse_args([*fixed, "--songs", songs]))
        assert f"| all | {score} |" in capsys.readouterr().out
    # 0.1 h are 15 songs with all features, which have been trained on.
    SCRIPT.run(SCRIPT.parser().parse_args([*fixed, "--songs", "50", "--hours", "0.1"]))
    assert "| 0.1 h | 0.150 |" in capsys.readouterr().out
    assert trained == [(50, ["onset_detection"]), (15, ["onset_detection"])]
    SCRIPT.run(SCRIPT.parser().parse_args([*fixed, "--songs", "15", "--tasks", "beat_tracking"]))
    assert trained[2:] == [(15, ["beat_tracking"])]
    # With --table nothing is trained, and of all conditions those are shown that are there.
    shown = [str(tmp_path / "no_folders"), *fixed[1:5], "--table", "--tasks", "onset_detection"]
    capsys.readouterr()
    SCRIPT.run(SCRIPT.parser().parse_args([*shown, "--songs", "15", "--only", "all", "none"]))
    printed = capsys.readouterr().out
    assert "| all | 0.150 |" in printed and "| none |" not in printed and len(trained) == 3


def test_what_was_measured_is_found_again(monkeypatch):
    """The commands of docs/studio.md train nothing that benchmarks/results has."""
    monkeypatch.setattr(SCRIPT, "run_once", lambda *args: pytest.fail("is not found"))
    shown = []
    monkeypatch.setattr(SCRIPT, "tables", lambda amounts, rows, songs: shown.append(rows) or "")
    out = str(BENCHMARKS / "results" / "studio_ablation.json")
    words = ["none", "--steps", "2000", "--out", out, "--hours", "0.1", "3", "--only", "all"]
    SCRIPT.run(SCRIPT.parser().parse_args([*words, "without metre", "without production"]))
    assert [row.songs for rows in shown for row in rows] == [128, 128, 128, 15, 450]


@pytest.mark.slow
def test_a_run_trains_scores_and_goes_on(tiny_preset, tmp_path, rng, monkeypatch, capsys):
    folder = tmp_path / "folders" / "onsets"
    folder.mkdir(parents=True)
    waveform, times = clicks(rng)
    soundfile.write(folder / "0.wav", waveform, RATE)
    (folder / "0.txt").write_text("".join(f"{time:.4f}\n" for time in times))
    write_rows(folder, [{"audio": "0.wav", "events": "0.txt"}])
    for name, value in {"VALIDATION_SONGS": 2, "COMPILING": 1, "TIMED": 2}.items():
        monkeypatch.setattr(SCRIPT, name, value)
    monkeypatch.setattr(SCRIPT, "SONG_SECONDS", 8.0)
    monkeypatch.setattr(SCRIPT, "render_songs", partial(render_songs, workers=1))
    arguments = [str(folder.parent), "--out", "found.json", "--preset", "tiny", "--songs", "2"]
    arguments += ["--tasks", "onset_detection", "beat_tracking", "--seeds", "0"]
    arguments += ["--only", "all", "without metre"]
    SCRIPT.run(SCRIPT.parser().parse_args([*arguments, "--steps", "2", "--hours", "0.003"]))
    assert "| without metre | " in capsys.readouterr().out
    (kept,) = json.loads((tmp_path / "found.json").read_text())["tiny, 2 steps"].values()
    assert {songs: set(of) for songs, of in kept.items()} == {
        "2 songs": {"all", "without metre"},
        "1 songs": {"all"},
    }
    assert 0 <= kept["2 songs"]["all"]["0"]["onsets"]["all"]["F-measure"] <= 1
    SCRIPT.run(SCRIPT.parser().parse_args([*arguments, "--steps", "2"]))
    assert "seed 0:" not in capsys.readouterr().out  # nothing was missing
    # Minutes become steps by the speed that was measured.
    SCRIPT.run(SCRIPT.parser().parse_args([*arguments, "--minutes", "1e-9", "--only", "all"]))
    kept = json.loads((tmp_path / "found.json").read_text())
    (speed,) = kept["speed"].values()
    assert 0 < speed["tiny"]["seconds_per_step"] < np.inf
