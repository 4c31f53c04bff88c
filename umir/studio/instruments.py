"""Instruments: for each class, the recordings that play it and a synthesis that is drawn at random.

A draw from `_piano(rng)` is one piano among many: its brightness, decay and detuning are its own.
What stays is what makes a listener say "piano": struck, decaying, many partials.
"""

from collections.abc import Callable

import numpy as np

from umir.studio.sampler import SampledSound
from umir.studio.synthesis import FMSound, HarmonicSound, ModalSound, Partials
from umir.studio.tone import Envelope, Sound

# Part of the pitched parts that are played by our own synthesis.
SYNTHETIC_SHARE = 0.62


def draw_sound(
    rng: np.random.Generator, instrument: str, generator: str | None = None
) -> tuple[Sound, str]:
    """Draw a sound of a class.

    Args:
        rng: where chance comes from.
        instrument: one of `umir.studio.INSTRUMENTS`, other than `drums` and `voice`.
        generator: `sampled` or `synthetic`; None draws one.

    Returns:
        The sound and its generator.
    """
    if generator is None:
        generator = "synthetic" if rng.random() < SYNTHETIC_SHARE else "sampled"
    if generator == "synthetic":
        return _SYNTHESES[instrument](rng), generator
    program = int(rng.choice(PROGRAMS[instrument]))
    brightness = float(np.exp2(rng.uniform(-0.5, 1.0)))
    return SampledSound(program, brightness, float(rng.uniform(18, 32))), generator


# General MIDI programs of the SoundFont for each class.
PROGRAMS = {
    "accordion": (21, 22, 23),
    "acoustic_guitar": (24, 25),
    "bass": (32, 33, 34, 35, 36, 38, 39),
    "brass": (56, 57, 58, 60, 61),
    "clarinet": (71,),
    "distorted_guitar": (29, 30),
    "electric_guitar": (26, 27),
    "electric_piano": (4, 5),
    "flute": (73, 74, 75),
    "harp": (46,),
    "mallet": (10, 11, 12, 13, 108),
    "organ": (16, 17, 18, 19),
    "piano": (0, 1, 2, 3),
    "saxophone": (64, 65, 66, 67),
    "strings": (40, 41, 42, 48, 49),
    "synth_lead": (80, 81, 84, 87),
    "synth_pad": (88, 89, 90, 95, 50, 51),
}


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _pair(rng: np.random.Generator, cents: float) -> tuple[float, ...]:
    """Draw the detuning of a pair of strings or reeds: centred, so that the pitch stays."""
    half = float(rng.uniform(0, cents)) / 2
    return (-half, half)


def _body(rng: np.random.Generator, low: float, high: float, count: int, gain: float):
    """Draw the resonances of a wooden body or a bell."""
    return tuple(
        (_log_uniform(rng, low, high), float(rng.uniform(0.15, 0.6)), float(rng.uniform(0, gain)))
        for _ in range(count)
    )


def _seed(rng: np.random.Generator) -> int:
    """Draw a seed for the phases."""
    return int(rng.integers(2**31))


def _piano(rng: np.random.Generator) -> Sound:
    partials = Partials(
        slope=rng.uniform(0.6, 1.2),
        pluck=rng.uniform(0.09, 0.14),
        formants=_body(rng, 100.0, 2000.0, 2, 1.0),
        cutoff=(rng.uniform(10, 24), rng.uniform(4, 9)),
        cutoff_time=rng.uniform(0.3, 1.0),
        decay=rng.uniform(0.5, 1.6),
        damping=rng.uniform(0.08, 0.3),
    )
    return HarmonicSound(
        partials,
        Envelope(0.002, release=rng.uniform(0.12, 0.4)),
        rng.uniform(22, 34),
        detune=_pair(rng, 5.0),
        noise=rng.uniform(0.05, 0.25),
        noise_decay=rng.uniform(60, 150),
        seed=_seed(rng),
    )


def _electric_piano(rng: np.random.Generator) -> Sound:
    return FMSound(
        Envelope(0.002, decay=rng.uniform(4, 10), release=rng.uniform(0.1, 0.3)),
        ratio=float(rng.choice([1.0, 1.0, 2.0, 3.0])),
        index=(rng.uniform(1.2, 3.0), rng.uniform(0.1, 0.6)),
        index_time=rng.uniform(0.4, 1.5),
        dynamics=rng.uniform(22, 32),
        second=(float(rng.choice([7.0, 9.0, 14.0])), rng.uniform(0.05, 0.35)),
    )


def _organ(rng: np.random.Generator) -> Sound:
    # Drawbars are resonances at fixed harmonics: here, a random flat spectrum with a cutoff.
    partials = Partials(
        slope=rng.uniform(0.3, 1.3),
        even=rng.uniform(0.4, 1.4),
        pluck=rng.uniform(0.2, 0.5),
        cutoff=(rng.uniform(4, 12),) * 2,
        resonance=rng.uniform(0, 1),
    )
    return HarmonicSound(
        partials,
        Envelope(rng.uniform(0.003, 0.02), release=rng.uniform(0.05, 0.15)),
        rng.uniform(3, 10),
        detune=_pair(rng, 6.0),
        noise=rng.uniform(0, 1.5),
        noise_decay=rng.uniform(120, 300),
        seed=_seed(rng),
    )


def _plucked(
    rng: np.random.Generator,
    slope: tuple[float, float],
    loss: tuple[float, float],
    cutoff: tuple[float, float],
    release: tuple[float, float],
    formants: tuple = (),
) -> Sound:
    """Draw a Karplus-Strong string."""
    partials = Partials(
        slope=rng.uniform(*slope),
        pluck=rng.uniform(0.06, 0.45),
        formants=formants,
        cutoff=(rng.uniform(*cutoff),) * 2,
        string=_log_uniform(rng, *loss),
    )
    return HarmonicSound(
        partials,
        Envelope(0.0015, release=rng.uniform(*release)),
        rng.uniform(20, 30),
        noise=rng.uniform(0.05, 0.5),
        noise_decay=rng.uniform(80, 250),
        seed=_seed(rng),
    )


def _acoustic_guitar(rng: np.random.Generator) -> Sound:
    wood = _body(rng, 90.0, 900.0, 3, 2.0)
    return _plucked(rng, (0.3, 0.9), (0.002, 0.008), (12.0, 40.0), (0.08, 0.3), wood)


def _harp(rng: np.random.Generator) -> Sound:
    wood = _body(rng, 150.0, 1200.0, 2, 1.0)
    return _plucked(rng, (0.9, 1.5), (0.001, 0.004), (6.0, 14.0), (0.5, 1.2), wood)


def _electric_guitar(rng: np.random.Generator) -> Sound:
    pickup = ((rng.uniform(1800, 3800), 0.4, rng.uniform(0.5, 2.5)),)
    return _plucked(rng, (0.6, 1.1), (0.001, 0.004), (8.0, 25.0), (0.06, 0.2), pickup)


def _distorted_guitar(rng: np.random.Generator) -> Sound:
    # What clipping does to a string: a flat, dense, steady spectrum behind a loudspeaker.
    cabinet = ((rng.uniform(1500, 3200), 0.7, rng.uniform(0.8, 2.5)), (120.0, 0.6, 1.0))
    partials = Partials(
        slope=rng.uniform(0.35, 0.75),
        even=rng.uniform(0.5, 1.0),
        pluck=rng.uniform(0.1, 0.4),
        formants=cabinet,
        cutoff=(rng.uniform(14, 30), rng.uniform(10, 20)),
        cutoff_time=1.0,
        decay=rng.uniform(0.1, 0.5),
        damping=0.02,
    )
    return HarmonicSound(
        partials,
        Envelope(0.003, release=rng.uniform(0.06, 0.2)),
        rng.uniform(5, 12),
        detune=_pair(rng, 8.0),
        noise=rng.uniform(0.03, 0.15),
        noise_decay=rng.uniform(0.3, 5),
        seed=_seed(rng),
    )


def _bass(rng: np.random.Generator) -> Sound:
    kind = rng.choice(["plucked", "plucked", "subtractive", "fm", "sub"])
    if kind == "plucked":
        return _plucked(rng, (0.7, 1.3), (0.003, 0.012), (5.0, 25.0), (0.06, 0.2))
    if kind == "fm":
        return FMSound(
            Envelope(0.004, decay=rng.uniform(2, 8), release=rng.uniform(0.05, 0.15)),
            ratio=float(rng.choice([1.0, 1.0, 2.0])),
            index=(rng.uniform(1.5, 6.0), rng.uniform(0.2, 1.2)),
            index_time=rng.uniform(0.1, 0.5),
            dynamics=rng.uniform(10, 20),
        )
    sub = kind == "sub"
    partials = Partials(
        slope=2.5 if sub else rng.uniform(0.8, 1.2),
        even=rng.uniform(0.1, 1.0),
        cutoff=(rng.uniform(6, 30), rng.uniform(2, 8)),
        cutoff_time=rng.uniform(0.05, 0.5),
        resonance=rng.uniform(0, 4),
    )
    return HarmonicSound(
        partials,
        Envelope(rng.uniform(0.002, 0.008), release=rng.uniform(0.04, 0.15)),
        rng.uniform(8, 16),
        detune=(0.0,) if sub else _pair(rng, 15.0),
        seed=_seed(rng),
    )


def _strings(rng: np.random.Generator) -> Sound:
    players = int(rng.integers(1, 5))
    detune = tuple(rng.uniform(-9, 9, players)) if players > 1 else (0.0,)
    detune = tuple(float(cents - np.mean(detune)) for cents in detune)
    partials = Partials(
        slope=rng.uniform(0.8, 1.2),
        formants=_body(rng, 250.0, 3500.0, 4, 2.5),
        cutoff=(rng.uniform(7, 20),) * 2,
        bloom=rng.uniform(0.0, 0.004),
    )
    return HarmonicSound(
        partials,
        Envelope(rng.uniform(0.03, 0.12), release=rng.uniform(0.12, 0.5)),
        rng.uniform(16, 28),
        detune=detune,
        noise=rng.uniform(0.01, 0.06),
        seed=_seed(rng),
    )


def _brass(rng: np.random.Generator) -> Sound:
    envelope = Envelope(rng.uniform(0.02, 0.06), release=rng.uniform(0.06, 0.2))
    partials = Partials(
        slope=rng.uniform(0.4, 0.9),
        formants=((rng.uniform(700, 1600), 0.7, rng.uniform(1, 3)),),
        cutoff=(rng.uniform(3, 6), rng.uniform(7, 16)),
        cutoff_time=rng.uniform(0.05, 0.2),
        bloom=rng.uniform(0.004, 0.012),
    )
    return HarmonicSound(
        partials,
        envelope,
        rng.uniform(16, 26),
        noise=rng.uniform(0.0, 0.03),
        seed=_seed(rng),
    )


def _saxophone(rng: np.random.Generator) -> Sound:
    partials = Partials(
        slope=rng.uniform(0.6, 1.1),
        even=rng.uniform(0.7, 1.3),
        formants=(
            (rng.uniform(450, 800), 0.4, rng.uniform(1, 3)),
            (rng.uniform(1200, 2200), 0.35, rng.uniform(1, 3)),
        ),
        cutoff=(rng.uniform(8, 18),) * 2,
        bloom=rng.uniform(0.001, 0.005),
    )
    return HarmonicSound(
        partials,
        Envelope(rng.uniform(0.015, 0.05), release=rng.uniform(0.06, 0.15)),
        rng.uniform(14, 24),
        noise=rng.uniform(0.04, 0.15),
        seed=_seed(rng),
    )


def _clarinet(rng: np.random.Generator) -> Sound:
    partials = Partials(
        slope=rng.uniform(0.8, 1.3),
        even=rng.uniform(0.02, 0.2),
        formants=((rng.uniform(1200, 2000), 0.5, rng.uniform(0, 1.5)),),
        cutoff=(rng.uniform(7, 14),) * 2,
    )
    return HarmonicSound(
        partials,
        Envelope(rng.uniform(0.015, 0.05), release=rng.uniform(0.05, 0.15)),
        rng.uniform(14, 24),
        noise=rng.uniform(0.01, 0.05),
        seed=_seed(rng),
    )


def _flute(rng: np.random.Generator) -> Sound:
    partials = Partials(
        slope=rng.uniform(1.6, 2.6),
        even=rng.uniform(0.6, 1.6),
        cutoff=(rng.uniform(3, 8),) * 2,
    )
    return HarmonicSound(
        partials,
        Envelope(rng.uniform(0.02, 0.06), release=rng.uniform(0.06, 0.2)),
        rng.uniform(12, 22),
        noise=rng.uniform(0.08, 0.3),
        seed=_seed(rng),
    )


def _accordion(rng: np.random.Generator) -> Sound:
    partials = Partials(
        slope=rng.uniform(0.5, 0.9),
        even=rng.uniform(0.6, 1.0),
        formants=_body(rng, 500.0, 3000.0, 2, 2.0),
        cutoff=(rng.uniform(12, 25),) * 2,
    )
    return HarmonicSound(
        partials,
        Envelope(rng.uniform(0.01, 0.04), release=rng.uniform(0.04, 0.12)),
        rng.uniform(8, 16),
        detune=(0.0, *_pair(rng, 24.0)),
        noise=rng.uniform(0.0, 0.04),
        seed=_seed(rng),
    )


def _mallet(rng: np.random.Generator) -> Sound:
    # Modes of a free bar (1, 2.76, 5.4, 8.93), of a bar tuned by its arch (1, 4, 9.2), of a bell.
    ratios = [
        (1.0, 2.76, 5.40, 8.93),
        (1.0, 3.98, 9.2, 16.1),
        (1.0, 3.0, 6.2, 10.5),
        (1.0, 2.0, 3.01, 4.2, 5.4),
    ][int(rng.integers(4))]
    base = _log_uniform(rng, 1.2, 9.0)
    levels = [rng.uniform(0.15, 0.7) / (k + 0.5) for k in range(1, len(ratios))]
    decays = [base * rng.uniform(1.5, 4.0) * k for k in range(1, len(ratios))]
    return ModalSound(
        Envelope(0.002, release=rng.uniform(0.15, 0.8)),
        ratios=ratios,
        levels=(1.2, *(float(level) for level in levels)),
        decays=(base, *(float(decay) for decay in decays)),
        dynamics=rng.uniform(20, 30),
    )


def _synth_lead(rng: np.random.Generator) -> Sound:
    if rng.random() < 0.3:
        return FMSound(
            Envelope(rng.uniform(0.002, 0.02), release=rng.uniform(0.05, 0.3)),
            ratio=float(rng.choice([1.0, 2.0, 3.0])),
            index=(rng.uniform(0.5, 6.0), rng.uniform(0.3, 4.0)),
            index_time=rng.uniform(0.05, 0.8),
            dynamics=rng.uniform(6, 14),
        )
    partials = Partials(
        slope=rng.uniform(0.6, 1.3),
        even=float(rng.choice([0.05, 1.0, 1.0])),
        pluck=float(rng.choice([0.0, rng.uniform(0.05, 0.45)])),
        cutoff=(rng.uniform(3, 40), rng.uniform(3, 25)),
        cutoff_time=rng.uniform(0.05, 1.0),
        resonance=rng.uniform(0, 6),
    )
    return HarmonicSound(
        partials,
        Envelope(rng.uniform(0.002, 0.02), release=rng.uniform(0.05, 0.3)),
        rng.uniform(6, 14),
        detune=_pair(rng, 25.0),
        seed=_seed(rng),
    )


def _synth_pad(rng: np.random.Generator) -> Sound:
    half = rng.uniform(4, 14)
    partials = Partials(
        slope=rng.uniform(0.7, 1.5),
        even=rng.uniform(0.3, 1.0),
        formants=_body(rng, 300.0, 4000.0, 2, 3.0),
        cutoff=(rng.uniform(2, 15), rng.uniform(2, 15)),
        cutoff_time=rng.uniform(0.3, 2.5),
        resonance=rng.uniform(0, 3),
    )
    return HarmonicSound(
        partials,
        Envelope(rng.uniform(0.03, 0.15), release=rng.uniform(0.2, 0.9)),
        rng.uniform(6, 14),
        detune=(-half, 0.0, half),
        noise=rng.uniform(0, 0.02),
        seed=_seed(rng),
    )


_SYNTHESES: dict[str, Callable[[np.random.Generator], Sound]] = {
    "accordion": _accordion,
    "acoustic_guitar": _acoustic_guitar,
    "bass": _bass,
    "brass": _brass,
    "clarinet": _clarinet,
    "distorted_guitar": _distorted_guitar,
    "electric_guitar": _electric_guitar,
    "electric_piano": _electric_piano,
    "flute": _flute,
    "harp": _harp,
    "mallet": _mallet,
    "organ": _organ,
    "piano": _piano,
    "saxophone": _saxophone,
    "strings": _strings,
    "synth_lead": _synth_lead,
    "synth_pad": _synth_pad,
}
