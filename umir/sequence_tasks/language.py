"""Language: the next character or the next word of a text.

Symbols become vectors by an embedding, whose transpose turns the network's outputs into logits
again (tied, Press and Wolf 2017). Windows are without padding: every target has its whole context
in the window. Characters are scored in bits per character, words by perplexity, exp(nats per word).
"""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from umir.sequence_tasks.batches import WindowSizes
from umir.sequence_tasks.task import SequenceTask
from umir.wave_unet.parameters import Key, Params
from umir.wave_unet.sequences.dropout import dropout, split_or_none

_UNIFORM, _NORMAL = 0.1, 0.01  # fresh embeddings: of characters from -0.1 to 0.1, of words N(0, _)


@dataclass(frozen=True)
class _Language(SequenceTask):
    """A model of a language.

    Attributes:
        network: as many channels in as out, those of the embedding.
        symbols: size of the vocabulary.
        targets: least number of targets per window.
        embedding_dropout: share of the numbers of the embedded input that is dropped in training.
    """

    symbols: int
    targets: int
    embedding_dropout: float = 0.1

    def __post_init__(self):
        if self.network.channels != self.network.outputs:
            raise ValueError(
                f"{self.network.channels} channels in and {self.network.outputs} out: the "
                "embedding, which both are of, has one width"
            )

    @property
    def sizes(self) -> WindowSizes:
        """Lengths of windows."""
        inputs = self.network.input_length(self.targets)
        return WindowSizes(inputs, self.network.output_length(inputs))

    def init(self, key: Key) -> Params:
        """Draw fresh parameters: `network`, `embedding` and the `bias` of the logits."""
        network, embedding = jax.random.split(key)
        return {
            "network": self.network.init(network),
            "embedding": self._init_embedding(embedding, (self.symbols, self.network.channels)),
            "bias": jnp.zeros((self.symbols,)),
        }

    def logits(
        self, params: Params, inputs: Int[Array, "batch time"], key: Key | None = None
    ) -> Float[Array, "batch _ class"]:
        """Return those of every symbol, for the inputs that have a whole context."""
        keys = split_or_none(key, 2)
        x = params["embedding"][inputs]  # (batch, time, channel)
        x = dropout(x, self.embedding_dropout, keys[0])
        y, _ = self.network.apply(params["network"], x, padding="valid", key=keys[1])
        return y @ params["embedding"].T + params["bias"][None, None]

    @abstractmethod
    def _init_embedding(self, key: Key, shape: tuple[int, int]) -> jax.Array:
        """Draw an embedding."""


@dataclass(frozen=True)
class Characters(_Language):
    """Prediction of characters."""

    kind: ClassVar[str] = "characters"
    headline: ClassVar[str] = "bits_per_character"

    def scores(self, totals: Mapping[str, float]) -> dict[str, float]:
        """Return `bits_per_character` and `accuracy`."""
        count = totals["count"]
        bits = totals["nats"] / count / math.log(2)
        return {self.headline: bits, "accuracy": totals["correct"] / count}

    def _init_embedding(self, key: Key, shape: tuple[int, int]) -> jax.Array:
        return jax.random.uniform(key, shape, minval=-_UNIFORM, maxval=_UNIFORM)


@dataclass(frozen=True)
class Words(_Language):
    """Prediction of words."""

    kind: ClassVar[str] = "words"
    headline: ClassVar[str] = "perplexity"

    def scores(self, totals: Mapping[str, float]) -> dict[str, float]:
        """Return `perplexity` and `accuracy`."""
        count = totals["count"]
        perplexity = math.exp(min(totals["nats"] / count, 700))  # beyond is no float
        return {self.headline: perplexity, "accuracy": totals["correct"] / count}

    def _init_embedding(self, key: Key, shape: tuple[int, int]) -> jax.Array:
        return _NORMAL * jax.random.normal(key, shape)
