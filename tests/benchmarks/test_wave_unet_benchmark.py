"""The benchmark of published Wave-U-Nets: both sides compute the same, and are counted right."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
from benchmark_scripts import benchmark_module

from umir.separation import recipes
from umir.separation.recipes import PRESETS, SeparationPreset
from umir.wave_unet.separators import FilteredWaveUNet, OriginalWaveUNet

torch = pytest.importorskip("torch")
wave_unet = benchmark_module("wave_unet")
benchmark_module("torch_wave_unet")  # the script imports it where PyTorch is

ORIGINAL = OriginalWaveUNet(
    ("a", "b", "c"), 8000, 2, 40, levels=2, filters=4, kernel=5, decoder_kernel=3,
    context=True, difference=True,
)  # fmt: skip
FILTERED = FilteredWaveUNet(("a", "b"), 44_100, 2, wanted=2000, widths=(8, 16, 24), kernel=3)
DEEP = replace(FILTERED, depth=2, separate=False)


@pytest.fixture
def tiny(monkeypatch):
    for name, network in (("m4", ORIGINAL), ("filtered", FILTERED)):
        preset = SeparationPreset(network, PRESETS[name].recipe)
        monkeypatch.setitem(recipes.PRESETS, name, preset)


@pytest.mark.parametrize("network", [ORIGINAL, FILTERED, DEEP])
def test_multiply_adds_are_those_that_pytorch_meets(network):
    peer = wave_unet.peer_of(network, network.init(jax.random.key(0)))
    met = []
    for module in peer.modules():
        if isinstance(module, torch.nn.Conv1d):
            module.register_forward_hook(
                lambda m, inputs, output: met.append(m.weight.numel() * output.shape[2])
            )
    with torch.no_grad():
        peer(torch.zeros(1, network.channels, network.sizes.input))
    assert wave_unet.multiply_adds(network) == sum(met)


@pytest.mark.parametrize("preset", ["m4", "filtered"])
def test_both_sides_take_the_same_steps(tiny, preset):
    ours, theirs = wave_unet.steps_of(preset, 2)
    losses = [(float(ours()), theirs()) for _ in range(3)]
    # The rates of the second recipe differ; the first losses come before any step.
    assert losses[0][0] == pytest.approx(losses[0][1], rel=1e-4)
    if preset == "m4":
        np.testing.assert_allclose(*np.transpose(losses), rtol=1e-3)
    assert losses[0][0] != losses[1][0]


def test_the_tables(tiny, capsys):
    wave_unet.training(["m4"], batch=1, rounds=1)
    shown = capsys.readouterr().out
    assert "matrix product: " in shown and "m4: PyTorch" in shown


def test_both_sides_separate_a_song(tiny, tmp_path):
    wave_unet.write_models(tmp_path)
    found = [json.loads(json.dumps(side(1.0, tmp_path))) for side in wave_unet.SIDES.values()]
    assert 0 < found[0]["loudness"] == pytest.approx(found[1]["loudness"], rel=1e-4)
    assert all(of["megabytes"] >= of["before"] > 0 and of["seconds"] > 0 for of in found)
