"""`finetune` and `evaluate` on public data sets, alone and with a user's folder."""

import json

from made_sets import make_folder, make_mdb_drums, text, tone

from umir.cli import main
from umir.task_model import TaskModel

TINY = ["--init", "scratch", "--preset", "tiny", "--steps", "1"]


def test_a_data_set_and_a_folder_train_together(tmp_path, tiny_preset, capsys):
    drums = f"mdb_drums:{make_mdb_drums(tmp_path / 'mdb')}"
    folder = make_folder(tmp_path / "mine")
    out = tmp_path / "model"
    options = ["--task", "drum_transcription", "--out", str(out), *TINY]
    assert main(["finetune", "--data", f"{drums},{folder}", *options]) == 0
    splits = TaskModel.load(out).facts["splits"]
    assert splits["mdb_drums/MusicDelta_Punk"] == "test"
    assert set(splits) > {f"mine/{song}" for song in "abc"}

    scores = tmp_path / "scores.json"
    run = ["evaluate", "--model", str(out), "--json", str(scores)]
    assert main([*run, "--data", drums]) == 0
    tracks = {track["track"] for track in json.loads(scores.read_text())["per_track"]}
    assert tracks == {"mdb_drums/MusicDelta_Punk", "mdb_drums/MusicDelta_Hendrix"}
    # Alone, the folder's songs keep the splits they had beside the data set.
    (held_out,) = [group for group in splits if group[:5] == "mine/" and splits[group] == "test"]
    assert main([*run, "--data", str(folder)]) == 0
    (track,) = json.loads(scores.read_text())["per_track"]
    assert track["track"] == held_out.removeprefix("mine/") + ".wav"
    capsys.readouterr()


def test_tagging_has_the_classes_of_the_data(tmp_path, tiny_preset, capsys):
    folder, rows = tmp_path / "clips", []
    for n, names in enumerate((["flute"], ["harp"], ["flute", "harp"], [], ["harp"], ["flute"])):
        tone(folder / f"{n}.wav")
        rows.append(json.dumps({"audio": f"{n}.wav", "labels": names}))
    text(folder / "manifest.jsonl", "\n".join(rows))
    out = tmp_path / "model"
    options = ["--data", str(folder), "--task", "tagging", "--out", str(out), *TINY]
    assert main(["finetune", *options]) == 0
    task = TaskModel.load(out).task
    assert (task.name, task.vocabulary) == ("tagging", ("flute", "harp"))
    card = (out / "MODEL_CARD.md").read_text()
    assert "- Data: the user's own folder; groups" in card
    assert f"`python -m umir.finetune --data {folder} --out {out} --task tagging --init" in card
    assert main(["evaluate", "--model", str(out), "--data", str(folder), "--split", "train"]) == 0
    assert "tagging, " in capsys.readouterr().out


def test_wrong_data_ends_with_one_line(tmp_path, tiny_preset, capsys):
    home = make_mdb_drums(tmp_path / "mdb")
    for data, said in (
        (f"mdb_drums:{tmp_path / 'none'}", "none: no such folder; to get mdb_drums: git clone"),
        (f"mdb_drums:{home}", "mdb_drums serves several tasks: drum_transcription, "),
        (f"ballroom/beat_tracking:{home}", "fetch it with: umir data get ballroom --index-only"),
        ("drums:nowhere", "no data set 'drums': choose from"),
    ):
        assert main(["finetune", "--data", data, "--out", str(tmp_path / "model"), *TINY]) == 1
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1
        assert said in lines[0]
    data = f"mdb_drums/beat_tracking:{home}"
    wrong = ["--data", data, "--task", "melody_extraction", "--out", str(tmp_path / "model")]
    assert main(["finetune", *wrong, *TINY]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "mdb_drums/beat_tracking has annotations of kind 'events', not 'f0'" in line
