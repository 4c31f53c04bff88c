"""`--table`: what is kept is printed, nothing is measured, opened or written."""

import json
import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
from benchmark_scripts import BENCHMARKS, benchmark_module

KEPT = BENCHMARKS / "results"
RESULTS = benchmark_module("recordings.results")


def run(monkeypatch, words):
    """Run a command of a shell, `python benchmarks/SCRIPT.py ...`, where the checkout is."""
    _, path, *arguments = words
    script = benchmark_module(Path(path).stem)
    monkeypatch.chdir(BENCHMARKS.parent)
    monkeypatch.setattr("sys.argv", [path, *map(str, arguments)])
    if hasattr(script, "run") and hasattr(script, "parser"):
        script.run(script.parser().parse_args())
    else:
        script.main()


def refused(monkeypatch, capsys, words):
    """Return how a command is refused."""
    with pytest.raises(SystemExit):
        run(monkeypatch, words)
    return capsys.readouterr().err.splitlines()[-1]


def commands():
    """Yield the commands of the page of results that measure nothing."""
    text = (KEPT / "README.md").read_text()
    yield from re.findall(r"^ {4}(python \S.*--table.*)$", text, re.MULTILINE)


def test_nothing_is_measured_or_written(tmp_path):
    path = tmp_path / "new" / "found.json"
    results = RESULTS.Results(path, measuring=False)
    part = results.part("a", "b")
    assert results.once(part, "0", lambda: pytest.fail("is measured"), "what") is None
    assert not part and not path.parent.exists()
    RESULTS.Results(path).once(part, "0", lambda: {"x": 0.5}, "what")
    before = path.read_bytes()
    results = RESULTS.Results(path, measuring=False)
    part = results.part("")
    assert results.once(part, "0", lambda: {}, "what", counts=lambda found: False) is None
    assert path.read_bytes() == before


def test_what_is_there_is_said(tmp_path):
    path = tmp_path / "found.json"
    assert (
        RESULTS.Results(path).lacks("x", "--y")
        == f"{path}: has nothing, and nothing of x: give --y"
    )
    path.write_text('{"a": {"b": {"c": 0.5}}, "d": {"e": {}}, "f": "words"}')
    assert "has a, f, and nothing of x" in RESULTS.Results(path).lacks("x", "--y")


def test_polyphonic_music(tmp_path, monkeypatch, capsys):
    """Of two seeds the interval is by Student's t, 12.706 times the deviation over its root."""
    run_of = lambda test: {"parameters": 7, "train": 1.0, "valid": 2.0, "test": test}  # noqa: E731
    kept = {"7 epochs": {"jsb": {"tcn": {"0": run_of(8.0), "1": run_of(8.2)}}}}
    path = tmp_path / "found.json"
    path.write_text(json.dumps(kept))
    words = ["python", "benchmarks/polyphonic_music.py", "none", "--table", "--out", path]
    run(monkeypatch, [*words, "--epochs", "7", "--seeds", "0", "5"])
    rows = capsys.readouterr().out.strip().splitlines()
    assert rows[2:] == [
        "| jsb | tcn | 7 | 2 | 1.000 ± 0.000 | 2.000 ± 0.000 | 8.100 ± 1.271 | 8.154 |"
    ]
    assert json.loads(path.read_text()) == kept and list(tmp_path.iterdir()) == [path]
    assert "has 7 epochs, and nothing of 100 epochs" in refused(monkeypatch, capsys, words)
    words[-1] = tmp_path / "no.json"
    assert "has nothing, and nothing of 100 epochs" in refused(monkeypatch, capsys, words)


def test_studio_ablation(tmp_path, monkeypatch, capsys):
    pytest.importorskip("librosa")
    found = lambda score: {"onsets": {"groups": {"x": {"headline": score}}, "all": {}}}  # noqa: E731
    whole = {"all": {"0": found(0.5), "1": found(0.7)}}
    less = {"without metre": {"0": found(0.4), "1": found(0.6)}}
    few = {"all": {"0": found(0.25)}}
    amounts = {"128 songs": whole | less, "15 songs": few}
    path = tmp_path / "found.json"
    path.write_text(json.dumps({"nano, 5 steps": {"onset_detection": amounts}}))
    words = ["python", "benchmarks/studio_ablation.py", "none", "--table", "--out", path]
    words += ["--tasks", "onset_detection"]
    assert "nothing of the speed of nano" in refused(monkeypatch, capsys, words)
    run(monkeypatch, [*words, "--steps", "5", "--hours", "0.1", "3"])
    rows = [row for row in capsys.readouterr().out.splitlines() if row.startswith("| ")]
    named = [row.split(" | ")[:2] for row in rows]
    assert named[1:3] == [["| all", "0.600"], ["| without metre", "0.500"]]
    assert rows[2].endswith("| -0.100 [-0.100, -0.100] |")
    assert ["| 0.1 h", "0.250"] in named and not any("3 h" in row for row in rows)
    told = refused(monkeypatch, capsys, [*words, "--steps", "6"])
    assert "has nano, 5 steps, and nothing of these songs and tasks by nano, 6 steps" in told


def test_studio_songs(tmp_path, monkeypatch, capsys):
    path = tmp_path / "found.json"
    kept = {"a": {"key": 0.25, "onset_detection": 0.5, "source_separation": 4.0}, "b": {"key": 1.0}}
    path.write_text(json.dumps(kept))
    words = ["python", "benchmarks/studio_songs.py", "--table", "--json", path]
    run(monkeypatch, words)
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "| task | a | b |" and rows[-1] == "| mean | 0.375 | 1.000 |"
    run(monkeypatch, [*words, "b"])
    assert capsys.readouterr().out.splitlines()[2:] == ["| key | 1.000 |", "| mean | 1.000 |"]
    assert "has a, b, and nothing of c" in refused(monkeypatch, capsys, [*words, "c"])
    assert "give --json FILE" in refused(monkeypatch, capsys, words[:3])
    assert "give models, or --table" in refused(monkeypatch, capsys, words[:2])


def test_your_own_task(tmp_path, monkeypatch, capsys):
    """The recordings have gone; the row is of the start by its weights."""
    weights = tmp_path / "start" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_text("weights")
    name = benchmark_module("recordings.start_names").model_name(weights.parent)
    run_of = {"1": {"score": 0.75, "cpu_seconds": 90.0}}
    found = {"onsets": {"headline": "F", "2": {name: run_of}}}
    (tmp_path / "your_own_task.json").write_text(json.dumps(found))
    script = benchmark_module("your_own_task")
    start = SimpleNamespace(config=SimpleNamespace(preset="nano"))
    monkeypatch.setattr(script, "Start", SimpleNamespace(load=lambda init: start))
    monkeypatch.setattr(script.jax.config, "update", lambda *args: None)
    words = ["python", "benchmarks/your_own_task.py", tmp_path, "onsets", "--table"]
    run(monkeypatch, [*words, "--init", weights.parent])
    assert "| onsets | F | 2 | 0.75 | 1.5 | - | - |" in capsys.readouterr().out


def test_paired_digits(tmp_path, monkeypatch, capsys):
    """Of a choice that was not made yet there is no table."""
    words = ["python", "benchmarks/factor_gan_digits.py", "--table", "--methods", "GAN"]
    told = refused(monkeypatch, capsys, [*words, "--out", tmp_path / "found.json"])
    assert "has nothing, and nothing of GAN, 25 pairs" in told and "give --methods" in told
    assert not list(tmp_path.iterdir())


def test_head_initialisation(tmp_path, monkeypatch, capsys):
    """Names of folders are those of where they lay; nothing is opened but the model's weights."""
    pytest.importorskip("librosa")
    weights = tmp_path / "start" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_text("weights")
    model = benchmark_module("recordings.start_names").model_name(weights.parent)
    runs = {"1": {"0": {"x": {"headline": 0.25}}, "1": {"x": {"headline": 0.5}}}}
    path = tmp_path / "found.json"
    path.write_text(json.dumps({f"folders, {model}, rate 0.001, 1 steps": {"a": {"ridge": runs}}}))
    words = ["python", "benchmarks/head_initialisation.py", tmp_path / "gone" / "folders"]
    words += ["--model", weights.parent, "--table", "--out", path]
    run(monkeypatch, [*words, "--steps", "1", "--only", "a", "b"])
    assert "| a | ridge | 0.25 | 0.50 |" in capsys.readouterr().out
    assert "give --model, --steps" in refused(monkeypatch, capsys, [*words, "--steps", "2"])


@pytest.mark.parametrize("command", list(commands()))
def test_commands_of_the_page_print_what_was_measured(command, monkeypatch, capsys):
    pytest.importorskip("librosa")
    files = sorted(KEPT.glob("*.json"))
    before = [path.read_bytes() for path in files]
    run(monkeypatch, shlex.split(command))
    assert capsys.readouterr().out.count("\n| ") >= 4
    assert [path.read_bytes() for path in files] == before


def test_every_file_of_results_has_such_a_command():
    shown = "\n".join(commands())
    assert all(f"results/{path.name}" in shown for path in KEPT.glob("*.json"))
