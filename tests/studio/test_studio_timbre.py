"""The group of timbre: other sounds, the same onsets; bends that f0 follows; exact notes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import hilbert

from umir.studio import labels
from umir.studio.playing.articulation import BENDS, Contour, articulate
from umir.studio.playing.performance import Bend, Hit, Note, PlayedPart
from umir.studio.song import DRUM_CLASSES
from umir.studio.sounds.drum_kit import draw_kit
from umir.studio.sounds.drum_recipes import other_drum
from umir.studio.sounds.drum_variety import vary_kit
from umir.studio.sounds.ensembles import Layered, Touched, Unison, draw_touch, draw_unison
from umir.studio.sounds.instruments import PROGRAMS, draw_sound
from umir.studio.sounds.random_patches import mutate, patch_for, random_patch
from umir.studio.sounds.random_synthesis import RoughSound, StackedFMSound, StiffSound
from umir.studio.sounds.sampler import SampledSound
from umir.studio.sounds.synthesis import HarmonicSound, Partials
from umir.studio.sounds.timbre import draw_doubles, vary_player
from umir.studio.sounds.tone import Envelope, render_notes

RATE = 16000
ONSET = 0.2


def play(sound, note, seconds=1.5):
    return render_notes(sound, [note], round(seconds * RATE), RATE)


def rise(wave):
    """Return when the level over 3 ms first exceeds a tenth of the peak of the first 150 ms."""
    power = np.convolve(wave.astype(np.float64) ** 2, np.ones(48) / 48)[: len(wave)]
    first = round(ONSET * RATE)
    assert np.sqrt(power[: first - 1]).max() < 1e-6, "sound before the onset"
    peak = power[first : first + round(0.15 * RATE)].max()
    return float(np.argmax(power >= 0.01 * peak)) / RATE


def pitch(wave, near):
    """Return the pitch of a stretch of sound in Hz by the phase of its autocorrelation's peak."""
    spectrum = np.abs(np.fft.rfft(wave, 8 * len(wave))) ** 2
    correlation = np.fft.irfft(spectrum)[: len(wave)] / np.arange(len(wave), 0, -1)
    periods = 3
    lags = np.arange(int(periods * RATE / near / 1.05), int(periods * RATE / near * 1.05) + 2)
    best = lags[int(np.argmax(correlation[lags]))]
    left, middle, right = correlation[best - 1 : best + 2]
    return periods * RATE / (best + 0.5 * (left - right) / (left - 2 * middle + right))


def cents(wave, expected):
    return 1200 * np.log2(pitch(wave, expected) / expected)


def centroid(wave):
    power = np.abs(np.fft.rfft(wave)) ** 2
    return float((power * np.fft.rfftfreq(len(wave), 1 / RATE)).sum() / power.sum())


def pure(**settings):
    """Return a sound with a single partial: its phase is the note's."""
    return HarmonicSound(Partials(slope=30.0), Envelope(0.002), **settings)


@pytest.mark.parametrize("struck", [True, False])
def test_random_patches_start_on_time_in_tune_and_differ(struck):
    centroids = []
    for seed in range(40):
        sound = random_patch(np.random.default_rng(seed), struck)
        wave = play(sound, Note(ONSET, 0.9, 57.0, 0.8))
        assert np.isfinite(wave).all() and np.abs(wave).max() < 20
        assert ONSET - 0.001 <= rise(wave) <= ONSET + 0.012
        # Random partials may hide the fundamental, not move it: its multiples are there.
        # Partials of stiff strings and bars, and noise, have no common pitch at all.
        if isinstance(sound, HarmonicSound | StackedFMSound) and not isinstance(sound, StiffSound):
            body = sound.body(np.full(RATE // 2, 220.0), 0.8, RATE)[RATE // 10 :]
            if getattr(sound, "noise", 0.0) < 0.01 and len(getattr(sound, "detune", (0,))) == 1:
                assert abs(cents(body[:4000], 220.0)) < 6
        centroids.append(centroid(wave[round(ONSET * RATE) :]))
    assert np.quantile(centroids, 0.9) > 2.5 * np.quantile(centroids, 0.1)


def odd_share(sound, key):
    """Return the part of a note's energy in harmonics that is in odd ones."""
    frequency = 440 * 2 ** ((key - 69) / 12)
    wave = play(sound, Note(0.0, 1.2, key, 0.8))[RATE // 10 : RATE]
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 8 * len(wave))) ** 2
    places = np.fft.rfftfreq(8 * len(wave), 1 / RATE) / frequency
    near = (np.abs(places - np.round(places)) < 0.05) & (places > 0.5) & (places < 12.5)
    return power[near & (np.round(places) % 2 == 1)].sum() / power[near].sum()


# One with a strong second harmonic, one whose two voices cancel each other, and bands of noise.
@pytest.mark.parametrize(("seed", "key"), [(43, 64.0), (146, 50.0), (30, 76.0)])
def test_patches_do_not_sound_an_octave_above_their_labels(seed, key):
    struck = bool(seed % 2)
    assert odd_share(random_patch(np.random.default_rng(seed), struck), key) < 0.1
    assert odd_share(patch_for(np.random.default_rng(seed), struck, [key]), key) > 0.1


def test_patches_that_sound_in_their_octave_stay_as_they_are():
    same = 0
    for seed in range(20):
        drawn = random_patch(np.random.default_rng(seed), True)
        same += patch_for(np.random.default_rng(seed), True, [60.0, 67.0]) == drawn
    assert same >= 13


def test_stiff_partials_are_where_fletcher_puts_them():
    stiffness, frequency = 2e-3, 200.0
    partials = Partials(slope=0.5)
    sound = StiffSound(partials, Envelope(0.002), seed=3, stiffness=stiffness)
    wave = sound.body(np.full(2 * RATE, frequency), 1.0, RATE)[RATE // 2 :]
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 8 * len(wave)))
    bins = np.fft.rfftfreq(8 * len(wave), 1 / RATE)
    for h in (1, 2):
        expected = h * frequency * np.sqrt((1 + stiffness * h**2) / (1 + stiffness))
        near = np.abs(bins - expected) < 30
        assert bins[near][np.argmax(spectrum[near])] == pytest.approx(expected, abs=0.2)
    plain = StiffSound(partials, Envelope(0.002), seed=3, stiffness=0.0)
    same = HarmonicSound(partials, Envelope(0.002), seed=3)
    curve = np.full(RATE, frequency)
    first, second = plain.body(curve, 1.0, RATE), same.body(curve, 1.0, RATE)
    levels = [np.abs(np.fft.rfft(wave))[::200][1:20] for wave in (first, second)]
    np.testing.assert_allclose(levels[0], levels[1], rtol=0.01)


def test_rough_partials_lie_around_their_places():
    sound = RoughSound(Envelope(0.002), (1.0, 0.5), bandwidth=4.0, roughness=0.6)
    wave = sound.body(np.full(4 * RATE, 440.0), 1.0, RATE)
    power = np.abs(np.fft.rfft(wave)) ** 2
    bins = np.fft.rfftfreq(len(wave), 1 / RATE)
    near = (np.abs(bins - 440) < 20) | (np.abs(bins - 880) < 20)
    assert power[near].sum() > 0.98 * power.sum()


def test_drawn_levels_are_the_partials():
    levels = (1.0, 0.5, 0.0, 0.25)
    partials = Partials(slope=0.0, cutoff=(1e6, 1e6), levels=levels)
    amplitudes = partials.amplitudes(100.0, 6, 1.0)
    np.testing.assert_allclose(amplitudes[0], [*levels, 1, 1], rtol=1e-6)
    moving = Partials(
        slope=0.0, cutoff=(1e6, 1e6), cutoff_time=0.1, levels=(1.0,), later_levels=(0.2,)
    )
    fundamental = moving.amplitudes(100.0, 1, 1.0)[:, 0]
    assert fundamental[0] == pytest.approx(1) and fundamental[-1] == pytest.approx(0.2)


@pytest.mark.parametrize("instrument", sorted(PROGRAMS))
def test_mutated_and_touched_instruments_keep_onset_and_pitch(instrument):
    key = {"bass": 33.0, "harp": 55.0}.get(instrument, 64.0)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        sound = mutate(rng, draw_sound(rng, instrument)[0], instrument)
        loud = play(draw_touch(rng, sound), Note(ONSET, 0.8, key, 0.9))
        assert ONSET - 0.001 <= rise(loud) <= ONSET + 0.012
        if isinstance(sound, SampledSound):  # others are in tune by construction
            frequency = 440 * 2 ** ((key - 69) / 12)
            held = play(sound, Note(ONSET, 0.8, key, 0.9))[round(0.4 * RATE) : round(0.7 * RATE)]
            assert abs(cents(held, frequency)) < 25


def test_unison_is_centred_and_its_first_voice_is_on_time():
    for seed in range(8):
        unison = draw_unison(np.random.default_rng(seed), pure(), 30.0)
        assert np.mean(unison.cents) == pytest.approx(0, abs=1e-9)
        assert np.ptp(unison.cents) <= 30 and unison.delays[0] == 0 and 2 <= len(unison.cents) <= 4
        assert abs(rise(play(unison, Note(ONSET, 0.8, 60.0, 0.8))) - ONSET) < 0.004
    wide = Unison(pure(), (-20.0, 20.0), (0.0, 0.01))
    wave = wide.body(np.full(4 * RATE, 440.0), 1.0, RATE)[RATE:]
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 4 * len(wave)))
    bins = np.fft.rfftfreq(4 * len(wave), 1 / RATE)
    for side in (slice(0, np.searchsorted(bins, 440)), slice(np.searchsorted(bins, 440), None)):
        top = bins[side][np.argmax(power[side])]
        assert abs(1200 * np.log2(top / 440)) == pytest.approx(20, abs=1)


def test_layers_and_touch_by_hand():
    sound = pure()
    curve = np.full(RATE, 200.0)
    body = sound.body(curve, 1.0, RATE)
    np.testing.assert_allclose(
        Layered(sound, sound, 0.5).body(curve, 1.0, RATE), 1.5 * body, rtol=1e-4, atol=1e-4
    )
    touched = Touched(sound, sound.envelope, tremolo=(0.5, 5.0)).body(curve, 1.0, RATE)
    assert touched[0] == pytest.approx(body[0])
    np.testing.assert_allclose(touched[1600], 0.5 * body[1600], atol=1e-3)  # half a swing later
    bright = HarmonicSound(Partials(slope=0.5), Envelope(0.002))
    muffled = Touched(bright, bright.envelope, muffle=2.0).body(curve, 1.0, RATE)
    assert centroid(muffled) < 0.6 * centroid(bright.body(curve, 1.0, RATE))


def test_contour_by_hand():
    contour = Contour(times=(0.0, 0.1, 0.3), offsets=(-2.0, -2.0, 0.0), depth=0.0)
    time = np.array([0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 1.0])
    eased = -2 + 2 * (0.5 - 0.5 * np.cos(np.pi / 4))
    np.testing.assert_allclose(contour.semitones(time), [-2, -2, -2, eased, -1, 0, 0], atol=1e-12)
    shaking = Contour(depth=0.3, rate=5.0, delay=0.1, times=(0.0,), offsets=(0.0,))
    plain = Bend(depth=0.3, rate=5.0, delay=0.1)
    np.testing.assert_allclose(shaking.semitones(time), plain.semitones(time))


def bent_notes(seed, instrument="electric_guitar"):
    """Return notes with bends among them."""
    starts = np.arange(12) * 0.7 + 0.1
    notes = [Note(float(t), float(t) + 0.65, 60.0 + k % 5, 0.7) for k, t in enumerate(starts)]
    return articulate(np.random.default_rng(seed), notes, instrument, True)


def test_f0_of_bent_notes_is_the_frequency_that_sounds():
    checked = 0
    for seed in range(12):
        for note in bent_notes(seed):
            if not isinstance(note.bend, Contour) or note.offset - note.onset < 0.3:
                continue
            wave = play(pure(), Note(ONSET, ONSET + 0.5, note.pitch, 0.9, note.bend))
            angle = np.unwrap(np.angle(hilbert(wave.astype(float))))
            times = np.arange(ONSET + 0.06, ONSET + 0.45, 0.01)
            index = np.round(times * RATE).astype(int)
            heard = (angle[index + 16] - angle[index - 16]) / 32 * RATE / 2 / np.pi
            expected = note.frequencies(index / RATE - ONSET)
            assert np.abs(1200 * np.log2(heard / expected)).max() < 3
            moved = Note(ONSET, ONSET + 0.5, note.pitch, 0.9, note.bend)
            curve = labels.f0_curve([moved], wave, RATE)
            frame = 45
            assert curve.frequencies[frame] == pytest.approx(
                note.frequencies(np.array([frame * 0.01 - ONSET]))[0]
            )
            checked += 1
    assert checked > 10


@pytest.mark.parametrize(("rate", "count"), [(22_050, 66_812), (11_025, 137_813)])
def test_a_curve_may_end_within_half_a_sample_of_the_audio(rate, count):
    curve = labels.f0_curve([Note(0.0, 20.0, 69.0, 0.9)], np.ones(count, np.float32), rate)
    np.testing.assert_allclose(curve.frequencies, 440.0)
    assert curve.times[-1] < count / rate <= curve.times[-1] + 0.01


@given(seed=st.integers(0, 10_000), instrument=st.sampled_from(sorted(PROGRAMS)))
def test_articulation_keeps_onsets_order_and_steady_pitches(seed, instrument):
    starts = np.cumsum(np.random.default_rng(seed).uniform(0.06, 0.9, 20))
    before = [
        Note(float(t), float(t) + 0.055, 50.0 + k % 7, 0.5, Bend(depth=0.2) if k % 3 else None)
        for k, t in enumerate(starts)
    ]
    after = articulate(np.random.default_rng(seed), before, instrument, True)
    assert [note.onset for note in after] == [note.onset for note in before]
    for note, old, following in zip(after, before, [*after[1:], None], strict=True):
        assert 0 < note.velocity <= 1 and note.offset > note.onset + 0.04
        assert following is None or note.offset <= following.onset + 1e-9
        assert abs(note.pitch - old.pitch) < 0.6
        if isinstance(note.bend, Contour):
            assert instrument in BENDS
            length = note.offset - note.onset
            steady = np.linspace(0, length, 200)
            off = np.interp(steady, note.bend.times, note.bend.offsets)
            assert (np.abs(off) < 1e-9).mean() >= 0.2  # it has its own pitch for a while


def test_players_of_timbre_keep_labels_exact():
    notes = tuple(Note(0.2 + 0.5 * k, 0.6 + 0.5 * k, 60.0 + k, 0.7) for k in range(4))
    part = PlayedPart("lead", "electric_guitar", notes)
    seen, made = set(), set()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        varied, sound, generator = vary_player(rng, part, *draw_sound(rng, "electric_guitar"))
        seen.add(varied.instrument)
        made.add(generator)
        assert [note.onset for note in varied.notes] == [note.onset for note in notes]
        wave = render_notes(sound, varied.notes, 3 * RATE, RATE)
        assert np.isfinite(wave).all() and not wave[: round(0.2 * RATE)].any()
        assert np.abs(wave[round(0.2 * RATE) : round(0.22 * RATE)]).max() > 0
    assert seen == {"electric_guitar", "synth_lead"}
    assert made == {"sampled", "synthetic", "mixed"}
    bass = PlayedPart("bass", "bass", notes)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert vary_player(rng, bass, *draw_sound(rng, "bass"))[0].instrument == "bass"


def test_who_doubles_plays_octaves_on_another_instrument():
    notes = tuple(Note(0.5 * k, 0.5 * k + 0.4, 50.0 + 8 * k, 0.7) for k in range(5))
    parts = [PlayedPart("chords", "piano", notes), PlayedPart("vocals", "voice", notes, "tenor")]
    doubled = 0
    for seed in range(100):
        for double in draw_doubles(np.random.default_rng(seed), parts):
            doubled += 1
            assert double.role == "pad" and double.instrument not in ("piano", "bass", "voice")
            written = {note.onset: note.pitch for note in notes}
            steps = {note.pitch - written[note.onset] for note in double.notes}
            assert steps in ({12.0}, {-12.0})
            assert all(28 <= note.pitch <= 96 for note in double.notes)
    assert 15 < doubled < 45
    assert draw_doubles(np.random.default_rng(0), parts[1:]) == []


@pytest.mark.parametrize("drum", DRUM_CLASSES)
def test_other_drums_start_at_once_and_differ(drum):
    centroids = []
    for seed in range(12):
        wave = other_drum(np.random.default_rng(seed), drum, RATE)
        assert wave.dtype == np.float32 and np.abs(wave).max() == pytest.approx(1, abs=1e-5)
        power = np.convolve(wave.astype(np.float64) ** 2, np.ones(16) / 16)
        assert np.argmax(power >= 0.01 * power.max()) < 0.006 * RATE
        assert abs(wave[-1]) < 1e-6
        centroids.append(centroid(wave))
    assert max(centroids) > 1.1 * min(centroids)


@pytest.mark.parametrize("kind", ["acoustic", "electronic"])
def test_varied_kits_are_on_time_and_do_not_depend_on_which_drums_are_asked(kind):
    for seed in range(4):
        kit = draw_kit(np.random.default_rng(seed), kind, RATE)
        varied = vary_kit(np.random.default_rng(seed), kit, RATE)
        assert set(varied.drums) == set(DRUM_CLASSES)
        for drum in DRUM_CLASSES:
            loud = varied.render([Hit(ONSET, drum, 0.9)], RATE, RATE)
            assert np.isfinite(loud).all()
            assert ONSET - 0.001 <= rise(loud) <= ONSET + 0.012, drum
        few = draw_kit(np.random.default_rng(seed), kind, RATE, ["snare"])
        alone = vary_kit(np.random.default_rng(seed), few, RATE)
        np.testing.assert_array_equal(alone.drums["snare"][0], varied.drums["snare"][0])
