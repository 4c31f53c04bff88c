"""A singing voice: a glottal source at an exact pitch, through the tract of the syllables sung.

Of each run of syllables (`umir.studio.voices.phrasing`) the spectra are read from the bank every
10 ms, at the harmonics of the pitch of that moment, and become one period of waveform each
(`read_table` of `umir.studio.sounds.synthesis`): the waveform has the pitch it was asked for, and
nothing aliases. Noise of consonants and breath has the bank's spectra, too, in overlapping windows
of 10 ms.

The labels say what was sung: the pitch at every `MELODY_HOP`, 0 where the vocal cords stand still
(in voiceless consonants, breaths, pauses and vocal fry), and the syllables. Breaths are no
syllables. What is spoken has syllables and a pitch, but no notes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Complex64, Float, Float32
from scipy import fft

from umir.annotations import F0, Intervals
from umir.studio.playing.performance import Note
from umir.studio.song import MELODY_HOP
from umir.studio.sounds.synthesis import read_table
from umir.studio.voices.phrasing import Run, phrase
from umir.studio.voices.singer import REGISTERS, Singer
from umir.studio.voices.syllable_bank import FRAME, SyllableSound, bins_of, syllable_sound
from umir.studio.writing.lexicon import syllable

_ROW = 2  # frames of 5 ms from one spectrum to the next
_VOICED = 0.02  # amplitude, of a vowel's, from which on a pitch is heard
_GASP = syllable("", "hh ah")  # the tract of somebody who breathes in
_PER_SAMPLE_RATE = 16000  # rate at which noise has the power of the bank's spectra
_TOP = 0.48  # highest harmonic, part of the sampling rate


@dataclass(frozen=True)
class Singing:
    """What was sung.

    Attributes:
        waveform: shape `(time,)`.
        notes: as they were sung, from the vowel on.
        f0: fundamental frequency at every `MELODY_HOP`, 0 where nothing is voiced.
        lyrics: the syllables, from their first to their last consonant.
        onsets: when each note, or vowel of what is spoken, begins, in seconds.
        spoken: from when to when somebody speaks; labels are `spoken`.
    """

    waveform: Float[np.ndarray, " time"] = field(repr=False)
    notes: tuple[Note, ...] = field(repr=False)
    f0: F0 = field(repr=False)
    lyrics: Intervals = field(repr=False)
    onsets: tuple[float, ...] = field(repr=False)
    spoken: Intervals = field(repr=False)

    @property
    def melody(self) -> F0:
        """The pitch where somebody sings, 0 where he or she speaks."""
        frequencies = self.f0.frequencies.copy()
        for start, end in self.spoken.intervals:
            inside = (self.f0.times >= start - FRAME) & (self.f0.times <= end + FRAME)
            frequencies[inside] = 0
        return F0(self.f0.times, frequencies)


def sing(singer: Singer, notes: Sequence[Note], length: int, rate: int) -> Singing:
    """Sing notes that do not overlap.

    Args:
        singer: who sings.
        notes: what to sing, sorted by onset.
        length: samples.
        rate: sampling rate in Hz.

    Returns:
        The waveform and what is known about it, which does not depend on the rate.
    """
    manner, noise = (np.random.default_rng([singer.seed, child]) for child in range(2))
    runs = phrase(manner, singer, notes)
    wave = np.zeros(length, np.float32)
    f0 = np.zeros(int(np.ceil(length / rate / MELODY_HOP - 1e-9)))
    free = 0.0
    for run in runs:
        _breathe_in(manner, noise, singer, free, run, wave, rate)
        part = _Part(singer, run)
        _add(wave, part.render(noise, rate), round(run.first * FRAME * rate))
        part.label(f0)
        free = run.end
    syllables = [syllable for run in runs for syllable in run.syllables]
    spans = np.array([(each.start, each.end) for each in syllables], float).reshape(-1, 2)
    speech = [(run.start, run.end) for run in runs if run.spoken]
    return Singing(
        waveform=wave,
        notes=tuple(note for run in runs for note in run.notes if not run.spoken),
        f0=F0(np.arange(len(f0)) * MELODY_HOP, f0),
        lyrics=Intervals(spans, tuple(each.text for each in syllables)),
        onsets=tuple(note.onset for run in runs for note in run.notes),
        spoken=Intervals(np.array(speech, float).reshape(-1, 2), ("spoken",) * len(speech)),
    )


class _Part:
    """One run with its spectra: at each frame, which moments of the bank sound."""

    def __init__(self, singer: Singer, run: Run):
        self._singer, self._run = singer, run
        sounds = [each.sound for each in run.syllables]
        self._tract = np.concatenate([sound.tract for sound in sounds])
        self._noise = np.concatenate([sound.noise for sound in sounds])
        voice = np.concatenate([sound.voice for sound in sounds])
        hiss = np.concatenate([sound.hiss for sound in sounds])
        frame, moment = _stretch(run)
        places = np.arange(len(voice)) + 0.5
        self._moment = moment
        self.voice = (np.interp(frame, places, voice) * run.level).astype(np.float32)
        hiss = np.interp(frame, places, hiss) * run.level
        self.hiss = (hiss + singer.breath * self.voice).astype(np.float32)

    def label(self, f0: Float[np.ndarray, " hop"]) -> None:
        """Write the pitch, where there is one, to a curve at every `MELODY_HOP`."""
        every = round(MELODY_HOP / FRAME)
        frames = np.arange(
            -(-self._run.first // every) * every, self._run.first + len(self.voice), every
        )
        frames = frames[frames // every < len(f0)]
        own = frames - self._run.first
        heard = self.voice[own] > _VOICED * np.maximum(self._run.level[own], 0.02)
        heard &= self._run.times[own] < self._run.fry
        f0[frames // every] = np.where(heard, self._run.f0[own], 0)

    def render(self, rng: np.random.Generator, rate: int) -> Float32[np.ndarray, " time"]:
        """Return the waveform from the run's first frame on."""
        count = round((len(self.voice) - 1) * FRAME * rate)
        place = np.arange(count) / (FRAME * rate)  # in frames
        # Frames are even in time, so the curves between them are lines: quicker than interpolation
        # at arbitrary places.
        cycles = np.cumsum(_between(self._run.f0, place)) / rate + rng.random()
        table = self._table(rate)
        wave = read_table(table, cycles, (place / _ROW).astype(np.float32))
        wave *= _between(self.voice, place).astype(np.float32)
        depth, flutter = self._run.growl
        if depth:
            wave *= self._growl(rng, place, depth, flutter)
        hop = round(FRAME * rate)
        frames = np.minimum(
            np.arange(count // hop + 1) * (hop / (FRAME * rate)), len(self.hiss) - 1
        )
        nearest = np.round(frames).astype(np.int64)
        moments = np.clip(np.round(self._moment[nearest]), 0, len(self._noise) - 1).astype(np.int64)
        bins = bins_of(fft.rfftfreq(2 * hop, 1 / rate) / self._singer.tract)
        shapes = _read_bins(self._noise, bins)[moments]
        _add(wave, coloured_noise(rng, shapes * self.hiss[nearest, None], rate), -hop)
        return wave

    def _growl(
        self, rng: np.random.Generator, place: np.ndarray, depth: float, rate: float
    ) -> Float32[np.ndarray, " time"]:
        """Return the flutter of a growl, a factor at each sample: the false folds beat along.

        Their rate wanders: a steady one would make tones of its own beside the harmonics.
        """
        rates = rate * np.exp(0.25 * np.cumsum(rng.normal(0, 0.15, len(self.voice) + 1)))
        turns = np.cumsum(np.clip(rates, 0.5 * rate, 2 * rate)) * FRAME
        beat = np.sin(2 * np.pi * _between(turns, place).astype(np.float32))
        return (1 - depth * (0.5 + 0.5 * beat)) * np.float32(1 / (1 - 0.5 * depth))

    def _table(self, rate: int) -> Float32[np.ndarray, "row phase"]:
        """Return one period of the voice every `_ROW` frames, and one row and column more."""
        f0, effort = self._run.f0[::_ROW], self._run.effort[::_ROW]
        moment = self._moment[::_ROW]
        count = int(_TOP * rate / f0.min())
        tract = _read_rows(self._tract, moment)
        # What the tract does between two syllables is half of either.
        tract[1:-1] = 0.5 * tract[1:-1] + 0.25 * (tract[:-2] + tract[2:])
        harmonics = np.arange(1, count + 1)
        frequency = harmonics * f0[:, None]  # (row, harmonic)
        spectra = _read_harmonics(tract, bins_of(frequency / self._singer.tract))
        spectra *= self._source(f0, effort, frequency)
        spectra *= np.clip((_TOP * rate - frequency) / 200, 0, 1)
        power = 0.5 * (spectra.real**2 + spectra.imag**2).sum(axis=1, keepdims=True)
        spectra *= power ** (-0.5 * self._singer.even)
        size = max(1 << (8 * count - 1).bit_length(), 256)
        full = np.zeros((len(f0), size // 2 + 1), np.complex64)
        full[:, 1 : count + 1] = spectra * np.complex64(-0.5j * size)
        table = fft.irfft(full, size, axis=1)
        table = np.concatenate([table, table[:, :1]], axis=1)
        return np.concatenate([table, table[-1:]], axis=0)

    def _source(
        self, f0: np.ndarray, effort: np.ndarray, frequency: np.ndarray
    ) -> Float32[np.ndarray, "row harmonic"]:
        """Return the spectrum of the glottal source, radiation included.

        6 dB per octave, 12 above an edge that is higher in loud singing; in the head voice it is
        lower, and the fundamental stronger.
        """
        singer = self._singer
        passage = 440.0 * 2 ** ((REGISTERS[singer.register].passage - singer.flip - 69) / 12)
        head = singer.head / (1 + (passage / f0) ** 16)
        edge = singer.edge * (0.3 + 0.7 * effort) * (1 - 0.6 * head)
        frequency = frequency.astype(np.float32)
        squared = (frequency / edge.astype(np.float32)[:, None]) ** 2
        ring = np.float32(10 ** (singer.ring / 20) - 1)
        bell = 1 + ring / (1 + ((frequency / (2900 * singer.tract) - 1) / 0.15) ** 2)
        source = f0[:, None].astype(np.float32) / frequency / np.sqrt(1 + squared) * bell
        source[:, 0] *= 1 + 1.2 * head.astype(np.float32)
        if singer.tilt:
            source *= (1 + frequency / np.float32(400)) ** np.float32(-singer.tilt)
        if singer.body:
            number = np.arange(1, frequency.shape[1] + 1, dtype=np.float32)
            source *= 1 + np.float32(10 ** (singer.body / 20) - 1) / (1 + (number / 1.4) ** 4)
        if singer.nasal:
            source *= _nose(frequency / np.float32(singer.tract), singer.nasal)
        return source


def _nose(frequency: np.ndarray, openness: float) -> Float32[np.ndarray, "row harmonic"]:
    """Return what an open nose does to a vowel: a murmur near 270 Hz, a gap near 700 Hz."""
    octaves = np.log2(frequency)
    murmur = np.exp(-0.5 * ((octaves - np.log2(270)) / 0.4) ** 2)
    gap = np.exp(-0.5 * ((octaves - np.log2(700)) / 0.35) ** 2)
    gain = (1 + 0.8 * openness * murmur) * (1 - 0.75 * openness * gap)
    return gain.astype(np.float32)


def _stretch(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Return at each frame of a run the (fractional) frame and moment of its bank entries."""
    times, frames, moments, base, shown = [], [], [], 0, 0
    for each in run.syllables:
        time, frame = each.sound.anchors(each.start, each.vowel, each.close, each.end)
        times.append(time)
        frames.append(frame + base)
        total = len(each.sound.voice)
        moments.append(shown + frame * (len(each.sound.tract) / total))
        base, shown = base + total, shown + len(each.sound.tract)
    anchors = np.concatenate(times)
    place = np.interp(run.times, anchors, np.concatenate(frames))
    # A moment stands for the middle of its two frames.
    return place, np.interp(run.times, anchors, np.concatenate(moments)) - 0.5


def _between(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Interpolate values linearly at fractional indices."""
    return np.interp(place, np.arange(len(values)), values)


def _read_rows(
    tract: Complex64[np.ndarray, "moment bin"], moment: np.ndarray
) -> Complex64[np.ndarray, "row bin"]:
    """Read spectra at fractional moments."""
    moment = np.clip(moment, 0, len(tract) - 1)
    left = np.minimum(moment.astype(np.int64), len(tract) - 2)
    across = (moment - left).astype(np.float32)[:, None]
    return tract[left] * (1 - across) + tract[left + 1] * across


def _read_harmonics(
    tract: Complex64[np.ndarray, "row bin"], bins: np.ndarray
) -> Complex64[np.ndarray, "row harmonic"]:
    """Read each row at its own fractional bins."""
    left = bins.astype(np.int64)
    across = (bins - left).astype(np.float32)
    index = left + np.arange(len(tract))[:, None] * tract.shape[1]
    flat = tract.ravel()
    return flat[index] * (1 - across) + flat[index + 1] * across


def _read_bins(noise: Float32[np.ndarray, "moment bin"], bins: np.ndarray) -> np.ndarray:
    """Read all rows at the same fractional bins."""
    left = bins.astype(np.int64)
    across = (bins - left).astype(np.float32)
    return noise[:, left] * (1 - across) + noise[:, left + 1] * across


def coloured_noise(
    rng: np.random.Generator, magnitudes: Float32[np.ndarray, "frame bin"], rate: int
) -> Float32[np.ndarray, " time"]:
    """Return noise whose spectrum moves.

    Args:
        rng: where chance comes from.
        magnitudes: amplitude spectrum of each frame, at the bins of an FFT over two frames; the
            power of the noise below 8 kHz is their mean square.
        rate: sampling rate in Hz.

    Returns:
        `frame + 1` frames of samples: frame `n` is centred at the end of the `n`-th of them.
    """
    frames, bins = magnitudes.shape
    size = 2 * (bins - 1)
    spectrum = rng.standard_normal((frames, bins, 2), np.float32).view(np.complex64)[..., 0]
    spectrum *= magnitudes
    windowed = fft.irfft(spectrum, size, axis=1)
    # Sine windows: the powers of two that overlap add up to one.
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    windowed *= (window * np.sqrt(size / 2 * rate / _PER_SAMPLE_RATE)).astype(np.float32)
    wave = np.zeros((frames + 1, size // 2), np.float32)
    wave[:-1] += windowed[:, : size // 2]
    wave[1:] += windowed[:, size // 2 :]
    return wave.ravel()


def _breathe_in(
    manner: np.random.Generator,
    noise: np.random.Generator,
    singer: Singer,
    free: float,
    run: Run,
    wave: Float[np.ndarray, " time"],
    rate: int,
) -> None:
    """Add an audible breath between two runs, if there is time for it."""
    end = run.start - manner.uniform(0.02, 0.06)
    seconds = min(manner.uniform(0.15, 0.45), end - free - 0.1)
    level = 10 ** ((manner.uniform(-30, -16) + singer.gasps) / 20) * float(run.level.max())
    if manner.random() > singer.gasp or seconds < 0.12:
        return
    hop = round(FRAME * rate)
    bins = bins_of(fft.rfftfreq(2 * hop, 1 / rate) / singer.tract)
    shape = _read_bins(_gasp(singer).noise[:1], bins)
    place = np.linspace(0, 1, round(seconds / FRAME))
    swell = np.sin(np.pi * place**1.6)[:, None].astype(np.float32)
    _add(
        wave,
        coloured_noise(noise, shape * swell * np.float32(level), rate),
        round((end - seconds) * rate),
    )


def _gasp(singer: Singer) -> SyllableSound:
    return syllable_sound(_GASP, REGISTERS[singer.register].anatomy)


def _add(wave: Float[np.ndarray, " time"], part: np.ndarray, start: int) -> None:
    """Add a part to a wave from a sample on; what is outside is cut."""
    first, stop = max(start, 0), min(start + len(part), len(wave))
    if stop > first:
        wave[first:stop] += part[first - start : stop - start]
