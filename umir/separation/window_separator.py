"""Separation by a network of a fixed window: windows side by side, nothing blended.

As of the Wave-U-Net's paper (ISMIR 2018): the song comes to the network's rate and channels (a mono
network separates each channel of it by itself), zeros go before and after it for context, and
windows lie end to end, as far apart as their outputs are long. The last one ends where the song
does, and replaces what the one before has in common with it. A song shorter than a window is
followed by zeros. Sources go back to the song's own rate; what lies above the network's band is in
none of them, so they need not add up to the song.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from umir.audio import to_channels
from umir.audio_stream import Block, resample_blocks, with_length
from umir.separation.magnitude_unet import MagnitudeUNet
from umir.separation.stream import Held, Level, StemBlocks
from umir.tasks.source_separation import separation_of
from umir.wave_unet.parameters import Params
from umir.wave_unet.separators import FilteredWaveUNet, OriginalWaveUNet, SpectrogramUNet

WindowNetwork = OriginalWaveUNet | FilteredWaveUNet | SpectrogramUNet | MagnitudeUNet


@dataclass(frozen=True)
class WindowSeparator:
    """A network of a fixed window, with its parameters: separates as `stream.Separator` does.

    Attributes:
        network: what separates one window.
        params: its parameters.
    """

    network: WindowNetwork
    params: Params

    @property
    def stems(self) -> tuple[str, ...]:
        """The names of the sources; of a single one, and of what it leaves of the mixture."""
        return separation_of(self.network.sources).vocabulary

    def measure(self, blocks: Iterable[Block], rate: int) -> Level:
        """Return the length of a song; its level is left as it is."""
        del rate
        return Level(sum(map(len, blocks)), ())

    def separate(self, blocks: Iterable[Block], rate: int, level: Level) -> StemBlocks:
        """Separate a song.

        Args:
            blocks: the song, `(time, channel)`, any lengths and any number of channels.
            rate: its sampling rate in Hz.
            level: what `measure` returned for it.

        Yields:
            Sources by name, at the rate and with the channels of the song: blocks of one shape, as
            many samples in all as the song has.
        """
        song = Held(blocks)
        own = (self._heard(block) for block in song)
        found = self._outputs(resample_blocks(own, rate, self.network.rate))
        left = level.n_samples
        for output in resample_blocks(found, self.network.rate, rate):
            output = output[:left]
            left -= len(output)
            yield self._named(output, song.take(len(output)))
        if left:  # resampling there and back may end a few samples short of the song
            rest = song.take(left)
            width = len(self.network.sources) * self._heard(rest[:1]).shape[1]
            yield self._named(np.zeros((left, width), np.float32), rest)

    def _heard(self, block: Block) -> np.ndarray:
        """Return a stretch of a song with the channels that are separated."""
        return block if self.network.channels == 1 else to_channels(block, self.network.channels)

    def _outputs(self, song: Iterable[Block]) -> Iterator[Block]:
        """Yield the sources of a song at the network's own rate, `(time, source * channel)`."""
        sizes = self.network.sizes
        after = sizes.input - sizes.output - sizes.margin
        parts = self.network.parts(self.params).values()
        held, begins = None, 0  # the output before, which the last window may replace in part
        for window, middle in windows(song, sizes.output, sizes.margin, after):
            if held is not None:
                yield held[: middle - begins]
            # As NumPy at once: parts that wait for each other would hold their memory together.
            found = [self._sources(net, own, window) for net, own in parts]
            output = np.concatenate(found, axis=1)  # (time, source, channel)
            held, begins = output.reshape(len(output), -1), middle
        assert held is not None, "a song has samples"
        yield held

    def _sources(self, network: WindowNetwork, params: Params, window: Block) -> np.ndarray:
        """Return the sources of a window, `(time, source, channel)`."""
        heard = np.split(window, window.shape[1] // self.network.channels, axis=1)
        each = [np.asarray(_separated(network, params, part[None])[0]) for part in heard]
        return np.concatenate(each, axis=-1)

    def _named(self, output: np.ndarray, song: Block) -> dict[str, Block]:
        """Return the stems of a stretch of the song, with its channels."""
        names, channels = self.network.sources, song.shape[1]
        sources = output.reshape(len(output), len(names), output.shape[1] // len(names))
        found = {
            name: to_channels(sources[:, n], channels)
            if channels <= sources.shape[2]
            else np.repeat(sources[:, n].mean(axis=1, keepdims=True), channels, axis=1)
            for n, name in enumerate(names)
        }
        return found | {name: song - found[names[0]] for name in self.stems[len(names) :]}


def windows(
    song: Iterable[Block], hop: int, before: int, after: int
) -> Iterator[tuple[Block, int]]:
    """Cut a song into windows whose middles lie end to end, the last of them where the song ends.

    Args:
        song: blocks of any lengths.
        hop: samples in the middle of a window.
        before: samples of context before that.
        after: samples of context after that.

    Yields:
        Windows, `(before + hop + after, channel)`, and the sample of the song at which the middle
        of each begins. They cover a song that is shorter than a window, and the zeros after it.
    """
    length = before + hop + after
    buffer: Block | None = None
    middle, start = 0, -before  # of the next window, and of the buffer, in samples of the song
    for block in song:
        if buffer is None:
            buffer = np.zeros((before, block.shape[1]), np.float32)
        buffer = np.concatenate([buffer, block])
        # One sample more than the window: it is not the last.
        while start + len(buffer) > middle + hop + after:
            first = middle - before - start
            yield buffer[first : first + length], middle
            # The last window may begin up to one hop earlier than the next would.
            buffer, start = buffer[first:], start + first
            middle += hop
    assert buffer is not None, "a song has samples"
    ends = max(start + len(buffer), length)  # a song shorter than a window is made as long as one
    buffer = with_length(buffer, ends + after - start)
    while middle < ends:
        first = min(middle, ends - hop) - before - start
        yield buffer[first : first + length], start + first + before
        middle += hop


@partial(jax.jit, static_argnums=0)
def _separated(network: WindowNetwork, params: Params, mixture: jax.Array) -> jax.Array:
    return network.apply(params, jnp.asarray(mixture))[0]
