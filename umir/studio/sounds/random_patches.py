"""Patches that belong to no instrument, and the patches of instruments made strange.

A network that hears only the patches of `umir.studio.sounds.sustained_patches` and `struck_patches`
learns those: here the amplitude of every partial is drawn, as are envelopes, formants and
modulators.
"""

from collections.abc import Collection
from dataclasses import fields, replace

import numpy as np
from jaxtyping import Float

from umir.studio.sounds.patch_draws import draw_log_uniform, draw_pair, draw_resonances, draw_seed
from umir.studio.sounds.random_synthesis import RoughSound, StackedFMSound, StiffSound
from umir.studio.sounds.sampler import SampledSound
from umir.studio.sounds.synthesis import AGES, FMSound, HarmonicSound, ModalSound, Partials
from umir.studio.sounds.tone import Envelope, Sound

_NAMED = 24  # harmonics whose amplitudes are drawn one by one
# Of the energy of the first harmonics, at least so much must be in odd ones, at any time and
# loudness that is looked at: else the sound is an octave above its label.
_ODD, _HARMONICS = 0.1, 12
_LOOKED_AT = (AGES > 0.1) & (AGES < 1.5)
_BRIGHTNESSES = 0.75, 1.0  # of notes that are not soft
_RATE, _SECONDS = 16000, (0.1, 0.5)  # of what is heard of patches that have no list of harmonics
_NEAR = 0.15  # of the fundamental: how far a partial may lie from its multiple
_BEATS = 1.0  # Hz: two voices must beat faster, or do without each other
_STIFF = ("acoustic_guitar", "bass", "electric_guitar", "harp", "piano", "distorted_guitar")


def patch_for(rng: np.random.Generator, struck: bool, pitches: Collection[float]) -> Sound:
    """Draw random patches until one sounds in the octave of what it is to play.

    Args:
        rng: where chance comes from.
        struck: see `random_patch`.
        pitches: MIDI, what the patch is to play; one at least.
    """
    frequencies = sorted({440 * 2 ** ((round(pitch) - 69) / 12) for pitch in pitches})
    sound = random_patch(rng, struck)
    while not all(_in_its_octave(sound, frequency) for frequency in frequencies):
        sound = random_patch(rng, struck)
    return _without_slow_beats(sound, frequencies[0])


def _without_slow_beats(sound: Sound, lowest: float) -> Sound:
    """Return a sound of a single voice where two would differ by next to nothing.

    Voices begin at random phases. Half a period apart their odd harmonics cancel, which sounds an
    octave higher for as long as they stay so: where they beat slowly, for whole notes.

    Args:
        sound: of any kind.
        lowest: frequency in Hz of the lowest note to play.
    """
    if not isinstance(sound, HarmonicSound):
        return sound
    beats = lowest * (2 ** (np.ptp(sound.detune) / 1200) - 1)
    return replace(sound, detune=(0.0,)) if beats < _BEATS else sound


def _in_its_octave(sound: Sound, frequency: float) -> bool:
    """Return whether odd harmonics of a frequency (Hz) are to be heard beside the even ones."""
    energies = [_harmonics(sound, frequency, brightness) for brightness in _BRIGHTNESSES]
    return all((each[:, ::2].sum(1) >= _ODD * each.sum(1)).all() for each in energies)


def _harmonics(
    sound: Sound, frequency: float, brightness: float
) -> Float[np.ndarray, "moment harmonic"]:
    """Return the energies of the first harmonics of a held note, at one moment or several."""
    count = max(min(_HARMONICS, int(0.47 * _RATE / frequency)), 1)
    if isinstance(sound, HarmonicSound):
        return sound.partials.amplitudes(frequency, count, brightness)[_LOOKED_AT] ** 2
    if isinstance(sound, RoughSound):
        energy = sound.amplitudes(brightness)[None, :count] ** 2
        energy[:, ::2] /= 2  # each swells and fades by chance: odd ones may be softer for a while
        return energy
    first, last = (round(seconds * _RATE) for seconds in _SECONDS)
    wave = sound.body(np.full(last, frequency), brightness, _RATE)[first:]
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2
    places = np.fft.rfftfreq(len(wave), 1 / _RATE) / frequency
    nearest = np.round(places).astype(int)
    partial = (np.abs(places - nearest) < _NEAR) & (nearest <= count)
    return np.bincount(nearest[partial], power[partial], count + 1)[None, 1:]


def random_patch(rng: np.random.Generator, struck: bool) -> Sound:
    """Draw a patch of any kind.

    Args:
        rng: where chance comes from.
        struck: whether its notes decay, as of strings and bars, or last as long as they are held.
    """
    envelope = _envelope(rng, struck)
    kind = rng.random()
    if kind < 0.6:
        return _additive(rng, envelope, struck)
    if kind < 0.8:
        ratios = int(rng.integers(1, 6)), int(rng.integers(1, 8))
        starts, ends = rng.uniform(0.2, 6.0, 2), rng.uniform(0.1, 3.0, 2)
        return StackedFMSound(
            envelope,
            ratios,
            ((float(starts[0]), float(ends[0])), (float(starts[1]), float(ends[1]))),
            (draw_log_uniform(rng, 0.03, 2.0), draw_log_uniform(rng, 0.03, 2.0)),
            float(rng.uniform(6, 24)),
        )
    if kind < 0.92 or not struck:
        return RoughSound(
            envelope,
            _levels(rng, int(rng.integers(2, 7)), 5.0),
            bandwidth=draw_log_uniform(rng, 1.0, 12.0),
            roughness=float(rng.uniform(0.1, 0.7)),
            dynamics=float(rng.uniform(8, 24)),
            seed=draw_seed(rng),
        )
    count = int(rng.integers(3, 7))
    ratios_of_modes = np.cumsum(rng.uniform(0.7, 3.5, count - 1)) + 1
    base = draw_log_uniform(rng, 0.8, 9.0)
    return ModalSound(
        replace(envelope, decay=np.inf, sustain=0.0),
        ratios=(1.0, *(float(ratio) for ratio in ratios_of_modes)),
        levels=(1.2, *(float(level) for level in rng.uniform(0.05, 0.7, count - 1))),
        decays=(base, *(float(rate) for rate in base * rng.uniform(1.2, 6.0, count - 1))),
        dynamics=float(rng.uniform(12, 30)),
    )


def mutate(rng: np.random.Generator, sound: Sound, instrument: str) -> Sound:
    """Return a patch of the same instrument that nobody else has."""
    if isinstance(sound, HarmonicSound):
        return _mutate_harmonic(rng, sound, instrument)
    if isinstance(sound, FMSound):
        scale, ends = np.exp(rng.normal(0, 0.4, 2))
        return replace(
            sound,
            index=(float(sound.index[0] * scale), float(sound.index[1] * ends)),
            index_time=float(sound.index_time * np.exp(rng.normal(0, 0.5))),
        )
    if isinstance(sound, ModalSound):
        count = len(sound.ratios)
        levels, decays = np.exp(rng.normal(0, 0.4, count)), np.exp(rng.normal(0, 0.3, count))
        return replace(
            sound,
            levels=tuple(float(a * b) for a, b in zip(sound.levels, levels, strict=True)),
            decays=tuple(float(a * b) for a, b in zip(sound.decays, decays, strict=True)),
        )
    if isinstance(sound, SampledSound):
        # The recording of another key has other formants; the pitch is what is asked for.
        return sound.shifted(int(rng.integers(-7, 8)))
    return sound


def _mutate_harmonic(rng: np.random.Generator, sound: HarmonicSound, instrument: str) -> Sound:
    """Change the partials' amplitudes, their decay and the noise; stiffen strings."""
    partials = replace(
        sound.partials,
        levels=_levels(rng, _NAMED, rng.uniform(1.0, 5.0)),
        slope=float(max(sound.partials.slope + rng.normal(0, 0.2), 0.2)),
        formants=sound.partials.formants + draw_resonances(rng, 150.0, 4000.0, 2, 2.5),
        decay=float(sound.partials.decay * np.exp(rng.normal(0, 0.3))),
    )
    noise = float(sound.noise * np.exp(rng.normal(0, 0.7)))
    stiffness = draw_log_uniform(rng, 5e-5, 1.5e-3)
    mutated = replace(sound, partials=partials, noise=noise)
    if instrument in _STIFF and rng.random() < 0.5:
        return _stiffen(mutated, stiffness)
    return mutated


def _additive(rng: np.random.Generator, envelope: Envelope, struck: bool) -> Sound:
    """Draw a spectrum that moves from one random timbre to another."""
    partials = Partials(
        slope=float(rng.uniform(0.3, 2.0)),
        even=float(rng.choice([0.05, 0.5, 1.0, 1.0])),
        pluck=float(rng.choice([0.0, rng.uniform(0.05, 0.45)])),
        formants=draw_resonances(rng, 200.0, 5000.0, int(rng.integers(0, 5)), 6.0),
        cutoff=(draw_log_uniform(rng, 2.0, 60.0), draw_log_uniform(rng, 2.0, 40.0)),
        cutoff_time=draw_log_uniform(rng, 0.03, 3.0),
        resonance=float(rng.uniform(0, 8)),
        decay=float(rng.uniform(0.3, 3.0)) if struck else 0.0,
        damping=float(rng.uniform(0, 0.4)) if struck else 0.0,
        bloom=0.0 if struck else float(rng.choice([0.0, rng.uniform(0, 0.008)])),
        levels=_levels(rng, _NAMED, rng.uniform(2.0, 9.0)),
        later_levels=_levels(rng, _NAMED, rng.uniform(2.0, 9.0)),
    )
    sound = HarmonicSound(
        partials,
        envelope,
        noise=float(rng.choice([0.0, rng.uniform(0, 0.3)])),
        noise_decay=float(rng.choice([0.0, rng.uniform(5, 200)])),
        seed=draw_seed(rng),
        dynamics=float(rng.uniform(6, 28)),
    )
    if struck and rng.random() < 0.35:
        return _stiffen(sound, draw_log_uniform(rng, 5e-5, 5e-3))
    return replace(sound, detune=draw_pair(rng, 20.0)) if rng.random() < 0.4 else sound


def _stiffen(sound: HarmonicSound, stiffness: float) -> StiffSound:
    """Return a sound whose partials are stretched, of a single voice."""
    settings = {field.name: getattr(sound, field.name) for field in fields(sound)}
    return StiffSound(**{**settings, "detune": (0.0,)}, stiffness=stiffness)


def _levels(rng: np.random.Generator, count: int, decibels: float) -> tuple[float, ...]:
    """Draw gains of harmonics that scatter by so many dB; the fundamental's by half of it."""
    exponents = rng.normal(0, decibels / 20, count)
    exponents[0] *= 0.5
    return tuple(float(gain) for gain in 10**exponents)


def _envelope(rng: np.random.Generator, struck: bool) -> Envelope:
    if struck:
        return Envelope(
            attack=draw_log_uniform(rng, 0.001, 0.008),
            decay=draw_log_uniform(rng, 0.3, 10.0),
            sustain=float(rng.choice([0.0, rng.uniform(0, 0.4)])),
            release=draw_log_uniform(rng, 0.04, 0.8),
        )
    return Envelope(
        attack=draw_log_uniform(rng, 0.002, 0.08),
        decay=float(rng.choice([np.inf, draw_log_uniform(rng, 0.2, 4.0)])),
        sustain=float(rng.uniform(0.25, 0.9)),
        release=draw_log_uniform(rng, 0.04, 0.9),
    )
