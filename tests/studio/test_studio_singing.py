"""Singers: the pitch and the syllables of the labels are those of the waveform."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.studio import MELODY_HOP, STEMS, render_song
from umir.studio.features import ALL_FEATURES, GROUPS
from umir.studio.playing.performance import Note
from umir.studio.playing.performer import perform
from umir.studio.voices.phrasing import phrase
from umir.studio.voices.singer import REGISTERS, draw_singer
from umir.studio.voices.singing import coloured_noise, sing
from umir.studio.writing.backing import compose_backing
from umir.studio.writing.composer import compose
from umir.studio.writing.lexicon import PADS, syllable, words

RATE = 16000
SYLLABLES = sorted({part for word in words() for part in word}, key=repr)


def melody(register, seed, count=8):
    """Return a phrase of words with a rest in the middle, in the range of a register."""
    rng = np.random.default_rng(seed)
    voice, onset, notes = REGISTERS[register], 0.6, []
    for place in range(count):
        length = float(rng.uniform(0.3, 0.7))
        pitch = float(rng.integers(voice.low + 3, voice.high - 2))
        sung = SYLLABLES[int(rng.integers(len(SYLLABLES)))] if place % 5 != 4 else None
        notes.append(Note(onset, onset + length, pitch, 0.8, syllable=sung))
        onset += length + (0.8 if place == count // 2 - 1 else 0.0)
    return notes


def sung(register, seed, rate=RATE):
    rng = np.random.default_rng(seed)
    notes = melody(register, seed)
    return sing(draw_singer(rng, register), notes, round((notes[-1].offset + 0.5) * rate), rate)


def yin(wave, time, lowest=60.0, highest=1100.0):
    """Return the pitch in Hz at a time: YIN's first dip (de Cheveigne and Kawahara, 2002)."""
    longest, scale = round(RATE / lowest), 4
    window = round(0.025 * RATE)
    start = round(time * RATE) - (window + longest) // 2
    frame = wave[start : start + window + longest].astype(np.float64)
    fine = np.interp(np.arange(len(frame) * scale) / scale, np.arange(len(frame)), frame)
    head = fine[: window * scale]
    lags = np.arange(1, longest * scale)
    square = np.cumsum(np.concatenate([[0.0], fine**2]))
    energy = square[lags + len(head)] - square[lags]
    products = np.correlate(fine, head)[lags]
    difference = (head @ head) + energy - 2 * products
    normal = difference * lags / np.cumsum(difference)
    shortest = int(RATE * scale / highest)
    dips = np.flatnonzero(normal[shortest:] < 0.08) + shortest
    at = int(dips[0]) if len(dips) else shortest + int(np.argmin(normal[shortest:]))
    while at + 1 < len(normal) and normal[at + 1] < normal[at]:
        at += 1
    return RATE * scale / lags[at]


@pytest.mark.parametrize("register", sorted(REGISTERS))
def test_the_waveform_has_the_pitch_of_the_label(register):
    right, total = 0, 0
    for seed in range(2):
        singing = sung(register, seed)
        times, label = singing.f0.times, singing.f0.frequencies
        for time, frequency in zip(times[3:-3], label[3:-3], strict=True):
            if frequency > 0:
                off = 1200 * abs(np.log2(yin(singing.waveform, time) / frequency))
                right, total = right + (off < 50), total + 1
    assert total > 300 and right / total > 0.9


@pytest.mark.parametrize("consonant", ["s", "sh", "f", "hh", "t", "k", "ch"])
def test_voiceless_consonants_have_no_pitch(consonant):
    singer = draw_singer(np.random.default_rng(3), "tenor")
    text = syllable("x", f"{consonant} aa")
    notes = [Note(0.5, 1.5, 57.0, 0.9, syllable=syllable("aa", "aa"))]
    notes.append(Note(1.5, 2.5, 57.0, 0.9, syllable=text))
    singing = sing(singer, notes, 3 * RATE, RATE)
    (start, _), vowel = singing.lyrics.intervals[1], singing.notes[1].onset
    hops = np.arange(round(start / MELODY_HOP) + 1, round(vowel / MELODY_HOP))
    assert len(hops) >= 3 and not singing.f0.frequencies[hops].any()
    assert singing.f0.frequencies[hops[-1] + 4] > 0
    # Frames to which neither neighbour reaches: no energy at the first harmonic, little at all.
    wave = singing.waveform[round((start + 0.008) * RATE) : round((vowel - 0.008) * RATE)]
    vowels = singing.waveform[round((vowel + 0.1) * RATE) :][: len(wave)]
    t = np.arange(len(wave)) / RATE
    pitch = singing.f0.frequencies[hops[-1] + 12]
    kernel = np.hanning(len(wave)) * np.exp(-2j * np.pi * pitch * t)
    assert abs(wave @ kernel) < 0.03 * abs(vowels @ kernel)
    assert 0 < np.sqrt(np.mean(wave**2)) < 0.5 * np.sqrt(np.mean(vowels**2))


@given(st.sampled_from(sorted(REGISTERS)), st.integers(0, 1000))
def test_syllables_follow_each_other_and_hold_their_notes(register, seed):
    notes = melody(register, seed)
    singer = draw_singer(np.random.default_rng(seed), register)
    runs = phrase(np.random.default_rng(seed), singer, notes)
    end = 0.0
    for run in runs:
        assert end <= run.start
        for before, after in zip(run.syllables[:-1], run.syllables[1:], strict=True):
            assert before.end == after.start
        for each in run.syllables:
            assert each.start <= each.vowel < each.close <= each.end
        for note in run.notes:
            (holder,) = [s for s in run.syllables if s.vowel <= note.onset < s.end]
            assert note.offset <= holder.end + 1e-9 and note.offset - note.onset > 0.1
        end = run.end
    # Every vowel begins on a note of the melody, and notes without a syllable carry one on.
    heads = [note.onset for note in notes if note.syllable is not None]
    assert set(heads) <= {each.vowel for run in runs for each in run.syllables}
    assert [n.onset for run in runs for n in run.notes] == [n.onset for n in notes]


def test_nobody_sings_outside_of_syllables_and_breaths_are_soft():
    for seed in range(4):
        singing = sung("alto", seed)
        times = np.arange(len(singing.waveform)) / RATE
        outside = np.ones(len(times), bool)
        for start, end in singing.lyrics.intervals:
            outside &= (times < start - 0.011) | (times > end + 0.011)
        power = singing.waveform.astype(float) ** 2
        assert power[outside].sum() < 0.01 * power.sum()
        end = singing.lyrics.intervals[-1, 1]
        assert not singing.waveform[round((end + 0.02) * RATE) :].any()
        assert not singing.f0.frequencies[singing.f0.times > end].any()
        first = singing.lyrics.intervals[0, 0]
        assert not singing.waveform[: max(round((first - 0.55) * RATE), 0)].any()


def test_a_song_at_another_rate_is_the_same_song():
    low, high = sung("mezzo", 5), sung("mezzo", 5, 44100)
    np.testing.assert_array_equal(low.f0.frequencies, high.f0.frequencies[: len(low.f0.times)])
    np.testing.assert_array_equal(low.lyrics.intervals, high.lyrics.intervals)
    assert low.notes == high.notes
    levels = [np.sqrt(np.mean(singing.waveform**2)) for singing in (low, high)]
    assert levels[0] == pytest.approx(levels[1], rel=0.05)


def test_same_seed_same_bytes_and_other_singers_differ():
    assert sung("bass", 1).waveform.tobytes() == sung("bass", 1).waveform.tobytes()
    singers = [draw_singer(np.random.default_rng(seed), "bass") for seed in range(2)]
    notes = melody("bass", 0)
    first, second = (sing(singer, notes, 5 * RATE, RATE).waveform for singer in singers)
    assert np.abs(first - second).max() > 0.1


def test_loud_notes_are_louder():
    singer = draw_singer(np.random.default_rng(0), "baritone")
    levels = []
    for velocity in (0.3, 0.9):
        notes = [Note(0.2, 1.2, 55.0, velocity, syllable=PADS[1])]
        wave = sing(singer, notes, 2 * RATE, RATE).waveform
        levels.append(20 * np.log10(np.sqrt(np.mean(wave**2))))
    assert levels[1] - levels[0] == pytest.approx(0.6 * singer.dynamics, abs=2)


def test_noise_has_the_power_of_its_spectrum_at_any_rate(rng):
    for rate in (8000, 16000, 48000):
        bins = round(0.005 * rate) + 1
        magnitudes = np.full((400, bins), 0.5, np.float32)
        wave = coloured_noise(rng, magnitudes, rate)
        assert len(wave) == 401 * (bins - 1)
        # White up to half of the rate: below 8 kHz it has the power 0.25.
        below = min(8000 / (rate / 2), 1.0)
        expected = 0.25 * rate / 16000
        assert np.mean(wave[100:-100] ** 2) == pytest.approx(expected, rel=0.1), below


def test_backing_vocals_stay_in_range_and_in_the_song():
    manners = set()
    for seed in range(60):
        score = compose(np.random.default_rng(seed), 24.0)
        behind = [part for part in score.parts if part.role == "backing"]
        assert len(behind) <= 3
        for part in behind:
            voice = REGISTERS[part.register]
            assert all(voice.low <= note.pitch <= voice.high for note in part.notes)
            assert part.notes[0].syllable is not None
            manners.add(part.notes[0].syllable in PADS)
    assert manners == {True, False}


def test_harmonies_are_in_the_key_and_doubles_on_the_notes():
    score = compose(np.random.default_rng(4), 24.0)
    (lead,) = [part for part in score.parts if part.role == "vocals"]
    end = score.bars * float(score.beats_per_bar)
    starts = {note.start: note for note in lead.notes}
    found = set()
    for seed in range(20):
        parts = compose_backing(
            np.random.default_rng(seed),
            lead.notes,
            score.chords,
            (score.tonic, score.mode),
            lead.register,
            [(0.0, end)],
        )
        for part in parts:
            if any(note.syllable in PADS for note in part.notes):
                found.add("pad")
                continue
            assert [note.start for note in part.notes] == [note.start for note in lead.notes]
            assert [n.syllable for n in part.notes] == [n.syllable for n in lead.notes]
            steps = {(note.pitch - starts[note.start].pitch) % 12 for note in part.notes}
            found.add("double" if steps == {0} else "harmony")
    assert found == {"pad", "double", "harmony"}


def test_songs_with_backing_vocals_add_up_and_say_who_sings_what():
    plain = ALL_FEATURES.without(*GROUPS)  # with *singing*, what is spoken is no melody
    songs = (render_song(seed, features=plain) for seed in range(30))
    song = next(song for song in songs if sum(map(_sings, song.parts)) >= 3)
    voices = [part for part in song.parts if _sings(part)]
    total = np.sum([part.waveform for part in voices], axis=0)
    np.testing.assert_allclose(song.stems["vocals"], total, atol=1e-6)
    mixture = np.sum([song.stems[name] for name in STEMS], axis=0)
    np.testing.assert_allclose(song.mixture, mixture, atol=1e-6)
    lead = next(part for part in voices if part.name == "vocals_voice")
    np.testing.assert_array_equal(song.lyrics.intervals, lead.lyrics.intervals)
    assert song.lyrics.labels == lead.lyrics.labels
    heard = lead.f0.frequencies > 0
    np.testing.assert_array_equal(song.melody.frequencies[heard], lead.f0.frequencies[heard])
    for part in voices:
        assert len(part.f0.times) == len(song.melody.times)
        # All that is sung is voice activity.
        for start, end in part.lyrics.intervals:
            spans = song.voice_activity.intervals
            assert np.any((spans[:, 0] <= start) & (end <= spans[:, 1]))


def test_voices_of_songs_get_their_notes_from_the_performer():
    score = compose(np.random.default_rng(6), 12.0)
    performance = perform(np.random.default_rng(6), score, 12.0)
    for part in performance.parts:
        assert bool(part.register) == (part.role in ("vocals", "backing"))
        if part.register:
            assert part.register in REGISTERS and part.notes[0].syllable is not None
            assert all(note.bend is None for note in part.notes)


def _sings(part):
    return part.stem == "vocals"
