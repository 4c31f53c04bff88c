"""Patches of instruments that sound as long as they are played: each call draws another one."""

import numpy as np

from umir.studio.sounds.patch_draws import draw_pair, draw_resonances, draw_seed
from umir.studio.sounds.synthesis import FMSound, HarmonicSound, Partials
from umir.studio.sounds.tone import Envelope, Sound


def organ(rng: np.random.Generator) -> Sound:
    """Draw an organ."""
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
        detune=draw_pair(rng, 6.0),
        noise=rng.uniform(0, 1.5),
        noise_decay=rng.uniform(120, 300),
        seed=draw_seed(rng),
    )


def strings(rng: np.random.Generator) -> Sound:
    """Draw one to four bowed strings."""
    players = int(rng.integers(1, 5))
    detune = tuple(rng.uniform(-9, 9, players)) if players > 1 else (0.0,)
    detune = tuple(float(cents - np.mean(detune)) for cents in detune)
    partials = Partials(
        slope=rng.uniform(0.8, 1.2),
        formants=draw_resonances(rng, 250.0, 3500.0, 4, 2.5),
        cutoff=(rng.uniform(7, 20),) * 2,
        bloom=rng.uniform(0.0, 0.004),
    )
    return HarmonicSound(
        partials,
        Envelope(rng.uniform(0.02, 0.08), release=rng.uniform(0.12, 0.5)),
        rng.uniform(16, 28),
        detune=detune,
        noise=rng.uniform(0.01, 0.06),
        seed=draw_seed(rng),
    )


def brass(rng: np.random.Generator) -> Sound:
    """Draw a brass instrument, whose overtones follow its loudness."""
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
        seed=draw_seed(rng),
    )


def saxophone(rng: np.random.Generator) -> Sound:
    """Draw a saxophone."""
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
        seed=draw_seed(rng),
    )


def clarinet(rng: np.random.Generator) -> Sound:
    """Draw a clarinet: next to no even harmonics."""
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
        seed=draw_seed(rng),
    )


def flute(rng: np.random.Generator) -> Sound:
    """Draw a flute: few harmonics and breath."""
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
        seed=draw_seed(rng),
    )


def accordion(rng: np.random.Generator) -> Sound:
    """Draw an accordion: three reeds, two of them detuned."""
    partials = Partials(
        slope=rng.uniform(0.5, 0.9),
        even=rng.uniform(0.6, 1.0),
        formants=draw_resonances(rng, 500.0, 3000.0, 2, 2.0),
        cutoff=(rng.uniform(12, 25),) * 2,
    )
    return HarmonicSound(
        partials,
        Envelope(rng.uniform(0.01, 0.04), release=rng.uniform(0.04, 0.12)),
        rng.uniform(8, 16),
        detune=(0.0, *draw_pair(rng, 24.0)),
        noise=rng.uniform(0.0, 0.04),
        seed=draw_seed(rng),
    )


def synth_lead(rng: np.random.Generator) -> Sound:
    """Draw a lead synthesiser, subtractive or FM."""
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
        detune=draw_pair(rng, 25.0),
        seed=draw_seed(rng),
    )


def synth_pad(rng: np.random.Generator) -> Sound:
    """Draw a pad: three detuned voices and a slow filter."""
    half = rng.uniform(4, 14)
    partials = Partials(
        slope=rng.uniform(0.7, 1.5),
        even=rng.uniform(0.3, 1.0),
        formants=draw_resonances(rng, 300.0, 4000.0, 2, 3.0),
        cutoff=(rng.uniform(2, 15), rng.uniform(2, 15)),
        cutoff_time=rng.uniform(0.3, 2.5),
        resonance=rng.uniform(0, 3),
    )
    return HarmonicSound(
        partials,
        Envelope(rng.uniform(0.015, 0.06), release=rng.uniform(0.2, 0.9)),
        rng.uniform(6, 14),
        detune=(-half, 0.0, half),
        noise=rng.uniform(0, 0.02),
        seed=draw_seed(rng),
    )
