"""How far a network sees: which samples of the waveform an output depends on.

Nothing in a Wave-U-Net is normalised over time, so this is finite, and whoever cuts a song into
blocks with that much of the song on both sides gets the outputs of the song run in one go.

Ranges of frames are followed from the output down to the waveform. A convolution of stride s and K
taps turns the range [first, last] of its output into [s first - K // 2, s last + K - 1 - K // 2]
of its input; a decoder that upsamples by s reads the range [floor(first / s), ceil(last / s)] of
the level below; the residual convolutions at the last level add their dilations on both sides, the
constant-Q layer the taps of its filters.
"""

from functools import cache

from umir.wave_unet.heads import WAVEFORM_TAPS, decoder_rate
from umir.wave_unet.network import Network
from umir.wave_unet.presets import WaveUNetConfig
from umir.wave_unet.wave_unet import SPECTRUM_TAPS

Range = tuple[int, int]


@cache
def receptive_field(network: Network) -> tuple[int, int]:
    """Return how many samples before and after its own time an output depends on.

    That of the output that sees furthest: outputs between two frames of the last level do not all
    see equally far. (Numbers of zero weight, as in no trained network, could make it less.)

    Args:
        network: body and head.

    Returns:
        Samples before and samples after, both at least 0.

    Raises:
        ValueError: a clip head, whose one output depends on all there is.
    """
    config, head = network.config, network.head
    if head.kind == "clip":
        raise ValueError("a clip's output depends on the whole clip: it has no receptive field")
    top = config.level_of(decoder_rate(head, config))
    hop = config.hops[top]
    taps, samples = (WAVEFORM_TAPS, hop) if head.kind == "waveform" else (1, 1)
    before = after = 0
    # What an output sees repeats with the frames of the last level.
    for frame in range(config.total_stride // hop):
        frames = frame - taps // 2, frame + taps // 2
        first, last = _waveform_range(config, top, frames)
        if head.kind == "waveform":  # which reads the mixture as well
            first, last = min(first, frames[0] * hop), max(last, (frames[1] + 1) * hop - 1)
        before = max(before, (frame * hop + samples - 1) - first)
        after = max(after, last - frame * hop)
    return before, after


def _waveform_range(config: WaveUNetConfig, top: int, frames: Range) -> Range:
    """Return the samples that the decoder's features of level `top` at `frames` depend on."""
    needed = {}  # level -> frames of the encoder's features
    for level in range(top, len(config.strides)):
        reach = config.decoder_kernels[level - 1] // 2
        first, last = frames[0] - reach, frames[1] + reach
        needed[level] = first, last
        stride = config.strides[level]
        frames = first // stride, -(-last // stride)
    reach = config.context_kernel // 2 * sum(config.dilations)
    needed[len(config.strides)] = frames[0] - reach, frames[1] + reach
    return _encoder_range(config, needed)


def _encoder_range(config: WaveUNetConfig, needed: dict[int, Range]) -> Range:
    """Return the samples that the encoder's features of several levels depend on, together."""
    first, last = needed[len(config.strides)]
    spectrum = None
    for level in range(len(config.strides), 0, -1):
        if level in needed:
            first, last = min(first, needed[level][0]), max(last, needed[level][1])
        if config.constant_q is not None and level == config.spectrum_level:
            reach = SPECTRUM_TAPS // 2 * config.hops[level] + config.constant_q.reach
            spectrum = first * config.hops[level] - reach, last * config.hops[level] + reach
        taps, stride = config.kernels[level - 1], config.strides[level - 1]
        first, last = first * stride - taps // 2, last * stride + taps - 1 - taps // 2
    if spectrum is not None:
        first, last = min(first, spectrum[0]), max(last, spectrum[1])
    return first, last
