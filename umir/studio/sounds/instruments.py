"""Instruments: for each class, the recordings that play it and a synthesis that is drawn at random.

A draw from `struck_patches.piano(rng)` is one piano among many: its brightness, decay and detuning
are its own. What stays is what makes a listener say "piano": struck, decaying, many
partials.
"""

from collections.abc import Callable

import numpy as np

from umir.studio.sounds import struck_patches, sustained_patches
from umir.studio.sounds.sampler import SampledSound
from umir.studio.sounds.tone import Sound

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


_SYNTHESES: dict[str, Callable[[np.random.Generator], Sound]] = {
    "accordion": sustained_patches.accordion,
    "acoustic_guitar": struck_patches.acoustic_guitar,
    "bass": struck_patches.bass,
    "brass": sustained_patches.brass,
    "clarinet": sustained_patches.clarinet,
    "distorted_guitar": struck_patches.distorted_guitar,
    "electric_guitar": struck_patches.electric_guitar,
    "electric_piano": struck_patches.electric_piano,
    "flute": sustained_patches.flute,
    "harp": struck_patches.harp,
    "mallet": struck_patches.mallet,
    "organ": sustained_patches.organ,
    "piano": struck_patches.piano,
    "saxophone": sustained_patches.saxophone,
    "strings": sustained_patches.strings,
    "synth_lead": sustained_patches.synth_lead,
    "synth_pad": sustained_patches.synth_pad,
}
