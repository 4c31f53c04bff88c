"""The benchmark of polyphonic music: trained once, kept, and its table."""

from benchmark_scripts import benchmark_module
from nano_sequence_tasks import rolls, write_mat

SCRIPT = benchmark_module("polyphonic_music")


def scores(test):
    return {"parameters": 7, "best_epoch": 1, "train": 1.0, "valid": 2.0, "test": test}


def test_the_table_has_the_published_scores_beside():
    own = {"jsb": {"tcn": {"0": scores(8.0), "1": scores(8.2)}}}
    others = {"jsb": {"seq_unet": {"0": scores(8.1)}}, "piano": {"tcn": {"0": scores(7.5)}}}
    rows = SCRIPT.table(SCRIPT.merged([own, others])).splitlines()
    assert [row.count("|") for row in rows] == [9] * 5
    assert rows[2].startswith("| jsb | tcn | 7 | 2 | 1.000 ± 0.000 |")
    assert rows[2].endswith("| 8.154 |")
    assert rows[3].endswith("| 8.100 | 8.173 |") and rows[4].endswith("| 7.500 | - |")


def test_what_is_measured_is_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(SCRIPT, "training_of", lambda mats, *what: what)
    monkeypatch.setattr(SCRIPT, "run_once", lambda training, work, title: scores(float(len(title))))
    options = ["mats", "--sets", "jsb", "--seeds", "0", "--out", str(tmp_path / "x.json")]
    SCRIPT.run(SCRIPT.parser().parse_args(options))
    assert "x, jsb, tcn, seed 0: 16.000" in capsys.readouterr().out
    SCRIPT.run(SCRIPT.parser().parse_args(options))
    again = capsys.readouterr().out
    assert "seed 0" not in again and "| jsb | tcn | 7 | 1 |" in again
    # With --table nothing is trained, and what is there is shown.
    SCRIPT.run(SCRIPT.parser().parse_args(["mats", "--table", "--out", str(tmp_path / "x.json")]))
    table = capsys.readouterr().out
    assert "| jsb | tcn | 7 | 1 |" in table and "nottingham" not in table


def test_trainings_are_the_published_ones(tmp_path):
    parts = {f"{split}data": rolls([20, 33]) for split in ("train", "valid", "test")}
    for file in SCRIPT.FILES.values():
        write_mat(tmp_path / file, **parts)
    training = SCRIPT.training_of(tmp_path, "nottingham", "tcn", 7, 3)
    assert (training.recipe.learning_rate, training.recipe.clip) == (0.000067, 0.601)
    assert (training.recipe.epochs, training.seed, training.epoch_steps) == (7, 3, 2)
    piano = SCRIPT.training_of(tmp_path, "piano", "seq_unet", 7, 3)
    assert piano.task == SCRIPT.training_of(tmp_path, "muse", "seq_unet", 7, 3).task


def test_no_timed_step_takes_a_look(tmp_path, monkeypatch):
    parts = {f"{split}data": rolls([20, 33]) for split in ("train", "valid", "test")}
    write_mat(tmp_path / "JSB_Chorales.mat", **parts)
    training = SCRIPT.training_of(tmp_path, "jsb", "tcn", 1, 0)
    monkeypatch.setattr(SCRIPT, "TIMED", 1)
    looks = []
    monkeypatch.setattr(type(training), "_looked", lambda *_: looks.append(1))
    steps, look = SCRIPT.epoch_seconds(training)
    assert steps > 0 and look > 0 and not looks
