"""What both Seq-U-Nets share: the way down and up, lengths, phases, and running on streams.

A causal U-Net (Stoller et al. 2020, arXiv:1911.06393) halves the rate at every level on the way
down and doubles it on the way up, joining at each level what was seen there on the way down. All
layers look back only, so an output depends on its own sample and on earlier ones. Which earlier
ones depends on the phase of the decimation: a frame of level l stands at every 2^l-th sample and
sees nothing after it, so an output reads level l as it was up to `2^l - 1` samples ago.

Where the phase is anchored is a choice:

- at the start (ours): frames of level l stand at samples 0, 2^l, 2 * 2^l, ... of the audio. Output
  t is a function of samples 0 to t alone, whatever comes later, so that a stream can be run as it
  arrives, and appending samples changes no output.
- at the end (as in the paper's code): frames stand at the last sample and every 2^l-th before it.
  Output t still depends on no later sample's value, but on how many there are, modulo 2^(levels-1):
  appending one sample shifts all frames, and changes the outputs.

Without padding ("valid") the lengths are such that both come to the same: the last sample stands at
a multiple of the cycle. A network trained so, on outputs of whole cycles, has seen every phase.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from umir.wave_unet.parameters import Key, Params
from umir.wave_unet.sequences.history import PADDINGS, whole
from umir.wave_unet.sequences.input_checks import check_choice, check_input
from umir.wave_unet.sequences.levels import traverse
from umir.wave_unet.sequences.signal import Signal
from umir.wave_unet.sequences.streaming import StreamState, init_state, step
from umir.wave_unet.sequences.unet_stages import Stages
from umir.wave_unet.sequences.valid_lengths import longest_context

ANCHORS = ("start", "end")
Features = dict[str, Float[Array, "batch frame _"]]


class CausalUNet(Stages):
    """The part of a Seq-U-Net that does not depend on its layers."""

    @property
    def cycle(self) -> int:
        """Samples per frame of the last level: outputs so far apart are computed alike."""
        return self.lengths.cycle

    @property
    def receptive_field(self) -> int:
        """How many samples the output that sees furthest depends on, its own among them."""
        return longest_context(self.lengths)

    def context(self, phase: int) -> int:
        """Return how many samples an output at that position modulo the cycle depends on."""
        return self.lengths.context(phase % self.cycle)

    def input_length(self, output_length: int) -> int:
        """Return the shortest input that gives so many outputs, and a whole cycle, unpadded."""
        return self.lengths.input_length(output_length)

    def output_length(self, input_length: int) -> int:
        """Return how many outputs an input gives without padding; raises where none fit."""
        return self.lengths.output_length(input_length)

    def apply(
        self,
        params: Params,
        x: Float[Array, "batch time channel"],
        *,
        padding: str = "zeros",
        anchor: str = "start",
        key: Key | None = None,
    ) -> tuple[Float[Array, "batch _ out_channel"], Features]:
        """Run the network on everything at once.

        Args:
            params: as `init` returns them.
            x: shape `(batch, time, channel)`.
            padding: `zeros` gives as many outputs as inputs, each layer's past being zeros;
                `valid` gives the last `output_length(time)` of them, which have a full past.
            anchor: where the phase of the decimation is held, `start` or `end` (see the top of
                this file); with `end`, zeros fill up the oldest cycle, as in the paper's code.
            key: for dropout; None drops nothing.

        Returns:
            The output, aligned with the end of `x`, and the features by name: `encoder_N` and
            `decoder_N`, with one frame every N samples. (With `anchor="end"` they begin with the
            frames of the zeros that fill up.)

        Raises:
            ValueError: another number of channels, no samples, without padding a length that does
                not fit, an unknown padding or anchor.
        """
        check_input(x, self.channels)
        check_choice("padding", padding, PADDINGS)
        check_choice("anchor", anchor, ANCHORS)
        time = x.shape[1]
        if padding == "valid":
            wanted, first = self.output_length(time), 1 - time
        else:
            wanted, first = time, 0
            if anchor == "end":
                x = jnp.pad(x, ((0, 0), ((1 - time) % self.cycle, 0), (0, 0)))
        counter = iter(range(4 * self.lengths.levels))

        def run(stage: str, level: str, *signals: Signal) -> Any:
            stage_key = None if key is None else jax.random.fold_in(key, next(counter))
            method = getattr(self, stage)
            return method(params.get(stage + level, {}), *signals, whole(padding), stage_key)

        y, features = traverse(self.lengths.levels, Signal(x, first), run)
        return y.values[:, y.values.shape[1] - wanted :], features

    def init_state(self, params: Params, batch: int = 1) -> StreamState:
        """Return the state of so many streams before their first sample."""
        return init_state(self, params, batch)

    def step(
        self, params: Params, state: StreamState, block: Float[Array, "batch time channel"]
    ) -> tuple[StreamState, Float[Array, "batch time out_channel"]]:
        """Run the next block of a stream (`umir.wave_unet.sequences.streaming.step`).

        Args:
            params: as `init` returns them.
            state: as `init_state` or the step before returned it.
            block: shape `(batch, time, channel)`, of any length from one sample on.

        Returns:
            The new state, and the outputs of the block, aligned with it.

        Raises:
            ValueError: a block that does not fit the network or the state.
        """
        return step(self, params, state, block)
