import dataclasses
import json

import pytest

from umir.wave_unet import PRESETS, WaveUNetConfig


@pytest.mark.parametrize("preset", list(PRESETS))
def test_a_configuration_survives_json(preset):
    config = PRESETS[preset]
    stored = json.loads(json.dumps(dataclasses.asdict(config)))
    assert WaveUNetConfig.from_json(stored) == config
    assert hash(WaveUNetConfig.from_json(stored)) == hash(config)
    assert config.preset == preset


def test_rates_of_nano():
    nano = PRESETS["nano"]
    assert nano.rates == (16000, 4000, 1000, 200, 100, 50, 25, 12.5, 6.25)
    assert nano.total_stride == 2560
    assert nano.level_of(12.5) == 7


def test_all_presets_have_the_rates_that_tasks_use():
    for config in PRESETS.values():
        assert {100.0, 50.0, 12.5, 6.25} <= set(config.rates)


def test_all_presets_have_centred_kernels():
    assert all(kernel % 2 for config in PRESETS.values() for kernel in config.kernels)


def test_unknown_fields_raise():
    with pytest.raises(ValueError, match="heads"):
        WaveUNetConfig.from_json({"heads": 8})


def test_inconsistent_sizes_raise():
    with pytest.raises(ValueError, match="one number per level"):
        WaveUNetConfig(strides=(2, 2))
    with pytest.raises(ValueError, match="must be odd"):
        WaveUNetConfig(decoder_kernels=(5, 5, 5, 3, 3, 4, 3))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"strides": (4, 4, 5, 2, 2, 1, 2, 2)}, r"strides \(.*\): one level at least, each 2"),
        ({"strides": (), "kernels": (), "widths": ()}, "one number per level"),
        ({"dilations": (1, 2, 1, 2)}, r"dilations \(1, 2, 1, 2\): each can come once"),
        ({"dilations": (0, 1)}, "must be 1 or more"),
        ({"widths": (32, 64, 96, 96, 96, 0, 96, 96)}, "must be 1 or more"),
        ({"channels": 0}, "must be 1 or more"),
    ],
)
@pytest.mark.parametrize("body", ["wave_unet", "seq_unet"])
def test_numbers_of_which_no_network_can_be_made(fields, message, body):
    with pytest.raises(ValueError, match=message):
        WaveUNetConfig(**fields, body=body, lookahead=3 if body == "seq_unet" else 0)
