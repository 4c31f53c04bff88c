"""Random vocabularies: what turns ten fixed tasks into a distribution of tasks."""

from collections.abc import Sequence

import numpy as np


def random_label_map(
    rng: np.random.Generator, labels: Sequence[str], n_classes: int
) -> tuple[tuple[str, str], ...]:
    """Return a random assignment of labels to exactly `n_classes` classes, in random order.

    One of three ways is drawn: single labels (the others are ignored), a random subset of the
    labels merged into classes, or single labels against all the rest. A merged class is named by
    its labels, `kick+tom`, the rest is called `rest`, unless a label is.

    Args:
        rng: source of randomness.
        labels: at least `n_classes` different labels.
        n_classes: how many classes the map leads to.

    Returns:
        Pairs of label and class; classes occur in the order that the vocabulary shall have.
    """
    shuffled = [labels[index] for index in rng.permutation(len(labels))]
    way = rng.choice(["single", "merged", "rest"])
    if len(labels) == n_classes or way == "single":
        groups = [[label] for label in shuffled[:n_classes]]
    elif way == "merged":
        groups = _random_partition(rng, shuffled, n_classes)
    else:
        groups = [[label] for label in shuffled[: n_classes - 1]] + [shuffled[n_classes - 1 :]]
    names = ["+".join(sorted(group)) for group in groups]
    if len(groups[-1]) > 1 and way == "rest" and "rest" not in labels:
        names[-1] = "rest"
    order = rng.permutation(n_classes)
    return tuple((label, names[group]) for group in order for label in groups[group])


def random_classes(
    rng: np.random.Generator, labels: Sequence[str], n_classes: int
) -> tuple[str, ...]:
    """Return `n_classes` of the labels in random order."""
    return tuple(labels[index] for index in rng.permutation(len(labels))[:n_classes])


def _random_partition(
    rng: np.random.Generator, shuffled: Sequence[str], n_groups: int
) -> list[list[str]]:
    """Cut a random number of the shuffled labels into groups, none of them empty."""
    n_used = int(rng.integers(n_groups + 1, len(shuffled) + 1))
    cuts = np.sort(rng.permutation(n_used - 1)[: n_groups - 1]) + 1
    return [list(group) for group in np.split(np.array(shuffled[:n_used], object), cuts)]
