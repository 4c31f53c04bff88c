"""Genre recognition: which kind of music is a clip of?

Conventions
-----------
As `umir.tasks.classification`, one label per clip: the whole mixture of a song. The default
vocabulary is five genres, each the studio's styles with a common way of playing:

| genre | styles |
|---|---|
| `acoustic` | ballad, chamber, country, folk, march, solo_piano, (viennese_)waltz: softly |
| `electronic` | ambient, disco, drum_and_bass, house: machines, or a kick on every beat |
| `groove` | cha_cha, funk, hip_hop, reggae, rumba, samba, soul, tango: one bar, repeated |
| `jazz` | blues, bossa_nova, jazz, swing: swing or bossa, sevenths |
| `rock` | metal, pop, prog, punk, rock: a back beat, and mostly electric guitars |

The genres of other collections mean other music; give a folder's own labels as its task instead
(`label` in the manifest). Variants draw five single styles.

Metrics
-------
`accuracy` and `macro_f1` over clips (scikit-learn).

Reference: B. L. Sturm, "The state of the art ten years after a state of the art: future research in
music information retrieval", Journal of New Music Research 43(2), 2014 (what labels are worth).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from umir.annotations import Labels
from umir.tasks.base import Target
from umir.tasks.classification import Classification

GENRES: dict[str, tuple[str, ...]] = {
    "acoustic": (
        "ballad",
        "chamber",
        "country",
        "folk",
        "march",
        "solo_piano",
        "viennese_waltz",
        "waltz",
    ),
    "electronic": ("ambient", "disco", "drum_and_bass", "house"),
    "groove": ("cha_cha", "funk", "hip_hop", "reggae", "rumba", "samba", "soul", "tango"),
    "jazz": ("blues", "bossa_nova", "jazz", "swing"),
    "rock": ("metal", "pop", "prog", "punk", "rock"),
}
STYLES = tuple(style for styles in GENRES.values() for style in styles)


@dataclass(frozen=True)
class GenreRecognition(Classification):
    """Name the genre of a clip.

    Attributes:
        label_map: pairs of a style and the genre it counts as; genres stand for themselves.
    """

    name: str = "genre_recognition"
    vocabulary: tuple[str, ...] = tuple(GENRES)
    label_map: tuple[tuple[str, str], ...] = tuple(
        (style, genre) for genre, styles in GENRES.items() for style in styles
    )

    # Two bars and more; two clips of each of five genres make 51 s.
    segment_seconds: ClassVar[float] = 5.12

    @property
    def source_labels(self) -> frozenset[str]:
        """The styles and genres that the task reads."""
        return frozenset(self.vocabulary) | frozenset(style for style, _ in self.label_map)

    def encode(self, annotation: Labels, n_samples: int, rate: int) -> Target:
        """Return a one-hot vector `(class,)` and a mask `(1,)`: 0 for a style not known."""
        return super().encode(self._genres(annotation), n_samples, rate)

    def evaluate(self, reference: Labels, estimate: Labels) -> dict[str, float]:
        """Return the `accuracy` of one clip: 1 or 0."""
        return super().evaluate(self._genres(reference), estimate)

    def evaluate_all(
        self, references: Sequence[Labels], estimates: Sequence[Labels]
    ) -> tuple[dict[str, float], list[dict[str, float]]]:
        """Return `accuracy` and `macro_f1` over the clips, and the accuracy of each."""
        return super().evaluate_all([self._genres(labels) for labels in references], estimates)

    def variant(
        self, rng: np.random.Generator, labels: Collection[str] | None = None
    ) -> "GenreRecognition":
        """Draw as many single styles from the labels as there are genres, or four."""
        drawn = super().variant(rng, STYLES if labels is None else labels)
        assert isinstance(drawn, GenreRecognition)
        return self if drawn == self else replace(drawn, label_map=())

    def _genres(self, annotation: Labels) -> Labels:
        """Return the genres that the labels count as; those not known stay as they are."""
        known = dict(self.label_map)
        return Labels(tuple(dict.fromkeys(known.get(name, name) for name in annotation.names)))
