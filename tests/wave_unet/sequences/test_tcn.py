import by_hand
import jax
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
    ],
)
def test_sizes_that_do_not_fit_raise(sizes, message):
    with pytest.raises(ValueError, match=message):
        TCN(**{"channels": 1, "widths": (2,), "outputs": 1} | sizes)
