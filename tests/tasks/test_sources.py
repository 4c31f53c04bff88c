"""Studio songs as examples: what each task gets of a song made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from umir.annotations import F0, Events, Intervals, Labels, Notes, Stems
from umir.studio.song import Part, Song
from umir.tasks import Classification, EventDetection, ExampleSource, StudioSource, get_task

RATE = 1000
NO_EVENTS = Events(np.zeros(0), ())
NO_NOTES = Notes(np.zeros((0, 2)), np.zeros(0))
NO_INTERVALS = Intervals(np.zeros((0, 2)), ())


def _part(name, instrument, stem, first, last):
    waveform = np.zeros((4000, 1), np.float32)
    waveform[first:last] = np.random.default_rng(first).normal(size=(last - first, 1)) * 0.1
    pitched = stem != "drums" and last > first
    notes = Notes(np.array([[first, last]]) / RATE, np.array([220.0])) if pitched else NO_NOTES
    return Part(name, instrument, stem, "synthetic", waveform, notes, NO_EVENTS)


def _song(drums=True):
    parts = [
        _part("chords", "piano", "other", 500, 3000),
        _part("pad", "strings", "other", 0, 4000),
        _part("double", "piano", "other", 100, 200),
        _part("bass line", "bass", "bass", 1000, 1500),
        _part("singer", "voice", "vocals", 0, 0),  # has nothing to sing
    ]
    if drums:
        parts.append(_part("kit", "drums", "drums", 0, 4000))
    silence = np.zeros((4000, 1), np.float32)
    stems = {
        stem: sum((part.waveform for part in parts if part.stem == stem), silence)
        for stem in ("bass", "drums", "other", "vocals")
    }
    hits = Events(np.array([1.0, 2.0]), ("kick", "snare")) if drums else NO_EVENTS
    return Song(
        seed=0, name="a song", rate=RATE, stems=stems, parts=tuple(parts),
        voice_activity=NO_INTERVALS, lyrics=NO_INTERVALS, instruments=Labels(("piano",)),
        style="x", onsets=NO_EVENTS, beats=NO_EVENTS, melody=F0(np.zeros(0), np.zeros(0)),
        notes=NO_NOTES, chords=NO_INTERVALS,
        drums=hits, key="C major", tempo=120.0,
    )  # fmt: skip


def test_separation_gets_the_mixture_and_its_parts():
    task = get_task("source_separation")
    (example,) = StudioSource([_song(drums=False)]).examples(task)
    assert isinstance(example.annotation, Stems)
    assert example.group == "a song"
    # Two pianos are one stem; nobody drums, which is a silent stem.
    assert set(example.annotation.waveforms) == {
        "other/piano", "other/strings", "bass/bass", "vocals/voice", "drums",
    }  # fmt: skip
    np.testing.assert_allclose(task.mix(example.annotation).sum(0), example.waveform, atol=1e-6)
    assert task.labels_in(example.annotation) >= {"piano", "strings", "bass", "other"}
    assert not task.labels_in(example.annotation) & {"drums", "vocals", "voice"}


def test_drum_transcription_gets_three_views_of_one_group():
    song = _song()
    source = StudioSource([song, _song(drums=False)])
    mixture, no_vocals, drums = source.examples(get_task("drum_transcription"))
    np.testing.assert_array_equal(mixture.waveform, song.mixture)
    np.testing.assert_allclose(no_vocals.waveform, song.mixture - song.stems["vocals"])
    np.testing.assert_array_equal(drums.waveform, song.stems["drums"])
    for example in (mixture, no_vocals, drums):
        assert example.annotation is song.drums
        assert example.group == "a song"


@pytest.mark.parametrize("name", ["chord_recognition", "beat_tracking", "key_recognition"])
def test_voices_alone_are_not_an_accompaniment_as_well(name):
    singer = _part("singer", "voice", "vocals", 0, 4000)
    silence = np.zeros((4000, 1), np.float32)
    stems = dict.fromkeys(("bass", "drums", "other"), silence) | {"vocals": singer.waveform}
    alone = replace(_song(drums=False), parts=(singer,), stems=stems)
    (example,) = StudioSource([alone]).examples(get_task(name))
    np.testing.assert_array_equal(example.waveform, singer.waveform)
    # With a band, there is the band alone, too.
    accompanied = replace(alone, stems=stems | {"bass": 0.5 * singer.waveform[::-1]})
    assert len(StudioSource([accompanied]).examples(get_task(name))) == 2


def test_instrument_recognition_gets_solo_parts_where_they_sound():
    source, task = StudioSource([_song()]), get_task("instrument_recognition")
    found = {example.name: example for example in source.examples(task)}
    assert set(found) == {
        "a song (chords)",
        "a song (pad)",
        "a song (double)",
        "a song (bass line)",
    }
    assert found["a song (bass line)"].annotation == Labels(("bass",))
    assert len(found["a song (bass line)"].waveform) == pytest.approx(500, abs=2)
    assert source.examples(task) is source.examples(task)


def test_rests_full_of_noise_are_no_instrument():
    noise = 0.01 * np.random.default_rng(0).normal(size=(12_000, 1)).astype(np.float32)
    spans = np.array([[2.0, 2.5], [2.6, 3.0], [9.0, 9.5]])
    bass = replace(_part("line", "bass", "bass", 0, 1), waveform=noise)
    played = replace(bass, notes=Notes(spans, np.full(3, 110.0)))
    spoken = replace(played, name="voice", instrument="voice", notes=NO_NOTES)
    spoken = replace(spoken, lyrics=Intervals(spans[:2], ("a", "b")))
    silent = replace(bass, name="silent", notes=NO_NOTES)
    song = replace(_song(drums=False), parts=(played, spoken, silent))
    one, other = StudioSource([song]).examples(get_task("instrument_recognition"))
    # With a second in which a note may ring on.
    np.testing.assert_array_equal(one.waveform, np.r_[noise[2000:4000], noise[9000:10500]])
    assert one.annotation == Labels(("bass",)) and other.annotation == Labels(("voice",))
    np.testing.assert_array_equal(other.waveform, noise[2000:4000])


def test_other_tasks_are_refused_and_users_examples_are_as_they_are():
    with pytest.raises(ValueError, match="the studio has no labels for task 'x', only for Beat"):
        StudioSource([_song()]).examples(EventDetection("x", ("kick",)))
    examples = StudioSource([_song()]).examples(get_task("drum_transcription"))
    assert ExampleSource(examples).examples(Classification("c", ("a", "b"))) == examples
