import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nano_nets import PLAIN, UNETS, draw, noise, run
from numpy.testing import assert_allclose

from umir.wave_unet.sequences import streaming

LENGTH = 24
BLOCKS = st.lists(st.sampled_from([1, 3, 8]), min_size=LENGTH, max_size=LENGTH)


def stream(net, params, x, lengths):
    """Return the outputs of blocks of such lengths, the last one cut where the signal ends."""
    state, outputs, start = net.init_state(params, x.shape[0]), [], 0
    for length in lengths:
        if start < x.shape[1]:
            state, y = net.step(params, state, x[:, start : start + length])
            assert y.shape[1] == min(length, x.shape[1] - start)
            outputs.append(y)
            start += length
    assert state.phase == x.shape[1] % net.cycle
    return jnp.concatenate(outputs, axis=1)


@pytest.mark.parametrize("net", UNETS)
@settings(max_examples=12)
@given(lengths=BLOCKS)
def test_blocks_of_any_length_give_the_whole(net, lengths):
    params, x = draw(net), noise(2, LENGTH)
    whole, _ = run(net, params, x)
    assert_allclose(stream(net, params, x, lengths), whole, atol=1e-5)


@pytest.mark.parametrize("net", UNETS)
@pytest.mark.parametrize("length", [1, 5, LENGTH])
def test_blocks_of_one_length_give_the_whole(net, length):
    params, x = draw(net), noise(2, LENGTH)
    whole, _ = run(net, params, x)
    assert_allclose(stream(net, params, x, [length] * LENGTH), whole, atol=1e-5)


@pytest.mark.parametrize("net", UNETS)
def test_blocks_of_whole_cycles_are_one_program(net):
    params, x = draw(net), noise(1, LENGTH)
    step, state, outputs = jax.jit(net.step), net.init_state(params), []
    for start in range(0, LENGTH, 2 * net.cycle):
        state, y = step(params, state, x[:, start : start + 2 * net.cycle])
        outputs.append(y)
    assert step._cache_size() == 1
    whole, _ = run(net, params, x)
    assert_allclose(jnp.concatenate(outputs, axis=1), whole, atol=1e-5)


def count_frames(net, lengths, monkeypatch):
    """Return how many level-runs there were, and how many frames in them, per stage."""
    runs, frames, inner = [], {}, streaming.stream

    def counting(buffers):
        call = inner(buffers)

        def counted(name, stage, params, *signals):
            if stage.name in ("down", "bottom"):
                runs.append(name)
                frames[stage.name] = frames.get(stage.name, 0) + signals[0].values.shape[1]
            return call(name, stage, params, *signals)

        return counted

    with monkeypatch.context() as patch:
        patch.setattr(streaming, "stream", counting)
        stream(net, draw(net), noise(1, LENGTH), lengths)
    return len(runs), frames


@pytest.mark.parametrize("net", UNETS)
def test_at_most_two_levels_run_per_sample(net, monkeypatch):
    runs, frames = count_frames(net, [1] * LENGTH, monkeypatch)
    assert runs == sum(LENGTH // 2**level for level in range(net.lengths.levels))
    assert runs <= 2 * LENGTH
    assert frames == count_frames(net, [5] * LENGTH, monkeypatch)[1]


@pytest.mark.parametrize(
    ("shape", "message"),
    [((2, 4, 3), "takes 2 channel"), ((2, 0, 2), "no samples"), ((1, 4, 2), "state of 2")],
)
def test_blocks_that_do_not_fit_raise(shape, message):
    params = draw(PLAIN)
    state, _ = PLAIN.step(params, PLAIN.init_state(params, 2), noise(2, 5))
    with pytest.raises(ValueError, match=message):
        PLAIN.step(params, state, jnp.zeros(shape))


def test_a_state_of_no_streams_raises():
    with pytest.raises(ValueError, match="batch 0"):
        PLAIN.init_state(draw(PLAIN), 0)
