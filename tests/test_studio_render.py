"""`umir studio render`: a folder with the songs and labels, which `umir finetune` reads."""

import json

import numpy as np
import pytest
from rendered_library import SECONDS, SONGS
from tiny import TINY

from umir.audio import read_audio
from umir.cli import main
from umir.data.manifest import read_manifest
from umir.studio import STEMS, render_song
from umir.studio.song_files import TASK_MANIFESTS
from umir.user_data import read_user_data


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
