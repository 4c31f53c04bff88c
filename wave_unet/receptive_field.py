"""How far a network sees: which samples of the waveform an output depends on.

Nothing in a Wave-U-Net is normalised over time, so this is finite, and whoever cuts a song into
blocks with that much of the song on both sides gets the outputs of the song run in one go.

Ranges of frames are followed from the output down to the waveform. A convolution of stride s and K
taps turns the range [first, last] of its output into [s first - K // 2, s last + K - 1 - K // 2]
of its input; a decoder that upsamples by s reads the range [floor(first / s), ceil(last / s)] of
the level below; the residual convolutions at the last level add their dilations on both sides, the
constant-Q layer the taps of its filters and, for slower levels, the triangles under which it is
averaged.

Of a causal body everything ends with the frame: K taps read [s n - (K - 1), s n], a decoder the
newest slow frame and the one before, and all of it is `lookahead` samples early.
"""

from functools import cache

from umir.wave_unet.heads import WAVEFORM_TAPS, HeadSpec, decoder_rate
from umir.wave_unet.mask_head import AFTER, BEFORE, OVERLAP, SMOOTHED_FRAMES
from umir.wave_unet.network import Network
from umir.wave_unet.presets import WaveUNetConfig
from umir.wave_unet.universal_seq_unet import FRAMES_READ
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
    samples = hop if head.gives_waveforms else 1
    # In the last window that reaches into a hop, the hop's first sample weighs nothing.
    latest = 1 if head.kind == "masks" else 0
    before = after = 0
    # What an output sees repeats with the frames of the last level.
    for frame in range(config.total_stride // hop):
        frames, mixture = _head_ranges(head, frame, hop, config.causal)
        read = _causal_range if config.causal else _waveform_range
        first, last = _both(read(config, top, frames), mixture)
        before = max(before, (frame * hop + samples - 1) - first)
        after = max(after, last - frame * hop - latest)
    return before, after


def _head_ranges(head: HeadSpec, frame: int, hop: int, causal: bool) -> tuple[Range, Range]:
    """Return which frames of features and samples of the mixture a head reads.

    Args:
        head: what is asked for.
        frame: the frame of the output, or of its samples.
        hop: samples per frame.
        causal: whether the body is.
    """
    centre = frame * hop, frame * hop
    if head.kind == "waveform" and causal:
        frames = frame - WAVEFORM_TAPS + 1, frame
        return frames, (frames[0] * hop, (frame + 1) * hop - 1)
    if head.kind == "waveform":
        frames = frame - WAVEFORM_TAPS // 2, frame + WAVEFORM_TAPS // 2
        return frames, (frames[0] * hop, (frames[1] + 1) * hop - 1)
    if head.kind == "masks":
        # The samples of a hop lie in the windows of frames that are up to half a window away; a
        # window's first sample weighs nothing.
        frames = frame - BEFORE, frame + AFTER
        reach = SMOOTHED_FRAMES // 2 * hop + OVERLAP * hop // 2 - 1
        return frames, (frames[0] * hop - reach, frames[1] * hop + reach)
    return (frame, frame), centre


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
    frames, heard = {}, needed[len(config.strides)]  # level -> frames of its features
    for level in range(len(config.strides), 0, -1):
        heard = frames[level] = _both(heard, needed.get(level, heard))
        taps, stride = config.kernels[level - 1], config.strides[level - 1]
        heard = heard[0] * stride - taps // 2, heard[1] * stride + taps - 1 - taps // 2
    return heard if config.constant_q is None else _both(heard, _spectrum_range(config, frames))


def _spectrum_range(config: WaveUNetConfig, frames: dict[int, Range]) -> Range:
    """Return the samples that the constant-Q layer hears for the encoder's features."""
    assert config.constant_q is not None
    fastest, heard = config.spectrum_level, frames[len(config.strides)]
    for level in range(len(config.strides), fastest, -1):
        stride = config.strides[level - 1]
        heard = heard[0] * stride - (stride - 1), heard[1] * stride + stride - 1
        # Only at its own rate are several frames seen at once.
        reach = SPECTRUM_TAPS // 2 if level - 1 == fastest else 0
        own = frames[level - 1]
        heard = _both(heard, (own[0] - reach, own[1] + reach))
    if fastest == len(config.strides):
        heard = heard[0] - SPECTRUM_TAPS // 2, heard[1] + SPECTRUM_TAPS // 2
    hop, reach = config.hops[fastest], config.constant_q.reach
    return heard[0] * hop - reach, heard[1] * hop + reach


def _causal_range(config: WaveUNetConfig, top: int, frames: Range) -> Range:
    """Return the samples that the features of level `top` of a causal body depend on."""
    last = len(config.strides)
    needed = {}  # level -> first frame of the encoder's features
    first = frames[0]
    for level in range(top, last):
        needed[level] = first - (config.decoder_kernels[level - 1] - 1)
        first = first // config.strides[level] - (FRAMES_READ - 1)
    first -= (config.context_kernel - 1) * sum(config.dilations)
    heard, bank = first, config.constant_q
    for level in range(last, 0, -1):
        first = min(first, needed.get(level, first))
        if bank is not None and level >= config.spectrum_level:
            taps = SPECTRUM_TAPS if level == config.spectrum_level else 1
            heard = min(heard, first - (taps - 1))
            # At this level's own rate; one level up it is the mean since the last frame.
            if level == config.spectrum_level:
                heard = heard * bank.hop - bank.past
            else:
                heard = heard * config.strides[level - 1] - (config.strides[level - 1] - 1)
        first = first * config.strides[level - 1] - (config.kernels[level - 1] - 1)
    earliest = first if bank is None else min(first, heard)
    return earliest + config.lookahead, frames[1] * config.hops[top] + config.lookahead


def _both(one: Range, other: Range) -> Range:
    return min(one[0], other[0]), max(one[1], other[1])
