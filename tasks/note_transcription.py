"""Note transcription: which pitches start when, and how long do they last?

Conventions
-----------
Annotations are `Notes`; each counts as the nearest pitch of `vocabulary` (`umir.tasks.pitch_axis`),
by default the 88 keys of a piano; notes off that axis are ignored. A note lasts as long as it
sounds: where a pedal holds it, until the pedal is let go (as in the figures published on MAESTRO).
The network says, 100 times per second and per pitch, how likely a note starts (the first third of
its channels), sounds (the second) and ends (the third). Frame n is at n / 100 seconds; onsets and
offsets are widened as in `umir.tasks.event_detection`, a note sounds in the frames from its onset
to its offset.

Decoded, an onset is a peak of its channel; the note lasts while the second channel stays above its
threshold, but not beyond a peak of the third, or the next onset of the same pitch
(`umir.tasks.decoding.note_decoding`).

Notes may say who plays them (`Notes.labels`); a variant transcribes one instrument, or a few. Where
labels are not known it has no targets.

Metrics
-------
Means over songs. By `mir_eval.transcription`, F-measures of notes that are paired one to one with
an onset within 50 ms, and

* `Onset_F-measure`: of any pitch;
* `F-measure_no_offset`: a pitch within 50 cents;
* `F-measure`: also an offset within 50 ms, or a fifth of the note's length if that is more.

By `mir_eval.multipitch`, of the pitches that sound in each frame of 10 ms, right within 50 cents:
`Frame_Precision`, `Frame_Recall`, `Frame_F-measure` and `Frame_Accuracy` (hits / (hits + misses +
false alarms)).

Reference: C. Hawthorne et al., "Onsets and Frames: Dual-Objective Piano Transcription", ISMIR 2018.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import expit

from umir.annotations import Notes
from umir.data.example import Example
from umir.tasks.base import Settings, Target
from umir.tasks.decoding.note_decoding import (
    DEFAULT_SETTINGS,
    Activations,
    PitchedNotes,
    decode_notes,
    fit_notes,
)
from umir.tasks.event_detection import FRAME_RATE, WIDENING, EventDetection
from umir.tasks.losses import best_constant, class_prior
from umir.tasks.metrics.note_metrics import note_metrics
from umir.tasks.pitch_axis import PITCH_CLASSES, note_range, octave_of, octaves
from umir.tasks.pitched_task import PitchedTask
from umir.wave_unet.heads import HeadSpec

ANY_NOTE = "note"  # the label that every note has, beside its player's
MOST_PLAYERS = 3  # instruments of a variant
_ROUNDING = 1e-6  # seconds
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
        """Logits at 100 Hz: onsets of every pitch, then what sounds, then offsets."""
        return HeadSpec("frames", 3 * len(self.vocabulary), FRAME_RATE, "sigmoid")

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
        """Return values and a mask, both of shape `(frame, 3 pitch)`: onsets, what sounds, offsets.

        A note that starts with the segment may have begun before it, one that ends with it may go
        on: whether there is an onset, or an offset, is masked. Everything is, if only some players
        count and it is not known who plays.

        Args:
            annotation: notes, in seconds from the start of the segment.
            n_samples: length of the segment; its frames are those at n / 100 < n_samples / rate.
            rate: sampling rate in Hz.
        """
        n_frames = math.ceil(n_samples * FRAME_RATE / rate)
        active = np.zeros((n_frames, self.axis.bins), np.float32)
        notes = self.pitched(annotation)
        starts, ends = (np.rint(t * FRAME_RATE).astype(int) for t in (notes.onsets, notes.offsets))
        ends = np.maximum(ends, starts + 1)
        for pitch, start, end in zip(notes.pitches, starts, ends, strict=True):
            active[start:end, pitch] = 1
        onset, offset = (_widened(frames, notes.pitches, active.shape) for frames in (starts, ends))
        known = np.full(active.shape, self._knows_who_plays(annotation), np.float32)
        onset_known, offset_known = known.copy(), known.copy()
        onset_known[:3, notes.pitches[notes.onsets == 0]] = 0
        offset_known[-3:, notes.pitches[notes.offsets >= n_samples / rate - _ROUNDING]] = 0
        return Target(
            np.concatenate([onset, active, offset], axis=1),
            np.concatenate([onset_known, known, offset_known], axis=1),
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
        songs = [self._activations(output) for output in outputs]
        return fit_notes(songs, [self.pitched(notes) for notes in references], FRAME_RATE)

    def decode(self, output: np.ndarray, settings: Settings) -> Notes:
        """Return the notes of a song, sorted by onset.

        Args:
            output: logits of shape `(frame, 3 pitch)`.
            settings: from `fit_decoder` or `default_settings`.
        """
        count = output.shape[1] // 3
        # Pitch by pitch: all at once would take six times the memory of the output.
        found = [
            decode_notes(self._activations(output[:, pitch::count]), settings, FRAME_RATE)
            for pitch in range(count)
        ]
        pitches = np.repeat(np.arange(count), [len(notes.onsets) for notes in found])
        onsets = np.concatenate([notes.onsets for notes in found])
        offsets = np.concatenate([notes.offsets for notes in found])
        order = np.lexsort((pitches, onsets))
        intervals = np.stack([onsets, offsets], axis=1)[order]
        return Notes(intervals, self.axis.frequencies(pitches[order].astype(float)))

    def evaluate(self, reference: Notes, estimate: Notes) -> dict[str, float]:
        """Return the metrics of one song; NaN where there is neither a reference nor a note.

        Args:
            reference: notes; those that do not count are left out.
            estimate: notes as `decode` returns them: all of them count.
        """
        kept = _fit(reference, self.only)
        return note_metrics(
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

    def _activations(self, output: np.ndarray) -> Activations:
        """Return how likely notes start, sound and end."""
        return Activations(*np.split(expit(output.astype(np.float64)), 3, axis=1))

    def _knows_who_plays(self, annotation: Notes) -> bool:
        by_player = bool(set(self.only) - set(_OCTAVES))
        return not by_player or bool(annotation.labels) or not len(annotation.frequencies)


def _widened(
    frames: Int[np.ndarray, " note"], pitches: Int[np.ndarray, " note"], shape: tuple[int, int]
) -> Float[np.ndarray, "frame pitch"]:
    """Return targets of points in time, over two frames on either side."""
    values = np.zeros(shape, np.float32)
    around = frames[:, None] + np.arange(-2, 3)  # (note, 5)
    inside = (around >= 0) & (around < shape[0])
    heights = np.broadcast_to(WIDENING, around.shape)[inside]
    channels = np.broadcast_to(pitches[:, None], around.shape)[inside]
    np.maximum.at(values, (around[inside], channels), heights)
    return values


def _fit(notes: Notes, names: Collection[str]) -> Bool[np.ndarray, " note"]:
    """Return which notes have one of the names: a player, their octave, `note`. All fit none."""
    if not names or ANY_NOTE in names:
        return np.ones(len(notes.frequencies), bool)
    players = notes.labels or ("",) * len(notes.frequencies)
    both = zip(players, _octave_labels(notes), strict=True)
    return np.array([player in names or octave in names for player, octave in both], bool)


def _octave_labels(notes: Notes) -> list[str]:
    return [f"octave {number:.0f}" for number in octave_of(notes.frequencies)]
