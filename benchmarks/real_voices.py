"""Compare the studio's voices with real ones: spectra, noise, syllables, vibrato and pitch.

    OMP_NUM_THREADS=1 python benchmarks/real_voices.py --data ../shared/data/MIR-1K

Reads the voices of MIR-1K (channel 1 of each clip, with the pitch that its authors labelled),
renders as many lead voices of studio songs, and measures both in the same way: levels of seven
bands, spectral tilt, formant bandwidths (by linear prediction), harmonics-to-noise ratio, the part
of the level's modulation at 2 to 8 Hz (syllables), vibrato, pitch, the part of the time that is
voiced, and the floor between the phrases. Prints, for each, the 5th, 50th and 95th percentile of
real and of studio clips, and which part of the real clips lies inside the studio's 5th to 95th
percentile. `--plain` leaves the group of features *singing* out.

Reference:
    Harmonics-to-noise ratio: P. Boersma, "Accurate short-term analysis of the fundamental
    frequency and the harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17, 1993,
    equation 4.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np
import soundfile

from umir.studio import render_song
from umir.studio.features import ALL_FEATURES

RATE = 16000
HOP = 0.02  # seconds between the labels of MIR-1K
BANDS = (0, 500, 1000, 2000, 3000, 4000, 6000, 8000)  # Hz
_WINDOW = 0.04


def real_voices(root: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield waveform and pitch in Hz (0: none), every `HOP` from 20 ms on, of every clip."""
    for path in sorted((root / "Wavfile").iterdir()):
        wave, rate = soundfile.read(path, dtype="float32")
        assert rate == RATE, path
        pitch = np.loadtxt(root / "PitchLabel" / f"{path.stem}.pv")
        yield wave[:, 1], np.where(pitch > 0, 440 * 2 ** ((pitch - 69) / 12), 0.0)


def studio_voices(count: int, singing: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the same of the lead voices of studio songs, as they sound in the mix."""
    features = ALL_FEATURES if singing else ALL_FEATURES.without("singing")
    seed = 0
    while count:
        song = render_song(seed, rate=RATE, duration=12.0, features=features)
        seed += 1
        for part in song.parts:
            if part.name == "vocals_voice" and part.f0 is not None and part.f0.frequencies.any():
                count -= 1
                # MIR-1K's first label is at 20 ms.
                yield part.waveform[:, 0], part.f0.frequencies[2::2]
                break


def frames_of(wave: np.ndarray, count: int) -> np.ndarray:
    """Return frames of 40 ms centred every 20 ms from 20 ms on, shape `(frame, time)`."""
    size, hop = round(_WINDOW * RATE), round(HOP * RATE)
    wave = np.pad(wave, (0, size))
    count = min(count, (len(wave) - size) // hop + 1)
    return np.lib.stride_tricks.sliding_window_view(wave, size)[::hop][:count]


def measure(wave: np.ndarray, pitch: np.ndarray) -> dict[str, float]:
    """Return what is compared, of one clip."""
    frames = frames_of(wave, len(pitch))
    pitch = pitch[: len(frames)]
    voiced = pitch > 0
    level = 10 * np.log10((frames**2).mean(axis=1) + 1e-10)
    loud = voiced & (level > level[voiced].max() - 30)
    found = spectrum_measures(frames[loud])
    found["HNR dB"] = float(np.median(harmonicity(frames[loud], pitch[loud])))
    found |= formant_widths(frames[loud][::5])
    found["syllable modulation"] = syllable_modulation(level)
    semitones = 69 + 12 * np.log2(pitch[voiced] / 440)
    found |= {f"pitch {q}%": float(np.percentile(semitones, q)) for q in (5, 50, 95)}
    found |= movement(pitch)
    found["voiced part"] = float(voiced.mean())
    found["voiced level spread dB"] = float(level[voiced].std())
    found["floor dB"] = float(np.percentile(level, 3) - np.percentile(level, 95))
    inside = ~voiced & (level > level[voiced].max() - 40)
    found["unvoiced part of sound"] = float(inside.sum() / max((inside | voiced).sum(), 1))
    return found


def spectrum_measures(frames: np.ndarray) -> dict[str, float]:
    """Return levels of bands in dB of the whole, and the tilt in dB per octave above 300 Hz."""
    power = (np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]))) ** 2).mean(axis=0)
    frequency = np.fft.rfftfreq(frames.shape[1], 1 / RATE)
    found = {}
    for low, high in zip(BANDS[:-1], BANDS[1:], strict=True):
        inside = (frequency >= low) & (frequency < high)
        found[f"{low}-{high} Hz dB"] = float(
            10 * np.log10(power[inside].sum() / power.sum() + 1e-9)
        )
    edges = 300 * 2 ** (np.arange(10) / 2.3)  # to 6 kHz
    thirds = [
        power[(frequency >= a) & (frequency < b)].mean()
        for a, b in zip(edges[:-1], edges[1:], strict=True)
    ]
    slope = np.polyfit(np.arange(len(thirds)) / 2.3, 10 * np.log10(np.array(thirds) + 1e-12), 1)[0]
    found["tilt dB/octave"] = float(slope)
    return found


def harmonicity(frames: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Return the harmonics-to-noise ratio of each frame in dB."""
    size = frames.shape[1]
    window = np.hanning(size)
    spectrum = np.abs(np.fft.rfft((frames - frames.mean(1, keepdims=True)) * window, 4 * size)) ** 2
    shape = np.fft.irfft(np.abs(np.fft.rfft(window, 4 * size)) ** 2)[:size]
    correlation = np.fft.irfft(spectrum)[:, :size]
    correlation = correlation / (correlation[:, :1] + 1e-12) / (shape / shape[0])
    best = []
    for row, frequency in zip(correlation, pitch, strict=True):
        lags = np.arange(RATE / frequency * 0.97, RATE / frequency * 1.03, 0.1)
        best.append(np.interp(lags, np.arange(size), row).max())
    ratio = np.clip(best, 1e-3, 1 - 1e-4)
    return 10 * np.log10(ratio / (1 - ratio))


def formant_widths(frames: np.ndarray) -> dict[str, float]:
    """Return the median bandwidths in Hz of the two lowest resonances that are narrow."""
    widths: list[list[float]] = [[], []]
    for frame in frames:
        emphasised = np.append(frame[0], frame[1:] - 0.95 * frame[:-1]) * np.hamming(len(frame))
        poles = np.roots(librosa.lpc(emphasised.astype(np.float64) + 1e-9, order=18))
        poles = poles[np.imag(poles) > 0]
        centre = np.angle(poles) * RATE / (2 * np.pi)
        width = -np.log(np.abs(poles)) * RATE / np.pi
        kept = sorted(c for c in zip(centre, width, strict=True) if c[0] > 150 and c[1] < 700)
        for index, (_, value) in enumerate(kept[:2]):
            widths[index].append(float(value))
    return {f"B{n + 1} Hz": float(np.median(values or [0])) for n, values in enumerate(widths)}


def syllable_modulation(level: np.ndarray) -> float:
    """Return which part of the level's modulation from 0.5 to 20 Hz lies at 2 to 8 Hz."""
    limited = np.maximum(level, level.max() - 40)
    power = np.abs(np.fft.rfft((limited - limited.mean()) * np.hanning(len(level)))) ** 2
    rate = np.fft.rfftfreq(len(level), HOP)
    return float(power[(rate >= 2) & (rate < 8)].sum() / power[(rate >= 0.5) & (rate < 20)].sum())


def movement(pitch: np.ndarray) -> dict[str, float]:
    """Return how the pitch moves: vibrato of stretches of half a second, and speed of glides."""
    semitones = 12 * np.log2(np.maximum(pitch, 1e-9))
    size, extents, rates = 25, [], []
    for first in range(0, len(pitch) - size, 5):
        part = semitones[first : first + size]
        if not np.all(pitch[first : first + size] > 0) or np.ptp(part) > 3:
            continue
        place = np.arange(size)
        flat = part - np.polyval(np.polyfit(place, part, 3), place)
        power = np.abs(np.fft.rfft(flat * np.hanning(size), 256)) ** 2
        rate = np.fft.rfftfreq(256, HOP)
        peak = int(np.argmax(np.where((rate > 3.5) & (rate < 9), power, 0)))
        extents.append(np.sqrt(2) * flat.std())
        rates.append(rate[peak])
    both = (pitch[1:] > 0) & (pitch[:-1] > 0)
    speed = np.abs(np.diff(semitones))[both] / HOP
    return {
        "vibrato extent st": float(np.median(extents)) if extents else np.nan,
        "widest vibrato st": float(np.percentile(extents, 90)) if extents else np.nan,
        "vibrato rate Hz": float(np.median(rates)) if rates else np.nan,
        "pitch speed st/s": float(np.median(speed)),
        "fast glides st/s": float(np.percentile(speed, 95)),
    }


def table(real: list[dict[str, float]], ours: list[dict[str, float]]) -> None:
    """Print percentiles of both, and how much of the real is covered."""
    print(f"{'':24}{'real':>8}  (5%, 50%, 95%)      {'studio':>8}  (5%, 50%, 95%)      covered")
    covers = []
    for name in real[0]:
        there, here = (np.array([row[name] for row in rows]) for rows in (real, ours))
        there, here = there[np.isfinite(there)], here[np.isfinite(here)]
        low, high = np.percentile(here, (5, 95))
        covers.append(np.mean((there >= low) & (there <= high)))
        figures = [f"{np.percentile(v, q):9.2f}" for v in (there, here) for q in (5, 50, 95)]
        print(f"{name:24}{''.join(figures[:3])}    {''.join(figures[3:])}    {covers[-1]:7.0%}")
    print(f"mean part of real clips inside the studio's range: {np.mean(covers):.0%}")


def main() -> None:
    """Parse the arguments, measure both and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of MIR-1K")
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--plain", action="store_true", help="leave the group `singing` out")
    arguments = parser.parse_args()
    real = [measure(*pair) for pair in list(real_voices(arguments.data))[: arguments.clips]]
    ours = [measure(*pair) for pair in studio_voices(arguments.clips, not arguments.plain)]
    table(real, ours)


if __name__ == "__main__":
    main()
