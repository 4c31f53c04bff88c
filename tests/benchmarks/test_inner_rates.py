"""The table of rates of the inner loop: what it prints, and that it is of the inner loop."""

import re

import pytest
from benchmark_scripts import benchmark_module
from tiny import TINY

from umir.wave_unet import PRESETS

SCRIPT = benchmark_module("inner_rates")


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_body_that_is_adapted_has_another_loss(monkeypatch, capsys, optimizer):
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    options = ["--preset", "tiny", "--songs", "2", "--song-seconds", "8", "--episodes", "1"]
    options += ["--tasks", "onset_detection", "--inner-optimizer", optimizer, "--steps", "2"]
    SCRIPT.main(["scratch", *options, "--rates", "0", "1e-5", "1"])
    shown = capsys.readouterr().out
    assert re.match(r"scratch: norm of the body \d+\n", shown)
    assert "| query loss, rate of the body | 0 | 1e-05 | 1 |" in shown
    (row,) = (line for line in shown.splitlines() if line.startswith("| onset_detection"))
    head_alone, hardly, moved = map(float, re.findall(r"\d+\.\d+", row))
    assert head_alone == pytest.approx(hardly, abs=2e-3) and moved != head_alone
