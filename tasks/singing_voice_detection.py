"""Singing voice detection: when does somebody sing?

Conventions
-----------
As `umir.tasks.interval_detection`, one class: `voice`. The labels that count as it are those of the
studio (`voice`), of annotation files in the wild (`vocals`, `singing`, Jamendo's `sing`) and of
MedleyDB's instruments (`female singer`, `male singer`, `vocalists`, ...), a blank or an underscore
between their words. A song in which no voice is named has none where what is named is an
instrument, or says that nobody sings (`nosing`); of other names (`Gesang`, `chorus`) nobody knows
what they say of it: they are reported, and a song that has no other says nothing. Where a name that
may be a voice's stands beside others (`vocals 2`, `bass voice`), nothing is learnt or scored.
Variants ask for one instrument, or several as one, instead of the voice.

Metrics
-------
On frames of 10 ms, summed over songs: `accuracy`, and `f1`, `precision` and `recall` of the frames
with voice.

Reference: B. Lehner, G. Widmer and R. Sonnleitner, "On the reduction of false positives in singing
voice detection", ICASSP 2014, section 4 (metrics).
"""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool

from umir.annotations import Intervals
from umir.studio.song import INSTRUMENTS
from umir.tasks.base import ratio
from umir.tasks.decoding.activity import Score, accuracy, active_frames
from umir.tasks.frame_task import with_map
from umir.tasks.interval_detection import IntervalDetection

VOICE = "voice"
MOST_MERGED = 3  # instruments of a variant's class: with many, something always plays

_NAMES = (
    *("voice", "vocals", "vocal", "vox", "singing", "singer", "sing", "choir"),
    *("singing voice", "singing_voice", "lead vocals", "lead vocal", "backing vocals"),
    *("female singer", "male singer", "female rapper", "male rapper", "vocalists", "beatboxing"),
)
# Names that are read as `vocals`: a model's head is of the names above, and goes on with them.
_LIKE_VOCALS = (
    *("singers", "vocalist", "backing vocal", "female vocals", "male vocals", "female voice"),
    *("male voice", "rapper", "rap"),
)
_SPELLED = {name.replace(" ", "_"): name for name in _NAMES if name.replace(" ", "_") not in _NAMES}
_SPELLED |= {
    spelled: "vocals" for name in _LIKE_VOCALS for spelled in (name, name.replace(" ", "_"))
}
_NOBODY_SINGS = (
    *("nosing", "no sing", "no singing", "no_singing", "non-singing", "nonsinging"),
    *("novoice", "no voice", "no_voice", "non-vocal", "nonvocal", "novocal", "novocals"),
    *("no vocal", "no vocals", "no_vocals", "instrumental", "accompaniment", "silence"),
)
# Words of names in which a voice is meant, whatever else they say (`bass singer`).
_VOICE_WORDS = frozenset(
    word for name in (*_NAMES, *_LIKE_VOCALS) for word in re.split(r"[\s_]", name)
) - {
    *("lead", "backing", "female", "male"),
}
# Words of which one makes a name that of an instrument: the studio's, and further ones; but not
# those that tell the part or the sound alone (`lead`).
_STUDIO_WORDS = frozenset(word for name in INSTRUMENTS for word in name.split("_"))
_INSTRUMENT_WORDS = (_STUDIO_WORDS - {VOICE, "lead", "acoustic", "electric", "distorted"}) | {
    *("banjo", "bassoon", "bells", "bongo", "cello", "celesta", "chimes", "claps", "congas"),
    *("contrabass", "cornet", "cymbal", "cymbals", "drum", "dulcimer", "erhu", "euphonium"),
    *("fiddle", "fx", "glockenspiel", "gong", "guzheng", "harmonica", "harpsichord", "horn"),
    *("horns", "kalimba", "keyboard", "keyboards", "koto", "lute", "mandolin", "marimba"),
    *("melodica", "oboe", "oud", "percussion", "piccolo", "recorder", "sampler"),
    *("scratches", "shakuhachi", "shamisen", "sitar", "synthesizer", "tabla"),
    *("tambourine", "theremin", "timpani", "toms", "trombone", "trumpet", "tuba", "ukulele"),
    *("vibraphone", "viola", "violin", "violins", "whistle", "winds", "woodwinds", "xylophone"),
    *("yangqin", "zither", "zhongruan", "liuqin", "guitars", "pipa", "dizi", "sax"),
}


@dataclass(frozen=True)
class SingingVoiceDetection(IntervalDetection):
    """Detect where somebody sings."""

    name: str = "singing_voice_detection"
    vocabulary: tuple[str, ...] = (VOICE,)
    label_map: tuple[tuple[str, str], ...] = tuple((label, VOICE) for label in _NAMES)

    headline: ClassVar[str] = "accuracy"

    def names(self, annotation: Intervals) -> list[str]:
        """Return the labels in small letters, those of voices in their usual spelling."""
        names = [name.lower() for name in super().names(annotation)]
        return [_SPELLED.get(name, name) for name in names]

    def unknown_labels(self, annotation: Intervals) -> frozenset[str]:
        """Return the names that may or may not be a voice's."""
        return self._doubtful(annotation)

    def is_about(self, annotation: Intervals) -> bool:
        """Return whether an annotation tells when somebody sings: by a voice, or by what is none.

        A song without any interval is one in which nobody sings.
        """
        if super().is_about(annotation):
            return True
        return self.labels_in(annotation) > self._doubtful(annotation)

    def can_use(self, annotation: Intervals) -> bool:
        """Return `is_about`: of a single class, names that mean nothing do not say it is absent."""
        return self.is_about(annotation)

    def _doubtful(self, annotation: Intervals) -> frozenset[str]:
        """Return the names of which nobody knows whether they are of a voice."""
        known = {*_NAMES, *_NOBODY_SINGS, *self.source_labels}
        return frozenset(
            name for name in self.labels_in(annotation) - known if not _names_an_instrument(name)
        )

    def _doubtful_frames(
        self, annotation: Intervals, n_frames: int, rate: float
    ) -> Bool[np.ndarray, " frame"]:
        """Return where somebody may sing, by a name that has a word of a voice's.

        Nowhere if the class is another one, as of variants.
        """
        if VOICE not in self.vocabulary:
            return np.zeros(n_frames, bool)
        doubtful = {name for name in self._doubtful(annotation) if _words(name) & _VOICE_WORDS}
        called = np.array([name in doubtful for name in self.names(annotation)], bool)
        maybe = active_frames(annotation.intervals[called], n_frames, rate)
        return maybe & ~self._activity(annotation, n_frames, rate)[:, 0]

    @staticmethod
    def decoder_score() -> Score:
        """Return what the decoder's settings shall make as high as possible."""
        return accuracy

    def variant(
        self, rng: np.random.Generator, labels: Collection[str] | None = None
    ) -> "SingingVoiceDetection":
        """Draw one label, or up to three as one class; of the studio's, if none are given."""
        known = sorted(INSTRUMENTS if labels is None else labels)
        if not known:
            return self
        size = min(int(rng.integers(1, MOST_MERGED + 1)), len(known))
        chosen = sorted(known[index] for index in rng.permutation(len(known))[:size])
        return with_map(self, tuple((label, "+".join(chosen)) for label in chosen))

    def _scores(self, counts: Counter) -> dict[str, float]:
        (name,) = self.vocabulary
        scores = super()._scores(counts)
        return {
            "accuracy": scores["accuracy"],
            "f1": scores["f1"],
            "precision": ratio(counts["hits", name], counts["estimate", name]),
            "recall": ratio(counts["hits", name], counts["reference", name]),
        }


def _names_an_instrument(name: str) -> bool:
    """Return whether a name has a word of an instrument and none of a voice."""
    return bool(_words(name) & _INSTRUMENT_WORDS) and not _words(name) & _VOICE_WORDS


def _words(name: str) -> set[str]:
    return set(re.split(r"[\s_-]+", name))
