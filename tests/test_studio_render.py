"""`umir studio render`: the same bytes however it is run, a folder that `umir finetune` reads."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pretty_midi
import pytest
from folders import fails
from tiny import TINY

from umir.audio import read_audio
from umir.cli import main
from umir.data.manifest import read_manifest
from umir.files import locked
from umir.meta_train import parser as training_parser
from umir.meta_train import plan_of
from umir.song_library import LibrarySettings, SongLibrary
from umir.studio import STEMS, render_song
from umir.studio.song_files import TASK_MANIFESTS
from umir.studio.sounds.soundfont import default_soundfont
from umir.studio_command import parser, settings_of
from umir.user_data import read_user_data

SECONDS = 4.0
SONGS = 7  # with these, every split has songs
# `--without` alone: songs with all features, as `render_song` makes them.
OPTIONS = ["--seed", "0", "--song-seconds", str(SECONDS), "--rate", "8000", "--without"]
HOURS = ["--hours", str(SONGS * SECONDS / 3600)]


def _tree(root):
    """Return file name -> bytes of everything below a folder."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    root = tmp_path_factory.mktemp("songs") / "library"
    assert main(["studio", "render", *HOURS, *OPTIONS, "--out", str(root)]) == 0
    return root


@pytest.fixture
def copied(library, tmp_path):
    return shutil.copytree(library, tmp_path / "copy")


def _go_on(root, *options):
    return main(["studio", "render", *HOURS, *OPTIONS, "--out", str(root), *options])


def test_the_folder(library):
    songs = [f"00000-00999/{number:05d}" for number in range(SONGS)]
    assert sorted(path.name for path in (library / "00000-00999").iterdir()) == [
        song.split("/")[1] for song in songs
    ]
    lines = [json.loads(line) for line in (library / "manifest.jsonl").read_text().splitlines()]
    assert [line["audio"] for line in lines] == [f"{song}/mixture.flac" for song in songs]
    assert len({line["group"] for line in lines}) == SONGS
    names = {path.name for path in library.iterdir()}
    tasks = {f"{task}.jsonl" for task in TASK_MANIFESTS}
    assert names == {"00000-00999", "manifest.jsonl", "settings.json"} | tasks


def test_several_processes_write_what_one_writes(library, tmp_path):
    assert _go_on(tmp_path / "other", "--workers", "2") == 0
    assert _tree(tmp_path / "other") == _tree(library)


def _rows(annotation):
    """Return the numbers of an annotation as rows; those of notes sorted: readers order chords."""
    fields = ("times", "intervals", "frequencies")
    columns = [getattr(annotation, field) for field in fields if hasattr(annotation, field)]
    rows = np.column_stack(columns)
    return rows[np.lexsort(np.round(rows, 6).T[::-1])] if rows.shape[1] == 3 else rows


def test_the_labels_are_those_of_the_songs(library):
    songs = [render_song(seed, rate=8000, duration=SECONDS) for seed in range(SONGS)]
    wanted = {
        ("manifest", "events"): "drums",
        ("manifest", "intervals"): "chords",
        ("manifest", "f0"): "melody",
        ("manifest", "notes"): "notes",
        **{(task, kind): name for task, (kind, name) in TASK_MANIFESTS.items()},
    }
    for (file, kind), name in wanted.items():
        read = read_manifest(library / f"{file}.jsonl", kind).examples(None, 8000, 1)
        assert len(read) == SONGS
        for song, example in zip(songs, read, strict=True):
            assert example.group == song.name
            truth, found = getattr(song, name), example.annotation
            if kind == "label":
                shown = f"{truth:.2f}" if name == "tempo" else truth
                assert found.names == (shown,)
                continue
            np.testing.assert_allclose(_rows(found), _rows(truth), atol=2e-6)
            if kind in ("events", "intervals"):
                assert found.labels == truth.labels
    for kind in ("label", "labels"):
        read = read_manifest(library, kind).examples(None, 8000, 1)
        truths = [(s.style,) if kind == "label" else s.instruments.names for s in songs]
        assert [example.annotation.names for example in read] == truths


def test_the_audio_is_that_of_the_songs(library):
    for example in read_manifest(library, "stems").examples(None, 8000, 1):
        stems = example.annotation.waveforms
        assert sorted(stems) == sorted(STEMS)
        np.testing.assert_allclose(sum(stems.values()), example.waveform, atol=5 / 2**16)
    for seed in range(SONGS):
        song = render_song(seed, rate=8000, duration=SECONDS)
        folder = library / "00000-00999" / f"{seed:05d}"
        peak = max(np.abs(wave).max() for wave in (song.mixture, *song.stems.values()))
        gain = 0.99 / peak if peak > 1 else 1
        for name, wave in {"mixture": song.mixture, **song.stems}.items():
            read, rate = read_audio(folder / f"{name}.flac")
            assert rate == 8000
            np.testing.assert_allclose(read, gain * wave, atol=1 / 2**15)


@pytest.mark.parametrize("kind", ["label", "labels", "events", "intervals", "f0", "notes", "stems"])
def test_finetune_can_read_every_kind(library, kind):
    data = read_user_data(library, TINY, kind=kind)
    assert data.train and data.valid and data.test
    # Seven songs do not have every class in train: that is of no line.
    assert not [problem for problem in data.problems if problem.line]
    groups = [{example.group for example in part} for part in (data.train, data.valid, data.test)]
    assert sum(map(len, groups)) == len(set.union(*groups)) == SONGS


@pytest.mark.parametrize("task", TASK_MANIFESTS)
def test_finetune_can_read_every_task(library, task):
    data = read_user_data(library / f"{task}.jsonl", TINY, task=task)
    assert len(data.train) + len(data.valid) + len(data.test) == SONGS and not data.problems


def test_finetune_learns_from_the_folder(library, tiny_preset, capsys):
    start = ["--init", "scratch", "--preset", "tiny", "--steps", "1", "--out", "model"]
    assert main(["finetune", "--data", str(library), "--task", "drum_transcription", *start]) == 0
    assert "F-measure" in capsys.readouterr().out
    assert main(["finetune", "--data", str(library), *start]) == 1
    assert "several kinds of annotation" in capsys.readouterr().err


def test_what_is_missing_or_half_written_is_made_again(library, copied, capsys):
    shard = copied / "00000-00999"
    shutil.rmtree(shard / "00001")
    (shard / "00003").rename(shard / ".00003-0123abcd")
    (shard / ".00003-0123abcd" / "song.json").unlink()
    (copied / "manifest.jsonl").unlink()
    mine = {"notes.txt": b"mine", "00000-00999/cover.jpg": b"mine", "00000-00999/.x": b"mine"}
    for name, content in mine.items():
        (copied / name).write_bytes(content)
    before = (shard / "00000" / "mixture.flac").stat().st_mtime_ns
    assert _go_on(copied) == 0
    assert f"({SONGS} of them, {SONGS - 2} were there before)" in capsys.readouterr().out
    assert _tree(copied) == {**_tree(library), **mine}
    assert (shard / "00000" / "mixture.flac").stat().st_mtime_ns == before


def test_a_folder_grows_and_does_not_shrink(library, tmp_path):
    out = ["--out", str(tmp_path / "grown")]
    hours = [str(number * SECONDS / 3600) for number in (2, SONGS, 1)]
    for number, count in zip(hours, (2, SONGS, SONGS), strict=True):
        assert main(["studio", "render", "--hours", number, *OPTIONS, *out]) == 0
        assert len((tmp_path / "grown" / "manifest.jsonl").read_text().splitlines()) == count
    assert _tree(tmp_path / "grown") == _tree(library)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("way", ["SIGINT", "SIGKILL"])
def test_a_stopped_run_goes_on(library, tmp_path, workers, way):
    root = tmp_path / "stopped"
    words = ["render", *HOURS, *OPTIONS, "--out", str(root), "--workers", workers]
    running = subprocess.Popen(
        [sys.executable, "-m", "umir.studio", *words],
        start_new_session=True, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 120
    while not (root / "00000-00999" / "00001").exists():
        assert time.monotonic() < until and running.poll() is None, running.stderr.read()
        time.sleep(0.005)
    (os.killpg if way == "SIGINT" else os.kill)(running.pid, getattr(signal, way))
    _, errors = running.communicate(timeout=60)
    if way == "SIGINT" and running.returncode != 0:  # 0: it was through before it was stopped
        assert running.returncode == 130, errors
        assert "Traceback" not in errors
        line = errors.strip().splitlines()[-1]
        assert line.startswith("umir studio: interrupted; go on with: ")
        command = line.split("go on with: ")[1]
        assert not any(name.startswith(".") for name in os.listdir(root / "00000-00999"))
        whole = len((root / "manifest.jsonl").read_text().splitlines())
        assert whole == len(os.listdir(root / "00000-00999"))
        assert subprocess.run(command, shell=True, check=False).returncode == 0
    else:
        assert _go_on(root) == 0
    assert _tree(root) == _tree(library)


def test_a_full_disk_is_one_line(library, tmp_path, capsys, monkeypatch):
    real = os.rename
    monkeypatch.chdir(tmp_path)

    def rename(old, new):
        if str(new).endswith("00002"):
            raise OSError(28, "No space left on device", str(old), None, str(new))
        real(old, new)

    with monkeypatch.context() as patch:
        patch.setattr("os.rename", rename)
        line = fails(capsys, "studio", "render", *HOURS, *OPTIONS, "--out", "full")
    place = "full/00000-00999/00002"
    assert f"umir studio: [Errno 28] No space left on device: '{place}'; what is there" in line
    assert " -m umir.studio render --hours " in line
    assert sorted(os.listdir("full/00000-00999")) == ["00000", "00001"]
    assert _go_on(tmp_path / "full") == 0
    assert _tree(tmp_path / "full") == _tree(library)


def test_a_second_process_is_refused(copied, capsys):
    with locked(copied):
        assert _go_on(copied) == 1
    assert "is writing there; wait for it or give another folder" in capsys.readouterr().err


def test_a_song_that_somebody_else_completed_stays(copied):
    """A process that lost its parent ends its song while the next one has begun."""
    library = SongLibrary(copied, LibrarySettings(8000, seed=0, song_seconds=SECONDS))
    from umir.studio.song_files import write_song

    before = _tree(copied)
    write_song(library.folder(0), render_song(1, rate=8000, duration=SECONDS))
    assert _tree(copied) == before
    (library.folder(8)).mkdir()
    (library.folder(8) / "mine.txt").write_text("mine")
    with pytest.raises(OSError, match="00008"):
        write_song(library.folder(8), render_song(1, rate=8000, duration=SECONDS))


def test_shards_hold_a_thousand_songs(tmp_path):
    library = SongLibrary(tmp_path, LibrarySettings())
    names = {n: library.folder(n).relative_to(tmp_path).as_posix() for n in (999, 1000, 123_456)}
    assert names == {
        999: "00000-00999/00999",
        1000: "01000-01999/01000",
        123_456: "123000-123999/123456",
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--seed", "1"], "made with another 'seed': 0, not 1; give the same settings"),
        (["--without", "timbre"], "another 'without': none, not timbre"),
        (["--format", "wav"], "another 'container': flac, not wav"),
    ],
)
def test_other_settings_are_refused(copied, capsys, options, words):
    before = _tree(copied)
    assert _go_on(copied, *options) == 1
    assert words in capsys.readouterr().err
    assert _tree(copied) == before


def test_unless_told_otherwise_no_training_has_heard_the_songs():
    rendered = settings_of(parser().parse_args(["render", "--hours", "1", "--out", "o"]))
    trained = plan_of(training_parser().parse_args([]))
    assert rendered.seed > trained.seed + 100 and rendered.without == tuple(trained.without)


def test_other_peoples_folders_are_refused(tmp_path, capsys):
    (tmp_path / "manifest.jsonl").write_text("{}")
    assert _go_on(tmp_path) == 1
    assert "is not of songs that the studio rendered" in capsys.readouterr().err
    (tmp_path / "settings.json").write_text("[1")
    assert _go_on(tmp_path) == 1
    assert "settings.json: is damaged" in capsys.readouterr().err
    file = tmp_path / "file"
    file.write_text("")
    assert _go_on(file) == 1
    assert "a file is where a folder is needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--hours", "1e9"], "take another --seed after 1000000 songs"),
        (["--rate", "4000"], "--rate must be 8000 Hz at least"),
        (["--song-seconds", "0.5"], "--song-seconds 1 s at least"),
        (["--soundfonts", "."], "no .sf2 files in it"),
        (["--midi", "nowhere"], "nowhere: no .mid or .midi files in it"),
        (["--midi", "nowhere", "--without", "singing"], "--without: means nothing to --midi"),
    ],
)
def test_what_cannot_be_rendered_is_one_line(tmp_path, monkeypatch, capsys, options, words):
    monkeypatch.chdir(tmp_path)
    assert words in fails(capsys, "studio", "render", *HOURS, *OPTIONS, "--out", "o", *options)
    assert not (tmp_path / "o").exists()


def test_features_channels_and_formats(tmp_path):
    options = ["--without", "timbre", "production", "--channels", "2", "--format", "wav"]
    options += ["--seed", "3"]
    hours = ["--hours", str(SECONDS / 3600)]
    assert main(["studio", "render", *hours, *OPTIONS, *options, "--out", str(tmp_path)]) == 0
    settings = LibrarySettings(8000, 2, 3, SECONDS, ("production", "timbre"), container="wav")
    song = settings.song(0)
    assert settings_of(parser().parse_args(["render", "--hours", "1", "--out", "o"])).without == (
        "metre",
    )
    assert song.seed == 3_000_000
    read, _ = read_audio(tmp_path / "00000-00999" / "00000" / "mixture.wav")
    np.testing.assert_array_equal(read, song.mixture)
    assert read.shape[1] == 2


def _midi_folder(folder):
    folder.mkdir()
    for name, pitches in {"a": (60, 64, 67), "b": (62, 65, 69)}.items():
        song = pretty_midi.PrettyMIDI()
        piano = pretty_midi.Instrument(0)
        for place, pitch in enumerate(pitches):
            piano.notes.append(pretty_midi.Note(90, pitch, place, place + 0.9))
        song.instruments.append(piano)
        song.write(str(folder / f"{name}.mid"))
    (folder / "broken.mid").write_bytes(b"MThd")


def test_midi_files_are_played_in_turn(tmp_path, capsys):
    _midi_folder(tmp_path / "midi")
    options = ["--midi", str(tmp_path / "midi"), "--hours", str(8 / 3600), "--rate", "8000"]
    assert main(["studio", "render", *options, "--out", str(tmp_path / "out")]) == 0
    assert "left out: " in (shown := capsys.readouterr()).err and "broken.mid" in shown.err
    lines = (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()
    groups = [json.loads(line)["group"] for line in lines]
    a, b = (str(tmp_path / "midi" / f"{name}.mid") for name in "ab")
    assert groups == [a, b, a]
    assert not any("intervals" in json.loads(line) for line in lines)  # nobody knows the chords
    notes = read_manifest(tmp_path / "out", "notes").examples(None, 8000, 1)
    for example, pitches in zip(notes, [(60, 64, 67), (62, 65, 69), (60, 64, 67)], strict=True):
        found = 69 + 12 * np.log2(example.annotation.frequencies / 440)
        np.testing.assert_allclose(found, pitches, atol=0.01)
    assert not np.array_equal(notes[0].waveform, notes[2].waveform)


def test_a_broken_soundfont_is_left_out_and_leaves_no_trace(tmp_path, capsys):
    folder, out = tmp_path / "fonts", tmp_path / "out"
    folder.mkdir()
    (folder / "broken.sf2").write_bytes(b"RIFF\xff\xff\0\0sfbk")
    options = ["--soundfonts", str(folder), "--hours", str(SECONDS / 3600), *OPTIONS]
    assert main(["studio", "render", *options, "--out", str(out)]) == 1
    shown = capsys.readouterr().err
    assert "broken.sf2: cut short, " in shown
    assert "none of the 1 SoundFonts can be played" in shown
    assert not out.exists()
    shutil.copy(default_soundfont(), folder / "whole.sf2")
    assert main(["studio", "render", *options, "--out", str(out)]) == 0
    assert "left out: " in capsys.readouterr().err
    assert json.loads((out / "settings.json").read_text())["soundfonts"] == [
        str(folder / "whole.sf2")
    ]


def test_a_folder_of_broken_midi_files(tmp_path, capsys):
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    options = ["--midi", str(tmp_path), "--hours", "1", "--out", str(tmp_path / "out")]
    assert main(["studio", "render", *options]) == 1
    shown = capsys.readouterr().err
    assert "broken.mid: is not a MIDI file we can read (it ends too early)" in shown
    assert "none of the 1 MIDI files can be played" in shown
