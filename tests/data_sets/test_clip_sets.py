"""IRMAS, OpenMIC-2018, TinySOL, GTZAN and MTG-Jamendo: made copies and excerpts."""

from types import SimpleNamespace

import numpy as np
import pytest
from made_sets import real_set, text, tone, write_index

from umir.annotations import Labels
from umir.data_sets import DATA_SETS, DataSetError, clip_sets, open_data_set
from umir.data_sets.clip_sets import JAMENDO_TAGS, OPENMIC_INSTRUMENTS
from umir.tasks.classification import MultiLabelClassification


def examples(name, home, task, index):
    data = open_data_set(name, home, task, index=index)
    return data, data.examples(None, 8000, 1)


def test_irmas(tmp_path):
    train = "IRMAS-TrainingData/cla/[cla][cla]0189__{n}.wav"
    tracks = {f"0189__{n}": dict.fromkeys(("audio", "annotation"), train.format(n=n)) for n in "12"}
    for n, played in (("1", "gel\t\nvoi\t\n"), ("2", "tru\t\n")):
        song = f"IRMAS-TestingData-Part1/Part1/02 - A Song-{n}"
        tracks[n] = {"audio": f"{song}.wav", "annotation": f"{song}.txt"}
        text(tmp_path / f"{song}.txt", played)
    for paths in tracks.values():
        tone(tmp_path / paths["audio"])
    index = write_index(tmp_path, tracks)
    named = SimpleNamespace(audio_path="x/008__[cel][nod][cla]0058__1.wav")
    assert clip_sets._irmas_song(named) == "0058"  # the same number is before other recordings
    data, found = examples("irmas", tmp_path, "tagging", index)
    assert data.problems == []
    names = [("clarinet",), ("clarinet",), ("electric_guitar", "voice"), ("trumpet",)]
    assert [e.annotation.names for e in found] == names
    assert data.assignment == {"irmas/0189": "train", "irmas/02 - A Song": "test"}
    data, found = examples("irmas", tmp_path, "instrument_recognition", index)
    assert [e.annotation.names for e in found] == [names[0], names[1], ("brass",)]


def make_openmic(home):
    """Make three clips; of each, listeners were asked about few instruments."""
    answers = {
        "000_1": {"flute": 0.9, "voice": 0.1},
        "001_1": {"flute": 0.2},
        "002_1": {"voice": 1.0, "banjo": 0.5},
    }
    tracks = {}
    for clip in answers:
        tracks[clip] = {"audio": f"audio/{clip[:3]}/{clip}.wav", "vggish": "none.json"}
        tone(home / tracks[clip]["audio"])
    genres = "\"[{'genre_title': 'Folk'}]\""
    rows = [f"{genres},Artist {clip[2]},{clip},0.0\n" for clip in answers]
    header = "track_genres,artist_name,sample_key,start_time\n"
    text(home / "openmic-2018-metadata.csv", header + "".join(rows))
    for split, clips in (("train", ["000_1", "001_1"]), ("test", ["002_1"])):
        text(home / "partitions" / f"split01_{split}.csv", "\n".join(clips) + "\n")
    labels = [f"{clip},{i},{x},3\n" for clip, heard in answers.items() for i, x in heard.items()]
    header = "sample_key,instrument,relevance,num_responses\n"
    text(home / "openmic-2018-aggregated-labels.csv", header + "".join(labels))
    return write_index(home, tracks)


def test_openmic_leaves_open_what_nobody_was_asked(tmp_path):
    data, found = examples("openmic2018", tmp_path, "tagging", make_openmic(tmp_path))
    assert data.problems == []
    # As the set has no validation clips, some to train on become those.
    assert {group for group, split in data.assignment.items() if split == "test"} == {
        "openmic2018/Artist 2"
    }
    first, second, third = (example.annotation for example in found)
    assert (first.names, second.names, third.names) == (("flute",), (), ("voice",))
    assert set(first.unknown) == set(OPENMIC_INSTRUMENTS) - {"flute", "voice"}
    task = MultiLabelClassification("labels", ("banjo", "flute", "voice"))
    values, masks = zip(*(task.encode(a, 1, 1) for a in (first, second, third)), strict=True)
    np.testing.assert_array_equal(values, [[0, 1, 0], [0, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(masks, [[0, 1, 1], [0, 1, 0], [1, 0, 1]])


def test_sets_of_tags_declare_what_clips_were_labelled_for():
    for data_set in DATA_SETS.values():
        for labelling in data_set.tasks.values():
            assert bool(labelling.classes) == (labelling.kind == "labels")
    assert len(DATA_SETS["irmas"].tasks["tagging"].classes) == 11
    assert len(JAMENDO_TAGS) == len(set(JAMENDO_TAGS)) == 59


def test_tinysol(tmp_path):
    notes = {"Fl-ord-C4": ("Winds", "Fl", "Flute", 0), "Tr-ord-C5": ("Brass", "TpC", "Horn", 4)}
    tracks, rows = {}, ["header\n"]
    for name, (family, short, instrument, fold) in notes.items():
        path = f"audio/{family}/{name}.wav"
        tracks[name] = {"audio": path}
        tone(tmp_path / path)
        rows.append(f"{path},{fold},{family},{short},{instrument},ord,ord,C4,60,mf,2,0,,FALSE\n")
    text(tmp_path / "annotation" / "TinySOL_metadata.csv", "".join(rows))
    index = write_index(tmp_path, tracks)
    data, found = examples("tinysol", tmp_path, "instrument_recognition", index)
    assert [e.annotation.names for e in found] == [("flute",), ("Horn",)]
    assert data.assignment == {"tinysol/Fl-ord-C4": "train", "tinysol/Tr-ord-C5": "test"}


def make_gtzan(home, clips):
    """Make some excerpts of GTZAN in mirdata's layout, and return their index."""
    tracks = {}
    for clip in clips:
        genre, number = clip.split(".")
        base = f"gtzan_tempo_beat-main/{{}}/gtzan_{genre}_{number}"
        tracks[clip] = {
            "audio": f"gtzan_genre/genres/{genre}/{clip}.wav",
            "beats": f"{base.format('beats')}.beats",
            "tempo": f"{base.format('tempo')}.bpm",
        }
        tone(home / tracks[clip]["audio"])
        text(home / tracks[clip]["beats"], "0.5\t1\n1.0\t2\n")
        text(home / tracks[clip]["tempo"], "120.5\n")
    return write_index(home, tracks)


def test_gtzan(tmp_path):
    index = make_gtzan(tmp_path, ("hiphop.00000", "jazz.00001"))
    data, found = examples("gtzan_genre", tmp_path, "genre_recognition", index)
    assert [e.annotation.names for e in found] == [("hip_hop",), ("jazz",)]
    assert data.problems == []
    _, found = examples("gtzan_genre", tmp_path, "tempo_estimation", index)
    assert found[0].annotation == Labels(("120.5",))
    _, found = examples("gtzan_genre", tmp_path, "beat_tracking", index)
    assert found[0].annotation.times.tolist() == [0.5, 1.0]
    assert found[0].annotation.labels == ("1", "2")


def test_gtzan_splits_by_artist_where_the_lists_are_there(tmp_path):
    index = make_gtzan(tmp_path, ("blues.00000", "disco.00001", "jazz.00002", "rock.00003"))
    text(tmp_path / "train_filtered.txt", "blues/blues.00000.wav\n")
    text(tmp_path / "valid_filtered.txt", "rock/rock.00003.wav\n")
    with pytest.raises(DataSetError, match="test_filtered.txt missing beside"):
        open_data_set("gtzan_genre", tmp_path, "genre_recognition", index=index)
    text(tmp_path / "test_filtered.txt", "jazz/jazz.00002.wav\n")
    splits = {"blues.00000": "train", "jazz.00002": "test", "rock.00003": "valid"}
    for task in ("genre_recognition", "beat_tracking", "tempo_estimation"):
        data = open_data_set("gtzan_genre", tmp_path, task, index=index)
        assert data.assignment == {f"gtzan_genre/{clip}": split for clip, split in splits.items()}


def test_gtzan_without_a_tempo(tmp_path):
    index = make_gtzan(tmp_path, ("jazz.00001", "jazz.00002"))
    empty, words = (next(tmp_path.rglob(f"gtzan_jazz_0000{n}.bpm")) for n in (1, 2))
    text(empty, "")
    data = open_data_set("gtzan_genre", tmp_path, "tempo_estimation", index=index)
    assert len(data.examples(None, 8000, 1)) == 1
    (problem,) = data.problems
    assert problem.path == empty and "begins with 'nothing', not with a tempo" in problem.reason
    text(words, "fast\n")
    with pytest.raises(DataSetError, match="begins with 'fast', not with a tempo"):
        data.examples(None, 8000, 1)


def test_mtg_jamendo(tmp_path):
    songs = {"track_1": "train", "track_2": "validation", "track_3": "test"}
    tracks, rows = {}, ["TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n"]
    for song in songs:
        tracks[song] = {"audio": f"audios/0{song[-1]}/{song[-1]}.wav"}
        tone(tmp_path / tracks[song]["audio"])
        tags = "mood/theme---dark\tmood/theme---film"
        rows.append(f"{song}\tartist_{song[-1]}\talbum_1\t01/1.mp3\t2.0\t{tags}\n")
    text(tmp_path / "data" / "autotagging_moodtheme.tsv", "".join(rows))
    for number in range(5):
        for split in ("train", "validation", "test"):
            inside = [row for row in rows[1:] if songs[row.split("\t")[0]] == split]
            path = tmp_path / "data" / "splits" / f"split-{number}"
            text(path / f"autotagging_moodtheme-{split}.tsv", rows[0] + "".join(inside))
    name, index = "mtg_jamendo_autotagging_moodtheme", write_index(tmp_path, tracks)
    data, found = examples(name, tmp_path, "tagging", index)
    assert data.problems == []
    assert found[0].annotation == Labels(("dark", "film"))
    splits = {"artist_1": "train", "artist_2": "valid", "artist_3": "test"}
    assert data.assignment == {f"{name}/{artist}": split for artist, split in splits.items()}


@pytest.mark.parametrize(
    ("name", "index", "task", "names"),
    [
        ("irmas", "irmas_index_1.0", "instrument_recognition", ("clarinet",)),
        ("tinysol", "tinysol_index_6.0", "instrument_recognition", ("strings",)),
        ("openmic2018", "openmic2018_index_1.0", "tagging", ()),
    ],
)
def test_excerpts(name, index, task, names):
    home, index = real_set(name, index)
    _, found = examples(name, home, task, index)
    assert found[0].annotation.names == names


def test_excerpt_of_openmic():
    """Listeners said of this clip that it has no clarinet, no flute and no trumpet."""
    home, index = real_set("openmic2018", "openmic2018_index_1.0")
    data, (clip,) = examples("openmic2018", home, "tagging", index)
    denied = set(OPENMIC_INSTRUMENTS) - set(clip.annotation.unknown)
    assert denied == {"clarinet", "flute", "trumpet"}
    assert data.assignment == {"openmic2018/Nicky Cook": "train"}
