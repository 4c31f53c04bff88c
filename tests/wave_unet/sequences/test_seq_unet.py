import by_hand
import jax
import pytest
from nano_nets import PLAIN, draw, noise, run
from numpy.testing import assert_allclose

from umir.wave_unet import n_parameters
from umir.wave_unet.sequences import SeqUNet

CHARACTERS = SeqUNet(channels=100, widths=(390, 390, 390, 100), outputs=100, taps=3)
WORDS = SeqUNet(channels=600, widths=(390, 390, 390, 600), outputs=600, taps=3)


def count(net):
    return n_parameters(jax.eval_shape(net.init, jax.random.key(0)))


def test_published_counts_of_parameters():
    assert count(CHARACTERS) + 50 * 100 + 50 == 5_905_240  # the tied embedding and its bias
    assert count(WORDS) + 10_000 * 600 + 10_000 == 14_911_690
    assert count(SeqUNet(88, (150,) * 4, 88, taps=5)) == 1_768_738
    assert count(SeqUNet(88, (175,) * 2, 88, taps=3)) == 521_938
    assert count(SeqUNet(88, (170,) * 2, 88, taps=3)) == 494_278


@pytest.mark.parametrize(("wanted", "taken", "given"), [(320, 397, 325), (45, 117, 45)])
def test_published_lengths(wanted, taken, given):
    assert CHARACTERS.input_length(wanted) == taken
    assert CHARACTERS.output_length(taken) == given


def test_published_context():
    assert CHARACTERS.receptive_field == 73


@pytest.mark.parametrize("length", [57, 65, 161, 201])
def test_published_lengths_with_zeros_need_no_filling(length):
    assert (length - 1) % SeqUNet(88, (150,) * 4, 88, taps=5).cycle == 0


@pytest.mark.parametrize("padding", ["valid", "zeros"])
def test_it_is_the_definition(padding):
    params, x = draw(PLAIN), noise(2, PLAIN.input_length(9))
    y, features = run(PLAIN, params, x, padding=padding)
    assert y.shape[1] == {"valid": 9, "zeros": 41}[padding]
    assert_allclose(y, by_hand.apply(PLAIN, params, x, padding), atol=1e-5)
    assert set(features) == {"encoder_1", "encoder_2", "decoder_4", "decoder_2", "decoder_1"}


def test_dropout_is_drawn_from_the_key():
    params, x = draw(PLAIN), noise(1, 9)
    one, _ = run(PLAIN, params, x, key=jax.random.key(1))
    again, _ = run(PLAIN, params, x, key=jax.random.key(1))
    other, _ = run(PLAIN, params, x, key=jax.random.key(2))
    without, _ = run(PLAIN, params, x)
    assert (one == again).all()
    assert (one != other).any()
    assert (one != without).any()


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"taps": 4}, "odd"),
        ({"taps": 1}, "odd"),
        ({"widths": (3,)}, "levels 1"),
        ({"widths": (3, 0)}, "width 0"),
        ({"channels": 0}, "channels 0"),
        ({"outputs": 0}, "outputs 0"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_sizes_that_do_not_fit_raise(sizes, message):
    with pytest.raises(ValueError, match=message):
        SeqUNet(**{"channels": 1, "widths": (2, 2), "outputs": 1} | sizes)
