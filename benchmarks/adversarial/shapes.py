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
from jaxtyping import Float, Int

from adversarial.layouts import ANYWHERE, LAYOUTS, NAMES
from umir.priors.streams import Both, Noise, Rows, Source

PHOTO, MAP = "photo", "map"
LABELLED = "labelled"  # the stream of pairs with noise
# Usual colours of the classes, and how far those of a shape stray from them, in each channel.
COLOURS = ((0.5, 0.5, 0.5), (0.7, 0.35, 0.35), (0.35, 0.7, 0.35), (0.35, 0.35, 0.7))
SPREAD = 0.2
LIGHT, GRAIN = 0.2, 0.04  # how far light and tint vary between pictures, and values between pixels

Photos = Float[np.ndarray, "picture height width 3"]
Maps = Int[np.ndarray, "picture height width"]


def draw(
    count: int, side: int, rng: np.random.Generator, layout: str = ANYWHERE
) -> tuple[Photos, Maps]:
    """Draw pictures and their segmentations.

    Args:
        count: how many.
        side: height and width in pixels.
        rng: what to draw from.
        layout: where shapes are, of `LAYOUTS`.

    Returns:
        Pictures with values from 0 to 1, and the index into `NAMES` of every pixel.
    """
    found = [_picture(side, rng, layout) for _ in range(count)]
    photos, maps = zip(*found, strict=True)
    return np.stack(photos), np.stack(maps)


def _picture(
    side: int, rng: np.random.Generator, layout: str
) -> tuple[Float[np.ndarray, "side side 3"], Int[np.ndarray, "side side"]]:
    classes = np.zeros((side, side), int)
    photo = np.broadcast_to(_colour(0, rng), (side, side, 3)).copy()
    for kind, inside in LAYOUTS[layout](side, rng):
        classes[inside] = kind
        photo[inside] = _colour(kind, rng)
    light = 1 + rng.uniform(-LIGHT, LIGHT) + rng.uniform(-LIGHT, LIGHT, 3) / 2
    photo = photo * light + rng.normal(0, GRAIN, photo.shape)
    return np.clip(photo, 0, 1).astype(np.float32), classes


def _colour(kind: int, rng: np.random.Generator) -> Float[np.ndarray, " 3"]:
    return rng.normal(COLOURS[kind], SPREAD)


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
        layout: where shapes are, of `LAYOUTS`.
    """

    side: int = 32
    train: int = 2000
    held_out: int = 200
    seed: int = 0
    layout: str = ANYWHERE

    def split(self, name: str) -> tuple[Photos, Maps]:
        """Return the pictures and segmentations of `train`, `valid` or `test`."""
        number = ("train", "valid", "test").index(name)
        count = self.held_out if number else self.train
        return draw(count, self.side, np.random.default_rng([self.seed, number]), self.layout)

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
