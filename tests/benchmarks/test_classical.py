"""The classical methods of the benchmarks, on sounds whose annotation is known."""

import numpy as np
import pytest
from benchmark_scripts import benchmark_module

from umir.annotations import F0, Events, Intervals, Labels, Notes, Stems
from umir.data.example import Example
from umir.tasks import Classification, SourceSeparation, get_task

pytest.importorskip("librosa")
CLASSICAL = benchmark_module("classical")
CHANCE = benchmark_module("classical.chance")
DRUMS = benchmark_module("classical.drums")
HARMONY = benchmark_module("classical.harmony")
METHOD = benchmark_module("classical.method")
NOTES = benchmark_module("classical.notes")
RHYTHM = benchmark_module("classical.rhythm")
SEPARATION = benchmark_module("classical.separation")
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


def drum_song(rng):
    """Return two bars of low thumps, broad bursts and high ticks, and when they sound."""
    times = {"kick": [0.5, 1.5, 2.5, 3.5], "snare": [1.0, 2.0, 3.0], "hihat": [0.75, 1.25, 1.75]}
    sounds = {
        "kick": np.sin(2 * np.pi * 60 * np.arange(3200) / RATE),
        "snare": sum(np.sin(2 * np.pi * f * np.arange(3200) / RATE) for f in (200, 900, 1800)) / 3,
        "hihat": 0.5 * np.diff(rng.normal(size=3203), 2) * (np.arange(3201) < 3200),
    }
    waveform = 1e-4 * rng.normal(size=5 * RATE)
    for name, sound in sounds.items():
        for time in times[name]:
            first = round(time * RATE)
            decay = np.exp(-np.arange(len(sound)) / 600)
            waveform[first : first + len(sound)] += 0.3 * sound * decay
    found = sorted((time, name) for name, own in times.items() for time in own)
    return example(waveform, Events(np.array([t for t, _ in found]), tuple(n for _, n in found)))


def test_drums_by_their_bands(rng):
    song, task = drum_song(rng), get_task("drum_transcription")
    found = DRUMS.onset_bands(task, [song])(song.waveform, RATE)
    scores = task.evaluate(song.annotation, found)
    assert scores["F-measure/kick"] == scores["F-measure/snare"] == 1
    assert scores["F-measure/hihat"] > 0.8
    silence = np.zeros_like(song.waveform)
    assert not DRUMS.onset_bands(task, [song])(silence, RATE).labels


def test_notes_of_chords_without_their_overtones():
    # C, E and G, then A and C; six harmonics each, dying away as a string does.
    chords, rows, waveform = [[261.63, 329.63, 392.0], [440.0, 523.25]], [], np.zeros(3 * RATE)
    for number, chord in enumerate(chords):
        first = round((0.5 + number) * RATE)
        waveform[first : first + RATE] += tone(chord, 1) * np.exp(-np.arange(RATE) / 5000)
        rows += [(0.5 + number, 1.2 + number, frequency) for frequency in chord]
    intervals, frequencies = np.split(np.array(rows), [2], axis=1)
    song = example(waveform, Notes(intervals, frequencies[:, 0]))
    task = get_task("note_transcription")
    found = NOTES.cqt_peaks(task, [song])(song.waveform, RATE)
    assert task.evaluate(song.annotation, found)["F-measure_no_offset"] == 1


def test_overtones_go_and_louder_octaves_stay():
    levels = np.full(88, -80.0)
    levels[[40, 52, 59, 64]] = [-10.0, -14.0, -20.0, -5.0]
    assert NOTES.pitches(levels, -30.0) == [40, 64]
    assert NOTES.pitches(levels, -8.0) == [64]


def test_a_note_ends_where_it_starts_again():
    strength = np.zeros(80)
    strength[[10, 40]] = 1.0
    levels = np.full((88, 80), -80.0)
    levels[30, 10:] = -10.0
    levels[30, 32:40] = -20.0
    found = NOTES.notes_of(NOTES.Spectrum(strength, levels), 0.03, -30.0)
    frames = found.intervals * METHOD.RATE / NOTES.HOP
    np.testing.assert_allclose(frames, [[10, 40], [40, 80]], atol=1)


@pytest.fixture
def loop_with_voice(rng):
    """A half-second loop, eight seconds long, and a gliding voice in the middle of it."""
    beat = np.concatenate([tone([220 * k], 0.25) for k in (1.0, 1.5)])
    loop = np.tile(beat, 16)
    times = np.arange(len(loop)) / RATE
    phase = 2 * np.pi * np.cumsum(500 + 150 * np.sin(2 * np.pi * 0.37 * times)) / RATE
    voice = 0.05 * sum(np.sin(n * phase) / n for n in range(1, 5)) * (np.abs(times - 4) < 2)
    waveforms = {"vocals": voice, "accompaniment": loop}
    stems = {name: w[:, None].astype(np.float32) for name, w in waveforms.items()}
    return example(voice + loop, Stems(stems, RATE))


def test_what_comes_again_is_no_voice(loop_with_voice):
    song, task = loop_with_voice, get_task("vocal_separation")
    found = SEPARATION.repet_sim(task, [song])(song.waveform, RATE)
    np.testing.assert_allclose(sum(found.waveforms.values()), song.waveform, atol=1e-5)
    scores = task.evaluate(song.annotation, found)
    mixture = SEPARATION.mixture_itself(task, [])(song.waveform, RATE)
    assert scores["SDR/vocals"] > task.evaluate(song.annotation, mixture)["SDR/vocals"] + 6


def test_clicks_are_drums_and_low_tones_bass(rng):
    sounds = {
        "drums": clicks(np.arange(0.5, 4, 0.5), 4, rng),
        "bass": 0.2 * np.sin(2 * np.pi * 80 * np.arange(4 * RATE) / RATE),
        "other": tone([440.0, 660.0], 4),
    }
    stems = {name: sound[:, None].astype(np.float32) for name, sound in sounds.items()}
    stems["vocals"] = np.zeros_like(stems["drums"])
    song = example(sum(sounds.values()), Stems(stems, RATE))
    task = get_task("source_separation")
    scores = task.evaluate(song.annotation, SEPARATION.hpss(task, [])(song.waveform, RATE))
    assert min(scores[f"SI-SDR/{stem}"] for stem in ("drums", "bass", "other")) > 6


def test_four_stems_add_up(rng):
    waveform = 0.1 * rng.normal(size=(2 * RATE, 1)).astype(np.float32)
    task = get_task("source_separation")
    for method in (SEPARATION.repet_sim, SEPARATION.hpss):
        found = method(task, [])(waveform, RATE)
        assert set(found.waveforms) == set(task.vocabulary)
        np.testing.assert_allclose(sum(found.waveforms.values()), waveform, atol=1e-5)


def test_voicing_of_pyin_is_fitted(rng):
    waveform = np.concatenate([tone([220], 1), 1e-3 * rng.normal(size=RATE)])
    times = np.arange(200) / 100
    song = example(waveform, F0(times, np.where(times < 1, 220.0, 0.0)))
    task = get_task("melody_extraction")
    found = VOICE.pyin_with_threshold(task, [song])(song.waveform, RATE)
    assert task.evaluate(song.annotation, found)["Overall Accuracy"] > 0.9


def test_a_slow_analysis_runs_once_per_song(rng):
    heard = []
    analyse = METHOD.once_per_song(lambda waveform: heard.append(1) or waveform.sum())
    first, second = rng.normal(size=(2, 10))
    assert analyse(first) == analyse(first.copy()) == first.sum()
    assert analyse(second) == second.sum()
    assert len(heard) == 2


def test_settings_of_equal_worth_and_none():
    task, song = get_task("onset_detection"), example(np.zeros(RATE), Events(np.zeros(1), ("",)))
    decide = lambda features, setting: Events(np.array([features]), ("",))  # noqa: E731
    assert METHOD.best_setting(task, [song, song], [3, 1], [0.0, 0.0], decide) == 3
    assert METHOD.best_setting(task, [], [3, 1], [], decide) == 3
    assert METHOD.spread([song] * 3, 5) == [song] * 3
    assert METHOD.spread(list(range(9)), 3) == [0, 4, 8]


def test_chance_is_the_best_constant():
    seconds = np.zeros(4 * RATE)
    onsets = example(seconds, Events(np.arange(0.0, 4.0, 0.25), ("",) * 16))
    found = CHANCE.regular_events(get_task("onset_detection"), [onsets])(onsets.waveform, RATE)
    np.testing.assert_allclose(found.times, onsets.annotation.times)
    chords = example(seconds, Intervals(np.array([[0, 3], [3, 4.0]]), ("A:min", "C:maj")))
    found = CHANCE.constant_chord(get_task("chord_recognition"), [chords])(seconds[:, None], RATE)
    assert found.labels == ("A:min",)
    melody = example(seconds, F0(np.arange(400) / 100, np.where(np.arange(400) < 90, 440.0, 0.0)))
    task = get_task("melody_extraction")
    found = CHANCE.constant_pitch(task, [melody])(seconds[:, None], RATE)
    assert task.evaluate(melody.annotation, found)["Overall Accuracy"] == pytest.approx(0.775, 0.01)
    beats = example(seconds, Events(np.arange(0.0, 4.0, 0.5), ("beat",) * 8))
    found = CHANCE.steady_beats(get_task("beat_tracking"), [beats])(seconds[:, None], RATE)
    np.testing.assert_allclose(np.diff(found.times), 0.5)
    assert not CHANCE.no_notes(get_task("note_transcription"), [])(seconds[:, None], RATE).labels
    names = [example(seconds, Labels((name,))) for name in "aba"]
    found = CHANCE.constant_label(Classification("label", ("a", "b")), names)
    assert found(seconds[:, None], RATE).names == ("a",)


def test_methods_are_for_folders_that_exist():
    folders = benchmark_module("real_folders").FOLDERS
    experiments = benchmark_module("recordings.experiments").EXPERIMENTS
    assert set(CLASSICAL.METHODS) <= set(experiments) <= set(folders)
