"""Groups of features: what makes studio music varied, each of which can be left out.

Every group draws from a generator of its own, so that a song without a group is otherwise the same
song as far as that can be. `benchmarks/studio_ablation.py` measures what each group earns on real
recordings.
"""

from dataclasses import dataclass, fields, replace

import numpy as np


@dataclass(frozen=True)
class Features:
    """Which groups of features songs have.

    Attributes:
        harmony: borrowed chords, inversions, more sevenths, key changes.
        metre: metres from 2/4 to 7/8, drift, rubato, swing, song form, fills, ghost notes.
        timbre: detuned and doubled instruments, bends, slides, random synthesis, unpitched layers.
        singing: registers, harmonies, a cappella, spoken and rapped passages.
        production: equaliser, compression, distortion, reverb, width, lossy coding, noise,
            loudness, band limits.
    """

    harmony: bool = True
    metre: bool = True
    timbre: bool = True
    singing: bool = True
    production: bool = True

    def without(self, *groups: str) -> "Features":
        """Return the features without some groups.

        Raises:
            ValueError: there is no such group.
        """
        unknown = sorted(set(groups) - set(GROUPS))
        if unknown:
            raise ValueError(f"no group {unknown[0]!r} of features: choose of {', '.join(GROUPS)}")
        return replace(self, **dict.fromkeys(groups, False))


GROUPS = tuple(field.name for field in fields(Features))
ALL_FEATURES = Features()
# What programs leave out unless told otherwise: it earned nothing on real recordings.
LEFT_OUT = ("metre",)


def group_generators(seed: np.random.SeedSequence) -> dict[str, np.random.Generator]:
    """Return a generator of random numbers for each group."""
    return {
        name: np.random.default_rng(child)
        for name, child in zip(GROUPS, seed.spawn(len(GROUPS)), strict=True)
    }
