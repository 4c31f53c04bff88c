"""Ballroom, GuitarSet, MAESTRO and Medley-solos-DB through mirdata: made copies and excerpts."""

import json
import shutil

import mir_eval
import numpy as np
import pretty_midi
import pytest
from made_sets import make_ballroom, real_set, text, tone, write_index

from umir.annotations import Events, Labels
from umir.data_sets import open_data_set
from umir.data_sets.ballroom import GENRES as BALLROOM_GENRES
from umir.data_sets.maestro import sounding_notes
from umir.tasks import get_task

SONG = "2018/song"


def examples(name, home, task, index):
    data = open_data_set(name, home, task, index=index)
    return data, data.examples(None, 8000, 1)


def test_ballroom(tmp_path):
    index = make_ballroom(tmp_path)
    data, found = examples("ballroom", tmp_path, "beat_tracking", index)
    assert not data.problems
    assert {example.group for example in found} == {f"ballroom/Media-{n}" for n in (1, 2, 3, 4)}
    np.testing.assert_array_equal(found[0].annotation.times, [0.5, 1.0, 1.5])
    assert found[0].annotation.labels == ("2", "3", "1")
    assert get_task("beat_tracking").complaint(found[0].annotation) is None
    _, found = examples("ballroom", tmp_path, "tempo_estimation", index)
    assert found[0].annotation == Labels(("120",))
    _, found = examples("ballroom", tmp_path, "genre_recognition", index)
    assert found[0].annotation == Labels(("waltz",))


def test_ballroom_keeps_records_and_replicas_together(tmp_path):
    """A README that comes with the beats names the replicas; here is one of each sort."""
    names = ("Albums-Fire-08", "Albums-Fire-09", "Albums-Latin_Jam3-02", "Media-103414")
    index = make_ballroom(tmp_path, (*names, "Media-103402", "Media-103415", "Media-1"))
    data, _ = examples("ballroom", tmp_path, "tempo_estimation", index)
    groups = {track.track_id: group.removeprefix("ballroom/") for group, track in data.tracks}
    assert groups == {
        "Albums-Fire-08": "Albums-Fire",
        "Albums-Fire-09": "Albums-Fire",
        "Albums-Latin_Jam3-02": "Albums-Latin_Jam3",
        "Media-103414": "Albums-Latin_Jam3",
        "Media-103402": "Media-103402",
        "Media-103415": "Media-103402",
        "Media-1": "Media-1",
    }


def test_genre_recognition_knows_dances_of_ballroom():
    names = set(BALLROOM_GENRES.values()) | {"samba", "tango", "waltz"}
    assert names <= get_task("genre_recognition").source_labels


def test_ballroom_excerpt():
    home, index = real_set("ballroom", "ballroom_full_index_1.0")
    _, (example,) = examples("ballroom", home, "beat_tracking", index)
    assert example.annotation.times[0] == 1.86
    assert example.annotation.labels == ("1", "2", "3")
    assert example.duration == pytest.approx(31.788, abs=1e-3)


def jams(annotations):
    """Return a JAMS file of (namespace, data source, [(time, duration, value)])."""
    return json.dumps(
        {
            "annotations": [
                {
                    "namespace": namespace,
                    "annotation_metadata": {"data_source": source},
                    "data": [{"time": t, "duration": d, "value": v} for t, d, v in rows],
                }
                for namespace, source, rows in annotations
            ]
        }
    )


def make_guitarset(home):
    """Make an accompaniment and a solo of two players: one note on each of two strings."""
    tracks = {}
    for name in ("00_BN1-120-Eb_comp", "01_Jazz2-90-G_solo"):
        paths = {
            "audio_mic": f"audio_mono-mic/{name}_mic.wav",
            "jams": f"annotation/{name}.jams",
        }
        tone(home / paths["audio_mic"])
        notes = {"0": [(1.0, 0.5, 57.0)], "5": [(0.5, 0.25, 69.5)]}
        chords = [(0.0, 1.0, "D#:maj"), (1.0, 1.0, "A#:7")]
        rows = [
            *(("note_midi", str(string), notes.get(str(string), [])) for string in range(6)),
            ("beat_position", "", [(0.5, 0, {"position": 1}), (1.0, 0, {"position": 2})]),
            ("chord", "", chords),
            ("chord", "", [(0.0, 2.0, "D#:maj7/3")]),
            ("key_mode", "", [(0.0, 2.0, "Eb:major")]),
        ]
        text(home / paths["jams"], jams(rows))
        unread = {"audio_hex_cln": "x", "audio_hex": "x", "audio_mix": "x"}
        tracks[name] = paths | unread
    return write_index(home, tracks)


def test_guitarset(tmp_path):
    index = make_guitarset(tmp_path)
    data, found = examples("guitarset", tmp_path, "note_transcription", index)
    assert not data.problems
    assert {example.group for example in found} == {"guitarset/00", "guitarset/01"}
    notes = found[0].annotation
    np.testing.assert_allclose(notes.intervals, [[0.5, 0.75], [1.0, 1.5]])
    np.testing.assert_allclose(notes.frequencies, mir_eval.util.midi_to_hz(np.array([69.5, 57.0])))
    _, found = examples("guitarset", tmp_path, "onset_detection", index)
    np.testing.assert_allclose(found[0].annotation.times, [0.5, 1.0])
    _, found = examples("guitarset", tmp_path, "beat_tracking", index)
    assert found[0].annotation.labels == ("1", "2")
    _, found = examples("guitarset", tmp_path, "tempo_estimation", index)
    assert [example.annotation.names for example in found] == [("120",), ("90",)]


def test_guitarsets_chords_and_keys_can_be_read(tmp_path):
    index = make_guitarset(tmp_path)
    _, (accompaniment,) = examples("guitarset", tmp_path, "chord_recognition", index)
    assert accompaniment.name == "guitarset/00_BN1-120-Eb_comp"
    assert accompaniment.annotation.labels == ("D#:maj", "A#:7")
    assert get_task("chord_recognition").complaint(accompaniment.annotation) is None
    _, found = examples("guitarset", tmp_path, "key_recognition", index)
    assert found[0].annotation == Labels(("Eb:major",))
    assert get_task("key_recognition").complaint(found[0].annotation) is None


def test_guitarset_excerpt():
    home, index = real_set("guitarset", "guitarset_index_1.1.0")
    data, (example,) = examples("guitarset", home, "beat_tracking", index)
    assert example.name == "guitarset/03_BN3-119-G_solo"
    np.testing.assert_allclose(np.diff(example.annotation.times), 60 / 119)
    assert "1 of 2 tracks of guitarset left out" in data.problems[0].reason
    assert "00_BN1-129-Eb_comp_mic.wav" in data.problems[0].reason


def make_maestro(home):
    """Make a piece of two notes; the pedal is down from 0.2 to 1 s."""
    song = pretty_midi.PrettyMIDI()
    piano = pretty_midi.Instrument(0)
    piano.notes = [
        pretty_midi.Note(80, 69, 0.1, 0.5),
        pretty_midi.Note(80, 57, 1.2, 1.4),
    ]
    controls = ((0.2, 127), (1.0, 0))
    piano.control_changes = [pretty_midi.ControlChange(64, value, time) for time, value in controls]
    song.instruments.append(piano)
    (home / "2018").mkdir(parents=True)
    tracks = {}
    for name, split in (("a", "train"), ("b", "validation"), ("c", "test")):
        paths = {"midi": f"2018/{name}.midi", "audio": f"2018/{name}.wav"}
        song.write(str(home / paths["midi"]))
        tone(home / paths["audio"], channels=2)
        tracks[f"2018/{name}"] = (paths, split)
    facts = [
        {
            "canonical_composer": "J. S. Bach",
            "canonical_title": f"Prelude {paths['midi'][5]}",
            "split": split,
            "midi_filename": paths["midi"],
        }
        for paths, split in tracks.values()
    ]
    text(home / "maestro-v2.0.0.json", json.dumps(facts))
    return write_index(home, {name: paths for name, (paths, _) in tracks.items()})


def test_maestro(tmp_path):
    index = make_maestro(tmp_path)
    data, found = examples("maestro", tmp_path, "note_transcription", index)
    assert not data.problems
    assert data.assignment == {
        "maestro/J. S. Bach: Prelude a": "train",
        "maestro/J. S. Bach: Prelude b": "valid",
        "maestro/J. S. Bach: Prelude c": "test",
    }
    # The pedal holds the first note; the second one ends with its key.
    np.testing.assert_allclose(found[0].annotation.intervals, [[0.1, 1.0], [1.2, 1.4]], atol=1e-3)
    np.testing.assert_allclose(found[0].annotation.frequencies, [440.0, 220.0])
    _, found = examples("maestro", tmp_path, "onset_detection", index)
    np.testing.assert_allclose(found[0].annotation.times, [0.1, 1.2], atol=1e-3)


def test_maestro_without_its_list_of_pieces(tmp_path):
    index = make_maestro(tmp_path)
    (tmp_path / "maestro-v2.0.0.json").unlink()
    with pytest.raises(ValueError, match=r"cannot be read as maestro \(Metadata not found"):
        open_data_set("maestro", tmp_path, "note_transcription", index=index)


@pytest.mark.parametrize(
    ("keys", "pedal", "ends"),
    [
        # (pitch, start, end of the key), (time, value of the pedal), where notes should end
        ([(60, 0.0, 1.0)], [], [1.0]),
        ([(60, 0.0, 1.0)], [(0.5, 64), (2.0, 63)], [2.0]),
        ([(60, 0.0, 1.0)], [(0.5, 63), (2.0, 0)], [1.0]),
        ([(60, 0.0, 1.0)], [(1.5, 127), (2.0, 0)], [1.0]),  # pressed after the key was released
        ([(60, 0.0, 1.0), (60, 1.5, 1.8)], [(0.5, 127), (3.0, 0)], [1.5, 3.0]),  # struck again
        ([(60, 0.0, 1.0), (62, 1.5, 1.8)], [(0.5, 127)], [1.8, 1.8]),  # never lifted: to the end
    ],
)
def test_the_pedal_holds_notes(keys, pedal, ends):
    song = pretty_midi.PrettyMIDI()
    piano = pretty_midi.Instrument(0)
    piano.notes = [pretty_midi.Note(80, pitch, start, end) for pitch, start, end in keys]
    piano.control_changes = [pretty_midi.ControlChange(64, value, time) for time, value in pedal]
    song.instruments.append(piano)
    np.testing.assert_allclose(sounding_notes(song).intervals[:, 1], ends)


def test_maestro_excerpt():
    home, index = real_set("maestro", "maestro_index_2.0.0")
    data, (example,) = examples("maestro", home, "note_transcription", index)
    assert example.group == "maestro/Alban Berg: Sonata Op. 1"
    assert data.assignment[example.group] == "train"
    # G4 and C5 begin the sonata; the audio of the excerpt ends after two seconds.
    expected = mir_eval.util.midi_to_hz(np.array([67, 72]))
    np.testing.assert_allclose(example.annotation.frequencies, expected)
    assert "notes outside the audio of 2.00 s, left out" in data.problems[0].reason


def make_medley_solos_db(home):
    rows = ["subset,instrument,instrument_id,song_id,uuid4"]
    tracks = {}
    clips = (
        ("training", "female singer", 2, 1),
        ("training", "piano", 4, 2),
        ("training", "piano", 4, 2),
        ("validation", "violin", 7, 3),
        ("test", "clarinet", 0, 4),
    )
    for name, (subset, instrument, number, song) in zip("abcde", clips, strict=True):
        path = f"audio/Medley-solos-DB_{subset}-{number}_{name}.wav"
        tone(home / path, 3.0)
        tracks[name] = {"audio": path}
        rows.append(f"{subset},{instrument},{number},{song},{name}")
    text(home / "annotation" / "Medley-solos-DB_metadata.csv", "\n".join(rows) + "\n")
    return write_index(home, tracks)


def test_medley_solos_db(tmp_path):
    index = make_medley_solos_db(tmp_path)
    data, found = examples("medley_solos_db", tmp_path, "instrument_recognition", index)
    assert [example.annotation.names for example in found] == [
        ("voice",),
        ("piano",),
        ("piano",),
        ("strings",),
        ("clarinet",),
    ]
    assert data.assignment == {
        "medley_solos_db/song 1": "train",
        "medley_solos_db/song 2": "train",
        "medley_solos_db/song 3": "valid",
        "medley_solos_db/song 4": "test",
    }


def test_medley_solos_db_excerpt():
    home, index = real_set("medley_solos_db", "medley_solos_db_index_1.2")
    data, (example,) = examples("medley_solos_db", home, "instrument_recognition", index)
    assert (example.annotation, example.group) == (Labels(("flute",)), "medley_solos_db/song 210")
    assert list(data.assignment.values()) == ["valid"]
    assert example.duration == pytest.approx(2.97, abs=0.01)


def test_a_copy_of_the_excerpt_cut_short_is_reported(tmp_path):
    """The real annotations against audio of half a second."""
    home, index = real_set("ballroom", "ballroom_full_index_1.0")
    copy = tmp_path / "ballroom"
    shutil.copytree(home, copy, copy_function=shutil.copyfile)
    (audio,) = copy.rglob("*.wav")
    tone(audio, 2.0)
    data, (example,) = examples("ballroom", copy, "beat_tracking", index)
    assert isinstance(example.annotation, Events)
    assert example.annotation.times.tolist() == [1.86]
    assert "1 event outside the audio of 2.00 s" in data.problems[0].reason
