"""What a head reads, and the sums over segments that heads in closed form are made of.

Heads that give logits are affine: `logits = x @ kernel + bias`, where x is what the body found,
scaled and, for clips, pooled. A head whose kernel is the identity gives x back, so that x is asked
of the network itself and never computed a second time elsewhere.

A row is one frame, or one clip. Of any number of rows, `Moments` keep sums only: memory does not
grow with the number of batches, and batches in turn give what all at once would. The sums are kept
in a few parts (folds), each segment in one of them, so that what is fitted on all parts but one can
be judged on that one.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from umir.tasks.base import Batch, Target
from umir.wave_unet import Network

# Odd, so that segments cut for a label, every second one, fall into all folds.
FOLDS = 5


class Moments(NamedTuple):
    """Sums over rows (1, x) with targets y and masks m, float64.

    Attributes:
        gram: sum of m (1, x)^T (1, x), shape `(*fold, mask, term, term)`; one for all classes if
            they share a mask.
        cross: sum of m y (1, x), shape `(*fold, class, term)`.
        squares: sum of m y^2, shape `(*fold, class)`.
    """

    gram: Float[np.ndarray, "*fold mask term term"]
    cross: Float[np.ndarray, "*fold class term"]
    squares: Float[np.ndarray, "*fold class"]

    @property
    def known(self) -> Float[np.ndarray, "*fold class"]:
        """How many rows are known of each class."""
        return np.broadcast_to(self.gram[..., 0, 0], self.squares.shape)

    @property
    def members(self) -> Float[np.ndarray, "*fold class"]:
        """How many rows are of each class, those that belong to it in part counted as such."""
        return self.cross[..., 0]

    @property
    def filled(self) -> list[int]:
        """The folds that have any known row."""
        return [int(fold) for fold in np.flatnonzero(self.known.any(axis=1))]

    def fold(self, fold: int) -> "Moments":
        """Return the sums of one fold."""
        return Moments(*(part[fold] for part in self))

    def total(self) -> "Moments":
        """Return the sums over all folds."""
        return Moments(*(part.sum(axis=0) for part in self))

    def without(self, fold: int) -> "Moments":
        """Return the sums over all folds but one."""
        return Moments(*(np.delete(part, fold, axis=0).sum(axis=0) for part in self))


def moments_of(network: Network, body: Any, batches: Iterable[Batch]) -> Moments:
    """Return the sums over batches, one after another, in `FOLDS` folds.

    Args:
        network: body and head; the head must be one that gives logits.
        body: parameters of the body.
        batches: waveforms and targets, at least one.

    Raises:
        ValueError: no batch, or a head that gives waveforms.
    """
    return in_folds(
        (np.asarray(head_inputs(network, body, batch.waveform)), batch.target) for batch in batches
    )


def in_folds(batches: Iterable[tuple[np.ndarray, Target]]) -> Moments:
    """Return the sums over batches of inputs `(batch, *frame, input)` and targets.

    The segments are dealt to the folds in turn.

    Raises:
        ValueError: no batch.
    """
    folds: Moments | None = None
    segment = 0
    for inputs, target in batches:
        for row in zip(inputs, *map(np.asarray, target), strict=True):
            part = _moments(*row)
            if folds is None:
                folds = Moments(*(np.zeros((FOLDS, *sums.shape)) for sums in part))
            for sums, added in zip(folds, part, strict=True):
                sums[segment % FOLDS] += added
            segment += 1
    if folds is None:
        raise ValueError("a head in closed form needs at least one batch of labelled audio")
    return folds


@partial(jax.jit, static_argnums=0)
def head_inputs(
    network: Network, body: Any, waveform: Float[Array | np.ndarray, "batch time channel"]
) -> Float[Array, "batch *frame input"]:
    """Return what the head's kernel is multiplied with.

    Args:
        network: body and head; the head must be one that gives logits.
        body: parameters of the body.
        waveform: as `Network.apply` takes it.

    Returns:
        Shape `(batch, frame, input)`, or `(batch, input)` for a clip head.

    Raises:
        ValueError: a head that gives waveforms.
    """
    if network.head.gives_waveforms:
        raise ValueError("a head that gives waveforms has no logits: it is no linear map of inputs")
    width = jax.eval_shape(network.init_head, jax.random.key(0))["kernel"].shape[0]
    reader = replace(network, head=replace(network.head, channels=width))
    identity = {"kernel": jnp.eye(width), "bias": jnp.zeros((width,))}
    return reader.apply({"body": body, "head": identity}, jnp.asarray(waveform))[0]


def _moments(
    x: Float[np.ndarray, "*frame input"],
    values: Float[np.ndarray, "*frame class"],
    mask: Float[np.ndarray, "*frame _"],
) -> Moments:
    """Return the sums over the rows of one segment."""
    x, values, mask = (np.atleast_2d(part).astype(np.float64) for part in (x, values, mask))
    rows = np.concatenate([np.ones((len(x), 1)), x], axis=1)  # (row, term)
    # Of a hundred pitches, most have the same mask: their sums are computed once.
    distinct, places = np.unique(mask, axis=1, return_inverse=True)
    gram = np.stack([(rows * column[:, None]).T @ rows for column in distinct.T])
    known = values * mask
    return Moments(gram[places.ravel()], known.T @ rows, np.sum(known * values, axis=0))
