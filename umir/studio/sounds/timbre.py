"""Timbre: what makes the sound of a player another one, and who plays along.

Labels stay exact: a part that gets a patch of no instrument becomes a synthesiser's, and whoever
doubles another part is a part with notes of its own.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from umir.studio.playing.articulation import articulate
from umir.studio.playing.performance import Note, PlayedPart
from umir.studio.sounds.ensembles import Layered, draw_touch, draw_unison
from umir.studio.sounds.instruments import PROGRAMS, draw_sound
from umir.studio.sounds.random_patches import mutate, patch_for
from umir.studio.sounds.tone import Sound

_ONE_AT_A_TIME = ("bass", "lead")
_REPLACED = 0.15  # part of the players who play a patch of no instrument
_MUTATED = 0.6
_LAYERED = 0.15
_AMPLIFIED = 0.5  # part of the distorted guitars that are electric ones
_DOUBLED = 0.3  # part of the songs in which somebody doubles another part
# Probability and width, in cents, of several voices; other instruments: seldom.
_UNISON = {
    "accordion": (0.3, 25.0),
    "brass": (0.3, 25.0),
    "distorted_guitar": (0.3, 15.0),
    "electric_guitar": (0.15, 15.0),
    "organ": (0.3, 15.0),
    "piano": (0.12, 12.0),
    "strings": (0.3, 30.0),
    "synth_lead": (0.4, 35.0),
    "synth_pad": (0.5, 35.0),
}
_SELDOM = (0.06, 10.0)
_LOWEST, _HIGHEST = 28.0, 96.0  # pitches of who doubles
_DOUBLING = tuple(sorted(set(PROGRAMS) - {"bass", "distorted_guitar"}))


def vary_player(
    rng: np.random.Generator, part: PlayedPart, sound: Sound, generator: str
) -> tuple[PlayedPart, Sound, str]:
    """Return a part with another sound and touch.

    Args:
        rng: where chance comes from.
        part: of an instrument.
        sound: what was drawn for it.
        generator: `sampled` or `synthetic`.

    Returns:
        The part as it is played, its sound, and how that is made: `sampled`, `synthetic` or
        `mixed`.
    """
    patch, change, layer, several = (np.random.default_rng(child) for child in _seeds(rng, 4))
    decisions = rng.random(4)
    one_at_a_time = part.role in _ONE_AT_A_TIME
    if decisions[0] < _REPLACED:
        struck = bool(patch.random() < 0.5)
        pitches = {note.pitch for note in part.notes}
        sound, generator = patch_for(patch, struck, pitches), "synthetic"
        part = replace(part, instrument=_synthesiser(part, struck))
    else:
        if part.instrument == "distorted_guitar" and patch.random() < _AMPLIFIED:
            # Strings as they are before the amplifier: the mix distorts them, chords and all.
            sound, generator = draw_sound(patch, "electric_guitar")
        if decisions[1] < _MUTATED:
            sound = mutate(change, sound, part.instrument)
    if decisions[2] < _LAYERED:
        second, other = draw_sound(layer, part.instrument)
        sound = Layered(sound, second, float(10 ** (layer.uniform(-18, 0) / 20)))
        generator = generator if generator == other else "mixed"
    chance, cents = _UNISON.get(part.instrument, _SELDOM)
    if decisions[3] < chance:
        sound = draw_unison(several, sound, cents)
    sound = draw_touch(rng, sound)
    notes = articulate(rng, part.notes, part.instrument, one_at_a_time)
    return replace(part, notes=notes), sound, generator


def draw_doubles(rng: np.random.Generator, parts: Sequence[PlayedPart]) -> list[PlayedPart]:
    """Draw who plays another part along, an octave away: nobody, in seven songs of ten.

    Args:
        rng: where chance comes from.
        parts: the pitched players; singers are not doubled.
    """
    decision, choice, seed = rng.random(), rng.random(), int(rng.integers(2**31))
    played = [part for part in parts if not part.register]
    if decision > _DOUBLED or not played:
        return []
    own = np.random.default_rng(seed)
    part = played[int(choice * len(played))]
    octave = 12.0 if part.role == "bass" else float(own.choice([-12.0, 12.0]))
    others = [name for name in _DOUBLING if name != part.instrument]
    notes = tuple(
        _octave_away(note, octave)
        for note in part.notes
        if _LOWEST <= note.pitch + octave <= _HIGHEST
    )
    if not notes:
        return []
    return [PlayedPart("pad", str(own.choice(others)), notes)]


def _octave_away(note: Note, octave: float) -> Note:
    return replace(note, pitch=note.pitch + octave, bend=None)


def _synthesiser(part: PlayedPart, struck: bool) -> str:
    """Return what a patch of no instrument is called."""
    if part.role == "bass":
        return "bass"
    return "synth_lead" if struck or part.role == "lead" else "synth_pad"


def _seeds(rng: np.random.Generator, count: int) -> list[int]:
    return [int(seed) for seed in rng.integers(2**31, size=count)]
