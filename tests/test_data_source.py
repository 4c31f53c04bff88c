"""Data sets as a source for meta-training: each task gets what each set knows for it."""

import numpy as np
import pytest
import soundfile
from folders import write_rows
from made_sets import make_folder, make_mdb_drums, make_mir_1k, make_musdb18hq

from umir.annotations import Events, Intervals, Stems
from umir.data.example import Example
from umir.data_sets import DataSetError
from umir.data_source import DataSource, JoinedSource
from umir.tasks import EpisodeSampler, ExampleSource, Source, get_task
from umir.tasks.joint import joint_examples, shared_tasks


@pytest.fixture
def data(tmp_path):
    parts = {
        "mdb_drums": make_mdb_drums(tmp_path / "mdb"),
        "mir_1k": make_mir_1k(tmp_path / "mir_1k"),
        "musdb18hq": make_musdb18hq(tmp_path / "hq"),
    }
    folder = make_folder(tmp_path / "mine")
    return ",".join([*(f"{name}:{path}" for name, path in parts.items()), str(folder)])


def sets_of(examples):
    return {example.group.split("/")[0] for example in examples}


def test_each_task_gets_the_sets_that_serve_it(data):
    source = DataSource(data, 8000, 1)
    assert isinstance(source, Source)
    drums = source.examples(get_task("drum_transcription"))
    assert sets_of(drums) == {"mdb_drums", "mine"}
    assert sets_of(source.examples(get_task("vocal_separation"))) == {"mir_1k", "musdb18hq"}
    assert sets_of(source.examples(get_task("melody_extraction"))) == {"mir_1k"}
    assert source.examples(get_task("drum_transcription")) is drums
    assert not source.serves(get_task("chord_recognition"))
    with pytest.raises(ValueError, match="has no labels for task 'chord_recognition'"):
        source.examples(get_task("chord_recognition"))


def test_a_part_may_be_kept_for_one_task(data):
    only = data.replace("mir_1k:", "mir_1k/melody_extraction:")
    source = DataSource(only, 8000, 1)
    assert sets_of(source.examples(get_task("vocal_separation"))) == {"musdb18hq"}
    assert source.serves(get_task("melody_extraction"))


def test_tasks_share_recordings(data):
    """So they are learnt jointly, and held once."""
    source = DataSource(data, 8000, 1)
    tasks = [get_task("melody_extraction"), get_task("singing_voice_detection")]
    melody, voice = ([e for e in source.examples(task)] for task in tasks)
    assert [e.group for e in melody] == [e.group for e in voice]
    assert all(one.waveform is other.waveform for one, other in zip(melody, voice, strict=True))
    assert shared_tasks(source, tasks) == tuple(tasks)
    for joint in joint_examples(source, tasks):
        assert set(joint.annotations) == {task.name for task in tasks}


def test_two_annotations_of_the_same_samples_stay_two(tmp_path):
    folder = make_folder(tmp_path / "mine", "abcdefgh")
    source, task = DataSource(str(folder), 8000, 1), get_task("drum_transcription")
    examples = source.examples(task)
    assert len(examples) > 1
    assert all(np.array_equal(e.waveform, examples[0].waveform) for e in examples)
    assert len(joint_examples(source, [task])) == len(examples)


def test_variants_of_a_task_are_served(data):
    only = data.replace("mdb_drums:", "mdb_drums/drum_transcription:")
    for text in (data, only):
        drums = DataSource(text, 8000, 1).examples(get_task("drum_transcription_5"))
        assert "mdb_drums" in sets_of(drums)
    assert "mdb_drums" not in sets_of(
        DataSource(only, 8000, 1).examples(get_task("onset_detection"))
    )


def test_only_the_split_is_given(data):
    groups = [
        {e.group for e in DataSource(data, 8000, 1, split).examples(get_task("beat_tracking"))}
        for split in ("train", "valid", "test")
    ]
    assert all(groups)
    assert len(set.union(*groups)) == sum(map(len, groups))


def test_a_group_has_one_split_for_all_tasks(tmp_path, rng):
    """Or what has taught one of them would judge another one."""
    (tmp_path / "e.txt").write_text("0.2 1\n0.7 2\n")
    (tmp_path / "n.txt").write_text("0.2 0.7 440\n")
    rows = []
    for n in range(5):
        soundfile.write(tmp_path / f"{n}.wav", 0.1 * rng.normal(size=8000), 8000)
        few = {"notes": "n.txt"} if n < 3 else {}
        rows.append({"audio": f"{n}.wav", "group": f"song{n}", "events": "e.txt", **few})
    write_rows(tmp_path, rows)
    source = DataSource(tmp_path, 8000, 1)
    tasks = [get_task(name) for name in ("beat_tracking", "note_transcription")]
    source.load(tasks)
    taught = {example.group for task in tasks for example in source.examples(task)}
    assert {group for group, split in source.splits.items() if split == "train"} == taught
    assert set(source.splits.values()) == {"train", "valid", "test"}


def test_episodes_are_drawn_from_it(data):
    task = get_task("drum_transcription")
    sampler = EpisodeSampler([task], DataSource(data, 8000, 1), rate=8000)
    episode = sampler.episode(0)
    assert not set(episode.support_groups) & set(episode.query_groups)


def test_tasks_of_one_class_draw_from_what_serves_each(data):
    """MIR-1K has two stems, which serve one of the two separations only."""
    tasks = [get_task("vocal_separation"), get_task("source_separation")]
    stem = np.full((8000, 1), 0.1, np.float32)
    stems = Stems({name: stem for name in ("bass", "drums", "vocals", "other")}, 8000)
    songs = [Example(4 * stem, 8000, stems, name, name) for name in ("one", "two")]
    source = JoinedSource(ExampleSource(songs), DataSource(data, 8000, 1))
    served = {task.name: {example.group for example in source.examples(task)} for task in tasks}
    assert served["source_separation"] < served["vocal_separation"]
    sampler = EpisodeSampler(tasks, source, rate=8000)
    drawn: dict = {task.name: set() for task in tasks}
    for step in range(20):
        episode = sampler.episode(step, variants=False)
        drawn[episode.task.name] |= {*episode.support_groups, *episode.query_groups}
    assert drawn == served


def test_beside_another_source(data):
    source = DataSource(data, 8000, 1)
    drums = get_task("drum_transcription")
    first = source.examples(drums)[:1]
    joined = JoinedSource(ExampleSource(first), source)
    assert len(joined.examples(drums)) == 1 + len(source.examples(drums))
    assert joined.examples(get_task("chord_recognition")) == first


def test_what_cannot_be_used_is_said_at_once_or_kept(data, tmp_path):
    with pytest.raises(DataSetError, match="no data set 'mdb'"):
        DataSource("mdb:/nowhere,x", 8000, 1)
    with pytest.raises(DataSetError, match="none: no such folder; to get maestro: umir data get"):
        DataSource(f"maestro:{tmp_path / 'none'}", 8000, 1)
    with pytest.raises(ValueError, match="no such file; write one JSON object per line"):
        DataSource(str(tmp_path / "nothing"), 8000, 1)
    (tmp_path / "mdb/MDB Drums/audio/full_mix/MusicDelta_Rock_MIX.wav").unlink()
    source = DataSource(data, 8000, 1)
    source.examples(get_task("drum_transcription"))
    assert "1 of 6 tracks of mdb_drums left out" in str(source.problems[0])


def test_data_that_serves_no_task_is_an_error(data, tmp_path):
    (clicks := tmp_path / "clicks").mkdir()
    soundfile.write(clicks / "a.wav", np.ones(8000) / 2, 8000)
    (clicks / "a.txt").write_text("0.5")
    write_rows(clicks, [{"audio": "a.wav", "events": "a.txt"}])
    source = DataSource(f"musdb18hq:{tmp_path / 'hq'},{clicks}", 8000, 1)
    separation, onsets = get_task("vocal_separation"), get_task("onset_detection")
    told = "clicks: none of the tasks reads labels of the kind 'events'; leave it out"
    with pytest.raises(ValueError, match=told):
        source.load([separation])
    with pytest.raises(ValueError, match="^musdb18hq: none of the tasks reads its labels"):
        source.load([onsets])
    source.load([separation, onsets])


def test_a_folder_with_labels_of_several_kinds_serves_tasks_of_each(tmp_path):
    """As a library that the studio rendered has."""
    soundfile.write(tmp_path / "a.wav", np.ones(8000) / 2, 8000)
    (tmp_path / "a.txt").write_text("0.5")
    write_rows(tmp_path, [{"audio": "a.wav", "events": "a.txt", "label": "pop", "split": "train"}])
    source = DataSource(str(tmp_path), 8000, 1)
    onsets, genres = get_task("onset_detection"), get_task("genre_recognition")
    assert source.serves(onsets) and source.serves(genres)
    assert source.examples(onsets)[0].annotation.times.tolist() == [0.5]
    assert source.examples(genres)[0].annotation.names == ("pop",)
    assert not source.serves(get_task("melody_extraction"))


def test_labels_of_something_else_do_not_say_that_there_is_nothing(tmp_path):
    """Kicks are no beatless song, and chords no song that nobody sings."""
    drums = make_folder(tmp_path / "drums")
    source = DataSource(str(drums), 8000, 1)
    tasks = [get_task("drum_transcription"), get_task("beat_tracking")]
    assert all(map(source.serves, tasks))
    source.load(tasks)
    assert [source.serves(task) for task in tasks] == [True, False]
    with pytest.raises(ValueError, match="no recording .* has what task 'beat_tracking' reads"):
        DataSource(str(drums), 8000, 1).load(tasks[1:])


@pytest.mark.parametrize(
    ("name", "labels", "about"),
    [
        ("beat_tracking", ("kick", "snare"), False),
        ("beat_tracking", ("1", "2"), True),
        ("beat_tracking", (), True),
        ("drum_transcription", ("kick", "tom"), True),
        ("drum_transcription", ("tom",), False),
        ("onset_detection", ("kick",), True),
        ("singing_voice_detection", ("C:maj", "N"), False),
        ("singing_voice_detection", (), True),
        ("chord_recognition", ("verse", "chorus"), False),
        ("chord_recognition", ("N",), True),
    ],
)
def test_what_annotations_are_about(name, labels, about):
    task, times = get_task(name), np.arange(len(labels), dtype=float)
    if task.kind == "events":
        annotation = Events(times, labels)
    else:
        annotation = Intervals(np.stack([times, times + 1], axis=1), labels, 9.0)
    assert task.is_about(annotation) is about
