"""Studio songs as examples of melodies and notes, and episodes of their variants."""

import numpy as np
import pytest

from umir.annotations import F0, Events, Intervals, Labels, Notes
from umir.studio.song import Part, Song
from umir.tasks import EpisodeSampler, StudioSource, get_task

RATE = 1000
SECONDS = 8
PLAYERS = {
    "bass": ("bass", "bass", [(0.0, 2.0, 110.0), (4.0, 6.0, 146.8)]),
    "chords_harp": ("harp", "other", [(0.0, 1.0, 261.6), (0.0, 1.0, 329.6), (3.0, 5.0, 392.0)]),
    "lead_flute": ("flute", "other", [(5.0, 7.0, 587.3)]),
    "vocals_voice": ("voice", "vocals", [(1.0, 2.5, 440.0)]),
}


def _part(name):
    instrument, stem, rows = PLAYERS[name]
    waveform = np.zeros((SECONDS * RATE, 1), np.float32)
    for start, end, frequency in rows:
        waveform[round(start * RATE) : round(end * RATE)] += frequency / 10_000
    table = np.array(rows)
    notes = Notes(table[:, :2], table[:, 2])
    return Part(name, instrument, stem, "synthetic", waveform, notes, Events(np.zeros(0), ()))


def _song(*names, title="a song"):
    parts = tuple(_part(name) for name in names)
    silence = np.zeros((SECONDS * RATE, 1), np.float32)
    stems = {
        stem: sum((part.waveform for part in parts if part.stem == stem), silence)
        for stem in ("bass", "drums", "other", "vocals")
    }
    melody = np.zeros(100 * SECONDS)
    for name in ("lead_flute", "vocals_voice"):
        for start, end, frequency in PLAYERS[name][2] if name in names else ():
            melody[round(100 * start) : round(100 * end)] = frequency
    nothing = Intervals(np.zeros((0, 2)), ())
    return Song(
        seed=0, name=title, rate=RATE, stems=stems, parts=parts, voice_activity=nothing,
        lyrics=nothing, instruments=Labels(()), style="rock", onsets=Events(np.zeros(0), ()),
        beats=Events(np.zeros(0), ()), melody=F0(np.arange(len(melody)) / 100, melody),
        notes=Notes(np.zeros((0, 2)), np.zeros(0)), chords=nothing, drums=Events(np.zeros(0), ()),
        key="A minor", tempo=120.0,
    )  # fmt: skip


def test_melodies_come_with_the_mixture_and_the_leading_parts():
    task = get_task("melody_extraction")
    song = _song(*PLAYERS)
    mixture, leading = StudioSource([song]).examples(task)
    assert mixture.waveform is song.mixture
    expected = song.parts[2].waveform + song.parts[3].waveform
    np.testing.assert_array_equal(leading.waveform, expected)
    assert mixture.annotation is leading.annotation is song.melody
    assert mixture.group == leading.group == "a song"


def test_a_single_leading_part_is_not_copied_and_none_is_an_example_of_silence():
    task = get_task("melody_extraction")
    song = _song("bass", "lead_flute")
    assert StudioSource([song]).examples(task)[1].waveform is song.parts[1].waveform
    (only,) = StudioSource([_song("bass")]).examples(task)
    assert task.labels_in(only.annotation) == frozenset()
    assert task.encode(only.annotation, 1000, RATE).mask[:, 0].all()


def test_notes_come_with_mixture_accompaniment_and_single_parts():
    task = get_task("note_transcription")
    song = _song(*PLAYERS)
    found = {e.name.split("(")[1][:-1]: e for e in StudioSource([song]).examples(task)}
    assert list(found) == ["mixture", "without vocals", *PLAYERS]
    assert found["mixture"].waveform is song.mixture
    assert found["without vocals"].waveform is song.accompaniment
    assert found["chords_harp"].waveform is song.parts[1].waveform
    notes = found["mixture"].annotation
    assert (np.diff(notes.intervals[:, 0]) >= 0).all()
    rows = sorted(zip(notes.labels, notes.intervals[:, 0], notes.frequencies, strict=True))
    expected = [(i, s, f) for i, _, notes in PLAYERS.values() for s, _, f in notes]
    assert rows == sorted(expected)
    assert set(found["without vocals"].annotation.labels) == {"bass", "harp", "flute"}
    assert found["bass"].annotation.labels == ("bass", "bass")


@pytest.mark.parametrize("name", ["melody_extraction", "note_transcription"])
def test_episodes_of_all_variants(name):
    songs = [_song(*PLAYERS, title="first"), _song("bass", "lead_flute", title="second")]
    sampler = EpisodeSampler([get_task(name)], StudioSource(songs), rate=RATE, segments=2)
    heads = set()
    for step in range(30):
        episode = sampler.episode(step)
        heads.add(episode.task.head.channels)
        for batch in (episode.support, episode.query):
            assert batch.target.values.shape == (2, 640, episode.task.head.channels)
            assert batch.target.values.shape[:2] == batch.target.mask.shape[:2]
        assert np.isfinite(episode.task.head_prior(episode.support.target)).all()
    assert len(heads) == 2
