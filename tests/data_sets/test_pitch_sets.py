"""MedleyDB, Orchset, Vocadito, Saraga and Dagstuhl ChoirSet: made copies and excerpts."""

import json

import numpy as np
import pytest
from made_sets import real_set, text, tone, write_index

from umir.annotations import Labels
from umir.data_sets import open_data_set


def examples(name, home, task, index):
    data = open_data_set(name, home, task, index=index)
    return data, data.examples(None, 8000, 1)


def lay_out(home, tracks, files):
    """Write a tone for every path of audio and the given text for every other one."""
    for paths in tracks.values():
        for what, path in paths.items():
            if what.startswith("audio"):
                tone(home / path)
            else:
                text(home / path, files[what])
    return write_index(home, tracks)


CURVE = "0.0,0.0\n0.1,220.0\n0.2,0.0\n0.3,440.0\n"


def test_medleydb_melody_is_its_second_definition(tmp_path):
    songs = {"A_One": "A", "A_Two": "A", "B_Three": "B"}
    tracks = {
        song: {"audio": f"audio/{song}.wav"}
        | {f"melody{n}": f"melody{n}/{song}.csv" for n in (1, 2, 3)}
        for song in songs
    }
    files = {"melody1": "0.0,100.0\n", "melody2": CURVE, "melody3": "0.0,100.0,200.0\n"}
    index = lay_out(tmp_path, tracks, files)
    metadata = {song: {"artist": artist} for song, artist in songs.items()}
    text(tmp_path / "medleydb_melody_metadata.json", json.dumps(metadata))
    data, found = examples("medleydb_melody", tmp_path, "melody_extraction", index)
    assert data.problems == []
    assert {e.group for e in found} == {"medleydb_melody/A", "medleydb_melody/B"}
    np.testing.assert_array_equal(found[0].annotation.times, [0.0, 0.1, 0.2, 0.3])
    np.testing.assert_array_equal(found[0].annotation.frequencies, [0, 220, 0, 440])


def test_medleydb_pitch_names_the_instrument_by_its_family(tmp_path):
    names = {"A_STEM_01": "male singer", "B_STEM_02": "cello", "C_STEM_03": "sitar"}
    tracks = {name: {"audio": f"audio/{name}.wav", "pitch": f"pitch/{name}.csv"} for name in names}
    index = lay_out(tmp_path, tracks, {"pitch": CURVE})
    unread = {name: paths | {"notes_pyin": "none.csv"} for name, paths in tracks.items()}
    index = write_index(tmp_path, unread)
    metadata = {n: {"artist": n[0], "instrument": played} for n, played in names.items()}
    text(tmp_path / "medleydb_pitch_metadata.json", json.dumps(metadata))
    _, found = examples("medleydb_pitch", tmp_path, "instrument_recognition", index)
    assert [e.annotation.names for e in found] == [("voice",), ("strings",), ("sitar",)]
    data, found = examples("medleydb_pitch", tmp_path, "melody_extraction", index)
    assert data.problems == []
    np.testing.assert_array_equal(found[0].annotation.frequencies, [0, 220, 0, 440])


def test_lines_that_mirdata_cannot_read_are_skipped_or_repaired_with_their_numbers(tmp_path):
    # As in files of MedleyDB: blank cells, a third column, no frames where nobody plays.
    curves = {
        "blank": "0.0,220.0\n0.1,\n0.2,440.0\n",
        "third": "0.0,220.0,[1]\n0.1,0,[1]\n0.9,440.0,[1]\n",
        "gap": "0.0,220.0\n0.1,440.0\n0.9,330.0\n",
        "whole": CURVE,
    }
    tracks = {n: {"audio": f"{n}.wav", "pitch": f"{n}.csv", "notes_pyin": "none"} for n in curves}
    index = write_index(tmp_path, tracks)
    for name, curve in curves.items():
        tone(tmp_path / f"{name}.wav")
        text(tmp_path / f"{name}.csv", curve)
    metadata = {name: {"artist": name, "instrument": "cello"} for name in curves}
    text(tmp_path / "medleydb_pitch_metadata.json", json.dumps(metadata))
    data, found = examples("medleydb_pitch", tmp_path, "melody_extraction", index)
    read = {e.group.partition("/")[2]: list(e.annotation.frequencies) for e in found}
    assert read == {
        "blank": [220, 440],
        "third": [220, 0, 440],
        "gap": [220, 440, 330],
        "whole": [0, 220, 0, 440],
    }
    assert [str(problem).removeprefix(f"{tmp_path}/") for problem in data.problems] == [
        "blank.csv:2: has no frequency; leave the line out, or write 0 for unvoiced",
        "third.csv:1: columns after time, frequency are ignored (and 2 more like it)",
    ]


def test_orchset(tmp_path):
    names = ["Haydn-S94-I-ex1", "Haydn-S94-I-ex2", "Ravel-Bolero-ex1"]
    tracks = {
        name: {
            "audio_mono": f"audio/mono/{name}.wav",
            "audio_stereo": f"audio/stereo/{name}.wav",
            "melody": f"GT/{name}.mel",
        }
        for name in names
    }
    index = lay_out(tmp_path, tracks, {"melody": CURVE.replace(",", "\t").replace("0.0\n", "0\n")})
    rows = [f"{name}.wav,strings,{','.join(['FALSE'] * 7)}\n" for name in names]
    text(tmp_path / "Orchset - Predominant Melodic Instruments.csv", "excerpt,x\n" + "".join(rows))
    data, found = examples("orchset", tmp_path, "melody_extraction", index)
    assert data.problems == []
    assert {e.group for e in found} == {"orchset/Haydn-S94-I", "orchset/Ravel-Bolero"}
    np.testing.assert_array_equal(found[0].annotation.frequencies, [0, 220, 0, 440])


def test_vocadito(tmp_path):
    tracks = {
        str(n): {
            "audio": f"Audio/vocadito_{n}.wav",
            "f0": f"Annotations/F0/vocadito_{n}_f0.csv",
            "notesA1": f"Annotations/Notes/vocadito_{n}_notesA1.csv",
            "notesA2": f"Annotations/Notes/vocadito_{n}_notesA2.csv",
            "lyrics": f"Annotations/Lyrics/vocadito_{n}_lyrics.txt",
        }
        for n in (1, 2, 3)
    }
    files = {"f0": CURVE, "notesA1": "0.5,220.0,0.25\n1.0,440.0,0.5\n", "notesA2": "", "lyrics": ""}
    index = lay_out(tmp_path, tracks, files)
    rows = "".join(f"{n},S{n % 2},60,English\n" for n in (1, 2, 3))
    text(tmp_path / "vocadito_metadata.csv", f"track_id,singer_id,average_pitch,language\n{rows}")
    data, found = examples("vocadito", tmp_path, "note_transcription", index)
    assert data.problems == []
    assert {e.group for e in found} == {"vocadito/singer S0", "vocadito/singer S1"}
    notes = found[0].annotation
    np.testing.assert_array_equal(notes.intervals, [[0.5, 0.75], [1.0, 1.5]])
    np.testing.assert_array_equal(notes.frequencies, [220, 440])
    assert notes.labels == ("voice", "voice")
    _, found = examples("vocadito", tmp_path, "melody_extraction", index)
    np.testing.assert_array_equal(found[0].annotation.frequencies, [0, 220, 0, 440])


SARAGA_UNREAD = (
    *("audio-ghatam", "audio-mridangam-left", "audio-mridangam-right", "audio-violin"),
    *("audio-vocal-s", "audio-vocal", "ctonic", "pitch-vocal", "sama", "sections", "phrases"),
    "metadata",
)


def make_saraga(home):
    """Make pieces of two concerts of one artist; the second has no annotation of its tempo."""
    tracks = {}
    for n, piece in enumerate(("Bhuvini", "Karuna")):
        base = f"saraga1.5_carnatic/Concert {n} by X/{piece}/{piece}"
        tone(home / f"{base}.mp3.wav")
        text(home / f"{base}.pitch.txt", CURVE.replace(",", "\t"))
        tempo = "330, 82, 5.86, 8, 4\n" if n == 0 else "NaN, NaN, NaN, NaN, NaN\n"
        text(home / f"{base}.tempo-manual.txt", tempo)
        tracks[f"{n}_{piece}"] = {
            "audio-mix": f"{base}.mp3.wav",
            "pitch": f"{base}.pitch.txt",
            "tempo": f"{base}.tempo-manual.txt",
            **dict.fromkeys(SARAGA_UNREAD, "none"),
        }
    return write_index(home, tracks)


def test_saraga(tmp_path):
    index = make_saraga(tmp_path)
    data, found = examples("saraga_carnatic", tmp_path, "melody_extraction", index)
    assert data.problems == []
    assert {e.group for e in found} == {"saraga_carnatic/X"}
    np.testing.assert_array_equal(found[0].annotation.frequencies, [0, 220, 0, 440])
    data, (piece,) = examples("saraga_carnatic", tmp_path, "tempo_estimation", index)
    assert piece.annotation == Labels(("82",))
    assert data.problems[0].reason == "1 of 2 tracks have no annotation for tempo_estimation"


def test_saraga_hindustani(tmp_path):
    base = "saraga1.5_hindustani/Concert by Y/Raag Z/Raag Z"
    tone(tmp_path / f"{base}.mp3.wav")
    text(tmp_path / f"{base}.pitch.txt", CURVE.replace(",", "\t"))
    unread = ("ctonic", "tempo", "sama", "sections", "phrases", "metadata")
    paths = {"audio": f"{base}.mp3.wav", "pitch": f"{base}.pitch.txt"}
    index = write_index(tmp_path, {"1_Raag_Z": paths | dict.fromkeys(unread, "none")})
    data, (piece,) = examples("saraga_hindustani", tmp_path, "melody_extraction", index)
    assert data.problems == []
    assert piece.group == "saraga_hindustani/Y"
    np.testing.assert_array_equal(piece.annotation.frequencies, [0, 220, 0, 440])


CHOIR_UNREAD = (
    *("f0_crepe_dyn", "f0_crepe_hsm", "f0_crepe_lrx", "f0_pyin_dyn", "f0_pyin_hsm"),
    *("f0_pyin_lrx", "audio_hsm", "audio_lrx"),
)
TAKE_UNREAD = ("audio_str", "audio_stl", "audio_rev", "audio_spl", "audio_spr")


def make_choirset(home):
    """Make a take of two singers, only the first with a curve corrected by hand."""
    take = "DCS_LI_QuartetB_Take04"
    singers = {}
    for voice, midi in (("S1", 72.0), ("B2", 48.0)):
        name = f"{take}_{voice}"
        paths = {"audio_dyn": f"wav/{name}_DYN.wav", "score": f"score/{name}.csv"}
        paths["f0_manual_lrx"] = f"manual/{name}.csv" if voice == "S1" else None
        tone(home / paths["audio_dyn"])
        text(home / paths["score"], f"0.5,1.0,{midi}\n1.0,1.5,{midi + 2}\n")
        singers[name] = {k: [v, None] for k, v in paths.items()}
        singers[name] |= dict.fromkeys(CHOIR_UNREAD, [None, None])
    text(home / f"manual/{take}_S1.csv", CURVE)
    room, beats = f"wav/{take}_Stereo_STM.wav", f"beat/{take}.csv"
    tone(home / room)
    text(home / beats, "0.5,1.0\n1.0,1.25\n1.5,2.0\n")
    paths = {"audio_stm": [room, None], "beat": [beats, None]}
    whole = {"tracks": list(singers), **paths, **dict.fromkeys(TAKE_UNREAD, [None, None])}
    index = {"version": "1", "tracks": singers, "multitracks": {take: whole}}
    text(home / "index.json", json.dumps(index))
    return home / "index.json"


def test_dagstuhl_choirset(tmp_path):
    index = make_choirset(tmp_path)
    data, (singer,) = examples("dagstuhl_choirset", tmp_path, "melody_extraction", index)
    assert data.problems == []
    assert singer.name == "dagstuhl_choirset/DCS_LI_QuartetB_Take04_S1"
    np.testing.assert_array_equal(singer.annotation.frequencies, [0, 220, 0, 440])
    _, (take,) = examples("dagstuhl_choirset", tmp_path, "note_transcription", index)
    assert take.group == singer.group == "dagstuhl_choirset/QuartetB"
    np.testing.assert_array_equal(take.annotation.intervals[:, 0], [0.5, 0.5, 1.0, 1.0])
    found = sorted(take.annotation.frequencies)
    np.testing.assert_allclose(found, 440 * 2 ** ((np.array([48, 50, 72, 74]) - 69) / 12))
    _, (take,) = examples("dagstuhl_choirset", tmp_path, "beat_tracking", index)
    assert take.annotation.times.tolist() == [0.5, 1.0, 1.5]
    assert take.annotation.labels == ("1", "2", "1")


@pytest.mark.parametrize(
    ("name", "index", "task", "first"),
    [
        ("medleydb_melody", "medleydb_melody_index_5.0", "melody_extraction", [0, 965.992]),
        ("medleydb_pitch", "medleydb_pitch_index_3.0", "melody_extraction", [0, 191.877]),
        ("orchset", "orchset_index_1.0", "melody_extraction", [0, 0, 622.254]),
        ("saraga_carnatic", "saraga_carnatic_index_1.5", "melody_extraction", [0, 100.12, 200.23]),
        ("dagstuhl_choirset", "dagstuhl_choirset_index_1.2.3", "melody_extraction", [321.158]),
    ],
)
def test_excerpts(name, index, task, first):
    home, index = real_set(name, index)
    _, found = examples(name, home, task, index)
    np.testing.assert_allclose(found[0].annotation.frequencies[: len(first)], first)


def test_excerpt_of_a_choir():
    home, index = real_set("dagstuhl_choirset", "dagstuhl_choirset_index_1.2.3")
    data, (take,) = examples("dagstuhl_choirset", home, "note_transcription", index)
    assert take.name == "dagstuhl_choirset/DCS_LI_QuartetB_Take04"
    numbers = 69 + 12 * np.log2(take.annotation.frequencies / 440)
    np.testing.assert_allclose(np.sort(numbers), [48, 55, 64, 72])  # C major
    assert "files missing" in data.problems[0].reason
