"""`umir separate-train` with critics: what it writes, which folders may be missing or broken."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from folders import RATE, fails, read_rows, write_rows
from small_prior import NET, PRESET

from umir.cli import main
from umir.separation import recipes
from umir.separation.separator_model import SeparatorModel


@pytest.fixture
def command(monkeypatch, tmp_path):
    monkeypatch.setitem(recipes.PRESETS, "magnitudes-half", PRESET)
    monkeypatch.chdir(tmp_path)
    return ["separate-train", "--out", "model", "--prior"]


def test_the_program(stems_folder, command, tmp_path, rng, capsys):
    (tmp_path / "solos").mkdir()
    soundfile.write("solos/a.wav", 0.1 * rng.normal(size=20_000), RATE)
    arguments = [*command, "adversarial", "--solo", "vocals=solos", "--mixtures", str(stems_folder)]
    paired = [*arguments, "--pairs", str(stems_folder)]
    assert main(paired) == 0
    shown = capsys.readouterr()
    assert "SDR/vocals" in shown.out
    assert "mixtures: 2 recordings (0.1 min) for the critics and additivity" in shown.err
    assert "vocals: a critic, which learns from 1 recording (0.0 min); it will know" in shown.err
    model = SeparatorModel.load("model")
    assert model.network == NET and model.facts["validation_loss"] > 0
    log = [json.loads(line) for line in (tmp_path / "model" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [1, 2, 3, 4]
    assert {"loss/supervised", "balance/vocals", "level/vocals", "collapses"} <= set(log[-1])
    assert (tmp_path / "model" / "training.png").stat().st_size > 10_000
    assert main(["separate", str(stems_folder / "3.wav"), "--model", "model"]) == 0
    assert "holds a training" in fails(capsys, *paired)
    assert main([*paired, "--resume"]) == 0
    # Nothing but mixtures and solos.
    arguments[arguments.index("model")] = "blind"
    assert main(arguments) == 0
    assert "pairs: none" in capsys.readouterr().err
    assert (
        "there were no songs to validate with" in (tmp_path / "blind" / "MODEL_CARD.md").read_text()
    )


def test_mixtures_that_are_not_the_sum_of_their_stems_serve_alone(
    stems_folder, command, rng, capsys
):
    rows = read_rows(stems_folder)
    soundfile.write(stems_folder / "odd.wav", 0.3 * rng.normal(size=3 * RATE), RATE)
    rows.append({**rows[0], "audio": "odd.wav", "group": "odd", "split": "train"})
    write_rows(stems_folder, rows)
    pairs = [*command, "adversarial", "--pairs", str(stems_folder)]
    assert main(pairs) == 0
    told = capsys.readouterr().err
    assert "do not add up to the mixture: what is missing is at" in told and " dB of it" in told
    assert "1 of the pairs, whose stems do not add up, serve as mixtures" in told
    # Beside the mixtures of the others, and not instead of them.
    assert "mixtures: those of the pairs, 3 recordings (0.1 min) for the critics" in told
    # What was found is kept with the songs.
    assert main([*pairs, "--resume"]) == 0
    assert "1 of the pairs" in capsys.readouterr().err
    pairs[2], pairs[4] = "plain", "none"
    assert main([*pairs, "--preset", "magnitudes-half"]) == 0
    assert "serve as mixtures" not in capsys.readouterr().err


def test_what_a_manifest_holds_out_teaches_no_critic(stems_folder, command, capsys):
    """Without pairs: the splits of the mixtures' own manifest hold, and the model knows of them."""
    rows = read_rows(stems_folder)
    write_rows(stems_folder, [*rows, {"audio": "gone.wav"}, {"stems": {}}])
    solos = [f"--solo={name}={stems_folder}" for name in ("vocals", "accompaniment")]
    arguments = [*command, "adversarial", "--mixtures", str(stems_folder), *solos]
    assert main(arguments) == 0
    told = capsys.readouterr().err
    assert "mixtures: 2 recordings" in told and "gone.wav: no such file" in told
    assert "is of the split 'test'; left out" in told and "audio: must be a path" in told
    taught = SeparatorModel.load("model").facts["splits"]
    assert taught == {row["audio"]: "train" for row in rows[:2]}
    write_rows(stems_folder, [{**row, "split": "test"} for row in rows])
    scored = ["evaluate", "--model", "model", "--data", str(stems_folder), "--json", "scores.json"]
    assert main(scored) == 0
    tracks = json.loads(Path("scores.json").read_text())["per_track"]
    assert [track["track"] for track in tracks] == ["2.wav", "3.wav"]
    assert "at 4000 Hz, 1 channel(s)" in capsys.readouterr().out


def test_arguments_that_do_not_fit(stems_folder, command, capsys):
    told = fails(capsys, *command, "adversarial", "--preset", "m4", "--pairs", str(stems_folder))
    assert "--prior adversarial: not of the preset m4" in told
    assert "no songs with stems: give --pairs" in fails(capsys, *command[:3])
    for name in ("mixture", "inputs", "labelled", "paired", "real", "generated"):
        named = [*command, "factorgan", "--pairs", str(stems_folder), "--sources", f"{name},bass"]
        assert f"source {name}: training has that name" in fails(capsys, *named)
    pairs = ["--pairs", str(stems_folder), "--solo", "oboe=nowhere"]
    assert "solos of oboe: the sources are" in fails(capsys, *command, "adversarial", *pairs)
    pairs[-1] = "vocals=nowhere"
    assert "nowhere: no such file or folder" in fails(capsys, *command, "adversarial", *pairs)
    pairs = [*command, "factorgan", "--pairs", str(stems_folder), "--batch", "1"]
    assert "--batch 1: critics compare" in fails(capsys, *pairs)
    pairs = [*command, "adversarial", "--pairs", str(stems_folder), "--sources", "other/oboe,rest"]
    assert "source other/oboe: give the name of the part alone, oboe" in fails(capsys, *pairs)
    mixtures = ["--mixtures", str(stems_folder)]
    assert "no recordings of any source" in fails(capsys, *command, "adversarial", *mixtures)
    solo = [*command, "factorgan", *mixtures, "--solo", f"vocals={stems_folder}"]
    assert "there are no recordings of accompaniment" in fails(capsys, *solo)
    # What is wrong with arguments is found before anything is written.
    assert not Path("model").exists()
    with pytest.raises(SystemExit, match="2"):
        main([*command, "none", "--solo", "vocals"])
    assert "give NAME=DIR" in capsys.readouterr().err


def test_pairs_none_of_which_add_up_are_mixtures(stems_folder, command, tmp_path, rng, capsys):
    """Mastered mixtures: the critics learn from them, from solos, and from nothing else."""
    for n in range(3):
        soundfile.write(stems_folder / f"{n}.wav", 0.3 * rng.normal(size=3 * RATE), RATE)
    (tmp_path / "solos").mkdir()
    soundfile.write("solos/a.wav", 0.1 * rng.normal(size=20_000), RATE)
    pairs = [*command, "adversarial", "--pairs", str(stems_folder)]
    assert main([*pairs, "--solo", "vocals=solos"]) == 0
    told = capsys.readouterr().err
    assert "2 of the pairs, whose stems do not add up, serve as mixtures" in told
    assert "pairs: none, so nothing is learnt from answers; the last average is kept" in told
    # Of two folders likewise.
    shutil.copytree(stems_folder, tmp_path / "more")
    pairs[2], pairs[-1] = "two", f"{stems_folder},{tmp_path / 'more'}"
    assert main([*pairs, "--solo", "vocals=solos"]) == 0
    assert "4 of the pairs, whose stems do not add up" in capsys.readouterr().err
    pairs[2], pairs[4], pairs[-1] = "plain", "none", str(stems_folder)
    assert main(pairs) == 1
    told = capsys.readouterr().err
    assert told.count("do not add up to the mixture: what is missing is at") == 3
    assert "no song of the split 'train' can be used" in told


def test_songs_of_one_artist_are_enough_without_critics(stems_folder, command, capsys):
    """There is nothing to validate with, and nothing needs it: the steps are given."""
    rows = [{**row, "group": "one", "split": "train"} for row in read_rows(stems_folder)]
    write_rows(stems_folder, rows)
    alone = [*command, "none", "--preset", "magnitudes-half", "--pairs", str(stems_folder)]
    assert main(alone) == 0
    assert "4 recordings (0.2 min) to learn from, none to choose by" in capsys.readouterr().err
    assert SeparatorModel.load("model").facts["validation_loss"] is None


def test_a_broken_test_song_costs_its_score_alone(stems_folder, command, tmp_path, rng, capsys):
    (stems_folder / "3.wav").write_bytes(b"RIFF and no more")
    (tmp_path / "solos").mkdir()
    soundfile.write("solos/a.wav", 0.1 * rng.normal(size=20_000), RATE)
    pairs = [*command, "adversarial", "--pairs", str(stems_folder), "--solo", "vocals=solos"]
    assert main(pairs) == 0
    assert "3.wav: is not audio we can read" in capsys.readouterr().err
    assert SeparatorModel.load("model").network == NET


def test_four_stems_are_four_parts(stems_folder, command, rng, capsys):
    """A critic for each, and two for what belongs together."""
    names = ("bass", "drums", "other", "vocals")
    rows = read_rows(stems_folder)
    for n, row in enumerate(rows):
        row["stems"] = {name: f"{n}_{name}.wav" for name in names}
        stems = 0.1 * rng.normal(size=(4, 3 * RATE)).astype(np.float32)
        for path, stem in zip(row["stems"].values(), stems, strict=True):
            soundfile.write(stems_folder / path, stem, RATE, subtype="FLOAT")
        soundfile.write(stems_folder / row["audio"], stems.sum(0), RATE, subtype="FLOAT")
    write_rows(stems_folder, rows)
    more = ["--pairs", str(stems_folder), "--sources", ",".join(names), "--alpha", "0.01"]
    assert main([*command, "factorgan", *more]) == 0
    assert "SDR/drums" in capsys.readouterr().out
    last = json.loads((Path("model") / "log.jsonl").read_text().splitlines()[-1])
    assert {f"balance/{n}" for n in (*names, "real", "generated")} <= set(last)
    assert "began with other settings: recipe.alpha (0.01, now 0.02)" in fails(
        capsys, *command, "factorgan", *more[:-1], "0.02", "--resume"
    )
    told = fails(capsys, *command, "none", *more)
    assert "--alpha: not of the preset" in told
