"""What `benchmarks/seq_unet.py` counts, by hand, and that both of its rows run."""

import jax
import pytest
from benchmark_scripts import benchmark_module

from umir.wave_unet.sequences import TCN, ResidualSeqUNet, SeqUNet

seq_unet = benchmark_module("seq_unet")


def test_multiply_adds_of_a_seq_unet():
    net = SeqUNet(channels=1, widths=(2, 3), outputs=5, taps=3)
    down = 11 * 3 * 1 * 2 + 5 * 3 * 2 * 2  # 13 samples, 11, 5
    bottom = 3 * 3 * 2 * 3
    up = 3 * 3 * 3 * 3 + 1 * 3 * (3 + 2) * 2  # 3 frames, 3 of their 7 outputs, 1
    assert net.output_length(13 + 2) == 3
    assert seq_unet.unet_multiply_adds(net, 13) == down + bottom + up + 1 * 2 * 5


def test_multiply_adds_of_a_tcn():
    net = TCN(channels=2, widths=(3, 3), outputs=9, taps=2)
    first, second = 2 * (2 + 3) * 3 + 2 * 3, 2 * (3 + 3) * 3
    assert seq_unet.tcn_multiply_adds(net, 10) == 10 * (first + second)


def test_weights_of_a_sample():
    net = ResidualSeqUNet(channels=2, outputs=3, levels=2, width=4, taps=3, depth=1)
    unit, conditioned = (3 * 4 + 1) * 8, (3 * 8 + 1) * 8
    ends = (3 * 2 + 1) * 4 + (4 + 1) * 3
    expected = ends + unit + unit / 2 + unit / 2 + conditioned + unit / 2
    params = net.init(jax.random.key(0))
    assert seq_unet.weights_per_sample(net, params) == pytest.approx(expected)


@pytest.mark.slow
def test_both_rows_run(capsys):
    with jax.numpy_dtype_promotion("standard"):  # optax's Adam mixes its count with floats
        seq_unet.training("nano", 1, 0.1)
    seq_unet.generation("nano", 1, 1)
    printed = capsys.readouterr().out
    assert "TCN over Seq-U-Net" in printed
    assert "samples per second" in printed
