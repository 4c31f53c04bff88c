"""BRID, SIMAC, the Beatles and Groove MIDI: made copies and excerpts."""

import numpy as np
import pretty_midi
import pytest
from made_sets import real_set, text, tone, write_index

from umir.annotations import Labels
from umir.data_sets import DataSetError, open_data_set
from umir.data_sets.rhythm_sets import ROLAND_KEYS, drum_events, midi_beats
from umir.tasks import get_task


def examples(name, home, task, index=None):
    data = open_data_set(name, home, task, index=index)
    return data, data.examples(None, 8000, 1)


def test_brid(tmp_path):
    tracks = {}
    for name in ("[0001] M4-01-SA", "[0002] S1-02-PA"):
        base = "BRID_1.0/Annotations"
        tracks[name] = {
            "audio": f"BRID_1.0/Data/{name}.wav",
            "beats": f"{base}/beats/{name}.beats",
            "tempo": f"{base}/tempo/{name}.bpm",
        }
        tone(tmp_path / tracks[name]["audio"])
        text(tmp_path / tracks[name]["beats"], "0.5\t2\n1.0\t1\n")
        text(tmp_path / tracks[name]["tempo"], "80\n")
    index = write_index(tmp_path, tracks)
    data, found = examples("brid", tmp_path, "beat_tracking", index)
    assert data.problems == [] and len(data.assignment) == 2
    assert found[0].annotation.times.tolist() == [0.5, 1.0]
    assert found[0].annotation.labels == ("2", "1")
    _, found = examples("brid", tmp_path, "tempo_estimation", index)
    assert found[0].annotation == Labels(("80",))


def test_simac(tmp_path):
    base = tmp_path / "S_1.0"
    for name in ("a", "b"):
        tone(base / "audio" / f"{name}.wav")
        text(base / "annotations" / "beats" / f"{name}.beats", "0.5\nsoon\n1.0\n")
        text(base / "annotations" / "tempo" / f"{name}.bpm", "120\n")
    for home in (tmp_path, base):
        data, found = examples("simac", home, "beat_tracking")
        assert [e.annotation.times.tolist() for e in found] == [[0.5, 1.0]] * 2
        assert str(data.problems[0]).endswith("a.beats:2: 'soon' is not a number (time)")
        _, found = examples("simac", home, "tempo_estimation")
        assert found[0].annotation == Labels(("120",))
    with pytest.raises(DataSetError, match="no audio in a folder 'audio'; give the folder 'S_1.0'"):
        examples("simac", base / "audio", "beat_tracking")


def make_beatles(home):
    """Make two songs of an album and one of another, which has no beats and changes its key."""
    kinds = {"beat": "beat", "chordlab": "chords", "keylab": "keys", "seglab": "sections"}
    tracks = {}
    for song in ("Help/One", "Help/Two", "Revolver/Three"):
        files = {
            "beat": "0.5 1\n1.0 2\n1.5 1\n",
            "chordlab": "0.0 1.0 E\n1.0 2.0 A:min7/b3\n",
            "keylab": "0.0\t2.0\tKey\tE\n",
            "seglab": "0.0\t2.0\t0\tverse\n",
        }
        paths = {"audio": [f"audio/{song}.wav", None]}
        tone(home / paths["audio"][0])
        if song == "Revolver/Three":
            files["keylab"] = "0.0\t1.0\tKey\tE\n1.0\t2.0\tKey\tA:minor\n"
            files["beat"] = None
        for folder, content in files.items():
            path = f"annotations/{folder}/{song}.lab" if content else None
            paths[kinds[folder]] = [path, None]
            if path:
                text(home / path, content)
        tracks[song] = paths
    return write_index(home, {s: {k: v for k, (v, _) in p.items()} for s, p in tracks.items()})


def test_the_beatles(tmp_path):
    index = make_beatles(tmp_path)
    data, found = examples("beatles", tmp_path, "chord_recognition", index)
    assert data.problems == []
    assert {e.group for e in found} == {"beatles/Help", "beatles/Revolver"}
    assert found[0].annotation.labels == ("E", "A:min7/b3")
    np.testing.assert_array_equal(found[0].annotation.intervals, [[0, 1], [1, 2]])
    assert get_task("chord_recognition").complaint(found[0].annotation) is None
    data, found = examples("beatles", tmp_path, "beat_tracking", index)
    assert [e.annotation.labels for e in found] == [("1", "2", "1")] * 2 and data.problems == []
    data, found = examples("beatles", tmp_path, "key_recognition", index)
    assert [e.annotation.names for e in found] == [("E",), ("E",)]
    assert get_task("key_recognition").complaint(found[0].annotation) is None
    assert data.problems[0].reason == "1 of 3 tracks have no annotation for key_recognition"


def test_a_chord_without_a_name_costs_its_line_alone(tmp_path):
    index = make_beatles(tmp_path)
    damaged = tmp_path / "annotations/chordlab/Help/One.lab"
    text(damaged, "0.0 1.0 E\n1.0 1.5\n1.5 2.0 A\n")
    data, found = examples("beatles", tmp_path, "chord_recognition", index)
    assert found[0].annotation.labels == ("E", "A")
    assert list(map(str, data.problems)) == [f"{damaged}:2: no label (start, end, label)"]


def drummer(hits, is_drum=True):
    """Return a song of hits (time, key) at 120 beats per minute in 4/4."""
    song = pretty_midi.PrettyMIDI(initial_tempo=120.0)
    song.time_signature_changes.append(pretty_midi.TimeSignature(4, 4, 0.0))
    kit = pretty_midi.Instrument(program=0, is_drum=is_drum)
    kit.notes.extend(pretty_midi.Note(90, key, time, time + 0.1) for time, key in hits)
    song.instruments.append(kit)
    return song


def test_drums_are_named_as_in_the_studio():
    """And finer, where `drum_transcription_8` tells more apart."""
    keys = [36, 38, 40, 37, 48, 58, 46, 26, 42, 22, 44, 49, 55, 51, 53, 64, 54, 75]
    song = drummer([(0.1 * n, key) for n, key in enumerate(keys)])
    events = drum_events(song, ROLAND_KEYS)
    np.testing.assert_allclose(events.times, 0.1 * np.arange(len(keys)))
    assert events.labels == (
        *("kick", "snare", "snare", "rimshot", "tom", "tom", "open_hihat", "open_hihat"),
        *("closed_hihat", "closed_hihat", "closed_hihat", "crash", "crash", "ride"),
        *("ride_bell", "other", "tambourine", "sticks"),
    )
    general = drum_events(song).labels
    assert [keys[n] for n, name in enumerate(general) if name != events.labels[n]] == [58, 26, 22]
    assert general.count("other") == 4
    assert drum_events(drummer([(0.0, 36)], is_drum=False)).labels == ()


def test_groove_midi(tmp_path):
    tracks, rows = {}, []
    splits = {"1": "train", "2": "test", "3": "train"}
    for number, split in splits.items():
        name = f"drummer1/session1/{number}"
        (tmp_path / "drummer1/session1").mkdir(parents=True, exist_ok=True)
        drummer([(0.0, 36), (0.5, 38), (1.0, 42)]).write(str(tmp_path / f"{name}.mid"))
        tracks[name] = {"midi": f"{name}.mid", "audio": f"{name}.wav" if number < "3" else None}
        if number < "3":
            tone(tmp_path / f"{name}.wav")
        cells = ["drummer1", "session1", name, "funk", "120", "beat", "4-4", "x", "x", "2.0", split]
        rows.append(",".join(cells) + "\n")
    header = "drummer,session,id,style,bpm,beat_type,time_signature,midi_filename,audio_filename"
    text(tmp_path / "info.csv", f"{header},duration,split\n{''.join(rows)}")
    index = write_index(tmp_path, tracks)
    data, found = examples("groove_midi", tmp_path, "drum_transcription", index)
    assert data.problems == []  # what was never recorded is not missing
    assert [e.annotation.labels for e in found] == [("kick", "snare", "closed_hihat")] * 2
    assert data.assignment == {
        "groove_midi/drummer1 (train)": "train",
        "groove_midi/drummer1 (test)": "test",
    }
    _, found = examples("groove_midi", tmp_path, "tempo_estimation", index)
    assert found[0].annotation == Labels(("120",))
    _, found = examples("groove_midi", tmp_path, "beat_tracking", index)
    assert found[0].annotation.labels[:2] == ("1", "2")
    np.testing.assert_allclose(np.diff(found[0].annotation.times), 0.5)


def test_a_bar_of_six_eighths_has_two_beats():
    midi = pretty_midi.PrettyMIDI(initial_tempo=80)
    midi.time_signature_changes = [pretty_midi.TimeSignature(6, 8, 0)]
    midi.instruments.append(pretty_midi.Instrument(0, is_drum=True))
    midi.instruments[0].notes = [pretty_midi.Note(90, 36, t, t + 0.1) for t in np.arange(8) * 0.75]
    found = midi_beats(midi)
    downbeats = found.times[np.array(found.labels) == "1"]
    np.testing.assert_allclose(downbeats, midi.get_downbeats())
    assert set(found.labels) == {"1", "2"}


def test_excerpts():
    home, index = real_set("brid", "brid_full_index_1.0")
    _, (samba,) = examples("brid", home, "beat_tracking", index)
    assert samba.annotation.times.tolist() == [0.025, 0.76, 1.49]
    home, _ = real_set("simac", "simac_index_1.0")
    data, (excerpt,) = examples("simac", home, "beat_tracking")
    assert excerpt.annotation.times.tolist() == [0.24, 1.047, 1.86] and data.problems == []
