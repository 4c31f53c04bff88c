"""Patches of instruments that are struck or plucked: each call draws another one."""

import numpy as np

from umir.studio.sounds.patch_draws import draw_log_uniform, draw_pair, draw_resonances, draw_seed
from umir.studio.sounds.synthesis import FMSound, HarmonicSound, ModalSound, Partials
from umir.studio.sounds.tone import Envelope, Sound


def piano(rng: np.random.Generator) -> Sound:
    """Draw a piano: pairs of strings, struck."""
    partials = Partials(
        slope=rng.uniform(0.6, 1.2),
        pluck=rng.uniform(0.09, 0.14),
        formants=draw_resonances(rng, 100.0, 2000.0, 2, 1.0),
        cutoff=(rng.uniform(10, 24), rng.uniform(4, 9)),
        cutoff_time=rng.uniform(0.3, 1.0),
        decay=rng.uniform(0.5, 1.6),
        damping=rng.uniform(0.08, 0.3),
    )
    return HarmonicSound(
        partials,
        Envelope(0.002, release=rng.uniform(0.12, 0.4)),
        rng.uniform(22, 34),
        detune=draw_pair(rng, 5.0),
        noise=rng.uniform(0.05, 0.25),
        noise_decay=rng.uniform(60, 150),
        seed=draw_seed(rng),
    )


def electric_piano(rng: np.random.Generator) -> Sound:
    """Draw an electric piano: FM, with the ping of a tine."""
    return FMSound(
        Envelope(0.002, decay=rng.uniform(4, 10), release=rng.uniform(0.1, 0.3)),
        ratio=float(rng.choice([1.0, 1.0, 2.0, 3.0])),
        index=(rng.uniform(1.2, 3.0), rng.uniform(0.1, 0.6)),
        index_time=rng.uniform(0.4, 1.5),
        dynamics=rng.uniform(22, 32),
        second=(float(rng.choice([7.0, 9.0, 14.0])), rng.uniform(0.05, 0.35)),
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
        string=draw_log_uniform(rng, *loss),
    )
    return HarmonicSound(
        partials,
        Envelope(0.0015, release=rng.uniform(*release)),
        rng.uniform(20, 30),
        noise=rng.uniform(0.05, 0.5),
        noise_decay=rng.uniform(80, 250),
        seed=draw_seed(rng),
    )


def acoustic_guitar(rng: np.random.Generator) -> Sound:
    """Draw an acoustic guitar: strings over a wooden body."""
    wood = draw_resonances(rng, 90.0, 900.0, 3, 2.0)
    return _plucked(rng, (0.3, 0.9), (0.002, 0.008), (12.0, 40.0), (0.08, 0.3), wood)


def harp(rng: np.random.Generator) -> Sound:
    """Draw a harp: soft strings that ring on."""
    wood = draw_resonances(rng, 150.0, 1200.0, 2, 1.0)
    return _plucked(rng, (0.9, 1.5), (0.001, 0.004), (6.0, 14.0), (0.5, 1.2), wood)


def electric_guitar(rng: np.random.Generator) -> Sound:
    """Draw an electric guitar: strings over a pickup."""
    pickup = ((rng.uniform(1800, 3800), 0.4, rng.uniform(0.5, 2.5)),)
    return _plucked(rng, (0.6, 1.1), (0.001, 0.004), (8.0, 25.0), (0.06, 0.2), pickup)


def distorted_guitar(rng: np.random.Generator) -> Sound:
    """Draw a distorted guitar."""
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
        detune=draw_pair(rng, 8.0),
        noise=rng.uniform(0.03, 0.15),
        noise_decay=rng.uniform(0.3, 5),
        seed=draw_seed(rng),
    )


def bass(rng: np.random.Generator) -> Sound:
    """Draw a bass: plucked, subtractive, FM or a bare low tone."""
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
        detune=(0.0,) if sub else draw_pair(rng, 15.0),
        seed=draw_seed(rng),
    )


def mallet(rng: np.random.Generator) -> Sound:
    """Draw a mallet instrument or a bell."""
    # Modes of a free bar (1, 2.76, 5.4, 8.93), of a bar tuned by its arch (1, 4, 9.2), of a bell.
    ratios = [
        (1.0, 2.76, 5.40, 8.93),
        (1.0, 3.98, 9.2, 16.1),
        (1.0, 3.0, 6.2, 10.5),
        (1.0, 2.0, 3.01, 4.2, 5.4),
    ][int(rng.integers(4))]
    base = draw_log_uniform(rng, 1.2, 9.0)
    levels = [rng.uniform(0.15, 0.7) / (k + 0.5) for k in range(1, len(ratios))]
    decays = [base * rng.uniform(1.5, 4.0) * k for k in range(1, len(ratios))]
    return ModalSound(
        Envelope(0.002, release=rng.uniform(0.15, 0.8)),
        ratios=ratios,
        levels=(1.2, *(float(level) for level in levels)),
        decays=(base, *(float(decay) for decay in decays)),
        dynamics=rng.uniform(20, 30),
    )
