"""Melody extraction: the fundamental frequency of the leading line, 100 times per second.

Conventions
-----------
Annotations are `F0`; a frequency of 0 or below is unvoiced. The network says how likely there is a
melody (its first channel) and, where there is, how likely each pitch of `vocabulary` is, a bin of a
pitch axis (`umir.tasks.pitch_axis`), by default semitones from C2 to B6. Frame n is at n / 100 s.
Annotations of any hop are read at the frames: voiced as the nearest annotated instant, pitch
interpolated between two voiced ones. Frames further than two hops from any are unknown and masked;
unvoiced frames, and pitches off the axis, have no target pitch.

The melody is the line that leads at each moment, whoever plays it: MedleyDB's second definition
(`melody2`), and the studio's. Its first follows one source throughout and has pauses where others
lead; its third has several lines at once, of which `F0` holds one. Train on one definition.

A pitch between two bins is a target of both; decoded, the bins around the most likely path give the
pitch back, finer than the bins are (`umir.tasks.decoding.melody_decoding`). What is decoded has a
negative frequency where there is no melody: the pitch it would have, as in mir_eval.

Metrics
-------
By `mir_eval.melody` (a pitch is right within 50 cents), mean over songs; those that are not defined
for a song (no voiced frame, no unvoiced one) are NaN there:

* `Overall Accuracy`: frames whose voicing and, if voiced, pitch are right;
* `Raw Pitch Accuracy`, `Raw Chroma Accuracy`: voiced frames whose pitch, or pitch up to octaves, is
  right, whatever their voicing;
* `Voicing Recall`, `Voicing False Alarm`: voiced, and unvoiced, frames that are called voiced.

Reference: J. Salamon, E. Gomez, D. P. W. Ellis and G. Richard, "Melody Extraction from Polyphonic
Music Signals", IEEE Signal Processing Magazine 31(2), 2014.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from umir.annotations import F0
from umir.data.example import Example
from umir.tasks.base import Settings, Target
from umir.tasks.decoding.melody_decoding import (
    DEFAULT_SETTINGS,
    Melody,
    decode_melody,
    fit_melody,
)
from umir.tasks.losses import balanced_bce, best_constant, class_prior
from umir.tasks.metrics.melody_metrics import melody_metrics
from umir.tasks.pitch_axis import OCTAVE, PITCH_CLASSES, PitchAxis, note_range, octaves
from umir.tasks.pitch_curves import FRAME_RATE, at_frames, shared
from umir.tasks.pitched_task import PitchedTask
from umir.wave_unet.heads import HeadSpec

VOICED = "voiced"  # the one label of an f0 curve
MIN_ENTROPY = 0.5  # nats: a batch in which hardly any pitch but one occurs
UNSEEN_SHARE = 0.1  # of a fresh head's probability, spread over all pitches
# Variants have 12 bins: the pitch classes, or steps of so many semitones from one of these pitches
# (MIDI) on, so that most melodies are inside.
_LOWEST = {2: range(43, 61), 5: range(36, 41)}


@dataclass(frozen=True)
class MelodyExtraction(PitchedTask):
    """Extract the melody: is there one, and at which of the pitches of `vocabulary`?"""

    name: str = "melody_extraction"
    vocabulary: tuple[str, ...] = octaves(2, 6)

    kind: ClassVar[str] = "f0"
    headline: ClassVar[str] = "Overall Accuracy"
    absence_counts: ClassVar[bool] = True

    @property
    def head(self) -> HeadSpec:
        """Logits at 100 Hz: one of voicing, then one for each pitch."""
        return HeadSpec("frames", 1 + len(self.vocabulary), FRAME_RATE)

    @property
    def source_labels(self) -> frozenset[str]:
        """A melody has one label, `voiced`."""
        return frozenset((VOICED,))

    @property
    def wanted(self) -> str:
        """What annotations must hold, in words, for messages."""
        return "frames with a frequency above 0 Hz"

    def labels_in(self, annotation: F0) -> frozenset[str]:
        """Return `voiced` if any frame is."""
        return frozenset((VOICED,) if (annotation.frequencies > 0).any() else ())

    def moment(self, rng: np.random.Generator, example: Example, label: str) -> float:
        """Return the time of a random voiced frame, in seconds."""
        del label
        assert isinstance(example.annotation, F0)
        return float(rng.choice(example.annotation.times[example.annotation.frequencies > 0]))

    def encode(self, annotation: F0, n_samples: int, rate: int) -> Target:
        """Return values and a mask of shape `(frame, 1 + pitch)`: voicing, then the pitches.

        Args:
            annotation: the curve, in seconds from the start of the segment.
            n_samples: length of the segment; its frames are those at n / 100 < n_samples / rate.
            rate: sampling rate in Hz.
        """
        frequencies, known = at_frames(annotation, math.ceil(n_samples * FRAME_RATE / rate))
        voiced = known & (frequencies > 0)
        positions = self.axis.positions(np.where(voiced, frequencies, 1.0))
        pitched = (voiced & self.axis.inside(positions))[:, None]  # (frame, 1)
        pitches = np.where(pitched, shared(self.axis, positions), 0.0)
        values = np.concatenate([voiced[:, None], pitches], axis=1)
        mask = np.concatenate([known[:, None], np.repeat(pitched, self.axis.bins, axis=1)], axis=1)
        return Target(values.astype(np.float32), mask.astype(np.float32))

    @staticmethod
    def loss(output: jax.Array, target: Target) -> Float[jax.Array, " batch"]:
        """Return the mean of the losses of voicing (`balanced_bce`) and pitch (`pitch_loss`)."""
        values, mask = map(jnp.asarray, target)
        voicing = balanced_bce(output[..., :1], values[..., :1], mask[..., :1])
        return (voicing + pitch_loss(output[..., 1:], values[..., 1:], mask[..., 1:])) / 2

    def head_prior(self, target: Target) -> Float[np.ndarray, " channel"]:
        """Return the logit of the best constant voicing, and the log-probability of each pitch.

        A tenth of the probability goes to all pitches alike: the batch may have missed some.
        """
        values, mask = map(np.asarray, target)
        prior = class_prior(jnp.asarray(values[..., :1]), jnp.asarray(mask[..., :1]))
        counts = (values * mask)[..., 1:].sum(axis=(0, 1))
        frequent = counts / max(counts.sum(), 1.0)
        mixed = (1 - UNSEEN_SHARE) * frequent + UNSEEN_SHARE / len(counts)
        return np.concatenate([np.asarray(best_constant(prior)), np.log(mixed)]).astype(np.float32)

    def default_settings(self, rate: int) -> Settings:
        """Return a voicing threshold of 0.5 and no smoothing, of voicing or pitch."""
        del rate
        return dict(DEFAULT_SETTINGS)

    def fit_decoder(self, outputs: Sequence[np.ndarray], references: Sequence[F0]) -> Settings:
        """Return the settings with the best accuracy, mean over songs (`melody_decoding`)."""
        pairs = zip(outputs, references, strict=True)
        return fit_melody(
            outputs, self.axis, [self._melody(f0, len(output)) for output, f0 in pairs]
        )

    def decode(self, output: np.ndarray, settings: Settings) -> F0:
        """Return the melody every 10 ms; where it is unvoiced, its pitch as a negative frequency.

        Args:
            output: logits of a song, shape `(frame, 1 + pitch)`.
            settings: from `fit_decoder` or `default_settings`.
        """
        positions, voiced = decode_melody(output, self.axis, settings)
        frequencies = self.axis.frequencies(positions)
        times = np.arange(len(output)) / FRAME_RATE
        return F0(times, np.where(voiced, frequencies, -frequencies))

    def evaluate(self, reference: F0, estimate: F0) -> dict[str, float]:
        """Return mir_eval's melody metrics of one song; NaN where the reference defines none."""
        return melody_metrics(*(_comparable(self.axis, f0) for f0 in (reference, estimate)))

    def variant(
        self, rng: np.random.Generator, labels: Collection[str] | None = None
    ) -> "MelodyExtraction":
        """Draw another axis of 12 bins: pitch classes, two octaves in whole tones, or five."""
        del labels
        step = int(rng.choice([1, *_LOWEST]))
        if step == 1:
            return replace(self, vocabulary=PITCH_CLASSES)
        lowest = int(rng.choice(_LOWEST[step]))
        return replace(self, vocabulary=note_range(lowest, lowest + (OCTAVE - 1) * step, step))

    def _melody(self, reference: F0, n_frames: int) -> Melody:
        frequencies, known = at_frames(reference, n_frames)
        voiced = frequencies > 0
        return Melody(self.axis.positions(np.where(voiced, frequencies, 1.0)), voiced, known)


def pitch_loss(
    logits: Float[Array, "batch frame pitch"],
    values: Float[Array, "batch frame pitch"],
    mask: Float[Array, "batch frame pitch"],
) -> Float[Array, " batch"]:
    """Return softmax cross-entropy of the frames that have a pitch, over that of the best constant.

    The best constant is the mean m of the targets, with a loss of its entropy -sum m log m. The sum
    over a segment's frames is divided by the number of frames with a pitch of a mean segment: the
    mean over segments is then the mean over frames.

    Args:
        logits: of each pitch.
        values: a distribution over the pitches per frame.
        mask: 0 where a frame has no pitch; the same for all pitches.
    """
    pitched = mask[..., 0]
    number = jnp.maximum(jnp.sum(pitched), 1.0)
    mean = jnp.sum(values * mask, axis=(0, 1)) / number
    entropy = jnp.maximum(jnp.sum(jax.scipy.special.entr(mean)), MIN_ENTROPY)
    loss = -jnp.sum(values * jax.nn.log_softmax(logits), axis=-1) * pitched
    return jnp.sum(loss, axis=1) * len(values) / (number * entropy)


def _comparable(axis: PitchAxis, f0: F0) -> F0:
    """Return the curve as the axis tells pitches apart, unvoiced frames still negative or 0."""
    if not axis.folded:
        return f0
    pitches = np.abs(f0.frequencies)
    folded = axis.comparable(np.where(pitches > 0, pitches, 1.0))
    return F0(f0.times, np.where(pitches > 0, folded, 0.0) * np.sign(f0.frequencies))
