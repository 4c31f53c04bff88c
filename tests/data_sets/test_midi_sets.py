"""Slakh, POP909 and ASAP: made copies and excerpts."""

import json

import numpy as np
import pretty_midi
import pytest
import soundfile
import yaml
from made_sets import RATE, real_folder, real_set, text, tone

from umir.annotations import Labels
from umir.data_sets import DataSetError, open_data_set
from umir.data_sets.piano_sets import bar_beats, score_beats
from umir.tasks import get_task

A3, A4 = 57, 69


def examples(name, home, task, index=None):
    data = open_data_set(name, home, task, index=index)
    return data, data.examples(None, 8000, 1)


def song(path, notes, is_drum=False, pedal=()):
    """Write a MIDI file of notes (start, end, number), with the sustain pedal at some times."""
    midi = pretty_midi.PrettyMIDI(initial_tempo=120.0, resolution=480)
    player = pretty_midi.Instrument(program=0, is_drum=is_drum)
    player.notes.extend(pretty_midi.Note(90, number, start, end) for start, end, number in notes)
    player.control_changes.extend(pretty_midi.ControlChange(64, v, t) for t, v in pedal)
    midi.instruments.append(player)
    path.parent.mkdir(parents=True, exist_ok=True)
    midi.write(str(path))


def make_slakh(home):
    """Make two songs of drums, bass and guitar, and a sound effect that was not rendered."""
    players = {  # name -> program, drums?, notes
        "S00": (128, True, [(0.5, 0.6, 36), (1.0, 1.1, 38), (1.2, 1.3, 58)]),
        "S01": (33, False, [(0.5, 1.0, A3)]),
        "S02": (27, False, [(0.25, 1.0, A4)]),
        "S03": (122, False, []),
        "S04": (117, False, [(0.75, 0.8, A4)]),
    }
    tracks, songs = {}, {}
    for name, split in (("Track00001", "train"), ("Track00002", "omitted")):
        base = f"slakh2100_flac_redux/{split}/{name}"
        stems, mixture = {}, 0.0
        for n, (player, (program, is_drum, notes)) in enumerate(players.items(), 1):
            stems[player] = {"program_num": program, "is_drum": is_drum, "inst_class": "x"}
            paths = {"audio": None, "midi": None, "metadata": f"{base}/metadata.yaml"}
            if notes:
                paths["audio"] = f"{base}/stems/{player}.wav"
                paths["midi"] = f"{base}/MIDI/{player}.mid"
                mixture = mixture + tone(home / paths["audio"], frequency=100.0 * n)
                song(home / paths["midi"], notes, is_drum)
            tracks[f"{name}-{player}"] = {what: [path, None] for what, path in paths.items()}
        soundfile.write(home / base / "mix.wav", mixture, RATE, subtype="FLOAT")
        text(home / base / "metadata.yaml", yaml.safe_dump({"UUID": name, "stems": stems}))
        paths = {"mix": f"{base}/mix.wav", "midi": f"{base}/x", "metadata": f"{base}/metadata.yaml"}
        songs[name] = {what: [path, None] for what, path in paths.items()}
        songs[name]["tracks"] = [f"{name}-{player}" for player in players]
    index = {"version": "2100-redux", "tracks": tracks, "multitracks": songs}
    text(home / "index.json", json.dumps(index))
    return home / "index.json"


def test_slakh(tmp_path):
    index = make_slakh(tmp_path)
    data, (kept,) = examples("slakh", tmp_path, "note_transcription", index)
    assert data.problems == [] and data.assignment == {"slakh/Track00001": "train"}
    np.testing.assert_allclose(kept.annotation.intervals, [[0.25, 1.0], [0.5, 1.0]])
    np.testing.assert_allclose(kept.annotation.frequencies, [440, 220])
    assert kept.annotation.labels == ("electric_guitar", "bass")
    ((_, track),) = data.tracks  # which does not keep what mirdata has parsed
    kinds = [*track.__dict__.values(), *(vars(player) for player in track.tracks.values())]
    assert "pretty_midi" not in repr(kinds)
    _, (kept,) = examples("slakh", tmp_path, "drum_transcription", index)
    np.testing.assert_allclose(kept.annotation.times, [0.5, 1.0, 1.2])
    assert kept.annotation.labels == ("kick", "snare", "other")  # no key of Roland's


def test_slakhs_stems_add_up(tmp_path):
    _, (kept,) = examples("slakh", tmp_path, "source_separation", make_slakh(tmp_path))
    stems = kept.annotation.waveforms
    np.testing.assert_allclose(sum(stems.values()), kept.waveform, atol=1e-6)
    assert not stems["vocals"].any()
    times = np.arange(2 * RATE) / RATE
    for name, frequencies in (("drums", [100]), ("bass", [200]), ("other", [300, 500])):
        expected = 0.2 * np.sin(2 * np.pi * np.outer(frequencies, times)).sum(axis=0)
        np.testing.assert_allclose(stems[name][:, 0], expected, atol=1e-6)
    assert get_task("source_separation").can_use(kept.annotation)


def test_pop909(tmp_path):
    for number, keys in (("001", "Gb:maj"), ("002", "Gb:maj\n1.0\t2.0\tA:min")):
        folder = tmp_path / "POP909" / number
        song(folder / f"{number}.mid", [(0.5, 1.0, A4), (1.0, 5.0, A3)])
        tone(folder / f"{number}.wav")
        beats = [(0.5 * n, n % 2 == 0, n % 4 == 0) for n in range(8)]
        text(folder / "beat_midi.txt", "".join(f"{t} {h:.1f} {b:.1f}\n" for t, h, b in beats))
        text(folder / "chord_midi.txt", "0.0\t1.0\tN\n1.0\t2.0\tC#:min7\n")
        text(folder / "key_audio.txt", f"0.0\t1.0\t{keys}\n")
        song(folder / "versions" / f"{number}-v1.mid", [(0.5, 1.0, A4)])
    data, found = examples("pop909", tmp_path, "note_transcription")
    assert {e.group for e in found} == {"pop909/001", "pop909/002"} and data.problems == []
    np.testing.assert_allclose(found[0].annotation.intervals, [[0.5, 1.0], [1.0, 2.0]])
    data, found = examples("pop909", tmp_path / "POP909", "beat_tracking")
    assert found[0].annotation.labels == ("downbeat", "beat", "beat", "beat")
    assert found[0].annotation.times.tolist() == [0.0, 0.5, 1.0, 1.5]
    assert "2 events outside the audio of 2.00 s" in data.problems[0].reason
    _, found = examples("pop909", tmp_path, "chord_recognition")
    assert found[0].annotation.labels == ("N", "C#:min7")
    data, (one,) = examples("pop909", tmp_path, "key_recognition")
    assert one.annotation == Labels(("Gb:maj",))
    assert data.problems[0].reason == "1 of 2 tracks have no annotation for key_recognition"
    with pytest.raises(DataSetError, match=r"no file SONG/SONG\.mid"):
        examples("pop909", tmp_path / "POP909" / "001", "beat_tracking")


def test_without_a_rendering_it_says_what_is_missing(tmp_path):
    song(tmp_path / "001" / "001.mid", [(0.5, 1.0, A4)])
    with pytest.raises(DataSetError, match=r"001\.wav.*with a recording or rendering beside each"):
        examples("pop909", tmp_path, "note_transcription")


def test_asap(tmp_path):
    rows = ["composer,title,folder,midi_performance,performance_annotations\n"]
    for name in ("Bach/Fugue/A01", "Bach/Fugue/B02", "Liszt/Gondola/A01"):
        song(tmp_path / f"{name}.mid", [(0.5, 1.0, A4)], pedal=[(0.75, 127), (1.5, 0)])
        tone(tmp_path / f"{name}.wav")
        beats = "0.5\t0.5\tdb,3/4,2\n1.0\t1.0\tb\n1.5\t1.5\tbR\n"
        text(tmp_path / f"{name}_annotations.txt", beats)
        piece = name.rpartition("/")[0]
        rows.append(f"X,Y,{piece},{name}.mid,{name}_annotations.txt\n")
    text(tmp_path / "metadata.csv", "".join(rows))
    data, found = examples("asap", tmp_path, "beat_tracking")
    assert data.problems == []
    assert {e.group for e in found} == {"asap/Bach/Fugue", "asap/Liszt/Gondola"}
    assert found[0].annotation.times.tolist() == [0.5, 1.0, 1.5]
    assert found[0].annotation.labels == ("downbeat", "beat", "beat")
    _, found = examples("asap", tmp_path, "note_transcription")
    np.testing.assert_allclose(found[0].annotation.intervals, [[0.5, 1.5]], atol=1e-3)
    with pytest.raises(DataSetError, match=r"no metadata\.csv; give the folder of asap-dataset"):
        examples("asap", tmp_path / "Bach", "beat_tracking")


@pytest.mark.parametrize(
    ("read", "lines"),
    [
        (bar_beats, "0.5 1.0 1.0\n1.0 0.0\n1.5 0.0 x\n\n2.0 0.0 0.0\n"),
        (score_beats, "0.5\t0.5\tdb,3/4,2\n1.0\t1.0\nnone\t0.0\tb\n\n2.0\t2.0\tb\n"),
    ],
)
def test_a_line_that_is_no_beat_costs_that_line_alone(tmp_path, read, lines):
    text(tmp_path / "beats.txt", lines)
    events, problems = read(tmp_path / "beats.txt")
    assert events.times.tolist() == [0.5, 2.0]
    assert events.labels == ("downbeat", "beat")
    assert [problem.line for problem in problems] == [2, 3]
    assert str(problems[0]).startswith(f"{tmp_path / 'beats.txt'}:2: ")


def test_excerpts():
    home, index = real_set("slakh", "slakh_index_baby")
    _, (excerpt,) = examples("slakh", home, "note_transcription", index)
    assert set(excerpt.annotation.labels) == {"distorted_guitar"}
    data, found = examples("pop909", real_folder("POP909"), "beat_tracking")
    assert len(found) == 10
    bars = [np.flatnonzero(np.array(e.annotation.labels) == "downbeat") for e in found]
    assert np.median(np.concatenate([np.diff(song) for song in bars])) == 4
    data = open_data_set("asap", real_folder("ASAP"), "beat_tracking")
    assert len(data.tracks) == len(data.assignment) == 10
