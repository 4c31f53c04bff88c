"""Pairs of digits, an upper and a lower one, that depend on each other; and how they are judged.

    Stoller, Ewert, Dixon: FactorGAN, ICLR 2020, the experiment on paired MNIST.

The lower digit has the class of the upper one with probability lambda, otherwise a class by its
frequency (which may be the same). MNIST would have to be downloaded: here are the 1797 digits of 8
by 8 pixels that scikit-learn brings along (`sklearn.datasets.load_digits`).

How they are judged, and where that is not as in the authors' code:

- Fréchet distance on 50 hidden features of a small classifier that was trained on the training
  digits, upper and lower averaged. Each is compared with the real digits that neither side trained
  on. (Theirs kept the real statistics of the upper digit for the lower one.)
- dependency distance: the mean over pairs of classes of |c_P - c_Q|, c being the joint frequency
  over the product of the marginals (plus 0.001), rows and columns in the same order on both sides
  (in theirs the product was transposed). c_P is known exactly; c_Q is counted by the classifier.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from adversarial.frechet_distance import frechet_distance
from umir.priors.streams import Noise, Rows, Source

UPPER, LOWER = PARTS = ("upper", "lower")
SIDE, CLASSES, FEATURES = 8, 10, 50
BRIGHTEST = 16  # of the pixels as they come
TRAIN, VALID = 1100, 200  # digits; the others test
TINY = 0.001  # of the product of marginals

Images = Float[np.ndarray, "sample height width 1"]
Classes = Int[np.ndarray, " sample"]


@dataclass(frozen=True)
class Digits:
    """The digits, dealt out by class, and the classifier.

    Attributes:
        seed: of the deal.
    """

    seed: int = 0

    @cached_property
    def _dealt(self) -> dict[str, tuple[Images, Classes]]:
        images, classes = load_digits(return_X_y=True)
        images = (images / BRIGHTEST).astype(np.float32).reshape(-1, SIDE, SIDE, 1)
        rest, test, rest_classes, test_classes = train_test_split(
            images, classes, train_size=TRAIN + VALID, stratify=classes, random_state=self.seed
        )
        train, valid, train_classes, valid_classes = train_test_split(
            rest, rest_classes, train_size=TRAIN, stratify=rest_classes, random_state=self.seed
        )
        return {
            "train": (train, train_classes),
            "valid": (valid, valid_classes),
            "test": (test, test_classes),
        }

    def images(self, split: str) -> Images:
        """Return the digits of `train`, `valid` or `test`, with values from 0 to 1."""
        return self._dealt[split][0]

    def classes(self, split: str) -> Classes:
        """Return what they show."""
        return self._dealt[split][1]

    @cached_property
    def classifier(self) -> MLPClassifier:
        """One hidden layer of 50, trained on the training digits."""
        found = MLPClassifier((FEATURES,), random_state=0, max_iter=500)
        return found.fit(_flat(self.images("train")), self.classes("train"))

    def features(self, images: Images) -> Float[np.ndarray, "sample 50"]:
        """Return what the hidden layer makes of digits."""
        hidden = _flat(images) @ self.classifier.coefs_[0] + self.classifier.intercepts_[0]
        return np.maximum(hidden, 0)

    def recognised(self, images: Images) -> Classes:
        """Return the classes that the classifier sees."""
        return self.classifier.predict(_flat(images))

    @cached_property
    def frequencies(self) -> Float[np.ndarray, " class"]:
        """Share of each class in the training digits."""
        return np.bincount(self.classes("train"), minlength=CLASSES) / TRAIN

    def sources(self, pairs: int, dependence: float, seed: int) -> dict[str, Source]:
        """Return the streams of a training.

        An upper digit comes in one pair, a lower one in any number: with all pairs, these have some
        700 of the 1100 digits.

        Args:
            pairs: how many pairs there are; at most as many as training digits.
            dependence: lambda, how often both digits are of one class.
            seed: of which pairs.

        Returns:
            `paired`; the digits on their own, `upper` and `lower`, all of them; noise as `inputs`.
        """
        images = self.images("train")
        rng = np.random.default_rng([seed, 1])
        upper = rng.permutation(TRAIN)[:pairs]
        lower = self._partners(upper, dependence, rng)
        alone = {part: Rows({part: images}) for part in PARTS}
        paired = Rows({UPPER: images[upper], LOWER: images[lower]})
        return {"paired": paired, "inputs": Noise(), **alone}

    def _partners(
        self, upper: Int[np.ndarray, " pair"], dependence: float, rng: np.random.Generator
    ) -> Int[np.ndarray, " pair"]:
        """Return a lower digit for each upper one."""
        classes = self.classes("train")
        by_class = [np.flatnonzero(classes == n) for n in range(CLASSES)]
        same = rng.random(len(upper)) < dependence
        other = rng.choice(CLASSES, size=len(upper), p=self.frequencies)
        wanted = np.where(same, classes[upper], other)
        return np.array([rng.choice(by_class[n]) for n in wanted])

    def judged(
        self, made: dict[str, Images], dependence: float, split: str = "test"
    ) -> dict[str, float]:
        """Return the metrics of generated pairs, beside the real digits of a split.

        Returns:
            `FID`, `dependency`, and `same`, the share of pairs of one class; none of them is a
            number if a pixel is not finite.
        """
        if not all(np.isfinite(made[part]).all() for part in PARTS):
            return dict.fromkeys(("FID", "dependency", "same"), np.nan)
        real = self.features(self.images(split))
        fid = [frechet_distance(real, self.features(made[part])) for part in PARTS]
        upper, lower = (self.recognised(made[part]) for part in PARTS)
        return {
            "FID": float(np.mean(fid)),
            "dependency": dependency_distance(
                self.true_joint(dependence), joint_frequencies(upper, lower)
            ),
            "same": float(np.mean(upper == lower)),
        }

    def repeated(self, pairs: int, dependence: float, seed: int) -> float:
        """Return the FID of who knows the digits of the pairs by heart, and no others."""
        known = self.sources(pairs, dependence, seed)["paired"]
        assert isinstance(known, Rows)
        return self.judged({part: np.asarray(known.parts[part]) for part in PARTS}, dependence)[
            "FID"
        ]

    def true_joint(self, dependence: float) -> Float[np.ndarray, "class class"]:
        """Return the probability of every pair of classes."""
        p = self.frequencies
        return dependence * np.diag(p) + (1 - dependence) * np.outer(p, p)


def joint_frequencies(upper: Classes, lower: Classes) -> Float[np.ndarray, "class class"]:
    """Return how often each pair of classes comes."""
    found = np.zeros((CLASSES, CLASSES))
    np.add.at(found, (upper, lower), 1 / len(upper))
    return found


def dependency_distance(
    real: Float[np.ndarray, "class class"], generated: Float[np.ndarray, "class class"]
) -> float:
    """Return the mean of |c_P - c_Q| over pairs of classes, of their joint frequencies."""
    p, q = (x / (np.outer(x.sum(axis=1), x.sum(axis=0)) + TINY) for x in (real, generated))
    return float(np.mean(np.abs(p - q)))


def _flat(images: Images) -> Float[np.ndarray, "sample pixel"]:
    return images.reshape(len(images), -1)
