"""Pictures of shapes, drawn with exact segmentations, in place of street scenes.

Cityscapes cannot be had without registering; here every picture is drawn: a background, and over
it discs, boxes and triangles, each of which may cover part of those before. What a pixel shows is
known by construction. Every class has a usual colour, as trees and roads have, from which every
shape strays; every picture has its own light and tint, and every pixel noise. So colours say
something, outlines the rest: a few pictures teach those badly, and segmentations without pictures
know them.

How far colours stray was chosen by what supervision alone can learn (a U-Net with cross-entropy,
no critics), before either GAN had been trained on these pictures, so that little is learnt of 25
pairs and much of all. With classes of one colour each, which light alone changed, a classifier of
single pixels had 86% with 25 pairs and 87% with 400: nothing was left to teach. With colours that
say nothing, supervision had 36% with 25 pairs, less than "background" everywhere: too much was.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from umir.priors.streams import Both, Noise, Rows, Source

NAMES = ("background", "disc", "box", "triangle")
PHOTO, MAP = "photo", "map"
LABELLED = "labelled"  # the stream of pairs with noise
SHAPES = (3, 6)  # in a picture, the second excluded
RADIUS = (0.2, 0.4)  # of a shape, over the side of the picture
# Usual colours of the classes, and how far those of a shape stray from them, in each channel.
COLOURS = ((0.5, 0.5, 0.5), (0.7, 0.35, 0.35), (0.35, 0.7, 0.35), (0.35, 0.35, 0.7))
SPREAD = 0.2
LIGHT, GRAIN = 0.2, 0.04  # how far light and tint vary between pictures, and values between pixels

Photos = Float[np.ndarray, "picture height width 3"]
Maps = Int[np.ndarray, "picture height width"]


def draw(count: int, side: int, rng: np.random.Generator) -> tuple[Photos, Maps]:
    """Draw pictures and their segmentations.

    Args:
        count: how many.
        side: height and width in pixels.
        rng: what to draw from.

    Returns:
        Pictures with values from 0 to 1, and the index into `NAMES` of every pixel.
    """
    found = [_picture(side, rng) for _ in range(count)]
    photos, maps = zip(*found, strict=True)
    return np.stack(photos), np.stack(maps)


def _picture(side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    classes = np.zeros((side, side), int)
    photo = np.broadcast_to(_colour(0, rng), (side, side, 3)).copy()
    for _ in range(rng.integers(*SHAPES)):
        kind = int(rng.integers(1, len(NAMES)))
        inside = _outline(kind, side, rng)
        classes[inside] = kind
        photo[inside] = _colour(kind, rng)
    light = 1 + rng.uniform(-LIGHT, LIGHT) + rng.uniform(-LIGHT, LIGHT, 3) / 2
    photo = photo * light + rng.normal(0, GRAIN, photo.shape)
    return np.clip(photo, 0, 1).astype(np.float32), classes


def _colour(kind: int, rng: np.random.Generator) -> Float[np.ndarray, " 3"]:
    return rng.normal(COLOURS[kind], SPREAD)


def _outline(kind: int, side: int, rng: np.random.Generator) -> Bool[np.ndarray, "height width"]:
    """Return the pixels of a shape of some size and at some place, turned by some angle."""
    rows, columns = np.indices((side, side)) + 0.5
    centre, radius = rng.uniform(0.1, 0.9, 2) * side, rng.uniform(*RADIUS) * side
    y, x = rows - centre[0], columns - centre[1]
    if kind == 1:
        return x**2 + y**2 <= radius**2
    angle = rng.uniform(0, 2 * np.pi)
    x, y = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    if kind == 2:
        return (np.abs(x) <= radius) & (np.abs(y) <= 0.6 * radius)
    # Within the three sides of an equilateral triangle.
    sides = [np.cos(a) * x + np.sin(a) * y for a in 2 * np.pi / 3 * np.arange(3)]
    return np.max(sides, axis=0) <= 0.65 * radius


def shares(maps: Maps) -> Float[np.ndarray, "picture height width class"]:
    """Return segmentations as shares of the classes: 1 for that of the pixel."""
    return np.eye(len(NAMES), dtype=np.float32)[maps]


@dataclass(frozen=True)
class Shapes:
    """Pictures to train on, and others to validate and test.

    Attributes:
        side: height and width in pixels.
        train: number of pictures; of each only the picture, the segmentation or both are seen.
        held_out: number of pictures to validate, and as many to test.
        seed: of all of them.
    """

    side: int = 32
    train: int = 2000
    held_out: int = 200
    seed: int = 0

    def split(self, name: str) -> tuple[Photos, Maps]:
        """Return the pictures and segmentations of `train`, `valid` or `test`."""
        number = ("train", "valid", "test").index(name)
        count = self.held_out if number else self.train
        return draw(count, self.side, np.random.default_rng([self.seed, number]))

    def sources(self, pairs: int, seed: int, *, paired_inputs: bool) -> dict[str, Source]:
        """Return the streams of a training.

        Args:
            pairs: how many pictures have their segmentation.
            seed: of which.
            paired_inputs: whether the generator sees the pictures of pairs only, as in the plain
                GAN of the paper, which learns from pairs alone.

        Returns:
            `paired`; `labelled`, the same with noise; `map`, all segmentations on their own;
            `inputs`, pictures and noise.
        """
        photos, maps = self.split("train")
        one_hot = shares(maps)
        chosen = np.random.default_rng([seed, 1]).permutation(len(photos))[:pairs]
        seen = photos[chosen] if paired_inputs else photos
        paired = Rows({PHOTO: photos[chosen], MAP: one_hot[chosen]})
        return {
            "paired": paired,
            LABELLED: Both((paired, Noise())),
            MAP: Rows({MAP: one_hot}),
            "inputs": Both((Rows({PHOTO: seen}), Noise())),
        }


def judged(found: Float[np.ndarray, "picture height width class"], maps: Maps) -> dict[str, float]:
    """Return the metrics of segmentations: the mean over pictures of the pixel accuracy, and MSE.

    Returns:
        `accuracy`, of the class with the largest share; `mse`, of the shares; neither is a number
        if a share is not finite. (The largest of those would be the first, the background.)
    """
    if not np.isfinite(found).all():
        return dict.fromkeys(("accuracy", "mse"), np.nan)
    right = np.mean(np.argmax(found, axis=3) == maps, axis=(1, 2))
    return {
        "accuracy": float(np.mean(right)),
        "mse": float(np.mean((found - shares(maps)) ** 2)),
    }
