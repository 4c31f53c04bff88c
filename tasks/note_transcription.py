"""Note transcription: which pitches start when, and how long do they last?

Conventions
-----------
Annotations are `Notes`; each counts as the nearest pitch of `vocabulary` (`umir.tasks.pitch_axis`),
by default the 88 keys of a piano; notes off that axis are ignored. The network says, 100 times per
second and per pitch, how likely a note starts (the first half of its channels) and how likely one
sounds (the second half). Frame n is at n / 100 seconds; onsets are widened as in
`umir.tasks.event_detection`, a note sounds in the frames from its onset to its offset.

Decoded, an onset is a peak of its channel; the note lasts while the other channel stays above its
threshold, but not beyond the next onset of the same pitch (`umir.tasks.decoding.note_decoding`).

Notes may say who plays them (`Notes.labels`); a variant transcribes one instrument, or a few. Where
labels are not known it has no targets.

Metrics
-------
By `mir_eval.transcription`, mean over songs: F-measures of notes that are paired one to one with an
onset within 50 ms, and

* `Onset_F-measure`: of any pitch;
* `F-measure_no_offset`: a pitch within 50 cents;
* `F-measure`: also an offset within 50 ms, or a fifth of the note's length if that is more.

Reference: C. Hawthorne et al., "Onsets and Frames: Dual-Objective Piano Transcription", ISMIR 2018.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import jax.numpy as jnp
import mir_eval
import numpy as np
from jaxtyping import Bool, Float
from scipy.special import expit

from umir.annotations import Notes
from umir.data.example import Example
from umir.tasks.base import Settings, Target
from umir.tasks.decoding.note_decoding import (
    DEFAULT_SETTINGS,
    PitchedNotes,
    decode_notes,
    fit_notes,
)
from umir.tasks.event_detection import FRAME_RATE, WIDENING, EventDetection
from umir.tasks.losses import best_constant, class_prior
from umir.tasks.pitch_axis import PITCH_CLASSES, note_range, octave_of, octaves
from umir.tasks.pitched_task import PitchedTask
from umir.wave_unet.heads import HeadSpec

ANY_NOTE = "note"  # the label that every note has, beside its player's
MOST_PLAYERS = 3  # instruments of a variant
_LOWEST_KEY, _HIGHEST_KEY = 21, 108  # of a piano, as MIDI numbers
_OCTAVES = tuple(f"octave {number}" for number in range(9))  # labels of notes, by their pitch


@dataclass(frozen=True)
class NoteTranscription(PitchedTask):
    """Transcribe the notes of the pitches of `vocabulary`.

    Attributes:
        only: labels whose notes count: instruments, or an octave (`octave 4`). Empty: all notes.
    """

    name: str = "note_transcription"
    vocabulary: tuple[str, ...] = note_range(_LOWEST_KEY, _HIGHEST_KEY)
    only: tuple[str, ...] = ()

    kind: ClassVar[str] = "notes"
    headline: ClassVar[str] = "F-measure_no_offset"

    # The very function of event detection, so that equal heads share their compiled steps.
    loss = staticmethod(EventDetection.loss)

    @property
    def head(self) -> HeadSpec:
        """Logits at 100 Hz: onsets of every pitch, then what sounds."""
        return HeadSpec("frames", 2 * len(self.vocabulary), FRAME_RATE, "sigmoid")

    @property
    def source_labels(self) -> frozenset[str]:
        """The labels that count; `note`, which every note has, if all do."""
        return frozenset(self.only or (ANY_NOTE,))

    @property
    def wanted(self) -> str:
        """What annotations must hold, in words, for messages."""
        return " or ".join(f"notes of {name!r}" for name in self.only) or "notes"

    def labels_in(self, annotation: Notes) -> frozenset[str]:
        """Return who plays, the octaves that occur (`octave 4`), and `note` if anybody does."""
        anything = (ANY_NOTE,) if len(annotation.frequencies) else ()
        labels = (*annotation.labels, *_octave_labels(annotation), *anything)
        return frozenset(filter(None, labels))

    def unknown_labels(self, annotation: Notes) -> frozenset[str]:
        """Return none: a note is a note, whoever plays it."""
        del annotation
        return frozenset()

    def moment(self, rng: np.random.Generator, example: Example, label: str) -> float:
        """Return the onset of a random note that `label` fits, in seconds."""
        assert isinstance(example.annotation, Notes)
        fits = _fit(example.annotation, (label,))
        return float(rng.choice(example.annotation.intervals[fits, 0]))

    def pitched(self, annotation: Notes) -> PitchedNotes:
        """Return the notes that count and whose pitch is on the axis, sorted by pitch."""
        channels = np.rint(self.axis.positions(annotation.frequencies)).astype(int)
        on_axis = (channels >= 0) & (channels < self.axis.bins)
        kept = np.flatnonzero(on_axis & _fit(annotation, self.only))
        onsets, offsets = annotation.intervals.T
        kept = kept[np.lexsort((onsets[kept], channels[kept]))]
        return PitchedNotes(channels[kept], onsets[kept], offsets[kept])

    def encode(self, annotation: Notes, n_samples: int, rate: int) -> Target:
        """Return values and a mask, both of shape `(frame, 2 pitch)`: onsets, what sounds.

        A note that starts with the segment may have begun before it: whether there is an onset is
        masked. Everything is, if only some players count and it is not known who plays.

        Args:
            annotation: notes, in seconds from the start of the segment.
            n_samples: length of the segment; its frames are those at n / 100 < n_samples / rate.
            rate: sampling rate in Hz.
        """
        n_frames = math.ceil(n_samples * FRAME_RATE / rate)
        onset, active = np.zeros((2, n_frames, self.axis.bins), np.float32)
        known = np.full((n_frames, self.axis.bins), self._knows_who_plays(annotation), np.float32)
        notes = self.pitched(annotation)
        starts, ends = (np.rint(t * FRAME_RATE).astype(int) for t in (notes.onsets, notes.offsets))
        for pitch, start, end in zip(notes.pitches, starts, ends, strict=True):
            active[start : max(end, start + 1), pitch] = 1
        frames = starts[:, None] + np.arange(-2, 3)  # (note, 5)
        inside = (frames >= 0) & (frames < n_frames)
        heights = np.broadcast_to(WIDENING, frames.shape)[inside]
        pitches = np.broadcast_to(notes.pitches[:, None], frames.shape)[inside]
        np.maximum.at(onset, (frames[inside], pitches), heights)
        onset_known = known.copy()
        onset_known[:3, notes.pitches[notes.onsets == 0]] = 0
        return Target(
            np.concatenate([onset, active], axis=1), np.concatenate([onset_known, known], axis=1)
        )

    def head_prior(self, target: Target) -> Float[np.ndarray, " channel"]:
        """Return the logits of the best constant prediction under the loss's class weights."""
        return np.asarray(best_constant(class_prior(*map(jnp.asarray, target))))

    def default_settings(self, rate: int) -> Settings:
        """Return thresholds of 0.5, and notes of any length."""
        del rate
        return dict(DEFAULT_SETTINGS)

    def fit_decoder(self, outputs: Sequence[np.ndarray], references: Sequence[Notes]) -> Settings:
        """Return thresholds and least length of notes (`umir.tasks.decoding.note_decoding`)."""
        onsets, actives = zip(*map(self._activations, outputs), strict=True)
        return fit_notes(onsets, actives, [self.pitched(n) for n in references], FRAME_RATE)

    def decode(self, output: np.ndarray, settings: Settings) -> Notes:
        """Return the notes of a song, sorted by onset.

        Args:
            output: logits of shape `(frame, 2 pitch)`.
            settings: from `fit_decoder` or `default_settings`.
        """
        found = decode_notes(*self._activations(output), settings, FRAME_RATE)
        order = np.lexsort((found.pitches, found.onsets))
        intervals = np.stack([found.onsets, found.offsets], axis=1)[order]
        return Notes(intervals, self.axis.frequencies(found.pitches[order].astype(float)))

    def evaluate(self, reference: Notes, estimate: Notes) -> dict[str, float]:
        """Return the F-measures of one song; NaN where there is neither a reference nor a note.

        Args:
            reference: notes; those that do not count are left out.
            estimate: notes as `decode` returns them: all of them count.
        """
        kept = _fit(reference, self.only)
        return note_f_measures(
            (reference.intervals[kept], self.axis.comparable(reference.frequencies[kept])),
            (estimate.intervals, self.axis.comparable(estimate.frequencies)),
        )

    def variant(
        self, rng: np.random.Generator, labels: Collection[str] | None = None
    ) -> "NoteTranscription":
        """Draw one octave, pitch classes, or one to three of the players.

        Pitch classes may be of some players, too. Without players, it is one of the first two.
        """
        known = sorted(labels or ())
        found = [name for name in known if name in _OCTAVES] or list(_OCTAVES[2:6])
        players = [name for name in known if name not in (*_OCTAVES, ANY_NOTE)]
        size = min(int(rng.integers(1, MOST_PLAYERS + 1)), len(players))
        some = tuple(sorted(players[index] for index in rng.permutation(len(players))[:size]))
        way = rng.choice(["octave", "classes", "players"] if players else ["octave", "classes"])
        if way == "players":
            return replace(self, only=some)
        if way == "classes":
            return replace(self, vocabulary=PITCH_CLASSES, only=some if rng.uniform() < 0.5 else ())
        octave = str(rng.choice(found))
        number = _OCTAVES.index(octave)
        return replace(self, vocabulary=octaves(number, number), only=(octave,))

    def _activations(self, output: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how likely notes start and sound, each of shape `(frame, pitch)`."""
        onset, active = np.split(expit(output.astype(np.float64)), 2, axis=1)
        return onset, active

    def _knows_who_plays(self, annotation: Notes) -> bool:
        by_player = bool(set(self.only) - set(_OCTAVES))
        return not by_player or bool(annotation.labels) or not len(annotation.frequencies)


def note_f_measures(
    reference: tuple[np.ndarray, np.ndarray], estimate: tuple[np.ndarray, np.ndarray]
) -> dict[str, float]:
    """Return `mir_eval.transcription`'s F-measures.

    Args:
        reference: intervals in seconds, shape `(note, 2)`, and frequencies in Hz, shape `(note,)`.
        estimate: the same.

    Returns:
        `Onset_F-measure`, `F-measure_no_offset`, `F-measure`; 0 where one side has no note, NaN
        where none has.
    """
    names = ("Onset_F-measure", "F-measure_no_offset", "F-measure")
    if not len(reference[1]) or not len(estimate[1]):  # of which mir_eval would warn
        nothing = len(reference[1]) == len(estimate[1])
        return dict.fromkeys(names, math.nan if nothing else 0.0)
    score = mir_eval.transcription.precision_recall_f1_overlap
    values = (
        mir_eval.transcription.onset_precision_recall_f1(reference[0], estimate[0])[2],
        score(*reference, *estimate, offset_ratio=None)[2],
        score(*reference, *estimate)[2],
    )
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def _fit(notes: Notes, names: Collection[str]) -> Bool[np.ndarray, " note"]:
    """Return which notes have one of the names: a player, their octave, `note`. All fit none."""
    if not names or ANY_NOTE in names:
        return np.ones(len(notes.frequencies), bool)
    players = notes.labels or ("",) * len(notes.frequencies)
    both = zip(players, _octave_labels(notes), strict=True)
    return np.array([player in names or octave in names for player, octave in both], bool)


def _octave_labels(notes: Notes) -> list[str]:
    return [f"octave {number:.0f}" for number in octave_of(notes.frequencies)]
