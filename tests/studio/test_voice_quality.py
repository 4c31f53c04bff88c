"""Voices of every quality and language, sung, hummed, spoken and rapped."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_studio_singing import RATE, melody, yin

from umir.studio import MELODY_HOP
from umir.studio.playing.performance import Note
from umir.studio.voices.singer import REGISTERS, draw_singer
from umir.studio.voices.singing import sing
from umir.studio.voices.speech import rap, speak
from umir.studio.voices.syllable_bank import FRAME, syllable_sound
from umir.studio.voices.voice_quality import vary_singer
from umir.studio.writing.languages import LANGUAGES, translation
from umir.studio.writing.lexicon import syllable, words

WORDS = tuple(part for word in words() for part in word)


@given(st.sampled_from(sorted(REGISTERS)), st.integers(0, 1000))
def test_varied_singers_sing_what_their_labels_say(register, seed):
    rng = np.random.default_rng(seed)
    singer = vary_singer(rng, draw_singer(rng, register))
    assert singer.register == register
    notes = melody(register, seed, count=3)
    length = round((notes[-1].offset + 0.3) * RATE)
    singing = sing(singer, notes, length, RATE)
    assert np.isfinite(singing.waveform).all() and np.abs(singing.waveform).max() > 1e-3
    assert singing.waveform.tobytes() == sing(singer, notes, length, RATE).waveform.tobytes()
    assert list(singing.onsets) == [note.onset for note in singing.notes]
    np.testing.assert_array_equal(singing.melody.frequencies, singing.f0.frequencies)
    sung = singing.f0.frequencies > 0
    nominal = np.median(12 * np.log2(singing.f0.frequencies[sung] / 440) + 69)
    assert REGISTERS[register].low - 3 < nominal < REGISTERS[register].high + 3


@pytest.mark.parametrize("quality", ["plain", "breathy", "growl", "nasal", "falsetto", "wide"])
def test_the_pitch_of_every_quality_is_that_of_the_label(quality):
    changes = {
        "plain": {},
        "breathy": {"breath": 0.2, "body": 10.0, "edge": 1000.0},
        "growl": {"growl": 1.0},
        "nasal": {"nasal": 1.0},
        "falsetto": {"flip": 20.0, "head": 1.0, "body": 12.0},
        "wide": {"depth": 1.0, "vibrato": 1.0, "wobble": 0.2, "inflection": 0.4},
    }[quality]
    singer = replace(draw_singer(np.random.default_rng(2), "alto"), **changes)
    singing = sing(singer, melody("alto", 5, count=5), 4 * RATE, RATE)
    label, off = singing.f0.frequencies, []
    for frame in np.flatnonzero(label[: len(label) - 5])[::3]:
        found = yin(singing.waveform, frame * MELODY_HOP)
        off.append(1200 * abs(np.log2(found / label[frame])))
    assert np.mean(np.array(off) < 50) > (0.8 if quality == "growl" else 0.9)


def test_fry_has_no_pitch_in_the_labels():
    rng = np.random.default_rng(0)
    singer = replace(draw_singer(rng, "baritone"), fry=1.0)
    (note,) = notes = [Note(0.2, 1.2, 50.0, 0.8, syllable=syllable("ah", "aa"))]
    plain = sing(replace(singer, fry=0.0), notes, 2 * RATE, RATE).f0.frequencies
    fried = sing(singer, notes, 2 * RATE, RATE).f0.frequencies
    lost = np.flatnonzero((plain > 0) & (fried == 0)) * MELODY_HOP
    assert 0.05 <= len(lost) * MELODY_HOP <= 0.3 and lost.min() > 0.5 * (note.onset + note.offset)
    assert fried.min() == 0 and fried[fried > 0].min() > 100


def test_wide_formants_are_wider_and_noses_make_a_gap():
    vowel = syllable("x", "aa")
    narrow, wide = (np.abs(syllable_sound(vowel, "man", w).tract[8]) for w in (0.8, 2.0))
    peak = int(narrow[20:40].argmax()) + 20
    assert wide[peak] < 0.6 * narrow[peak]
    open_nose, closed = (
        sing(
            replace(draw_singer(np.random.default_rng(1), "bass"), nasal=nasal, breath=0.0),
            [Note(0.1, 0.9, 43.0, 0.8, syllable=vowel)],
            RATE,
            RATE,
        ).waveform
        for nasal in (1.0, 0.0)
    )
    frequency = np.fft.rfftfreq(RATE, 1 / RATE)

    def share(wave, low, high):
        power = np.abs(np.fft.rfft(wave)) ** 2
        return power[(frequency > low) & (frequency < high)].sum() / power.sum()

    assert share(open_nose, 550, 850) < 0.5 * share(closed, 550, 850)


def test_a_hum_is_a_nasal_that_holds_a_note():
    hum = syllable_sound(syllable("mm", "mm"), "woman")
    assert hum.onset == 0 and np.all(hum.voice > 0.5) and not hum.hiss.any()
    notes = [Note(0.2, 1.4, 62.0, 0.8, syllable=syllable("mm", "mm"))]
    singing = sing(draw_singer(np.random.default_rng(0), "alto"), notes, 2 * RATE, RATE)
    power = np.abs(np.fft.rfft(singing.waveform)) ** 2
    frequency = np.fft.rfftfreq(len(singing.waveform), 1 / RATE)
    assert power[frequency < 700].sum() > 0.9 * power.sum()


@pytest.mark.parametrize("name", sorted(LANGUAGES))
def test_languages_translate_the_same_word_the_same_way(name):
    said = [*WORDS[:20], *WORDS[:20]]
    table = translation(np.random.default_rng(0), LANGUAGES[name], said)
    assert set(table) == set(said)
    assert table == translation(np.random.default_rng(0), LANGUAGES[name], said)
    for each in table.values():
        sound = syllable_sound(each, "child")
        assert np.isfinite(sound.tract).all() and len(sound.voice) * FRAME < 1


@given(st.integers(0, 500), st.sampled_from(sorted(REGISTERS)), st.booleans())
def test_speech_is_voice_without_notes_or_melody(seed, register, rapped):
    rng = np.random.default_rng(seed)
    beats = np.arange(0.1, 6.0, 0.5)
    span = (1.0, 4.0)
    notes = rap(rng, WORDS, span, register, beats) if rapped else speak(rng, WORDS, span, register)
    assert all(note.spoken and 0.95 < note.onset < note.offset <= 4.1 for note in notes)
    assert all(a.offset <= b.onset + 1e-9 for a, b in zip(notes[:-1], notes[1:], strict=True))
    assert 2 < len(notes) / 3 < 12  # syllables per second
    sung = Note(4.6, 5.2, float(REGISTERS[register].low + 5), 0.8, syllable=WORDS[0])
    singing = sing(draw_singer(rng, register), [*notes, sung], 6 * RATE, RATE)
    assert [note.onset for note in singing.notes] == [4.6]
    inside = (singing.f0.times > 1.1) & (singing.f0.times < 4.0)
    assert (singing.f0.frequencies[inside] > 0).mean() > 0.2
    assert not singing.melody.frequencies[inside].any() and singing.melody.frequencies.any()
    assert len(singing.lyrics.labels) == len(notes) + 1


def test_spoken_pitch_is_that_of_the_waveform():
    rng = np.random.default_rng(4)
    singing = sing(draw_singer(rng, "alto"), speak(rng, WORDS, (0.5, 5.0), "alto"), 6 * RATE, RATE)
    label, right = singing.f0.frequencies, []
    for frame in np.flatnonzero(label)[::2]:
        # Away from the edges of voiced stretches, where half of the window is silent.
        if np.all(label[frame - 3 : frame + 4] > 0):
            found = yin(singing.waveform, frame * MELODY_HOP, 50.0)
            right.append(abs(1200 * np.log2(found / label[frame])) < 80)
    assert len(right) > 40 and np.mean(right) > 0.75
