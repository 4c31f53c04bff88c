"""Streams of a causal body: equal to whole files, causal, as late as stated, for every head."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from umir.checkpoint import Model, load_model, save_model
from umir.inference import Windows, whole_song
from umir.wave_unet import HeadSpec, Network, WaveUNetConfig
from umir.wave_unet.live import init_state, latency, step
from umir.wave_unet.network import head_with
from umir.wave_unet.sequences import causal_stage

# All factors but 2; 100 Hz is the last level but one.
NANO = WaveUNetConfig(
    preset="nano causal",
    rate=1200,
    strides=(3, 4, 5),
    kernels=(5, 7, 5),
    widths=(3, 4, 4),
    decoder_kernels=(3, 3),
    dilations=(1, 2),
    body="seq_unet",
    lookahead=25,
)
HEADS = {
    "frames": HeadSpec("frames", 2, 100.0),
    "slow frames": HeadSpec("frames", 2, 20.0),
    "waveform": HeadSpec("waveform", 3),
    "clip": HeadSpec("clip", 2),
}
HEARING = replace(NANO, bins_per_octave=2)
SONG = (0.1 * np.random.default_rng(0).normal(size=(600, 1))).astype(np.float32)


def network_of(name, config=NANO):
    network = Network(config, HEADS[name])
    # Fresh biases are zero, and silence would be nothing.
    return network, jax.tree.map(lambda x: x + 0.05, network.init(jax.random.key(0)))


def streamed(network, params, song, lengths, **options):
    """Return what a stream gives, block by block, and how many samples had come by then."""
    state, outputs, came, first = init_state(network, params, **options), [], [], 0
    for length in lengths:
        state, y = step(network, params, state, jnp.asarray(song[None, first : first + length]))
        first += length
        outputs.append(np.asarray(y[0]))
        came.append(min(first, len(song)))
    return np.concatenate(outputs), np.repeat(came, [len(y) for y in outputs])


def padded(song, network):
    """Return the song and the silence that makes its last frames complete."""
    return np.pad(song, ((0, network.config.total_stride), (0, 0)))


@pytest.mark.parametrize("name", ["frames", "slow frames", "waveform"])
@settings(max_examples=3, phases=[Phase.explicit, Phase.generate])
@given(st.lists(st.sampled_from([0, 1, 3, 60]), min_size=20, max_size=20))
@example([1] * 20)
def test_a_stream_of_any_blocks_is_the_whole_file(name, lengths):
    network, params = network_of(name)
    song = padded(SONG, network)
    lengths = [*lengths, *[60] * (len(song) // 60)]  # those past the end are empty
    found, _ = streamed(network, params, song, lengths)
    whole = whole_song(network, params, [SONG], Windows.exact(network, 0.3))
    np.testing.assert_allclose(found[: len(whole)], whole, atol=1e-5)


@pytest.mark.parametrize("lookahead", [25, 125], ids=["less than a frame", "more than two"])
def test_a_clip_is_that_of_the_last_seconds(lookahead):
    network, params = network_of("clip", replace(NANO, lookahead=lookahead))
    silence = jnp.zeros((1, 600, 1))
    x = jnp.concatenate([silence, jnp.asarray(SONG[None])], axis=1)
    heard = np.asarray(network.features(params["body"], x)["decoder_20"])[:, 10:]
    head = head_with(network.config, network.head, params["head"])
    for seconds, frames in ((3.2, 64), (0.15, 3)):
        found, _ = streamed(network, params, SONG, [60] * 10, clip_seconds=seconds)
        for last in range(7):
            stretch = jnp.asarray(heard[:, max(last + 1 - frames, 0) : last + 1])
            expected = head({"decoder_20": stretch}, x)[0]
            np.testing.assert_allclose(found[last], expected, atol=1e-5)


@pytest.mark.parametrize("name", HEADS)
def test_later_samples_change_nothing(name):
    """Bit for bit, of all that depends on samples before, in one pass and in a stream."""
    network, params = network_of(name)
    changed, moment = SONG.copy(), 301
    changed[moment:] = 0.3
    if name != "clip":
        run = jax.jit(lambda x: network.apply(params, x)[0])
        before, after = (np.asarray(run(x[None]))[0] for x in (SONG, changed))
        samples = 1 if name == "waveform" else round(NANO.rate / HEADS[name].rate)
        # Samples are given out by threes.
        known = (moment - 1 - NANO.lookahead) // samples + 1
        known -= known % 3 if name == "waveform" else 0
        assert np.array_equal(before[:known], after[:known])
        assert not np.array_equal(before[: known + 3], after[: known + 3])
    lengths = [60] * 10
    before, came = streamed(network, params, SONG, lengths)
    after, _ = streamed(network, params, changed, lengths)
    assert np.array_equal(before[came <= 300], after[came <= 300])
    assert not np.array_equal(before, after)


def test_of_many_stems_later_samples_change_nothing_either():
    """Of many channels, and something very loud, as minimal filtering would show."""
    network = Network(NANO, HeadSpec("waveform", 12))
    params = network.init(jax.random.key(0))
    changed, moment = SONG.copy(), 301
    changed[moment:] = 1000.0
    run = jax.jit(lambda x: network.apply(params, x)[0])
    before, after = (np.asarray(run(x[None]))[0] for x in (SONG, changed))
    known = moment - NANO.lookahead - (moment - NANO.lookahead) % 3
    assert np.array_equal(before[:known], after[:known])


def test_a_body_without_dilations_comes_back_from_its_file(tmp_path):
    """Where nothing is, a file holds nothing."""
    network = Network(replace(NANO, dilations=()), HEADS["frames"])
    params = network.init(jax.random.key(0))
    save_model(tmp_path, Model({}, params), "")
    stored = jax.device_put(load_model(tmp_path).params)
    found, expected = (network.apply(own, jnp.asarray(SONG[None]))[0] for own in (stored, params))
    np.testing.assert_array_equal(found, expected)


def test_the_latency_is_what_an_impulse_shows():
    """Fed sample by sample, frame n comes with sample n * hop + lookahead, and hears it."""
    network, params = network_of("frames")
    hop, (ahead, milliseconds) = 12, latency(network)
    assert (ahead, milliseconds) == (25, pytest.approx(1000 * 25 / 1200))
    _, came = streamed(network, params, SONG[:120], [1] * 120)
    frames = np.arange(len(came))
    np.testing.assert_array_equal(came, frames * hop + ahead + 1)
    run = jax.jit(lambda x: network.apply(params, x)[0])
    silence = np.asarray(run(jnp.zeros((1, 600, 1))))[0]
    for moment in (299, 300, 301, 325, 326):
        impulse = jnp.zeros((1, 600, 1)).at[0, moment, 0].set(1.0)
        changed = np.flatnonzero(np.any(np.asarray(run(impulse))[0] != silence, axis=1))
        assert changed[0] == -(-(moment - ahead) // hop)


def test_every_frame_of_every_level_is_computed_once(monkeypatch):
    """What stages give over a stream, in frames, is what there is at their rates."""
    network, params = network_of("frames")
    given_out = {}
    inner = causal_stage.stream

    def counting(buffers):
        call = inner(buffers)

        def counted(name, *arguments):
            output = call(name, *arguments)
            given_out[name] = given_out.get(name, 0) + output.values.shape[1]
            return output

        return counted

    monkeypatch.setattr("umir.wave_unet.live.stream", counting)
    streamed(network, params, SONG, [60] * 10)
    expected = {f"encoder{n}": -(-575 // hop) + 25 // hop for n, hop in ((1, 3), (2, 12), (3, 60))}
    expected |= {"context": expected["encoder3"], "decoder2": expected["encoder2"]}
    assert given_out == expected | {"head": expected["encoder2"]}


def test_a_stream_with_a_constant_q_layer_and_of_several_at_once():
    network, params = network_of("frames", replace(HEARING, channels=2))
    songs = 0.1 * np.random.default_rng(1).normal(size=(2, 660, 2)).astype(np.float32)
    songs[:, 600:] = 0
    state, parts = init_state(network, params, batch=2), []
    for block in np.split(songs, 11, axis=1):
        state, y = step(network, params, state, jnp.asarray(block))
        parts.append(y)
    found = np.concatenate(parts, axis=1)
    for song, output in zip(songs, found, strict=True):
        whole = whole_song(network, params, [song[:600]], Windows.exact(network, 0.5))
        np.testing.assert_allclose(output[: len(whole)], whole, atol=1e-5)


def test_what_does_not_fit_is_refused():
    network, params = network_of("frames")
    state = init_state(network, params)
    unchanged, nothing = step(network, params, state, jnp.zeros((1, 0, 1)))
    assert nothing.shape == (1, 0, 2) and unchanged.position == state.position
    with pytest.raises(ValueError, match=r"2 channel\(s\) in a stream of 1"):
        step(network, params, state, jnp.zeros((1, 5, 2)))
    with pytest.raises(ValueError, match=r"2 stream\(s\) in a state of 1"):
        step(network, params, state, jnp.zeros((2, 5, 1)))
    ahead = Network(replace(NANO, body="wave_unet", lookahead=0), HEADS["frames"])
    with pytest.raises(ValueError, match="looks ahead"):
        init_state(ahead, ahead.init(jax.random.key(0)))
    with pytest.raises(ValueError, match="masks of a spectrogram look 100 ms ahead"):
        Network(NANO, HeadSpec("masks", 2, 100.0))
    with pytest.raises(ValueError, match="lookahead 1: a seq_unet takes 2 or more"):
        replace(NANO, lookahead=1)


@pytest.mark.parametrize("name", ["frames", "waveform", "clip"])
def test_every_head_learns(name):
    network, params = network_of(name)
    x = jnp.asarray(np.stack([SONG, SONG[::-1]]))
    wanted = network.apply(network.init(jax.random.key(3)), x)[0] + 0.2

    @jax.jit
    def update(params):
        loss, slope = jax.value_and_grad(
            lambda p: jnp.mean((network.apply(p, x)[0] - wanted) ** 2)
        )(params)
        return loss, jax.tree.map(lambda p, g: p - 0.01 * g, params, slope)

    losses = []
    for _ in range(5):
        loss, params = update(params)
        losses.append(float(loss))
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0]
