"""Source separation: the stems of which a mixture is the sum.

Conventions
-----------
Annotations are `Stems`: waveforms of one shape whose sum is the mixture. The name of an annotated
stem may be a path from the coarse to the fine, `other/piano`; a task's stem is the sum of the
annotated stems that it selects, by any part of their names, and `*` selects all that no other stem
does: so `accompaniment` is what is not `vocals`, and `piano` against `rest` is a task as well. The
network's last stem is the mixture minus its others, so that its stems always add up.

Metrics
-------
See `umir.tasks.metrics.separation_metrics`; all in dB, higher is better except for
`silence_rms_db`.

* `SDR/STEM` and their mean `SDR`: museval's, median over windows of one second.
* `SDR_pooled`: over several songs, the median over all windows.
* `SDRi`: by how much SDR is better than that of the mixture itself, median over windows.
* `SI-SDR/STEM` and their mean `SI-SDR`: scale-invariant, of whole songs.
* `silence_rms_db`: level of what is heard where a stem should be silent, in dBFS.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from umir.annotations import Stems
from umir.data.example import Example
from umir.tasks.base import AUDIBLE, Settings, Target, Task, audible_moment, quoted
from umir.tasks.losses import separation_loss
from umir.tasks.metrics.separation_metrics import aggregate, track_scores
from umir.wave_unet.heads import HeadSpec

MASK_RATE = 100.0  # Hz
REST = "*"  # selects the annotated stems that no other stem selects
ACCOMPANIMENT = "accompaniment"  # what published separators call that


@dataclass(frozen=True)
class SourceSeparation(Task):
    """Separate a mixture into the stems of `vocabulary`.

    Attributes:
        sources: pairs of a stem of the vocabulary and the names it is the sum of; stems that are
            not in it select their own name.
        masks: whether stems are masks of the mixture's spectrogram, which is learnt in minutes, or
            come from the network sample by sample, as in the Wave-U-Net's paper.
        whole: whether the stems together are the mixture, as those of umir's own network are. Songs
            with more in them are then of no use.
    """

    sources: tuple[tuple[str, tuple[str, ...]], ...] = ()
    masks: bool = True
    whole: bool = True

    kind: ClassVar[str] = "stems"
    headline: ClassVar[str] = "SDR"

    def __post_init__(self):
        super().__post_init__()
        if len(self.vocabulary) < 2:
            raise ValueError(
                f"task {self.name!r}: separation needs two stems or more, not {self.vocabulary}; "
                "name what remains as a stem too"
            )
        unknown = {name for name, _ in self.sources} - set(self.vocabulary)
        if unknown:
            raise ValueError(
                f"task {self.name!r}: sources are given for {sorted(unknown)}, "
                f"which the vocabulary {self.vocabulary} does not have"
            )

    @property
    def head(self) -> HeadSpec:
        """Waveforms at the network's rate; the last stem is the mixture minus the others."""
        stems = len(self.vocabulary)
        return HeadSpec("masks", stems, MASK_RATE) if self.masks else HeadSpec("waveform", stems)

    @property
    def source_labels(self) -> frozenset[str]:
        """The names of annotated stems that the task asks for, without `*`."""
        selected = (name for stem in self.vocabulary for name in self._selectors(stem))
        return frozenset(selected) - {REST}

    def labels_in(self, annotation: Stems) -> frozenset[str]:
        """Return the names, and the parts of names, of the stems that are not silent."""
        return frozenset(part for name in _audible(annotation) for part in _parts(name))

    def complaint(self, annotation: Stems) -> str | None:
        """Return, in words, which stems an annotation lacks, or has beside the task's.

        Silent ones are there.
        """
        if missing := self._missing(annotation):
            return f"no stem {quoted(missing)}, which {self.name} separates"
        if more := self._more(annotation):
            return f"the stem {quoted(more)}, which is part of no stem of {self.name}"
        return None

    def can_use(self, annotation: Stems) -> bool:
        """Return whether an annotation has all stems, and none beside them."""
        return not (self._missing(annotation) or self._more(annotation))

    def _more(self, annotation: Stems) -> frozenset[str]:
        """Return the stems that are heard in the mixture, and ought not to be."""
        selected = {name for stem in self.vocabulary for name in self._selectors(stem)}
        if not self.whole or REST in selected:
            return frozenset()
        return frozenset(name for name in _audible(annotation) if not _parts(name) & selected)

    def _missing(self, annotation: Stems) -> frozenset[str]:
        """Return what must be there for `mix`, and is not."""
        parts = [_parts(name) for name in annotation.waveforms]
        there = {part for own in parts for part in own}
        left = any(not own & self.source_labels for own in parts)
        wanted = [{*self._selectors(stem)} for stem in self.vocabulary]
        lacking = [own for own in wanted if not (own & there or (REST in own and left))]
        return frozenset(name for own in lacking for name in own - {REST})

    def moment(self, rng: np.random.Generator, example: Example, label: str) -> float:
        """Return a random time, in seconds, at which a stem called `label` is to be heard."""
        assert isinstance(example.annotation, Stems)
        stems = example.annotation.waveforms
        named = [waveform for name, waveform in stems.items() if label in _parts(name)]
        return audible_moment(rng, named[rng.integers(len(named))], example.rate)

    def mix(self, annotation: Stems) -> Float[np.ndarray, "stem time channel"]:
        """Return the task's stems as sums of annotated ones, in the vocabulary's order.

        An annotated stem that several would select goes to the first of them, so that the stems
        add up to the mixture.

        Raises:
            ValueError: the annotation has nothing that a stem selects.
        """
        left = dict(annotation.waveforms)
        chosen: dict[str, list[np.ndarray]] = {}
        for stem in self.vocabulary:
            wanted = set(self._selectors(stem))
            names = [name for name in left if _parts(name) & wanted]
            chosen[stem] = [left.pop(name) for name in names]
            if not names and REST not in wanted:
                raise ValueError(
                    f"task {self.name!r} needs the stem {stem!r}, "
                    f"but there are only {', '.join(sorted(annotation.waveforms))}"
                )
        for stem in self.vocabulary:
            if REST in self._selectors(stem):
                chosen[stem] += left.values()
                left = {}
        silence = np.zeros_like(next(iter(annotation.waveforms.values())))
        return np.stack([sum(waveforms, silence) for waveforms in chosen.values()])

    def encode(self, annotation: Stems, n_samples: int, rate: int) -> Target:
        """Return values of shape `(time, stem, channel)` and a mask of shape `(time, 1, 1)`.

        Args:
            annotation: stems of the segment; shorter ones are followed by silence.
            n_samples: length of the segment.
            rate: sampling rate in Hz, that of the stems.
        """
        if annotation.rate != rate:
            raise ValueError(f"stems at {annotation.rate} Hz, audio at {rate} Hz: resample first")
        stems = self.mix(annotation)[:, :n_samples]  # (stem, time, channel)
        values = np.zeros((n_samples, stems.shape[0], stems.shape[2]), np.float32)
        values[: stems.shape[1]] = stems.transpose(1, 0, 2)
        return Target(values, np.ones((n_samples, 1, 1), np.float32))

    @staticmethod
    def loss(output: jax.Array, target: Target) -> Float[jax.Array, " batch"]:
        """Return guarded log-MSE (`umir.tasks.losses.separation_loss`)."""
        return separation_loss(output, *map(jnp.asarray, target))

    def head_prior(self, target: Target) -> None:
        """Return None: waveforms have no prior but silence."""
        del target

    def default_settings(self, rate: int) -> Settings:
        """Return the rate of the stems: there is nothing else to decode."""
        return {"rate": rate}

    def fit_decoder(self, outputs: Sequence[np.ndarray], references: Sequence[Stems]) -> Settings:
        """Return the rate of the references, which is the network's."""
        del outputs
        return self.default_settings(references[0].rate)

    def decode(self, output: np.ndarray, settings: Settings) -> Stems:
        """Return the stems of a song from an output of shape `(time, stem, channel)`."""
        stems = zip(self.vocabulary, output.transpose(1, 0, 2), strict=True)
        return Stems(dict(stems), settings["rate"])

    def evaluate(self, reference: Stems, estimate: Stems) -> dict[str, float]:
        """Return the metrics of one song."""
        return self._track(reference, estimate)[0]

    def evaluate_all(
        self, references: Iterable[Stems], estimates: Iterable[Stems]
    ) -> tuple[dict[str, float], list[dict[str, float]]]:
        """Return the metrics of a set of songs (median of medians), and those of each song.

        Of iterators, one song at a time is asked for.
        """
        pairs = zip(references, estimates, strict=True)
        tracks = [self._track(reference, estimate) for reference, estimate in pairs]
        per_track, frames = [scores for scores, _ in tracks], [sdr for _, sdr in tracks]
        return aggregate(per_track, frames, self.vocabulary), per_track

    def variant(
        self, rng: np.random.Generator, labels: Collection[str] | None = None
    ) -> "SourceSeparation":
        """Draw one target stem, or instrument within a stem, against the rest: two stems."""
        known = sorted(self.source_labels if labels is None else labels)
        if not known:
            return self
        # `drums/drums` would be the same as `drums`.
        known = [name for name in known if "/" not in name] or known
        target = known[rng.integers(len(known))]
        rest = "rest" if target != "rest" else ACCOMPANIMENT
        sources = ((target, (target,)), (rest, (REST,)))
        return replace(self, vocabulary=(target, rest), sources=sources)

    def _selectors(self, stem: str) -> tuple[str, ...]:
        return dict(self.sources).get(stem, (stem,))

    def _track(self, reference: Stems, estimate: Stems):
        if reference.rate != estimate.rate:
            raise ValueError(
                f"reference at {reference.rate} Hz, estimate at {estimate.rate} Hz: resample first"
            )
        missing = set(self.vocabulary) - set(estimate.waveforms)
        if missing:
            raise ValueError(f"the estimate lacks the stems {', '.join(sorted(missing))}")
        true, stems = self.mix(reference), list(reference.waveforms.values())
        guess = np.stack([estimate.waveforms[stem] for stem in self.vocabulary])
        # As museval: an estimate is cut or followed by silence to the reference's length.
        guess = guess[:, : true.shape[1]]
        guess = np.pad(guess, ((0, 0), (0, true.shape[1] - guess.shape[1]), (0, 0)))
        # What was heard has the stems in it that the task does not ask for.
        return track_scores(true, guess, self.vocabulary, reference.rate, np.sum(stems, axis=0))


def separation_of(sources: Sequence[str]) -> SourceSeparation:
    """Return the task that a network's sources are: `accompaniment` is whatever is left.

    A single source is separated from that.
    """
    sources = (*sources, ACCOMPANIMENT) if len(sources) == 1 else sources
    whole = ACCOMPANIMENT in sources
    rest = ((ACCOMPANIMENT, (REST,)),) if whole else ()
    return SourceSeparation("source_separation", tuple(sources), sources=rest, whole=whole)


def _audible(annotation: Stems) -> list[str]:
    return [
        name
        for name, waveform in annotation.waveforms.items()
        if waveform.size and np.abs(waveform).max() > AUDIBLE
    ]


def _parts(name: str) -> set[str]:
    """Return a stem's name and the parts of its path: `other/piano`, `other`, `piano`."""
    return {name, *name.split("/")}


def vocal_separation() -> SourceSeparation:
    """Return the task of two stems: vocals and accompaniment."""
    sources = (("vocals", ("vocals",)), ("accompaniment", (REST,)))
    return SourceSeparation("vocal_separation", ("vocals", "accompaniment"), sources)


def four_stem_separation() -> SourceSeparation:
    """Return the task of the four stems of MUSDB18; any further stem of a song is part of `other`.

    `other` comes last, as what the network cannot hear remains in the last stem.
    """
    stems, rest = ("bass", "drums", "vocals", "other"), (("other", ("other", REST)),)
    return SourceSeparation("source_separation", stems, sources=rest)
