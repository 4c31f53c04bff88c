"""The time of fine-tuning by the program itself: what is measured, and the table."""

import pytest
from benchmark_scripts import BENCHMARKS, benchmark_module

SCRIPT = benchmark_module("finetune_time")


@pytest.mark.slow
def test_a_call_is_timed_and_its_choices_are_read(label_folder):
    options = ["--steps", "2", "--learning-rate", "0.01"]
    found = SCRIPT.measure(label_folder, None, "scratch", *options)
    assert (found["rate"], found["steps"], found["metric"]) == (0.01, 2, "accuracy")
    assert found["step"] <= 2 and 0 <= found["score"] <= 1 and found["seconds"] > 1
    assert found["as it is"] is None  # nothing answers from scratch


def test_the_slowest_decides():
    run = {
        "metric": "F",
        "score": 0.5,
        "as it is": 0.4,
        "rate": 1e-3,
        "step": 3,
        "steps": 9,
        "seconds": 60.0,
    }
    assert SCRIPT.table({"onsets": run}).endswith("at most 1.0 minutes (bar 10: reached)")
    slow = {**run, "seconds": 606.0, "as it is": None}
    shown = SCRIPT.table({"onsets": run, "mdb_drums": slow})
    assert "| onsets | onset_detection | 1.0 | 9, 3 | 0.001 | F | 0.40 | 0.50 |" in shown
    assert "| mdb_drums | - | 10.1 | 9, 3 | 0.001 | F | - | 0.50 |" in shown
    assert shown.endswith("at most 10.1 minutes (bar 10: missed)")


def test_what_was_measured_is_printed(monkeypatch, capsys):
    """Of the start that `umir finetune` takes; where there is nothing of it, what else there is."""
    words = ["none", "--out", str(BENCHMARKS / "results" / "finetune_time.json")]
    monkeypatch.setattr("sys.argv", ["finetune_time.py", *words])
    SCRIPT.main()
    assert capsys.readouterr().out.count("\n| ") >= 15
    monkeypatch.setattr("sys.argv", ["finetune_time.py", *words, "--init", "scratch"])
    with pytest.raises(SystemExit):
        SCRIPT.main()
    assert "has umir-small " in capsys.readouterr().err


def test_another_default_is_measured_again(tmp_path, monkeypatch, capsys):
    (tmp_path / "onsets").mkdir()
    for score, name in enumerate(("first", "second")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_text(name)
        found = dict(metric="F", score=score, rate=1e-3, step=3, steps=9, seconds=60.0)
        monkeypatch.setattr(SCRIPT, "measure", lambda *a, own=found: {**own, "as it is": None})
        monkeypatch.setattr(SCRIPT, "default_model", lambda purpose, n=name: str(tmp_path / n))
        monkeypatch.setattr("sys.argv", ["finetune_time.py", str(tmp_path)])
        SCRIPT.main()
        assert f"| F | - | {score}.00 |" in capsys.readouterr().out
