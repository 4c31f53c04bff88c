"""Voice qualities: what makes two singers of one register differ, far beyond trained voices.

Ranges cover what was measured on karaoke singers of MIR-1K (`benchmarks/real_voices.py`) with room
to spare: strong fundamentals, wide formants, breath, pitch that is off, and no vibrato or too much.

Reference:
    J. Laver, "The Phonetic Description of Voice Quality", 1980 (breathy, pressed, nasal, falsetto,
    creak); D. Klatt and L. Klatt, "Analysis, synthesis, and perception of voice quality variations
    among female and male talkers", JASA 87(2), 1990 (strength of the fundamental, tilt, breath,
    bandwidths); E. Prame, JASA 96(4), 1994 (vibrato).
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from umir.studio.sounds.patch_draws import draw_log_uniform
from umir.studio.voices.singer import Singer

# Few, so that syllables are found in the bank.
_WIDTHS = (0.8, 1.1, 1.5, 2.0)
# Ranges that a quality narrows or moves: of `body`, `breath` (log-uniform), `edge` (log-uniform),
# `tilt`, `nasal`, `growl` and `flip`.
_PLAIN: Mapping[str, tuple[float, float]] = {
    "body": (0.0, 13.0),
    "breath": (0.006, 0.12),
    "edge": (900.0, 8000.0),
    "tilt": (-0.1, 0.5),
    "nasal": (0.0, 0.2),
    "growl": (0.0, 0.0),
    "flip": (0.0, 2.0),
}
_QUALITIES: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "plain": {},
    "breathy": {"body": (6.0, 16.0), "breath": (0.08, 0.35), "edge": (700.0, 2500.0)},
    "pressed": {"body": (-3.0, 3.0), "edge": (4000.0, 10000.0), "tilt": (-0.3, 0.1)},
    "nasal": {"nasal": (0.4, 1.0)},
    "falsetto": {"body": (6.0, 16.0), "flip": (8.0, 24.0), "breath": (0.01, 0.2)},
    "growling": {"growl": (0.2, 0.8), "breath": (0.03, 0.15), "edge": (3000.0, 9000.0)},
}
_WEIGHTS = (0.44, 0.16, 0.13, 0.1, 0.1, 0.07)


def vary_singer(rng: np.random.Generator, singer: Singer) -> Singer:
    """Give a singer a quality of voice and a manner of singing.

    Args:
        rng: where chance comes from.
        singer: who sings; register and seed are kept.
    """
    quality = str(rng.choice(list(_QUALITIES), p=_WEIGHTS))
    drawn = {
        name: draw_log_uniform(rng, *range_)
        if name in ("breath", "edge")
        else float(rng.uniform(*range_))
        for name, range_ in {**_PLAIN, **_QUALITIES[quality]}.items()
    }
    return replace(
        singer,
        body=drawn["body"],
        breath=drawn["breath"],
        edge=drawn["edge"],
        tilt=drawn["tilt"],
        nasal=drawn["nasal"],
        growl=drawn["growl"],
        flip=drawn["flip"],
        tract=singer.tract * float(np.exp(rng.normal(0, 0.05))),
        width=float(rng.choice(_WIDTHS)),
        head=float(rng.uniform(0.2, 1.0)) if quality != "falsetto" else 1.0,
        dynamics=float(rng.uniform(6, 26)),
        vibrato=float(rng.choice([0.0, 0.3, 0.7, 0.95])),
        depth=draw_log_uniform(rng, 0.15, 1.2),
        rate=float(rng.uniform(3.8, 7.5)),
        delay=float(rng.uniform(0.0, 0.5)),
        wobble=float(rng.uniform(0.0, 0.25)),
        drift=draw_log_uniform(rng, 0.03, 0.3),
        jitter=draw_log_uniform(rng, 0.01, 0.08),
        shimmer=draw_log_uniform(rng, 0.02, 0.2),
        even=float(rng.uniform(0.2, 0.9)),
        glide=draw_log_uniform(rng, 0.03, 0.22),
        scoop=float(rng.uniform(0.0, 0.9)),
        intonation=draw_log_uniform(rng, 0.04, 0.35),
        inflection=float(max(rng.uniform(-0.2, 0.8), 0.0)),
        fry=float(max(rng.uniform(-1.0, 0.5), 0.0)),
        hard=float(rng.uniform(0.0, 0.6)),
        gasp=float(rng.uniform(0.0, 1.0)),
        gasps=float(rng.uniform(-4, 8)),
    )
