import by_hand
import jax
import pytest
from nano_nets import NANO_WAVENET, draw, noise, run
from numpy.testing import assert_allclose

from umir.wave_unet import n_parameters
from umir.wave_unet.sequences import WaveNet


def test_published_count_of_parameters():
    params = jax.eval_shape(WaveNet().init, jax.random.key(0))
    assert n_parameters(params) == 8_141_184


def test_published_receptive_field():
    assert WaveNet().receptive_field == 32765


@pytest.mark.parametrize("padding", ["zeros", "valid"])
def test_it_is_the_definition(padding):
    params, x = draw(NANO_WAVENET), noise(2, 11)
    y, features = run(NANO_WAVENET, params, x, padding=padding)
    assert_allclose(y, by_hand.apply(NANO_WAVENET, params, x, padding), atol=1e-5)
    assert set(features) == {"layer_1", "layer_2"}


@pytest.mark.parametrize("size", ["stacks", "layers", "width", "skip_width", "taps", "channels"])
def test_sizes_that_do_not_fit_raise(size):
    with pytest.raises(ValueError, match=f"{size} 0"):
        WaveNet(**{size: 0})
