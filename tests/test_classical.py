"""The classical methods of the benchmarks, on sounds whose annotation is known."""

import numpy as np
import pytest
from benchmark_scripts import benchmark_module

from umir.annotations import F0, Events, Intervals, Labels, Stems
from umir.data.example import Example
from umir.tasks import Classification, SourceSeparation, get_task

pytest.importorskip("librosa")
CLASSICAL = benchmark_module("classical")
HARMONY = benchmark_module("classical.harmony")
RHYTHM = benchmark_module("classical.rhythm")
TIMBRE = benchmark_module("classical.timbre")
VOICE = benchmark_module("classical.voice")
RATE = 16_000


def example(waveform, annotation):
    return Example(waveform[:, None].astype(np.float32), RATE, annotation, "song", "song")


def tone(frequencies, seconds):
    """Return a sum of tones with six harmonics each."""
    times = np.arange(round(seconds * RATE)) / RATE
    partials = [(f * n, 1 / n) for f in frequencies for n in range(1, 7)]
    return 0.05 * sum(a * np.sin(2 * np.pi * f * times) for f, a in partials)


def clicks(times, seconds, rng):
    waveform = np.zeros(round(seconds * RATE))
    burst = rng.normal(size=800) * np.exp(-np.arange(800) / 100)
    for time in times:
        first = round(time * RATE)
        waveform[first : first + 800] += burst[: len(waveform) - first]
    return 0.2 * waveform


def test_onsets_of_clicks(rng):
    times = np.array([0.5, 0.9, 1.6, 2.0, 2.7, 3.5])
    song = example(clicks(times, 4, rng), Events(times, ("",) * 6))
    task = get_task("onset_detection")
    found = RHYTHM.onset_detect(task, [song])(song.waveform, RATE)
    assert task.evaluate(song.annotation, found)["F-measure"] == 1


def test_beats_and_tempo_of_a_metronome(rng):
    times = np.arange(0.25, 16, 0.5)
    song = example(clicks(times, 16, rng), Events(times, ("",) * len(times)))
    task = get_task("beat_tracking")
    found = RHYTHM.beat_track(task, [])(song.waveform, RATE)
    assert task.evaluate(song.annotation, found)["F-measure"] > 0.9
    tempo = RHYTHM.tempo(get_task("tempo_estimation"), [])(song.waveform, RATE)
    assert float(tempo.names[0]) == pytest.approx(120, rel=0.04)


def test_pitch_of_a_tone_and_of_nothing(rng):
    waveform = np.concatenate([tone([220], 1), 1e-4 * rng.normal(size=RATE)])
    found = VOICE.pyin(get_task("melody_extraction"), [])(waveform[:, None], RATE)
    assert isinstance(found, F0)
    inside = (found.times > 0.1) & (found.times < 0.9)
    np.testing.assert_allclose(found.frequencies[inside], 220, rtol=0.01)
    assert np.mean(found.frequencies[found.times > 1.1] <= 0) > 0.9


def test_loud_voice_is_found_with_a_fitted_threshold(rng):
    waveform = 0.01 * rng.normal(size=8 * RATE)
    waveform[2 * RATE : 5 * RATE] += tone([400], 3)
    song = example(waveform, Intervals(np.array([[2.0, 5.0]]), ("voice",)))
    task = get_task("singing_voice_detection")
    found = VOICE.vocal_energy(task, [song])(song.waveform, RATE)
    np.testing.assert_allclose(found.intervals, song.annotation.intervals, atol=0.3)


def test_voice_always_is_right_as_often_as_there_is_voice():
    reference = Intervals(np.array([[1.0, 4.0]]), ("voice",), 4.0)
    task = get_task("singing_voice_detection")
    found = VOICE.always_voice(task, [])(np.zeros((4 * RATE, 1), np.float32), RATE)
    assert task.evaluate(reference, found)["accuracy"] == pytest.approx(0.75)


def test_templates_by_hand():
    found = HARMONY.templates()
    assert found.shape == (25, 12)
    c_major, a_minor = HARMONY.CHORDS.index("C:maj"), HARMONY.CHORDS.index("A:min")
    np.testing.assert_array_equal(np.flatnonzero(found[c_major]), [0, 4, 7])
    np.testing.assert_array_equal(np.flatnonzero(found[a_minor]), [0, 4, 9])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)


def test_chords_of_triads_and_silence():
    c_major, a_minor = [261.6, 329.6, 392.0], [220.0, 261.6, 329.6]
    waveform = np.concatenate([tone(c_major, 3), tone(a_minor, 3), np.zeros(3 * RATE)])
    reference = Intervals(np.array([[0, 3], [3, 6], [6, 9.0]]), ("C:maj", "A:min", "N"))
    song = example(waveform, reference)
    task = get_task("chord_recognition")
    found = HARMONY.chroma_templates(task, [song])(song.waveform, RATE)
    assert task.evaluate(reference, found)["majmin"] > 0.9


@pytest.mark.parametrize(
    ("tonic", "steps", "key"),
    [(293.66, (0, 2, 4, 5, 7, 9, 11), "D major"), (220.0, (0, 2, 3, 5, 7, 8, 11), "A minor")],
)
def test_key_of_a_scale(tonic, steps, key):
    # A scale, then its tonic triad: the notes of a key, the important ones longer.
    third = 4 if 4 in steps else 3
    scale = [tone([tonic * 2 ** (step / 12)], 0.4) for step in (*steps, 12)]
    triad = tone([tonic * 2 ** (step / 12) for step in (0, third, 7)], 1.5)
    waveform = np.concatenate([*scale, triad])[:, None]
    assert HARMONY.key_profiles(get_task("key_recognition"), [])(waveform, RATE).names == (key,)


def test_timbre_of_tones_and_noise(rng):
    def clip(name):
        sound = tone([rng.uniform(200, 400)], 1) if name == "tone" else rng.normal(size=RATE)
        return example(0.1 * sound, Labels((name,)))

    predict = TIMBRE.mfcc_regression(
        Classification("label", ("noise", "tone")), [clip(n) for n in ("tone", "noise") * 4]
    )
    for name in ("tone", "noise"):
        assert predict(clip(name).waveform, RATE).names == (name,)


def test_equal_shares_add_up(rng):
    waveform = rng.normal(size=(100, 2)).astype(np.float32)
    task = SourceSeparation("stems", ("vocals", "accompaniment"))
    found = TIMBRE.equal_shares(task, [])(waveform, RATE)
    assert isinstance(found, Stems)
    np.testing.assert_allclose(sum(found.waveforms.values()), waveform, rtol=1e-6)


def test_methods_are_for_folders_that_exist():
    folders = benchmark_module("real_folders").FOLDERS
    experiments = benchmark_module("recordings.experiments").EXPERIMENTS
    assert set(CLASSICAL.METHODS) <= set(folders) == set(experiments)
