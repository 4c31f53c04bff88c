"""The table of rates of the inner loop: what it prints, and that it is of the inner loop."""

import re

import pytest
from benchmark_scripts import benchmark_module
from tiny import TINY

from umir.wave_unet import PRESETS

SCRIPT = benchmark_module("inner_rates")


def test_a_body_that_is_adapted_has_another_loss(monkeypatch, capsys):
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    options = ["--preset", "tiny", "--songs", "2", "--song-seconds", "8", "--episodes", "1"]
    SCRIPT.main(["scratch", *options, "--tasks", "onset_detection", "--rates", "0", "1e-4", "1"])
    shown = capsys.readouterr().out
    assert re.match(r"scratch: norm of the body \d+\n", shown)
    assert "| query loss, rate of the body | 0 | 0.0001 | 1 |" in shown
    (row,) = (line for line in shown.splitlines() if line.startswith("| onset_detection"))
    head_alone, hardly, moved = map(float, re.findall(r"\d+\.\d+", row))
    assert head_alone == pytest.approx(hardly, abs=2e-3) and moved != head_alone
