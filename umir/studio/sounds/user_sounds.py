"""The sounds of the user's own SoundFonts, for parts and drums that the studio plays."""

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from umir.studio.midi.general_midi import keys_of
from umir.studio.sounds.drum_kit import DrumKit, sampled_kit
from umir.studio.sounds.instruments import PROGRAMS
from umir.studio.sounds.sampler import SampledSound, read_soundfont, sample_once
from umir.studio.sounds.soundfont import SoundFont

_DRUM_BANK = 128
# Part of the players who take a sound of the user's, where there is one for their instrument.
_SHARE = 0.5


class UserSounds:
    """The user's SoundFonts in the studio: each player takes a sound of theirs, or does not.

    Args:
        rng: where chance comes from; nothing else draws from it.
        soundfonts: the files.

    Raises:
        FileNotFoundError, ValueError: as `umir.studio.sounds.soundfont.SoundFont`.
    """

    def __init__(self, rng: np.random.Generator, soundfonts: Sequence[Path]):
        self._rng = rng
        self._fonts = [(path, read_soundfont(path)) for path in soundfonts]

    def draw_sound(self, instrument: str) -> SampledSound | None:
        """Draw a sound for one of `INSTRUMENTS`; None where chance or a lack of presets says no."""
        choice = [
            (path, program)
            for path, font in self._fonts
            for program in PROGRAMS.get(instrument, ())
            if (0, program) in font.presets
        ]
        wanted, at, brightness, dynamics = self._rng.random(4)
        if not choice or wanted > _SHARE:
            return None
        path, program = choice[int(at * len(choice))]
        return SampledSound(program, 2 ** (1.5 * brightness - 0.5), 18 + 14 * dynamics, path)

    def draw_kit(self, drums: Iterable[str], rate: int) -> DrumKit | None:
        """Draw a kit with all of the drums; None where chance or a lack of drums says no.

        Args:
            drums: of `umir.studio.DRUM_CLASSES`.
            rate: sampling rate in Hz.
        """
        kits = [(path, font, program) for path, font in self._fonts for program in drum_kits(font)]
        wanted, at = self._rng.random(2)
        if not kits or wanted > _SHARE:
            return None
        path, font, program = kits[int(at * len(kits))]
        covered = covered_keys(font, program)
        keys = {drum: [key for key in keys_of(drum) if key in covered] for drum in drums}
        if not all(keys.values()):
            return None
        chosen = {drum: int(self._rng.choice(own)) for drum, own in sorted(keys.items())}
        sounds = {
            drum: sample_once(_DRUM_BANK, program, key, rate, path) for drum, key in chosen.items()
        }
        return sampled_kit(sounds, {drum: drum for drum in sounds}, rate)


def drum_kits(soundfont: SoundFont) -> list[int]:
    """Return the programs of a SoundFont's drum kits."""
    return sorted(program for bank, program in soundfont.presets if bank == _DRUM_BANK)


def covered_keys(soundfont: SoundFont, program: int) -> frozenset[int]:
    """Return the keys for which a drum kit has a sound."""
    zones = soundfont.zones(_DRUM_BANK, program)
    return frozenset(key for zone in zones for key in range(zone.keys[0], zone.keys[1] + 1))


def preset_of(program: int, soundfont: Path, player: str) -> bool:
    """Return whether a SoundFont has a program; if not, warn that the studio plays instead."""
    found = (0, program) in read_soundfont(soundfont).presets
    if not found:
        warnings.warn(
            f"{soundfont}: has no program {program}, which {player} asks for: "
            "the studio's own sounds play it",
            stacklevel=3,
        )
    return found
