"""Labels of tasks that are held out are gone from those of other tasks, and nothing else is."""

import numpy as np
import pytest

from umir.annotations import Events, Intervals, Labels, Notes, Stems
from umir.data.example import Example
from umir.families import FAMILIES
from umir.studio import render_song
from umir.studio.song import INSTRUMENTS
from umir.tasks import EpisodeSampler, ExampleSource, StudioSource, get_task
from umir.tasks.joint import shared_tasks
from umir.tasks.withheld import WithheldSource

RATE = 16_000
WAVEFORM = np.zeros((RATE, 1), np.float32)
PAIRS = np.array([[0.0, 0.5], [0.25, 0.75], [0.5, 1.0]])
PLAYERS = ("voice", "piano", "drums")


def left(task, annotation, *held_out):
    """Return what is left of one annotation of a task; None if the example is gone."""
    example = Example(WAVEFORM, RATE, annotation, "song", "song")
    found = WithheldSource(ExampleSource([example]), held_out).examples(get_task(task))
    assert all(kept.waveform is WAVEFORM for kept in found)
    return found[0].annotation if found else None


def test_who_plays_is_hidden_with_the_instruments():
    hidden = FAMILIES["sound"]
    events = left("onset_detection", Events(PAIRS[:, 0], PLAYERS), *hidden)
    assert events.labels == ("", "", "") and events.times.tolist() == [0.0, 0.25, 0.5]
    notes = left("note_transcription", Notes(PAIRS, np.full(3, 440.0), PLAYERS), *hidden)
    assert notes.labels == ("", "", "") and len(notes.frequencies) == 3
    activity = left("singing_voice_detection", Intervals(PAIRS, PLAYERS, 1.0), *hidden)
    assert activity.labels == ("voice",) and activity.duration == 1.0
    assert activity.intervals.tolist() == [[0.0, 0.5]]


def test_stems_stay_coarse_where_instruments_are_hidden():
    parts = {"other/piano": 1.0, "other/harp": 2.0, "vocals/voice": 4.0, "drums": 8.0}
    stems = Stems({name: np.full((4, 1), value) for name, value in parts.items()}, RATE)
    found = left("source_separation", stems, "instrument_recognition").waveforms
    assert {name: waveform[0, 0] for name, waveform in found.items()} == {
        "other": 3.0,
        "vocals": 4.0,
        "drums": 8.0,
    }


def test_voices_are_hidden_with_their_activity():
    hidden = FAMILIES["separation"]
    assert left("instrument_recognition", Labels(("voice",)), *hidden) is None
    assert left("instrument_recognition", Labels(("piano",)), *hidden) == Labels(("piano",))
    events = left("onset_detection", Events(PAIRS[:, 0], PLAYERS), *hidden)
    assert events.labels == ("", "piano", "drums")


def test_activity_that_is_made_of_other_labels_is_hidden_with_them():
    activity = Intervals(PAIRS, PLAYERS, 1.0)
    assert left("singing_voice_detection", activity, *FAMILIES["percussion"]).labels == (
        "voice",
        "piano",
    )
    assert left("singing_voice_detection", activity, *FAMILIES["pitch"]).labels == (
        "voice",
        "drums",
    )
    assert left("singing_voice_detection", activity, *FAMILIES["harmony"]) == activity


@pytest.fixture(scope="module")
def songs():
    return [render_song(seed, rate=RATE, channels=1, duration=6.0) for seed in range(4)]


@pytest.mark.slow
def test_beats_are_no_onsets_where_they_are_held_out():
    """A user's folder of beats serves onsets, too: they would be the beats again."""
    beats, drums = Events(np.array([0.2, 0.7]), ("1", "2")), Events(np.array([0.5]), ("kick",))
    for held_out in ("beat_tracking", "tempo_estimation"):
        assert left("onset_detection", beats, held_out) is None
        assert left("onset_detection", drums, held_out) is drums
    # Where who plays is hidden as well, beats are still known by their names, and nothing else is.
    for held_out in (("beat_tracking", *FAMILIES["sound"]), (*FAMILIES["sound"], "beat_tracking")):
        assert left("onset_detection", beats, *held_out) is None
        assert left("onset_detection", drums, *held_out).labels == ("",)
    # Nobody knows what is not named.
    for labels in (("", ""), ("", "kick")):
        unnamed = Events(np.array([0.2, 0.7]), labels)
        assert left("onset_detection", unnamed, "beat_tracking") is unnamed


def test_no_variant_asks_for_an_instrument_that_is_hidden(songs):
    names = ("source_separation", "singing_voice_detection", "onset_detection")
    tasks = [get_task(name) for name in (*names, "note_transcription")]
    source = WithheldSource(StudioSource(songs), FAMILIES["sound"])
    sampler = EpisodeSampler(tasks, source, rate=RATE, segments=1, variant_probability=1.0)
    asked = set()
    for step in range(40):
        task = sampler.episode(step).task
        asked |= task.source_labels | set(task.vocabulary)
    assert not asked & (set(INSTRUMENTS) - {"voice", "bass", "drums"})  # bass, drums: stems


def test_tasks_still_share_waveforms():
    class Song:
        def examples(self, task):
            bounds = Intervals(PAIRS, ("voice", "piano", "voice"), 1.0)
            events = Events(PAIRS[:, 0], PLAYERS)
            known = bounds if task.kind == "intervals" else events
            return [Example(WAVEFORM, RATE, known, "song", "song")]

    tasks = [get_task(name) for name in ("onset_detection", "singing_voice_detection")]
    assert shared_tasks(WithheldSource(Song(), FAMILIES["sound"]), tasks) == tuple(tasks)
