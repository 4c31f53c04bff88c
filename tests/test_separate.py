"""`umir separate` as a program: arguments, folders, several processes, Ctrl-C."""

import os
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
import soundfile
from tiny import TINY

from umir.cli import main
from umir.file_batch import files_among
from umir.results import NOTES
from umir.separate import SpeedBars
from umir.task_model import TaskModel
from umir.tasks import get_task
from umir.wave_unet import Network


@pytest.fixture
def room(tmp_path, monkeypatch, rng):
    """A folder with a model and three songs, one of them broken, to work in."""
    task = get_task("vocal_separation")
    network = Network(TINY, task.head)
    params = network.init(jax.random.key(0))
    TaskModel(network, task, params, {"rate": TINY.rate}).save(tmp_path / "model", "# tiny\n")
    (tmp_path / "songs" / "deeper").mkdir(parents=True)
    for name in ("a.wav", "b.flac", "deeper/c.wav"):
        song = 0.1 * rng.normal(size=(30_000, 2))
        soundfile.write(tmp_path / "songs" / name, song, 44_100)
    (tmp_path / "songs" / "broken.wav").write_bytes(b"RIFF")
    (tmp_path / "songs" / "cover.jpg").write_bytes(b"no song")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _made(folder):
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return {path.as_posix() for path in paths if NOTES not in path.parts}


def test_the_audio_files_of_a_folder_not_of_those_below(room):
    (room / "songs" / "._a.wav").write_bytes(b"what a Mac leaves on foreign disks")
    found = [path.name for path in files_among([room / "songs", room / "x.mp3"])]
    assert found == ["a.wav", "b.flac", "broken.wav", "x.mp3"]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_bad_file_does_not_stop_the_others(room, capfd, jobs):
    assert main(["separate", "songs", "--model", "model", "--jobs", jobs]) == 1
    names = ("vocals", "accompaniment")
    expected = {f"model/{song}/{stem}.wav" for song in "ab" for stem in names}
    assert _made(room / "separated") == expected
    shown = capfd.readouterr()
    assert "failed: songs/broken.wav: " in shown.err and "1 of 3 files failed" in shown.err
    lines = shown.out.splitlines()
    assert {line.split(": ")[0] for line in lines[:2]} == {
        "separated/model/a",
        "separated/model/b",
    }
    assert lines[-1].startswith("2 of 3 files: 1 s of audio in ")
    assert all(line.endswith(" x real time") for line in lines)


def test_several_processes_write_what_one_writes(room):
    for jobs in ("1", "2"):
        main(["separate", "songs", "--model", "model", "--jobs", jobs, "--out", jobs])
    assert _made(room / "1") == _made(room / "2")
    for name in _made(room / "1"):
        one, two = (soundfile.read(room / jobs / name)[0] for jobs in ("1", "2"))
        np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "suffix", "subtype"),
    [
        ([], "wav", "FLOAT"),
        (["--samples", "16"], "wav", "PCM_16"),
        (["--samples", "24"], "wav", "PCM_24"),
        (["--format", "flac"], "flac", "PCM_24"),
        (["--format", "flac", "--samples", "16"], "flac", "PCM_16"),
    ],
)
def test_formats(room, options, suffix, subtype):
    assert main(["separate", "songs/a.wav", "--model", "model", "--out", "o", *options]) == 0
    assert _made(room / "o") == {f"model/a/{stem}.{suffix}" for stem in ("vocals", "accompaniment")}
    assert soundfile.info(room / "o" / "model" / "a" / f"vocals.{suffix}").subtype == subtype


def test_integers_that_would_clip_are_announced(room, capsys):
    loud = 5 * np.sign(np.sin(np.arange(30_000)))
    soundfile.write("songs/loud.wav", loud, 16_000, subtype="FLOAT")
    arguments = ["songs/loud.wav", "--model", "model", "--samples", "16"]
    assert main(["separate", *arguments]) == 0
    assert "all stems scaled by 0." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--format", "flac", "--samples", "float"], "choose --samples 16 or 24"),
        (["--samples", "32"], "invalid choice: '32'"),
        (["--jobs", "0"], "must be at least 1"),
    ],
)
def test_wrong_arguments_end_with_2(room, capsys, options, words):
    with pytest.raises(SystemExit) as stop:
        main(["separate", "songs", "--model", "model", *options])
    assert stop.value.code == 2
    assert words in capsys.readouterr().err


def test_a_folder_without_audio(room, capsys):
    (room / "empty").mkdir()
    assert main(["separate", "empty", "--model", "model"]) == 1
    assert "no audio files in empty" in capsys.readouterr().err


def test_predict_writes_what_separate_writes(room):
    assert main(["predict", "songs/a.wav", "--model", "model", "--out", "p"]) == 0
    assert main(["separate", "songs/a.wav", "--model", "model", "--out", "s"]) == 0
    assert _made(room / "p") == {"a/vocals.wav", "a/accompaniment.wav"}
    for name in _made(room / "p"):
        assert (room / "p" / name).read_bytes() == (room / "s" / "model" / name).read_bytes()


def test_another_song_of_the_name_does_not_replace_the_first(room, capsys):
    options = ["--model", "model", "--out", "o"]
    assert main(["separate", "songs/a.wav", *options]) == 0
    written = (room / "o" / "model" / "a" / "vocals.wav").read_bytes()
    soundfile.write("songs/deeper/a.wav", np.zeros(9000), 16_000)
    assert main(["separate", "songs/deeper/a.wav", *options]) == 1
    failed = "failed: songs/deeper/a.wav: nothing is written: o/model/a is there already"
    assert failed in capsys.readouterr().err
    assert main(["separate", "songs/a.wav", *options]) == 0
    assert (room / "o" / "model" / "a" / "vocals.wav").read_bytes() == written


def test_the_bar_shows_the_speed(monkeypatch, capsys, tmp_path):
    """On a terminal; elsewhere there are no bars."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    bars = SpeedBars()
    for done in (0.0, 30.0, 60.0):
        bars(0, tmp_path / "song.wav", done, 60.0)
    assert bars._bars[0][1].n == 60
    bars.close()
    shown = capsys.readouterr().err
    assert "song.wav, " in shown and " x real time: " in shown and "100%" in shown


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("name", "status", "jobs"), [("SIGINT", 130, "1"), ("SIGINT", 130, "2"), ("SIGTERM", 143, "1")]
)
def test_what_ends_it_leaves_nothing_half_written(room, name, status, jobs):
    for song in ("a", "b"):  # long enough not to be through before they are interrupted
        path = room / "long" / f"{song}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, np.zeros((3600 * 8000, 1), np.int16), 8000, subtype="PCM_16")
    command = [sys.executable, "-m", "umir.separate", "long", "--model", "model", "--jobs", jobs]
    running = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    folder, until = room / "separated" / "model", time.monotonic() + 120
    while not (folder.exists() and len(list(folder.iterdir())) == int(jobs)):
        assert time.monotonic() < until and running.poll() is None, running.stderr.read()
        time.sleep(0.02)
    os.killpg(running.pid, getattr(signal, name))
    _, errors = running.communicate(timeout=60)
    assert running.returncode == status
    assert errors.splitlines()[-1] == "umir separate: interrupted"
    assert "Traceback" not in errors
    assert list(folder.iterdir()) == []
