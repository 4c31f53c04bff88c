"""Separation by masks on the spectrogram, without learning.

The methods hear and return audio at the rate it has. Stems that no mask asks for are what is left,
so that all of them add up to the mixture. They know the voice, the drums and the bass; where a task
asks for two stems, the second is all but the voice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import librosa
import numpy as np
from jaxtyping import Complex, Float

from classical.method import Predict, best_setting, spread
from umir.annotations import Stems
from umir.data.example import Example
from umir.tasks.base import Task

FRAME = 0.064  # seconds of a Fourier transform, rounded to a power of two of samples
LONG = 4  # times as long: there, voices change faster than a frame and sustained sounds do not
ALIKE = 2.0  # seconds that similar frames lie apart at least
LOW = 150.0  # Hz: below, nobody sings, and what sustains is taken as bass
# How much stronger than the background a voice must be to win half the mask; 10 in the gallery.
MARGINS = (1.0, 1.5, 2.0, 4.0, 10.0)
SONGS = 8  # that the margin is fitted on


@dataclass(frozen=True)
class Repeated:
    """What REPET-SIM decides on, of one channel.

    Attributes:
        waveform: the mixture.
        spectrum: its Fourier transform.
        background: what of its magnitude comes again.
        rate: of the audio in Hz.
    """

    waveform: Float[np.ndarray, " time"]
    spectrum: Complex[np.ndarray, "bin frame"]
    background: Float[np.ndarray, "bin frame"]
    rate: int


def repet_sim(task: Task, examples: Sequence[Example]) -> Predict:
    """REPET-SIM: the background is what comes again (Rafii and Pardo 2012); the margin fitted.

    As in librosa's gallery: every frame is replaced by the median of the frames most like it
    (`librosa.decompose.nn_filter`), and the voice is what exceeds that. Of four stems, the drums
    are the percussive part of the background, the bass its low frequencies.
    """

    def decide(song: tuple[list[Repeated], int], margin: float) -> Stems:
        channels, rate = song
        return _stems(task, [_unmasked(task, channel, margin) for channel in channels], rate)

    def analyse(waveform: np.ndarray, rate: int) -> tuple[list[Repeated], int]:
        return [repeated(channel, rate) for channel in waveform.T], rate

    chosen = spread(examples, SONGS)
    analysed = [analyse(example.waveform, example.rate) for example in chosen]
    best = best_setting(task, chosen, MARGINS, analysed, decide)
    return lambda waveform, rate: decide(analyse(waveform, rate), best)


def hpss(task: Task, examples: Sequence[Example]) -> Predict:
    """Harmonic against percussive (`librosa.decompose.hpss`), in long frames and in short ones.

    Drums are percussive in both, voices only in long frames (FitzGerald and Gainza 2010). Of four
    stems, the bass is the low frequencies of what sustains.
    """
    del examples

    def separated(waveform: np.ndarray, rate: int) -> Stems:
        return _stems(task, [_twice(channel, rate) for channel in waveform.T], rate)

    return separated


def mixture_itself(task: Task, examples: Sequence[Example]) -> Predict:
    """The mixture as every stem: where SDR stands before anything is done."""
    del examples
    return lambda waveform, rate: Stems(dict.fromkeys(task.vocabulary, waveform), rate)


def repeated(waveform: Float[np.ndarray, " time"], rate: int) -> Repeated:
    """Return the spectrum of a song, and what of it comes again: at most what is there."""
    size = _size(rate)
    spectrum = librosa.stft(waveform, n_fft=size)
    magnitude = np.abs(spectrum)
    # A clip of a few seconds has nothing two seconds away from its middle on both sides.
    apart = min(round(ALIKE * rate / (size // 4)), max(1, magnitude.shape[1] // 6))
    similar = librosa.decompose.nn_filter(
        magnitude, aggregate=np.median, metric="cosine", width=apart
    )
    return Repeated(waveform, spectrum, np.minimum(magnitude, similar), rate)


def _unmasked(task: Task, song: Repeated, margin: float) -> dict[str, np.ndarray]:
    """Return the stems of one channel."""
    voice = np.maximum(np.abs(song.spectrum) - song.background, 0)
    mask = librosa.util.softmask(voice, margin * song.background, power=2)
    size = _size(song.rate)
    mask = mask - _low(mask, song.rate, size)
    stems = {"vocals": _sound(mask * song.spectrum, song.waveform, size)}
    if "drums" in task.vocabulary:
        harmonic, percussive = librosa.decompose.hpss((1 - mask) * song.spectrum)
        stems["drums"] = _sound(percussive, song.waveform, size)
        stems["bass"] = _sound(_low(harmonic, song.rate, size), song.waveform, size)
    return stems | {"": song.waveform - sum(stems.values())}


def _twice(waveform: Float[np.ndarray, " time"], rate: int) -> dict[str, np.ndarray]:
    """Return the stems of one channel."""
    short = _size(rate)
    long = LONG * short
    _, changing = librosa.decompose.hpss(librosa.stft(waveform, n_fft=long))
    left = _sound(changing, waveform, long)
    voice, percussive = librosa.decompose.hpss(librosa.stft(left, n_fft=short))
    stems = {
        "vocals": _sound(voice - _low(voice, rate, short), waveform, short),
        "drums": _sound(percussive, waveform, short),
    }
    unsung = librosa.stft(waveform - sum(stems.values()), n_fft=short)
    stems["bass"] = _sound(_low(unsung, rate, short), waveform, short)
    return stems | {"": waveform - sum(stems.values())}


def _stems(task: Task, channels: Sequence[dict[str, np.ndarray]], rate: int) -> Stems:
    """Return the task's stems; the one that no method knows is the sum of all that is left."""
    left = {name: np.stack([c[name] for c in channels], axis=1) for name in channels[0]}
    known = {name: left.pop(name) for name in task.vocabulary if name in left}
    (rest,) = set(task.vocabulary) - set(known)
    return Stems(known | {rest: sum(left.values())}, rate)


def _size(rate: int) -> int:
    return 2 ** round(np.log2(FRAME * rate))


def _sound(spectrum: np.ndarray, like: np.ndarray, size: int) -> np.ndarray:
    return librosa.istft(spectrum, n_fft=size, length=len(like)).astype(like.dtype)


def _low(spectrum: np.ndarray, rate: int, size: int) -> np.ndarray:
    frequencies = librosa.fft_frequencies(sr=rate, n_fft=size)
    return np.where(frequencies[:, None] < LOW, spectrum, 0)
