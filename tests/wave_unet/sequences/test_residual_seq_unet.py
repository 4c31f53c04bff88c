import by_hand
import jax
import pytest
from nano_nets import RESIDUAL, draw, noise, run
from numpy.testing import assert_allclose

from umir.wave_unet import n_parameters
from umir.wave_unet.sequences import ResidualSeqUNet

PAPER = ResidualSeqUNet()


def test_published_count_of_parameters():
    assert n_parameters(jax.eval_shape(PAPER.init, jax.random.key(0))) == 26_867_236


@pytest.mark.parametrize(("wanted", "taken", "given"), [(5000, 36857, 5120), (1, 32761, 1024)])
def test_published_lengths(wanted, taken, given):
    assert PAPER.input_length(wanted) == taken
    assert PAPER.output_length(taken) == given
    shape = jax.eval_shape(
        lambda params, x: PAPER.apply(params, x, padding="valid")[0],
        jax.eval_shape(PAPER.init, jax.random.key(0)),
        jax.ShapeDtypeStruct((1, taken, 256), "float32"),
    ).shape
    assert shape == (1, given, 256)


def test_published_context():
    assert PAPER.receptive_field == 32748 + 1  # the paper leaves out the sample itself
    assert min(map(PAPER.context, range(PAPER.cycle))) == 32749 - 1023


@pytest.mark.parametrize("padding", ["valid", "zeros"])
def test_it_is_the_definition(padding):
    params, x = draw(RESIDUAL), noise(2, RESIDUAL.input_length(5))
    y, _ = run(RESIDUAL, params, x, padding=padding)
    assert y.shape[1] == (8 if padding == "valid" else x.shape[1])
    assert_allclose(y, by_hand.apply(RESIDUAL, params, x, padding), atol=1e-5)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"taps": 4}, "odd"),
        ({"levels": 1}, "levels 1"),
        ({"depth": 0}, "depth 0"),
        ({"width": 0}, "width 0"),
        ({"channels": 0}, "channels 0"),
    ],
)
def test_sizes_that_do_not_fit_raise(sizes, message):
    with pytest.raises(ValueError, match=message):
        ResidualSeqUNet(**sizes)
