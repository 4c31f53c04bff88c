"""`umir predict --live`: prints what a model finds in a stream as soon as it is known.

One line per finding: time in seconds, label, and what else is known (see `umir.tasks.live`), or
JSON. The latency is printed first, the real-time factor at the end, both on standard error.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import cast

import numpy as np
import soxr

from umir.audio_stream import Block, open_audio, resample_blocks
from umir.live_input import STANDARD_INPUT, PipedAudio, SampleFormat
from umir.live_prediction import BLOCK_SECONDS, LivePrediction
from umir.program import print_no_more
from umir.separation.separator_model import load_model_for
from umir.task_model import TaskModel
from umir.tasks.live import Finding


def predict_live(args: argparse.Namespace) -> int:
    """Run the stream that the arguments of `umir predict` ask for.

    Returns:
        The exit status.

    Raises:
        ValueError: a model that cannot run live, or audio that cannot be used.
    """
    model = load_model_for(args.model, args.task)
    if not isinstance(model, TaskModel):
        raise ValueError(f"{args.model}: separates whole windows and cannot run live")
    try:
        prediction = LivePrediction(model, args.gain)
    except ValueError as error:
        raise ValueError(f"{args.model}: {error}") from None
    raw = SampleFormat(args.rate or model.rate, args.channels or model.channels)
    prediction.warm_up()
    try:
        with opened(args.live, raw) as (rate, blocks):
            _say_latency(prediction, resampling_delay(rate, model.rate))
            own = resample_blocks(_short(blocks, rate), rate, model.rate)
            _run(prediction, own, args)
    except BrokenPipeError:  # nobody reads on: nothing to say, and nothing to flush at the end
        print_no_more()
    return 0


def _run(prediction: LivePrediction, blocks: Iterator[Block], args: argparse.Namespace) -> None:
    """Print what is found in blocks at the model's rate."""
    try:
        for block in blocks:
            _show(prediction.push(block), args.json)
    finally:  # what was heard until Ctrl-C, or until something broke, is known all the same
        _show(prediction.finish(), args.json)
        _say_speed(prediction, args.gain)


@contextlib.contextmanager
def opened(name: str, raw: SampleFormat) -> Iterator[tuple[int, Iterator[Block]]]:
    """Open a file, or standard input for `-`: its rate in Hz, and its blocks.

    Raises:
        AudioError: it cannot be used; names it.
    """
    if name == STANDARD_INPUT:
        piped = PipedAudio(cast(BufferedIOBase, sys.stdin.buffer), raw)
        yield piped.format.rate, piped.blocks()
    else:
        with open_audio(Path(name)) as file:
            yield file.rate, file.blocks()


def resampling_delay(rate: int, new_rate: int) -> float:
    """Return what the resampler holds back, in milliseconds."""
    if rate == new_rate:
        return 0.0
    resampler = soxr.ResampleStream(rate, new_rate, 1)
    given = resampler.resample_chunk(np.zeros((rate, 1), np.float32))
    return 1000 * (1 - len(given) / new_rate)


def _short(blocks: Iterator[Block], rate: int) -> Iterator[Block]:
    """Cut blocks to the length that the model takes at once, so that nothing waits for more."""
    length = max(1, round(BLOCK_SECONDS * rate))
    for block in blocks:
        yield from (block[first : first + length] for first in range(0, len(block), length))


def _show(found: list[Finding], as_json: bool) -> None:
    for finding in found:
        print(json.dumps(finding.as_json()) if as_json else finding.as_text(), flush=True)


def _say_latency(prediction: LivePrediction, resampling: float) -> None:
    parts = prediction.latency
    total = parts.total + resampling
    print(
        f"algorithmic latency {total:.1f} ms: network {parts.network:.1f}, decoder "
        f"{parts.decoder:.1f}, blocks up to {parts.block:.1f}, resampling {resampling:.1f}",
        file=sys.stderr,
        flush=True,
    )


def _say_speed(prediction: LivePrediction, gain_db: float) -> None:
    seconds, advised = prediction.seconds, prediction.advised_gain_db
    if not seconds:
        print("nothing was heard", file=sys.stderr)
        return
    factor = prediction.elapsed / seconds
    level = "silence" if advised is None else f"at -20 dBFS with --gain {advised:.1f}"
    print(
        f"{seconds:.2f} s in {prediction.elapsed:.2f} s: real-time factor {factor:.3f}; "
        f"gain {gain_db:g} dB ({level})",
        file=sys.stderr,
    )
