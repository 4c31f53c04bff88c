"""The bank of syllables: how the vocal tract moves through each of them, computed once.

What it costs to sing a note does not depend on its phonemes: formant tracks become spectra here,
once per process for each syllable and anatomy (0.3 ms; a file would load no faster). A
singer reads the spectra at the harmonics of the note, scaled to the length of his or her own tract.

A syllable has *frames* of 5 ms for what moves fast (levels of voice and noise), and a *moment*
every second frame for what moves slowly (spectra). In a note its consonants keep their durations
and the middle of its vowel is stretched: see `SyllableSound.anchors`.

Reference:
    Cascade of formants: G. Fant, "Acoustic Theory of Speech Production", 1960; pole-zero pairs for
    nasals: D. Klatt, JASA 67(3), 1980, section II.B.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from jaxtyping import Complex64, Float, Float32
from scipy.ndimage import uniform_filter1d

from umir.studio.voices.phonemes import (
    ANATOMIES,
    CONSONANTS,
    DIPHTHONGS,
    HUMS,
    SILENT,
    VOWEL_WIDTHS,
    VOWELS,
    Articulation,
)
from umir.studio.writing.lexicon import Syllable

FRAME = 0.005  # seconds
_PER_MOMENT = 2  # frames
# Frames at both ends of a vowel that keep their duration: the way from and to its consonants.
_EDGE = 8
# Frames of the middle of a monophthong (two are enough to stretch) and of a diphthong.
_STEADY, _MOVING = 4, 12
_COARTICULATION = 9  # frames over which the tract moves from one target to the next

# Frequencies of the spectra: equally spaced, then growing by 2%, where formants are wider.
_SPACING, _CORNER, _GROWTH, _TOP = 25.0, 1250.0, 1.02, 12500.0


def bins_of(frequency: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Return at which (fractional) bin of the bank's spectra frequencies in Hz are."""
    above = np.log(np.maximum(frequency, _CORNER) / _CORNER) / np.log(_GROWTH)
    return np.minimum(np.minimum(frequency, _CORNER) / _SPACING + above, BINS - 1.001)


_LINEAR = int(_CORNER / _SPACING)
BINS = _LINEAR + int(np.log(_TOP / _CORNER) / np.log(_GROWTH)) + 1
_FREQUENCIES = np.concatenate(
    [np.arange(_LINEAR) * _SPACING, _CORNER * _GROWTH ** np.arange(BINS - _LINEAR)]
).astype(np.float32)


@dataclass(frozen=True)
class SyllableSound:
    """A syllable in the bank.

    Attributes:
        tract: transfer function of the vocal tract at each moment and bin.
        noise: magnitude of the noise, with unit power.
        voice: amplitude of the voiced sound at each frame, 1 in the vowel.
        hiss: amplitude of the noise at each frame, 0 in the vowel.
        onset: frames before the vowel.
        nucleus: frames of the vowel.
    """

    tract: Complex64[np.ndarray, "moment bin"] = field(repr=False)
    noise: Float32[np.ndarray, "moment bin"] = field(repr=False)
    voice: Float32[np.ndarray, " frame"] = field(repr=False)
    hiss: Float32[np.ndarray, " frame"] = field(repr=False)
    onset: int
    nucleus: int

    @property
    def before(self) -> float:
        """Seconds that the consonants before the vowel take."""
        return self.onset * FRAME

    @property
    def after(self) -> float:
        """Seconds that the consonants after the vowel take."""
        return (len(self.voice) - self.onset - self.nucleus) * FRAME

    def anchors(
        self, start: float, vowel: float, close: float, end: float
    ) -> tuple[Float[np.ndarray, " anchor"], Float[np.ndarray, " anchor"]]:
        """Return the times and frames between which the syllable is stretched linearly.

        Args:
            start: when its first consonant begins, in seconds.
            vowel: when its vowel begins.
            close: when its vowel ends.
            end: when its last consonant ends.
        """
        edge = min(_EDGE * FRAME, (close - vowel) / 3)
        last = self.onset + self.nucleus
        times = [start, vowel, vowel + edge, close - edge, close, end]
        frames = [0, self.onset, self.onset + _EDGE, last - _EDGE, last, len(self.voice)]
        return np.array(times, float), np.array(frames, float)


@lru_cache(maxsize=1024)
def syllable_sound(syllable: Syllable, anatomy: str, width: float = 1.0) -> SyllableSound:
    """Return a syllable from the bank.

    Args:
        syllable: what is sung.
        anatomy: who sings: one of `umir.studio.voices.phonemes.ANATOMIES`.
        width: scales the bandwidths of the vowel's formants; few values, for the sake of the bank.
    """
    column, scale = ANATOMIES[anatomy]
    vowel = _vowel(syllable.nucleus, column, scale, width)
    before = [_scaled(part, scale) for name in syllable.onset for part in CONSONANTS[name]]
    after = [_scaled(part, scale) for name in syllable.coda for part in CONSONANTS[name]]
    parts = [*before, *vowel, *after]
    counts = [max(round(part.duration / FRAME), 2) for part in parts]
    tracks = _moving_targets(parts, counts)
    shown = slice(_PER_MOMENT // 2, None, _PER_MOMENT)
    tract = _tract(tracks[shown, :3], tracks[shown, 3:6], tracks[shown, 6:], scale)
    bands = [part.band for part, count in zip(parts, counts, strict=True) for _ in range(count)]
    return SyllableSound(
        tract=tract,
        noise=_noise(tract, bands[shown]),
        voice=_smooth(_levels([part.voice for part in parts], counts)),
        hiss=_levels([part.hiss for part in parts], counts),
        onset=sum(counts[: len(before)]),
        nucleus=sum(counts[len(before) : len(before) + len(vowel)]),
    )


def _vowel(name: str, column: int, scale: float, width: float) -> list[Articulation]:
    """Return the parts of a vowel: one that stands, or two targets and the way between them."""
    if name in HUMS:
        return [_scaled(HUMS[name], scale)] * ((2 * _EDGE + _STEADY) // 2)
    first, last = DIPHTHONGS.get(name, (name, name))
    start, stop = np.array(VOWELS[first][column]), np.array(VOWELS[last][column])
    middle = _MOVING if first != last else _STEADY
    # The first target of a diphthong is held for half of its middle.
    share = np.clip(np.linspace(-1, 1, middle), 0, 1) if first != last else np.zeros(middle)
    way = np.concatenate([np.zeros(_EDGE), share, np.full(_EDGE, share[-1])])
    widths = _triple(np.array(VOWEL_WIDTHS) * scale * width)
    # Two frames a piece, the shortest there is.
    return [
        Articulation(2 * FRAME, _triple(start + (stop - start) * part), widths, voice=0.0)
        for part in way[::2]
    ]


def _scaled(part: Articulation, scale: float) -> Articulation:
    """Return an articulation in a vocal tract `scale` times shorter than a man's."""
    zero, pole = (frequency * scale for frequency in part.zero)
    formants = _triple(np.array(part.formants) * scale)
    return Articulation(
        part.duration, formants, part.widths, part.voice, part.hiss, part.band, (zero, pole)
    )


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    first, second, third = values.tolist()
    return first, second, third


def _moving_targets(
    parts: list[Articulation], counts: list[int]
) -> Float[np.ndarray, "frame target"]:
    """Return formants, their widths, zero and pole at each frame: the tract moves smoothly."""
    targets = np.array([(*part.formants, *part.widths, *part.zero) for part in parts], float)
    return uniform_filter1d(np.repeat(targets, counts, axis=0), _COARTICULATION, 0, mode="nearest")


def _levels(decibels: list[float], counts: list[int]) -> Float32[np.ndarray, " frame"]:
    """Return the amplitude at each frame."""
    levels = [0.0 if level == SILENT else 10 ** (level / 20) for level in decibels]
    return np.repeat(np.array(levels, np.float32), counts)


def _smooth(levels: Float32[np.ndarray, " frame"]) -> Float32[np.ndarray, " frame"]:
    """Round the corners of a voice's level; what is silent stays so."""
    return np.where(levels > 0, uniform_filter1d(levels, 3, mode="nearest"), 0).astype(np.float32)


def _tract(
    formants: np.ndarray, widths: np.ndarray, zeros: np.ndarray, scale: float
) -> Complex64[np.ndarray, "moment bin"]:
    """Return the transfer function of tracts, `(moment, bin)`, 1 at frequency 0."""
    transfer = np.broadcast_to(_higher_formants(scale), (len(formants), BINS))
    for index in range(3):
        transfer = transfer * _resonance(formants[:, index], widths[:, index])
    zero, pole = zeros[:, 0], zeros[:, 1]
    nasal = zero != pole
    if nasal.any():
        transfer[nasal] /= _resonance(zero[nasal], np.full(nasal.sum(), 120.0 * scale))
        transfer[nasal] *= _resonance(pole[nasal], np.full(nasal.sum(), 180.0 * scale))
    return transfer.astype(np.complex64)


def _resonance(centre: np.ndarray, width: np.ndarray) -> Complex64[np.ndarray, "moment bin"]:
    """Return a pair of poles at `centre` Hz, `width` Hz wide, in closed form."""
    squared = (centre**2 + width**2 / 4).astype(np.float32)[:, None]
    return squared / (
        squared - _FREQUENCIES**2 + 1j * width.astype(np.float32)[:, None] * _FREQUENCIES
    )


@lru_cache(maxsize=8)
def _higher_formants(scale: float) -> Complex64[np.ndarray, "1 bin"]:
    """Return the resonances above the third, 1 kHz apart in a man, and wider and wider."""
    centres = np.arange(3500.0, 13000.0, 1000.0) * scale
    return np.prod(_resonance(centres, 0.05 * centres), axis=0, keepdims=True)


def _noise(
    tract: Complex64[np.ndarray, "moment bin"], bands: list[tuple[float, float] | None]
) -> Float32[np.ndarray, "moment bin"]:
    """Return the noise's magnitude: in its band, or of breath through the tract."""
    # Breath is weak below 1 kHz, where the windpipe takes it up.
    shapes = np.abs(tract) * (_FREQUENCIES / (_FREQUENCIES + 1000))
    octaves = np.log2(np.maximum(_FREQUENCIES, 20))
    for moment, band in enumerate(bands):
        if band is not None:
            shapes[moment] = np.exp(-0.5 * ((octaves - np.log2(band[0])) / band[1]) ** 2)
    inside = _FREQUENCIES < 8000
    spacing = np.gradient(_FREQUENCIES)
    power = (shapes**2 * spacing)[:, inside].sum(axis=1, keepdims=True) / 8000
    return (shapes / np.sqrt(power)).astype(np.float32)
