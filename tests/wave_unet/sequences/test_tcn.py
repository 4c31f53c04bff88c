import warnings
from dataclasses import replace

import by_hand
import jax
import numpy as np
import pytest
from nano_nets import NANO_TCN, draw, noise, run
from numpy.testing import assert_allclose

from umir.wave_unet import n_parameters
from umir.wave_unet.sequences import TCN


def count(net):
    return n_parameters(jax.eval_shape(net.init, jax.random.key(0)))


def test_published_counts_of_parameters():
    assert count(TCN(88, (215,) * 4, 88, taps=5)) == 1_754_058
    assert count(TCN(88, (220,) * 2, 88, taps=3)) == 534_468


def test_the_receptive_field_by_hand():
    assert TCN(1, (1,) * 4, 1, taps=3).receptive_field == 1 + 2 * 2 * 15


@pytest.mark.parametrize("padding", ["zeros", "valid"])
def test_it_is_the_definition(padding):
    params, x = draw(NANO_TCN), noise(2, 17)
    y, features = run(NANO_TCN, params, x, padding=padding)
    assert_allclose(y, by_hand.apply(NANO_TCN, params, x, padding), atol=1e-5)
    assert set(features) == {"block_1", "block_2"}


def test_without_a_map_the_last_block_is_the_output():
    net = replace(NANO_TCN, outputs=4, mapped=False)
    params, x = draw(net), noise(1, 9)
    y, features = run(net, params, x)
    assert "leave" not in params
    assert (y == features["block_2"]).all()


def test_fresh_layers_are_those_of_the_published_code():
    params = TCN(60, (50, 50), 40, taps=5).init(jax.random.key(0))
    block = params["block0"]
    for layer, fan_in in ((block["first"], 300), (block["second"], 250), (params["leave"], 50)):
        kernel = layer.get("direction", layer.get("kernel"))
        assert_allclose(np.std(kernel), 1 / np.sqrt(3 * fan_in), rtol=0.05)
        assert np.abs(kernel).max() <= 1 / np.sqrt(fan_in)
    assert_allclose(np.std(block["identity"]["kernel"]), 0.01, rtol=0.05)
    assert "identity" not in params["block1"]


def test_weight_normalisation_undoes_the_published_initialisation():
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the published code has the older form of it
        layer = torch.nn.utils.weight_norm(torch.nn.Conv1d(60, 50, 5))
    layer.weight.data.normal_(0, 0.01)
    layer(torch.zeros(1, 60, 9))
    assert_allclose(layer.weight.std().item(), 1 / np.sqrt(3 * 300), rtol=0.05)


def test_dropout_is_drawn_from_the_key():
    params, x = draw(NANO_TCN), noise(1, 9)
    one, again, other = (run(NANO_TCN, params, x, key=jax.random.key(n))[0] for n in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"taps": 0}, "taps 0"),
        ({"widths": (0,)}, "width 0"),
        ({"channels": 0}, "channels 0"),
        ({"dropout": -0.1}, "dropout"),
        ({"mapped": False}, "1 outputs of a block of 2"),
    ],
)
def test_sizes_that_do_not_fit_raise(sizes, message):
    with pytest.raises(ValueError, match=message):
        TCN(**{"channels": 1, "widths": (2,), "outputs": 1} | sizes)
