"""A vocal-like lead: a glottal source with vibrato and glides, sung through the formants of vowels.

Each note is a syllable: an optional consonant (hiss, burst or hum), then a vowel. The onset of a
note is where its syllable is first heard; the pitch is voiced from the end of an unvoiced consonant
on, at most 45 ms later. Words, and a real singer's timbre, this voice does not have.

Reference:
    Formant frequencies near those of G. Peterson and H. Barney, "Control Methods Used in a Study of
    the Vowels", JASA 24(2), 1952, Table II (men), scaled for the length of the vocal tract.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, lfilter, sosfilt

from umir.studio.performance import Note

# Frequencies of the first four formants in Hz and their levels in dB.
_VOWELS = {
    "a": ((730, 1090, 2440, 3400), (0, -4, -14, -20)),
    "e": ((530, 1840, 2480, 3500), (0, -9, -13, -18)),
    "i": ((270, 2290, 3010, 3600), (0, -16, -18, -22)),
    "o": ((570, 840, 2410, 3300), (0, -5, -22, -26)),
    "u": ((300, 870, 2240, 3200), (0, -12, -28, -32)),
}
_BANDWIDTHS = (80.0, 110.0, 160.0, 220.0)
_TABLE = 1024
_GAP = 0.06  # notes closer than this are sung legato


@dataclass(frozen=True)
class Singer:
    """A singer's voice.

    Attributes:
        tract: scale of the formants: 1 for a man's vocal tract, 1.2 for a woman's.
        tilt: slope of the glottal spectrum, amplitude `h ** -tilt`, sung loudly.
        breath: level of breath noise.
        vowels: those that the song's syllables have.
        consonants: probability that a syllable begins with one.
        dynamics: dB between the softest and the loudest note.
        seed: decides the syllables.
    """

    tract: float
    tilt: float
    breath: float
    vowels: tuple[str, ...]
    consonants: float
    dynamics: float
    seed: int


@dataclass(frozen=True)
class Singing:
    """What was sung: waveform `(time,)`, and from when each note has a pitch, in seconds."""

    waveform: Float[np.ndarray, " time"]
    voiced: tuple[float, ...]


def draw_singer(rng: np.random.Generator, median_pitch: float) -> Singer:
    """Draw a singer for a melody with a given median MIDI pitch."""
    tract = float(np.clip(1.0 + (median_pitch - 52) * 0.012 + rng.normal(0, 0.05), 0.9, 1.35))
    count = int(rng.integers(2, 5))
    return Singer(
        tract=tract,
        tilt=float(rng.uniform(0.4, 1.0)),
        breath=float(np.exp(rng.uniform(np.log(0.005), np.log(0.06)))),
        vowels=tuple(str(v) for v in rng.choice(sorted(_VOWELS), count, replace=False)),
        consonants=float(rng.uniform(0.2, 0.8)),
        dynamics=float(rng.uniform(12, 22)),
        seed=int(rng.integers(2**31)),
    )


def sing(singer: Singer, notes: Sequence[Note], length: int, rate: int) -> Singing:
    """Sing notes that do not overlap.

    Args:
        singer: who sings.
        notes: what to sing, sorted by onset.
        length: samples.
        rate: sampling rate in Hz.
    """
    rng = np.random.default_rng(singer.seed)
    tracks = _Tracks(length, len(singer.vowels))
    voiced = []
    for index, note in enumerate(notes):
        linked = index > 0 and note.onset - notes[index - 1].offset < _GAP
        followed = index + 1 < len(notes) and notes[index + 1].onset - note.offset < _GAP
        voiced.append(_syllable(rng, singer, tracks, note, linked, followed, rate))
    for index, note in enumerate(notes):
        until = notes[index + 1].onset if index + 1 < len(notes) else length / rate
        _voice_source(singer, tracks, note, index, until, rate)
    breath = rng.standard_normal(length, np.float32) * tracks.level * np.float32(singer.breath)
    source = tracks.source * tracks.level + breath
    return Singing(_vowels(singer, tracks, source, rate) + tracks.hiss, tuple(voiced))


class _Tracks:
    """What changes over a song, at the audio rate: level, vowels, consonant noise, source."""

    def __init__(self, length: int, vowels: int):
        self.level = np.zeros(length, np.float32)
        self.hiss = np.zeros(length, np.float32)
        self.source = np.zeros(length, np.float32)
        self.vowel = np.zeros((vowels, length), np.float32)
        self.cycles = 0.0


def _syllable(
    rng: np.random.Generator,
    singer: Singer,
    tracks: _Tracks,
    note: Note,
    linked: bool,
    followed: bool,
    rate: int,
) -> float:
    """Write level, vowel and consonant of one note; return when its pitch begins, in seconds."""
    length = len(tracks.level)
    start = round(note.onset * rate)
    kind = rng.choice(["hiss", "burst", "hum"]) if rng.random() < singer.consonants else "none"
    delay = {"hiss": rng.uniform(0.02, 0.045), "burst": rng.uniform(0.008, 0.02)}.get(kind, 0.0)
    delay = min(delay, 0.3 * (note.offset - note.onset))
    gain = 10 ** (-(1 - note.velocity) * singer.dynamics / 20)
    voiced = start + round(delay * rate)
    release = 0.03 if followed else rng.uniform(0.05, 0.12)
    end = min(round(note.offset * rate) + round(release * rate), length)
    t = np.arange(max(end - voiced, 1), dtype=np.float32) / np.float32(rate)
    attack = 0.006 if kind == "burst" else rng.uniform(0.008, 0.025)
    level = 1 - np.exp(-3 * t / np.float32(attack))
    if kind == "hum":  # a closed mouth that opens
        level *= 1 - 0.65 * np.exp(-((t / np.float32(0.05)) ** 4))
    swell = rng.uniform(-0.25, 0.25)
    level *= 1 + np.float32(swell) * np.minimum(t / np.float32(0.5), 1)
    tail = min(round(release * rate), len(level))
    level[len(level) - tail :] *= np.linspace(1, 0, tail, dtype=np.float32) ** 2
    stop = min(voiced + len(level), length)
    tracks.level[voiced:stop] = np.maximum(
        tracks.level[voiced:stop], np.float32(gain) * level[: stop - voiced]
    )
    if delay:
        _consonant(rng, tracks, start, voiced, gain, kind, rate)
        if linked:  # the breath of the note before stops for it
            tracks.level[start:voiced] *= np.float32(0.1)
    vowel = int(rng.integers(len(singer.vowels)))
    tracks.vowel[vowel, start:] = 1
    tracks.vowel[np.arange(len(singer.vowels)) != vowel, start:] = 0
    return note.onset + delay


def _consonant(
    rng: np.random.Generator,
    tracks: _Tracks,
    start: int,
    voiced: int,
    gain: float,
    kind: str,
    rate: int,
) -> None:
    """Add the noise of an unvoiced consonant, fading over 20 ms into the vowel."""
    stop = min(voiced + round(0.02 * rate), len(tracks.hiss))
    noise = rng.standard_normal(stop - start)
    low = rng.uniform(2500, 4500) if kind == "hiss" else rng.uniform(800, 2500)
    high = min(2.2 * low, 0.47 * rate)
    sections = butter(1, [min(low, 0.7 * high), high], "bandpass", fs=rate, output="sos")
    noise = sosfilt(sections, noise)
    fade = np.minimum(np.arange(stop - start, 0, -1) / (0.02 * rate), 1)
    level = 0.25 if kind == "hiss" else 0.4
    tracks.hiss[start:stop] += (gain * level * fade * noise).astype(np.float32)


def _voice_source(
    singer: Singer, tracks: _Tracks, note: Note, index: int, until: float, rate: int
) -> None:
    """Write the glottal source of one note, up to the next note's onset; the phase runs on."""
    start, stop = round(note.onset * rate), min(round(until * rate), len(tracks.source))
    # Nothing is heard later than the release.
    stop = min(stop, round((note.offset + 0.15) * rate))
    if stop <= start:
        return
    frequency = note.frequencies(np.arange(stop - start) / rate)
    cycles = tracks.cycles + np.cumsum(frequency) / rate
    tracks.cycles = float(cycles[-1] % 1.0)
    count = min(int(0.47 * rate / float(frequency.max())), _TABLE // 2 - 1)
    tilt = singer.tilt + 0.7 * (1 - note.velocity)
    table = _glottal_table(count, tilt)
    column = (cycles % 1.0) * _TABLE
    left = column.astype(np.int64)
    across = (column - left).astype(np.float32)
    tracks.source[start:stop] = table[left] * (1 - across) + table[left + 1] * across


def _glottal_table(count: int, tilt: float) -> np.ndarray:
    """Return one period of a source with `count` harmonics, and one sample more."""
    spectrum = np.zeros(_TABLE // 2 + 1, complex)
    h = np.arange(1, count + 1)
    spectrum[1 : count + 1] = -1j * h**-tilt  # sines: all harmonics rise together, once a period
    table = np.fft.irfft(spectrum, _TABLE)
    table = np.append(table, table[0])
    return (table / np.sqrt((table**2).mean())).astype(np.float32)


def _vowels(singer: Singer, tracks: _Tracks, source: np.ndarray, rate: int) -> np.ndarray:
    """Filter the source with each vowel and fade between them over 40 ms."""
    wave = np.zeros_like(source)
    for index, vowel in enumerate(singer.vowels):
        weight = uniform_filter1d(tracks.vowel[index], round(0.04 * rate))
        if weight.any():
            wave += weight * _formants(source, vowel, singer.tract, rate)
    return wave


def _formants(source: np.ndarray, vowel: str, tract: float, rate: int) -> np.ndarray:
    """Send a source through the resonances of a vowel, in parallel."""
    wave = 0.05 * source
    for formant, level, width in zip(*_VOWELS[vowel], _BANDWIDTHS, strict=True):
        centre = formant * tract
        if centre > 0.45 * rate:
            continue
        radius = np.exp(-np.pi * width / rate)
        poles = [1, -2 * radius * np.cos(2 * np.pi * centre / rate), radius**2]
        gain = (1 - radius**2) / 2 * 10 ** (level / 20)
        band = np.asarray([gain, 0, -gain], np.float32)
        wave += lfilter(band, np.asarray(poles, np.float32), source)
    return wave
