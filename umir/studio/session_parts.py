"""From takes and their mixed waveforms to the parts and stems of a song."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from umir.studio.mixing.mix import STEM, Take
from umir.studio.song import STEMS, Part


def make_parts(
    takes: Sequence[Take], waves: Sequence[Float[np.ndarray, "time channel"]]
) -> tuple[Part, ...]:
    """Return the part of each take, as it sounds in the mixture."""
    return tuple(
        Part(
            name,
            take.instrument,
            STEM.get(take.role, "other"),
            take.generator,
            wave,
            take.notes,
            take.onsets,
            take.f0,
            take.lyrics,
        )
        for name, take, wave in zip(_names(takes), takes, waves, strict=True)
    )


def sum_stems(parts: Sequence[Part]) -> Mapping[str, Float[np.ndarray, "time channel"]]:
    """Return each of `STEMS` as the sum of its parts (at least one part is needed)."""
    stems = {name: np.zeros_like(parts[0].waveform) for name in STEMS}
    for part in parts:
        stems[part.stem] += part.waveform
    return stems


def _names(takes: Sequence[Take]) -> list[str]:
    """Return a name for each part: role and instrument, numbered where there are several."""
    names: list[str] = []
    for take in takes:
        name = f"{take.role}_{take.instrument}" if take.role != take.instrument else take.role
        same = sum(other == name or other.startswith(f"{name}_") for other in names)
        names.append(f"{name}_{same + 1}" if same else name)
    return names
