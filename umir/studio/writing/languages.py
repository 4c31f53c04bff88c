"""What singers sing beside English words: syllables of other languages, vocalises and humming.

A language here is its sounds, not its words: which consonants and vowels follow each other. The
words of a song are translated syllable by syllable, so that what is repeated stays repeated.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from umir.studio.writing.lexicon import Syllable, syllable


@dataclass(frozen=True)
class Language:
    """The syllables of a language.

    Attributes:
        onsets: what may stand before the vowel, each phonemes divided by `+`; `-` is nothing.
        nuclei: vowels and diphthongs.
        codas: what may stand after the vowel, in the same way.
        weight: how often songs are in it.
    """

    onsets: tuple[str, ...]
    nuclei: tuple[str, ...]
    codas: tuple[str, ...]
    weight: float

    def draw(self, rng: np.random.Generator) -> Syllable:
        """Draw a syllable, spelled with its phonemes."""
        before, vowel, after = (
            str(rng.choice(choice)) for choice in (self.onsets, self.nuclei, self.codas)
        )
        phonemes = [name for name in (*before.split("+"), vowel, *after.split("+")) if name != "-"]
        return syllable("".join(phonemes), " ".join(phonemes))


def _language(weight: float, onsets: str, nuclei: str, codas: str = "-") -> Language:
    return Language(tuple(onsets.split()), tuple(nuclei.split()), tuple(codas.split()), weight)


# Sounds that come more often stand there more often.
LANGUAGES: dict[str, Language] = {
    "mandarin": _language(
        0.3,
        "- pp p m f tt t n l kk k x ch sh jh ts s y w y+w sh jh t+w kk+w",
        "a a o e iy iy uw ue iu ay ey aw ow er ah",
        "- - - - n ng n ng",
    ),
    "romance": _language(
        0.18,
        "- pp b m v tt d n l kk g s rr gn ch jh s+tt p+rr f f+l kk+w d+y",
        "a a e e iy o o uw ay",
        "- - - - - n s rr l",
    ),
    "japanese": _language(
        0.1,
        "- k s sh t ch ts n hh m y rr w g z d b p k+y rr+y",
        "a a iy uw iu e o o",
        "- - - - - n",
    ),
    "german": _language(
        0.12,
        "- b d g v f z sh sh+t sh+p t+s m n l rr hh k y ts f+l k+l b+rr",
        "a a ah e ih iy o uh uw ue oe ay aw oy",
        "- - n n t x s+t l m n+t x+t",
    ),
    "la la": _language(0.14, "l l n d - y hh w b", "aa aa ah uw ow o e"),
    "ooh": _language(0.08, "- - w y", "uw aa ow o ue"),
    "humming": _language(0.08, "- - -", "mm mm nn ngng"),
}


def draw_language(rng: np.random.Generator) -> Language:
    """Draw what a song is sung in."""
    weights = np.array([language.weight for language in LANGUAGES.values()])
    return list(LANGUAGES.values())[int(rng.choice(len(weights), p=weights / weights.sum()))]


def translation(
    rng: np.random.Generator, language: Language, words: Iterable[Syllable]
) -> dict[Syllable, Syllable]:
    """Return a syllable of the language for each of the words."""
    distinct = dict.fromkeys(words)  # in their order: sets of strings have none
    return {word: language.draw(rng) for word in distinct}
