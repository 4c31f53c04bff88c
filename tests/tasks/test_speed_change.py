"""Speed change: sounds and labels move together, exactly."""

import itertools
from collections import Counter
from functools import partial

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.annotations import F0, Events, Intervals, Labels, Notes, Stems
from umir.data.example import Example
from umir.studio import render_song
from umir.tasks import TASKS, Classification, IntervalDetection, StudioSource, segment_batch
from umir.tasks.sources import _CUTS
from umir.tasks.speed_change import (
    SEMITONES,
    USUAL_SPEED,
    change_speed,
    label_move,
    moved_chord,
    moved_key,
    moved_tempo,
    random_semitones,
    speed_ratio,
    usual_speed,
)

RATE = 16_000
CHORD, KEY, TEMPO = (
    TASKS[f"{name}"] for name in ("chord_recognition", "key_recognition", "tempo_estimation")
)
semitones_within_an_octave = st.floats(-12, 12)


def _example(annotation, waveform=None):
    wave = np.zeros((RATE, 1), np.float32) if waveform is None else waveform
    return Example(wave, RATE, annotation, "song", "song")


def _sine(frequency, seconds=1.0, channels=1):
    times = np.arange(round(seconds * RATE)) / RATE
    wave = 0.5 * np.sin(2 * np.pi * frequency * times).astype(np.float32)
    return np.repeat(wave[:, None], channels, axis=1)


@given(frequency=st.floats(200, 1500), semitones=semitones_within_an_octave)
def test_a_sine_has_the_pitch_and_length_of_its_label(frequency, semitones):
    f0 = F0(np.arange(100) / 100, np.full(100, frequency))
    moved = change_speed(_example(f0, _sine(frequency)), semitones)
    ratio = 2 ** (semitones / 12)
    assert len(moved.waveform) == round(RATE / ratio) and moved.waveform.dtype == np.float32
    # Phase of the analytic signal away from the ends: its slope is the frequency.
    middle = moved.waveform[len(moved.waveform) // 4 : -len(moved.waveform) // 4, 0]
    crossings = np.flatnonzero((middle[:-1] < 0) & (middle[1:] >= 0))
    exact = crossings - middle[crossings] / (middle[crossings + 1] - middle[crossings])
    measured = RATE / np.diff(exact).mean()
    np.testing.assert_allclose(measured, moved.annotation.frequencies, rtol=2e-4)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.01)
    np.testing.assert_allclose(moved.annotation.times, f0.times / ratio)


@given(semitones=semitones_within_an_octave, places=st.sets(st.integers(1000, 15_000), max_size=4))
def test_clicks_stay_at_their_events(semitones, places):
    """Low-passed clicks, whose peak stands at the event to a fraction of a sample."""
    times = np.array(sorted(places), float) / RATE
    grid = np.arange(RATE) / RATE
    wave = sum((np.exp(-(((grid - time) * 2000) ** 2)) for time in times), 0 * grid)
    events = Events(times, ("click",) * len(times))
    moved = change_speed(_example(events, wave[:, None].astype(np.float32)), semitones)
    assert moved.annotation.labels == events.labels
    for time in moved.annotation.times:
        distances = np.abs(moved.annotation.times - time)
        if (distances < 0.005).sum() > 1:
            continue  # two clicks that run into each other
        first = round(time * RATE) - 3
        peak = first + np.argmax(moved.waveform[first : first + 7, 0])
        assert abs(peak / RATE - time) <= 1 / RATE


def test_whole_semitones_of_chords_by_hand():
    moves = {
        ("C:maj", 2): "D:maj",
        ("C#:min7/b3", 1): "D:min7/b3",
        ("Cb:maj", 0): "B:maj",
        ("B:maj", 1): "C:maj",
        ("A:min", -3): "Gb:min",
        ("G", 12): "G",
        ("F#:(1,5)/5", -1): "F:(1,5)/5",
        ("N", 3): "N",
        ("X", 3): "X",
        ("verse", 3): "verse",
        ("C:maj", 0.4): "C:maj",
    }
    for (label, semitones), expected in moves.items():
        assert moved_chord(label, semitones) == expected


@given(
    root=st.sampled_from(["C", "Db", "D#", "E", "F", "Gb", "G", "A", "B#", "Bbb"]),
    rest=st.sampled_from(["", ":maj", ":min7", ":maj7/3", ":dim", ":sus4(9)", "/5", ":(1,b3)"]),
    semitones=st.integers(-24, 24),
)
def test_chords_move_as_their_pitches(root, rest, semitones):
    before, chroma, bass = mir_eval.chord.encode(root + rest)
    after, other, other_bass = mir_eval.chord.encode(moved_chord(root + rest, semitones))
    assert after == (before + semitones) % 12
    np.testing.assert_array_equal(chroma, other)
    assert bass == other_bass


def test_keys_and_tempi_by_hand():
    assert moved_key("A minor", 3) == "C minor"
    assert moved_key("Ebm", -1) == "D minor"
    assert moved_key("B major", 1) == "C major"
    assert moved_key("jazz", 1) == "jazz"
    assert moved_tempo("120", 12) == "240.00"
    assert moved_tempo("100.5", -12) == "50.25"
    assert moved_tempo("tempo", 1) == "tempo"


def test_chords_and_keys_are_heard_at_other_speeds_unless_told():
    """Their classes are each other's transpositions; a derived class does as its parent."""
    usual = {name: usual_speed(task) for name, task in TASKS.items()}
    assert {name for name, speed in usual.items() if speed} == {
        "chord_recognition",
        "chord_recognition_sevenths",
        "key_recognition",
    }
    assert set(usual.values()) == {0.0, USUAL_SPEED}
    assert usual_speed(Classification("own", ("C major", "D major"))) == 0.0


def test_every_type_of_annotation_by_hand():
    """An octave up: half as long, twice as high."""
    notes = Notes(np.array([[0.2, 0.6]]), np.array([220.0]), ("piano",))
    moved = change_speed(_example(notes), 12).annotation
    np.testing.assert_allclose(moved.intervals, [[0.1, 0.3]])
    assert moved.frequencies == 440 and moved.labels == ("piano",)
    chords = Intervals(np.array([[0.0, 0.5], [0.5, 1.0]]), ("C:maj", "N"), 1.0)
    moved = change_speed(_example(chords), 11, label_move(CHORD)).annotation
    assert moved.labels == ("B:maj", "N")
    assert moved.duration == pytest.approx(2 ** (-11 / 12))
    np.testing.assert_allclose(moved.intervals, chords.intervals * 2 ** (-11 / 12))
    assert change_speed(_example(chords), 11).annotation.labels == chords.labels
    moved = change_speed(_example(Labels(("C major",))), 2, label_move(KEY))
    assert moved.annotation.names == ("D major",)
    moved = change_speed(_example(Labels(("90",))), 12, label_move(TEMPO))
    assert moved.annotation.names == ("180.00",)
    unvoiced = F0(np.array([0.0, 0.5]), np.array([0.0, -110.0]))
    np.testing.assert_array_equal(
        change_speed(_example(unvoiced), 12).annotation.frequencies, [0, -220]
    )
    unknown = Intervals(np.array([[0.0, 1.0]]), ("voice",))
    assert change_speed(_example(unknown), 1).annotation.duration is None


@given(semitones=st.floats(-3, 3), channels=st.sampled_from([1, 2]))
def test_stems_still_add_up(semitones, channels):
    rng = np.random.default_rng(0)
    stems = {
        name: rng.normal(size=(5000, channels)).astype(np.float32) for name in ("vocals", "other")
    }
    song = _example(Stems(stems, RATE), sum(stems.values()))
    moved = change_speed(song, semitones)
    np.testing.assert_allclose(sum(moved.annotation.waveforms.values()), moved.waveform, atol=1e-5)
    assert moved.waveform.shape == (round(5000 / speed_ratio(semitones)), channels)


@given(semitones=st.floats(-6, 6))
def test_there_and_back(semitones):
    """What lies below the lower of the two Nyquist frequencies comes back."""
    rng = np.random.default_rng(1)
    spectrum = np.fft.rfft(rng.normal(size=RATE))
    spectrum[4000:] = 0  # 4 kHz
    wave = np.fft.irfft(spectrum)[:, None].astype(np.float32)
    events = Events(np.array([0.25, 0.75]), ("a", "b"))
    song = _example(events, wave)
    back = change_speed(change_speed(song, semitones), -semitones)
    assert abs(len(back.waveform) - RATE) <= 1
    inner = slice(1000, -1000)
    error = (back.waveform[:RATE] - wave[: len(back.waveform)])[inner]
    # Lengths are whole samples, so that the way back may start at a fraction of one: it does not.
    assert np.sqrt(np.mean(error**2)) < 1e-3 * np.sqrt(np.mean(wave**2))
    np.testing.assert_allclose(back.annotation.times, events.times, atol=1e-12)


def test_no_change_and_one_sample():
    song = _example(Events(np.array([0.5]), ("a",)), _sine(440))
    np.testing.assert_allclose(change_speed(song, 0).waveform, song.waveform, atol=1e-6)
    one = _example(Events(np.zeros(0), ()), np.ones((1, 1), np.float32))
    assert change_speed(one, 12).waveform.shape == (1, 1)


def test_tasks_whose_labels_cannot_follow_stay(rng):
    """Every named task can; a user's own classes, tags and intervals may mean anything."""
    assert all(label_move(task) is not None for task in TASKS.values())
    for task in (Classification("year", ("1990", "2000")), IntervalDetection("form", ("A", "B"))):
        assert label_move(task) is None
        assert random_semitones(rng, task, 1.0) == 0


def test_probability_and_range_of_changes():
    task = TASKS["beat_tracking"]
    rng = np.random.default_rng(0)
    drawn = [random_semitones(rng, task, 0.5) for _ in range(1000)]
    assert set(drawn) == {0, *SEMITONES}
    assert 0.45 < np.mean(np.array(drawn) != 0) < 0.55
    before = rng.bit_generator.state
    assert random_semitones(rng, task, 0.0) == 0 and rng.bit_generator.state == before


def _chord_song(labels, seconds=40.0):
    """Triads of sines, one chord after the other."""
    length = seconds / len(labels)
    waves = []
    for label in labels:
        root, chroma, _ = mir_eval.chord.encode(label)
        pitches = 60 + root + np.flatnonzero(chroma)
        waves.append(sum(_sine(440 * 2 ** ((p - 69) / 12), length) for p in pitches))
    bounds = length * np.arange(len(labels) + 1)
    chords = Intervals(np.stack([bounds[:-1], bounds[1:]], axis=1), tuple(labels), seconds)
    return Example(np.concatenate(waves), RATE, chords, "g", "g")


def _loudest_three(wave, centre):
    """Return the pitch classes with most energy in a quarter of a second, from C3 to B5."""
    part = wave[centre - 2000 : centre + 2000] * np.hanning(4000)
    pitches = np.arange(48, 84)
    frequencies = 440 * 2 ** ((pitches - 69) / 12)
    energy = np.abs(np.exp(-2j * np.pi * frequencies[:, None] * np.arange(4000) / RATE) @ part)
    return set(np.argsort(energy.reshape(3, 12).sum(axis=0))[-3:].tolist())


def test_segments_of_chords_sound_as_their_targets():
    """The three loudest pitch classes are the triad that the target says, moved or not."""
    song = _chord_song(["C:maj", "A:min", "F:maj", "G:maj"] * 2)
    batch = segment_batch(
        CHORD, [song], np.random.default_rng(0), rate=RATE, segments=12, augment=False, speed=1.0
    )
    heard = set()
    for waveform, values, mask in zip(batch.waveform, *batch.target, strict=True):
        for frame in range(4, len(values) - 4, 5):
            around = values[frame - 3 : frame + 4].argmax(axis=1)
            if not mask[frame] or len(set(around.tolist())) > 1:
                continue
            label = CHORD.vocabulary[values[frame].argmax()]
            root, triad, _ = mir_eval.chord.encode(label)
            wanted = {int((root + step) % 12) for step in np.flatnonzero(triad)}
            assert _loudest_three(waveform[:, 0], round(frame * RATE / 12.5)) == wanted
            heard.add(label)
    assert heard - set(song.annotation.labels), "no chord was moved"


def test_labels_are_drawn_as_they_will_be():
    """A segment drawn for `D:maj` is of `D:maj`, or of `C:maj` played two semitones higher."""
    song = _chord_song(["C:maj", "D:maj"])
    moved = 0
    for seed in range(8):
        batch = segment_batch(
            CHORD, [song], np.random.default_rng(seed), rate=RATE, segments=1, labels=["D:maj"],
            speed=1.0, seconds=3.2,
        )  # fmt: skip
        (values,) = batch.target.values
        frames = {CHORD.vocabulary[place] for place in values.argmax(axis=1)}
        assert "D:maj" in frames and frames <= {"C:maj", "D:maj", "E:maj"}
        moved += "E:maj" in frames
    assert moved


def test_a_song_in_one_key_teaches_five():
    """A tone that goes up with its key: C, and two semitones either way, each equally often."""
    song = _example(Labels(("C major",)), _sine(440.0, seconds=8.0))
    draw = partial(segment_batch, KEY, [song], rate=RATE, segments=60, augment=False, seconds=2.0)
    batch = draw(np.random.default_rng(1), speed=0.8)
    keys = [KEY.vocabulary[place] for place in batch.target.values.argmax(axis=1)]
    semitones = {moved_key("C major", step): step for step in (0, *SEMITONES)}
    counts = Counter(keys)
    assert counts.keys() == semitones.keys() and min(counts.values()) >= 6
    for key, waveform in zip(keys, batch.waveform[:, :, 0], strict=True):
        spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
        found = spectrum.argmax() * RATE / len(waveform)
        assert found == pytest.approx(440.0 * speed_ratio(semitones[key]), abs=1.0)


@pytest.fixture(scope="module")
def studio_songs():
    return [render_song(seed, duration=8.0) for seed in range(3)]


@pytest.mark.parametrize("name", sorted(name for name in TASKS if type(TASKS[name]) in _CUTS))
def test_speed_is_off_unless_asked_for(studio_songs, name):
    task = TASKS[name]
    examples = StudioSource(studio_songs).examples(task)
    draws = [
        segment_batch(task, examples, np.random.default_rng(2), rate=RATE, segments=4, **options)
        for options in ({}, {"speed": 0.0}, {"speed": 1.0})
    ]
    np.testing.assert_array_equal(draws[0].waveform, draws[1].waveform)
    assert draws[2].waveform.shape == draws[0].waveform.shape
    assert np.isfinite(draws[2].waveform).all() and np.isfinite(draws[2].target.values).all()
    assert not np.array_equal(draws[0].waveform, draws[2].waveform)


def test_segments_at_another_speed_are_whole():
    """Clicks and targets together: the frames with target 1 are those of the clicks."""
    task = TASKS["onset_detection"]
    times = np.arange(0.5, 19.5, 0.25)
    wave = np.zeros((20 * RATE, 1), np.float32)
    for time in times:
        wave[round(time * RATE) : round(time * RATE) + 20] = 0.5
    song = Example(wave, RATE, Events(times, ("",) * len(times)), "g", "g")
    batch = segment_batch(
        task, [song], np.random.default_rng(0), rate=RATE, segments=8, augment=False, speed=1.0
    )
    gaps = set()
    for waveform, values in zip(batch.waveform, batch.target.values, strict=True):
        loud = np.abs(waveform[:, 0]) > 0.5 * np.abs(waveform).max()
        starts = np.flatnonzero(loud & ~np.roll(loud, 1))
        starts = starts[np.insert(np.diff(starts) > 400, 0, True)]
        frames = np.flatnonzero(values[:, 0] == 1)
        distances = np.abs(starts[:, None] / 160 - frames)
        assert distances.min(axis=1)[1:-1].max() < 1
        assert distances.min(axis=0)[1:-1].max() < 1
        gaps.add(round(float(np.median(np.diff(starts)))))
    assert len(gaps) > 2
    for first, second in itertools.pairwise(sorted(gaps)):
        assert second / first == pytest.approx(
            2 ** (round(12 * np.log2(second / first)) / 12), 3e-3
        )
    assert batch.target.mask.all()
