"""`umir studio render`: what can be asked for, and what is refused in one line."""

import json
import shutil

import numpy as np
import pretty_midi
import pytest
from folders import fails
from rendered_library import HOURS, OPTIONS, SECONDS

from umir.audio import read_audio
from umir.cli import main
from umir.data.manifest import read_manifest
from umir.meta_train import parser as training_parser
from umir.meta_train import plan_of
from umir.song_library import LibrarySettings, SongLibrary
from umir.studio.sounds.soundfont import default_soundfont
from umir.studio_command import parser, settings_of


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--hours", "1e9"], "take another --seed after 1000000 songs"),
        (["--rate", "4000"], "--rate must be 8000 Hz at least"),
        (["--song-seconds", "0.5"], "--song-seconds 1 s at least"),
        (["--soundfonts", "."], "no .sf2 files in it"),
        (["--midi", "nowhere", "--without", "singing"], "--without: means nothing to --midi"),
        (["--midi", "nowhere"], "--song-seconds: songs are as long as their --midi files"),
    ],
)
def test_what_cannot_be_rendered_is_one_line(tmp_path, monkeypatch, capsys, options, words):
    monkeypatch.chdir(tmp_path)
    assert words in fails(capsys, "studio", "render", *HOURS, *OPTIONS, "--out", "o", *options)
    assert not (tmp_path / "o").exists()


def test_a_folder_without_midi_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    told = fails(capsys, "studio", "render", *HOURS, "--out", "o", "--midi", "nowhere")
    assert "nowhere: no .mid or .midi files in it" in told and not (tmp_path / "o").exists()


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


def test_unless_told_otherwise_no_training_has_heard_the_songs():
    rendered = settings_of(parser().parse_args(["render", "--hours", "1", "--out", "o"]))
    trained = plan_of(training_parser().parse_args([]))
    assert rendered.seed > trained.seed + 100 and rendered.without == tuple(trained.without)


def test_shards_hold_a_thousand_songs(tmp_path):
    library = SongLibrary(tmp_path, LibrarySettings())
    names = {n: library.folder(n).relative_to(tmp_path).as_posix() for n in (999, 1000, 123_456)}
    assert names == {
        999: "00000-00999/00999",
        1000: "01000-01999/01000",
        123_456: "123000-123999/123456",
    }
