"""Where the shapes of a picture are: anywhere, or as in a village.

Streets, on which FactorGAN was published, have a layout: the sky is above, the road below.
Segmentations without pictures teach it. Of shapes that are anywhere, they teach outlines alone. So
the same shapes are drawn in both ways, with the same colours, to see what the layout is worth.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from jaxtyping import Bool, Float

NAMES = ("background", "disc", "box", "triangle")
DISC, BOX, TRIANGLE = 1, 2, 3
SHAPES = (3, 6)  # in a picture, the second excluded
RADIUS = (0.2, 0.4)  # of a shape, over the side of the picture
# Of a village, over the side of the picture; numbers of discs and houses, the second excluded.
DISCS, HOUSES = (2, 6), (2, 6)
DISC_RADIUS, DISC_HEIGHT = (0.1, 0.22), (0.0, 0.4)  # the latter from above
HOUSE_WIDTH, HOUSE_HEIGHT, ROOF_HEIGHT = (0.2, 0.4), (0.2, 0.5), (0.15, 0.35)

Mask = Bool[np.ndarray, "height width"]
Layout = Callable[[int, np.random.Generator], Iterator[tuple[int, Mask]]]


def anywhere(side: int, rng: np.random.Generator) -> Iterator[tuple[int, Mask]]:
    """Yield shapes of some kind and size, at some place, turned by some angle."""
    for _ in range(rng.integers(*SHAPES)):
        kind = int(rng.integers(1, len(NAMES)))
        yield kind, outline(kind, side, rng)


def village(side: int, rng: np.random.Generator) -> Iterator[tuple[int, Mask]]:
    """Yield discs in the sky, then houses on the ground: boxes, with triangles as roofs."""
    y, x = _middles(side) / side
    for _ in range(rng.integers(*DISCS)):
        row, column = rng.uniform(*DISC_HEIGHT), rng.uniform(0.1, 0.9)
        yield DISC, (x - column) ** 2 + (y - row) ** 2 <= rng.uniform(*DISC_RADIUS) ** 2
    for _ in range(rng.integers(*HOUSES)):
        middle, half = rng.uniform(0.1, 0.9), rng.uniform(*HOUSE_WIDTH) / 2
        eaves, roof = 1 - rng.uniform(*HOUSE_HEIGHT), rng.uniform(*ROOF_HEIGHT)
        yield BOX, (np.abs(x - middle) <= half) & (y >= eaves)
        # As wide as the house at its eaves, a point at its ridge.
        width = half * (y - eaves + roof) / roof
        yield TRIANGLE, (np.abs(x - middle) <= width) & (y < eaves)


ANYWHERE = "anywhere"  # the layout unless another is asked for
LAYOUTS: Mapping[str, Layout] = {ANYWHERE: anywhere, "village": village}


def outline(kind: int, side: int, rng: np.random.Generator) -> Mask:
    """Return the pixels of a shape of some size and at some place, turned by some angle."""
    rows, columns = _middles(side)
    centre, radius = rng.uniform(0.1, 0.9, 2) * side, rng.uniform(*RADIUS) * side
    y, x = rows - centre[0], columns - centre[1]
    if kind == DISC:
        return x**2 + y**2 <= radius**2
    angle = rng.uniform(0, 2 * np.pi)
    x, y = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    if kind == BOX:
        return (np.abs(x) <= radius) & (np.abs(y) <= 0.6 * radius)
    # Within the three sides of an equilateral triangle.
    sides = [np.cos(a) * x + np.sin(a) * y for a in 2 * np.pi / 3 * np.arange(3)]
    return np.max(sides, axis=0) <= 0.65 * radius


def _middles(side: int) -> Float[np.ndarray, "2 side side"]:
    """Return row and column of the middle of each pixel, in pixels."""
    return np.indices((side, side)) + 0.5
