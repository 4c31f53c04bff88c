"""The log-mel baseline: librosa's spectrogram, nano's operations, a stand-in for a network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from benchmark_scripts import benchmark_module

from umir.adaptation.network_fitting import Recipe, adapt
from umir.annotations import Events
from umir.data.example import Example
from umir.task_model import TaskModel
from umir.tasks import EventDetection
from umir.wave_unet import PRESETS, HeadSpec, Network
from umir.wave_unet.receptive_field import receptive_field

librosa = pytest.importorskip("librosa")
SCRIPT = benchmark_module("log_mel_cnn")
HEADS = {
    "onsets": HeadSpec("frames", 2, 100.0),
    "voice": HeadSpec("frames", 1, 50.0),
    "chords": HeadSpec("frames", 3, 12.5),
    "clip": HeadSpec("clip", 3),
}


def test_the_spectrogram_is_librosas(rng):
    waveform = 0.1 * rng.normal(size=3200) * np.linspace(0, 1, 3200)
    expected = librosa.power_to_db(
        librosa.feature.melspectrogram(
            y=waveform, sr=16_000, n_fft=1024, hop_length=160, n_mels=80, fmin=30, fmax=7600,
            pad_mode="constant",
        ), ref=1.0, amin=1e-6, top_db=None,
    )  # fmt: skip
    found = SCRIPT.log_mel(jnp.asarray(waveform, jnp.float32)[None, :, None])
    np.testing.assert_allclose(found[0], expected.T[:20], atol=1e-3)
    power = 10 ** (np.asarray(found[0], np.float64) / 10)
    np.testing.assert_allclose(power, 10 ** (expected.T[:20] / 10), rtol=1e-4, atol=1e-9)


def test_it_has_as_many_operations_as_nano():
    head = HeadSpec("frames", 4, 100.0)
    ratio = SCRIPT.gflops_per_second(SCRIPT.log_mel_cnn(head)) / SCRIPT.gflops_per_second(
        Network(PRESETS["nano"], head)
    )
    assert 0.9 < ratio < 1.1


@pytest.mark.parametrize("name", list(HEADS))
def test_heads_have_the_rates_of_the_house(name):
    network = SCRIPT.log_mel_cnn(HEADS[name])
    shapes = jax.eval_shape(
        lambda: network.apply(network.init(jax.random.key(0)), jnp.zeros((2, 5120, 1)))[0]
    )
    frames = () if name == "clip" else (round(5120 / 16_000 * HEADS[name].rate),)
    assert shapes.shape == (2, *frames, HEADS[name].channels)
    onsets = SCRIPT.log_mel_cnn(HEADS["onsets"])
    same = (jax.eval_shape(n.init_body, jax.random.key(0)) for n in (network, onsets))
    assert len({str(body) for body in same}) == 1


@pytest.mark.parametrize("name", ["onsets", "chords"])
def test_it_sees_no_further_than_it_says(name):
    network, hop = SCRIPT.log_mel_cnn(HEADS[name]), round(16_000 / HEADS[name].rate)
    before, after = receptive_field(network)
    assert max(before, after) < 6.5 * 16_000
    body = network.init_body(jax.random.key(0))
    total = network.config.total_stride
    length = -(-2 * (before + after) // total) * total
    frame = length // hop // 2

    @jax.jit
    def output(waveform):
        (features,) = network.features(body, waveform).values()
        return jnp.sum(jnp.square(features[0, frame]))

    waveform = 0.1 * jax.random.normal(jax.random.key(1), (1, length, 1))
    seen = np.flatnonzero(np.asarray(jax.grad(output)(waveform))[0, :, 0])
    assert frame * hop - before <= seen[0] < frame * hop - before // 2
    assert frame * hop + after // 2 < seen[-1] <= frame * hop + after


def test_frames_are_centred_at_their_time():
    network = SCRIPT.log_mel_cnn(HEADS["onsets"])
    silent = jnp.zeros((1, 5120, 1))
    loud = silent.at[0, 16 * 160].set(0.5)
    change = jnp.abs(SCRIPT.log_mel(loud) - SCRIPT.log_mel(silent)).sum(axis=-1)[0]
    np.testing.assert_allclose(change[16 - 3 : 16], change[17 : 16 + 4][::-1], rtol=1e-3)
    assert int(change.argmax()) == 16
    slower = SCRIPT._slower(jnp.arange(32.0)[None, :, None], 25.0)
    np.testing.assert_allclose(slower[0, 1:, 0], 4 * np.arange(1, 8) - 0.5)
    assert network.head.rate == 100.0


def test_what_it_cannot_do_raises():
    with pytest.raises(ValueError, match="separates nothing"):
        SCRIPT.log_mel_cnn(HeadSpec("waveform", 2))
    with pytest.raises(ValueError, match="no frames at 200 Hz"):
        SCRIPT.log_mel_cnn(HeadSpec("frames", 2, 200.0))


@pytest.mark.slow
@pytest.mark.parametrize("head", ["prior", "ridge"])
def test_it_stands_in_for_a_network(head, rng):
    task = EventDetection("clicks", ("click",))
    waveform, times = 0.003 * rng.normal(size=8 * 16_000), np.arange(0.5, 8, 0.5)
    for time in times:
        waveform[int(time * 16_000) :][:200] += np.hanning(200) * rng.normal(size=200)
    events = Events(times, ("click",) * len(times))
    song = Example(waveform[:, None].astype(np.float32), 16_000, events, "song", "song")
    network = SCRIPT.log_mel_cnn(task.head)
    recipe = Recipe(2, segments=2, head=head)
    params = adapt(network, task, network.init_body(jax.random.key(0)), [song], recipe)
    model = TaskModel(network, task, params, task.default_settings(16_000))
    assert model.output(song.waveform).shape == (800, 1)
    assert isinstance(model.predict(song.waveform, 16_000), Events)
