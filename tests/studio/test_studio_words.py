"""Words: the lexicon, the lines drawn from it, and the bank of syllables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import freqs_zpk

from umir.studio.voices.phonemes import ANATOMIES, CONSONANTS, DIPHTHONGS, HUMS, VOWELS
from umir.studio.voices.syllable_bank import (
    _FREQUENCIES,
    BINS,
    FRAME,
    _resonance,
    bins_of,
    syllable_sound,
)
from umir.studio.writing.languages import LANGUAGES
from umir.studio.writing.lexicon import FOLLOWS, LEXICON, syllable, words
from umir.studio.writing.lyrics import set_lyrics
from umir.studio.writing.score import ScoreNote

SYLLABLES = sorted({part for word in words() for part in word}, key=repr)


def test_the_lexicon_is_whole():
    assert len(list(words())) > 120
    rng = np.random.default_rng(0)
    foreign = [spoken.draw(rng) for spoken in LANGUAGES.values() for _ in range(200)]
    used = {name for s in SYLLABLES + foreign for name in (*s.onset, s.nucleus, *s.coda)}
    assert set(HUMS) <= used
    assert set(CONSONANTS) <= used and set(VOWELS) | set(DIPHTHONGS) <= used
    assert set(FOLLOWS) == set(LEXICON)
    assert {name for names in FOLLOWS.values() for name in names} <= set(LEXICON)
    for group in LEXICON.values():  # a single note can always be sung
        assert any(len(word) == 1 for word in group)


def test_syllables_are_divided_at_their_vowel():
    stone = syllable("stone", "s t ow n")
    assert (stone.onset, stone.nucleus, stone.coda) == (("s", "t"), "ow", ("n",))
    for bad in ("s t", "aa iy", "q aa"):
        with pytest.raises(ValueError, match="no syllable of known phonemes"):
            syllable("x", bad)


@given(st.integers(0, 2**31), st.lists(st.booleans(), min_size=1, max_size=20))
def test_lines_fill_their_notes_with_whole_words(seed, rests):
    starts = np.cumsum([1.0 + rest for rest in rests])
    notes = [ScoreNote(float(start), 1.0, 60, 0.8) for start in starts]
    line = set_lyrics(np.random.default_rng(seed), notes)
    assert [note.start for note in line] == [note.start for note in notes]
    assert line[0].syllable is not None
    spelled = {tuple(word) for word in words()}
    texts: list = []
    for before, note in zip([None, *line[:-1]], line, strict=True):
        if note.syllable is None:  # held over, never after a rest
            assert note.start - before.start == 1.0
        else:
            texts.append(note.syllable)
    while texts:  # the line can be read as words
        size = next(n for n in (4, 3, 2, 1) if tuple(texts[:n]) in spelled)
        texts = texts[size:]


def test_bins_and_their_frequencies_are_inverse():
    assert len(_FREQUENCIES) == BINS
    np.testing.assert_allclose(
        bins_of(_FREQUENCIES[:-1].astype(float)), np.arange(BINS - 1), atol=1e-3
    )
    assert bins_of(np.array([30000.0]))[0] < BINS - 1


def test_a_resonance_is_that_of_its_poles():
    centre, width = 700.0, 80.0
    pole = 2 * np.pi * complex(-width / 2, centre)
    poles = np.array([pole, pole.conjugate()])
    _, expected = freqs_zpk([], poles, abs(pole) ** 2, 2 * np.pi * _FREQUENCIES.astype(float))
    found = _resonance(np.array([centre]), np.array([width]))[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("anatomy", sorted(ANATOMIES))
@pytest.mark.parametrize("vowel", sorted(VOWELS))
def test_vowels_have_their_formants(vowel, anatomy):
    sound = syllable_sound(syllable("x", vowel), anatomy)
    level = np.abs(sound.tract[len(sound.tract) // 2])
    for formant in VOWELS[vowel][ANATOMIES[anatomy][0]][:2]:
        near = np.abs(_FREQUENCIES / formant - 1) < 0.12
        peak = _FREQUENCIES[near][np.argmax(level[near])]
        assert peak == pytest.approx(formant, rel=0.1)


@pytest.mark.parametrize("anatomy", sorted(ANATOMIES))
def test_every_syllable_has_a_sound(anatomy):
    for each in SYLLABLES:
        sound = syllable_sound(each, anatomy)
        frames = len(sound.voice)
        assert len(sound.hiss) == frames == sound.onset + sound.nucleus + round(sound.after / FRAME)
        assert sound.tract.shape == sound.noise.shape == (frames // 2, BINS)
        assert np.isfinite(sound.tract).all() and np.isfinite(sound.noise).all()
        assert sound.voice.max() <= 1 and sound.hiss.min() >= 0
        vowel = slice(sound.onset + 2, sound.onset + sound.nucleus - 2)
        assert np.all(sound.voice[vowel] == 1) and not sound.hiss[vowel].any()
        assert sound.before < 0.45 and sound.after < 0.45


def test_sounds_of_consonants():
    see = syllable_sound(syllable("see", "s iy"), "man")
    assert not see.voice[: see.onset].any() and np.all(see.hiss[: see.onset] > 0.1)
    strongest = _FREQUENCIES[np.argmax(see.noise[2])]
    assert 5000 < strongest < 8000
    me = syllable_sound(syllable("me", "m iy"), "man")
    assert np.all(me.voice[: me.onset] > 0.2) and not me.hiss.any()
    hum = np.abs(me.tract[2])
    # The zero of a nasal near 1 kHz: a dip that the vowel does not have.
    at = {hertz: int(bins_of(np.array([hertz]))[0]) for hertz in (270.0, 1000.0)}
    assert hum[at[1000.0]] < 0.05 * hum[at[270.0]]
    toe = syllable_sound(syllable("toe", "t ow"), "man")
    assert not toe.voice[: toe.onset].any() and not toe.hiss[:9].any()  # the closure is silent
    doe = syllable_sound(syllable("doe", "d ow"), "man")
    assert 0 < doe.voice[2] < 0.2  # hummed behind closed lips


def test_only_the_middle_of_a_vowel_is_stretched():
    sound = syllable_sound(syllable("stone", "s t ow n"), "man")
    times, frames = sound.anchors(0.0, sound.before, 2.0, 2.0 + sound.after)
    assert np.all(np.diff(times) >= 0) and np.all(np.diff(frames) >= 0)
    speed = np.diff(frames) / np.diff(times) * FRAME
    np.testing.assert_allclose(speed[[0, 1, 3, 4]], 1.0)
    assert speed[2] < 0.1
