"""Classification of clips: one label (`Classification`) or any number (`MultiLabelClassification`).

Conventions
-----------
Annotations are `Labels`, which hold for the whole clip. The network gives one logit per class;
those of a whole song are the mean over its windows. A label that the task does not know is masked
out of the target (single label), or ignored (several labels). Where nobody has said whether a label
holds (`Labels.unknown`), it is neither learnt from nor scored (several labels). Estimates carry
`scores`, the probability of every class.

Metrics
-------
Over a set of clips (`evaluate_all`), by scikit-learn:

* single label: `accuracy`, and `macro_f1`, the mean F-measure of the classes that occur in
  references or estimates;
* several labels: `mAP`, the mean average precision of the classes that occur in the references, and
  `roc_auc`, the mean area under the ROC curve of those that occur and are also absent somewhere.

For one clip alone, only `accuracy` (single label) or `f1` of the set of labels (several) say
anything.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float
from scipy.special import expit

from umir.annotations import Labels
from umir.tasks.base import Settings, Target, Task, nan_mean
from umir.tasks.losses import balanced_bce, best_constant, class_prior, softmax_cross_entropy
from umir.tasks.variants import random_classes
from umir.wave_unet.heads import HeadSpec

FEW_CLASSES = 4  # variants have as many classes as the task, or this many: few compiled shapes
MOST_CLIPS = 16  # of a support or query set: what fits a step of a laptop
PRIOR_COUNT = 1.0  # clips of each class taken as seen before any


@dataclass(frozen=True)
class _ClipTask(Task):
    """What single- and multi-label classification share."""

    segment_seconds: ClassVar[float] = 3.2

    def labels_in(self, annotation: Labels) -> frozenset[str]:
        """Return the labels of the clip."""
        return frozenset(annotation.names)

    def n_segments(self, wanted: int) -> int:
        """Return twice what is wanted, as clips are half as long, in whole rounds of the classes.

        A support set of whole rounds has every class equally often; of more than 16 classes a set
        has 16 clips.
        """
        classes = len(self.vocabulary)
        return min(MOST_CLIPS, classes * max(1, round(2 * wanted / classes)))

    def encode(self, annotation: Labels, n_samples: int, rate: int) -> Target:
        """Return values `(class,)`, 1 for each of the clip's labels, and a mask `(1,)`."""
        del n_samples, rate
        values = np.array([name in annotation.names for name in self.vocabulary], np.float32)
        return Target(values, np.ones(1, np.float32))

    def variant(
        self, rng: np.random.Generator, labels: Collection[str] | None = None
    ) -> "_ClipTask":
        """Draw other classes from the labels, in random order: as many as now, or four.

        With fewer than four labels the task itself is returned.
        """
        known = sorted(self.vocabulary if labels is None else labels)
        size = len(self.vocabulary) if len(known) >= len(self.vocabulary) else FEW_CLASSES
        if len(known) < size:
            return self
        return replace(self, vocabulary=random_classes(rng, known, size))


@dataclass(frozen=True)
class Classification(_ClipTask):
    """Give each clip one label of the vocabulary."""

    kind: ClassVar[str] = "label"
    headline: ClassVar[str] = "accuracy"
    always_labelled: ClassVar[bool] = True

    def can_use(self, annotation: Labels) -> bool:
        """Return whether the task knows the clip's label."""
        return not self.unknown_labels(annotation)

    @property
    def head(self) -> HeadSpec:
        """One logit per class and clip."""
        return HeadSpec("clip", len(self.vocabulary), activation="softmax")

    def encode(self, annotation: Labels, n_samples: int, rate: int) -> Target:
        """Return a one-hot vector `(class,)` and a mask `(1,)`: 0 for a label not known.

        Should several labels of the vocabulary hold, they share the probability.
        """
        values, _ = super().encode(annotation, n_samples, rate)
        known = np.minimum(values.sum(keepdims=True), 1)
        return Target(values / max(values.sum(), 1), known)

    @staticmethod
    def loss(output: jax.Array, target: Target) -> Float[jax.Array, " batch"]:
        """Return softmax cross-entropy (`umir.tasks.losses.softmax_cross_entropy`)."""
        return softmax_cross_entropy(output, *map(jnp.asarray, target))

    def head_prior(self, target: Target) -> Float[np.ndarray, " channel"]:
        """Return the log of the classes' frequencies, less their mean: 0 if they are balanced."""
        counts = np.sum(np.asarray(target.values) * np.asarray(target.mask), axis=0) + PRIOR_COUNT
        logs = np.log(counts / counts.sum())
        return (logs - logs.mean()).astype(np.float32)

    def default_settings(self, rate: int) -> Settings:
        """Return no settings: the most likely class is taken."""
        del rate
        return {}

    def fit_decoder(self, outputs: Sequence[np.ndarray], references: Sequence[Labels]) -> Settings:
        """Return no settings: the most likely class is taken."""
        del outputs, references
        return {}

    def decode(self, output: np.ndarray, settings: Settings) -> Labels:
        """Return the most likely class of logits of shape `(class,)`, and all probabilities."""
        del settings
        logits = output.astype(np.float64) - output.max()
        scores = np.exp(logits) / np.exp(logits).sum()
        best = self.vocabulary[int(scores.argmax())]
        return Labels((best,), dict(zip(self.vocabulary, scores.tolist(), strict=True)))

    def evaluate(self, reference: Labels, estimate: Labels) -> dict[str, float]:
        """Return the `accuracy` of one clip: 1 or 0."""
        return {"accuracy": float(estimate.names[0] in reference.names)}

    def evaluate_all(
        self, references: Sequence[Labels], estimates: Sequence[Labels]
    ) -> tuple[dict[str, float], list[dict[str, float]]]:
        """Return `accuracy` and `macro_f1` over the clips, and the accuracy of each."""
        from sklearn import metrics  # brings pandas: a second and 50 MB that only scores need

        guess = [estimate.names[0] for estimate in estimates]
        # Of a clip with several names the one that was found counts as its own.
        true = [
            found if found in reference.names else reference.names[0]
            for found, reference in zip(guess, references, strict=True)
        ]
        scores = {
            "accuracy": float(metrics.accuracy_score(true, guess)),
            "macro_f1": float(metrics.f1_score(true, guess, average="macro", zero_division=0)),
        }
        return scores, [self.evaluate(r, e) for r, e in zip(references, estimates, strict=True)]


@dataclass(frozen=True)
class MultiLabelClassification(_ClipTask):
    """Give each clip any number of labels of the vocabulary."""

    kind: ClassVar[str] = "labels"
    headline: ClassVar[str] = "mAP"

    @property
    def head(self) -> HeadSpec:
        """One logit per class and clip."""
        return HeadSpec("clip", len(self.vocabulary), activation="sigmoid")

    def encode(self, annotation: Labels, n_samples: int, rate: int) -> Target:
        """Return values `(class,)`, 1 for each of the clip's labels, and a mask of that shape.

        The mask is 0 for the labels of which it is not known whether they hold.
        """
        values, _ = super().encode(annotation, n_samples, rate)
        open_questions = set(annotation.unknown) - set(annotation.names)
        known = [name not in open_questions for name in self.vocabulary]
        return Target(values, np.array(known, np.float32))

    @staticmethod
    def loss(output: jax.Array, target: Target) -> Float[jax.Array, " batch"]:
        """Return balanced binary cross-entropy (`umir.tasks.losses.balanced_bce`)."""
        return balanced_bce(output, *map(jnp.asarray, target))

    def head_prior(self, target: Target) -> Float[np.ndarray, " channel"]:
        """Return the logits of the best constant prediction under the loss's class weights."""
        return np.asarray(best_constant(class_prior(*map(jnp.asarray, target))))

    def default_settings(self, rate: int) -> Settings:
        """Return a threshold of 0.5 for every class."""
        del rate
        return {"thresholds": dict.fromkeys(self.vocabulary, 0.5)}

    def fit_decoder(self, outputs: Sequence[np.ndarray], references: Sequence[Labels]) -> Settings:
        """Return the threshold of each class with the best F-measure over the clips given."""
        thresholds = dict(self.default_settings(0)["thresholds"])
        probabilities = expit(np.stack(outputs).astype(np.float64))  # (clip, class)
        for name, known, true in self._truths(references):
            if true.any():
                column = self.vocabulary.index(name)
                thresholds[name] = _best_threshold(probabilities[known, column], true)
        return {"thresholds": thresholds}

    def decode(self, output: np.ndarray, settings: Settings) -> Labels:
        """Return the classes whose probability reaches their threshold, and all probabilities."""
        scores = dict(zip(self.vocabulary, expit(output.astype(np.float64)).tolist(), strict=True))
        names = (name for name, score in scores.items() if score >= settings["thresholds"][name])
        return Labels(tuple(names), scores)

    def evaluate(self, reference: Labels, estimate: Labels) -> dict[str, float]:
        """Return `f1` of one clip's set of labels; 1 if both are empty."""
        true = set(reference.names) & set(self.vocabulary)
        guess = set(estimate.names) - (set(reference.unknown) - true)
        return {"f1": 2 * len(true & guess) / (len(true) + len(guess)) if true | guess else 1.0}

    def evaluate_all(
        self, references: Sequence[Labels], estimates: Sequence[Labels]
    ) -> tuple[dict[str, float], list[dict[str, float]]]:
        """Return `mAP` and `roc_auc` over the clips (NaN where no class allows it), and each `f1`.

        Raises:
            ValueError: an estimate without scores: labels alone have no ranking.
        """
        from sklearn import metrics

        scores = np.array([self._scores(estimate) for estimate in estimates])
        precision, area = [math.nan], [math.nan]
        for (_, known, truth), column in zip(self._truths(references), scores.T, strict=True):
            score = column[known]
            if truth.any():
                precision.append(float(metrics.average_precision_score(truth, score)))
            if truth.any() and not truth.all():
                area.append(float(metrics.roc_auc_score(truth, score)))
        per_track = [self.evaluate(r, e) for r, e in zip(references, estimates, strict=True)]
        return {"mAP": nan_mean(precision), "roc_auc": nan_mean(area)}, per_track

    def _truths(
        self, references: Sequence[Labels]
    ) -> list[tuple[str, Bool[np.ndarray, " clip"], Float[np.ndarray, " known"]]]:
        """Return each class, in which clips it is known, and whether it holds in those."""
        values, masks = zip(
            *(self.encode(reference, 0, 1) for reference in references), strict=True
        )
        known, true = np.stack(masks) > 0, np.stack(values)  # (clip, class)
        return [
            (name, known[:, column], true[known[:, column], column])
            for column, name in enumerate(self.vocabulary)
        ]

    def _scores(self, estimate: Labels) -> list[float]:
        if estimate.scores is None:
            raise ValueError(
                "an estimate without scores cannot be ranked: pass what decode returns"
            )
        return [estimate.scores[name] for name in self.vocabulary]


def _best_threshold(probabilities: np.ndarray, true: np.ndarray) -> float:
    """Return the threshold with the best F-measure, half way between two clips' probabilities."""
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    hits = np.cumsum(true[order])
    f_measure = 2 * hits / (np.arange(1, len(order) + 1) + true.sum())
    # Equal probabilities cannot be told apart: a threshold lies only where they fall.
    after = np.append(ranked[1:], 0.0)
    f_measure[ranked == after] = -1.0
    best = int(np.argmax(f_measure))
    return float((ranked[best] + after[best]) / 2)
