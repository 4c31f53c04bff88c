"""Separation with critics of waveforms: windows and losses by NumPy, critics, the loop."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from umir.priors import Logistic, Wasserstein
from umir.separation.data import SeparationData
from umir.separation.domains import Domain, Magnitudes, Waveforms, domain_of
from umir.separation.magnitude_unet import MagnitudeUNet
from umir.separation.prior_training import prior_training
from umir.separation.priors import (
    Presence,
    SeparatedParts,
    SeparationLoss,
    additivity,
    squared_errors,
)
from umir.separation.recipes import PRESETS, PriorRecipe, SeparationPreset, Stage
from umir.separation.stem_songs import stored_song
from umir.separation.training_streams import LabelledWindows, MixtureWindows, SourceWindows
from umir.wave_unet import n_parameters
from umir.wave_unet.separators import FilteredWaveUNet, OriginalWaveUNet, SpectrogramUNet
from umir.wave_unet.separators.variants import M4

VOICE = ("accompaniment", "vocals")
NET = OriginalWaveUNet(
    VOICE, 4000, wanted=70, levels=2, filters=2, kernel=5, decoder_kernel=3, context=True
)
STEREO = replace(NET, channels=2, difference=True, activation="linear")
FILTERED = FilteredWaveUNet(VOICE, 4000, 1, 40, (4, 8), 3, normalisation="batch", separate=False)
RECIPE = PriorRecipe(
    (Stage(3, 3e-3),),
    epoch_steps=2,
    patience=2,
    rounds=2,
    critic_filters=2,
    steps=4,
    loss="squared",
    alpha=0.01,
    beta=0.5,
)


@pytest.fixture
def data(tmp_path, rng):
    """A song to learn from, one to look at, one to separate, and singers, in stereo."""

    def song(name, sources=2, length=900):
        sound = rng.uniform(-0.4, 0.4, (length, sources, 2)).astype(np.float32)
        return stored_song(tmp_path / f"{name}.npy", sound)

    train, valid = song("train"), song("valid")
    return SeparationData([train], [valid], [song("mix", 1)], {"vocals": [song("solo", 1)]})


def mono(data, tmp_path):
    """The same in mono."""
    made = {}
    for name in ("train", "valid", "mix", "solo"):
        sound = np.load(tmp_path / f"{name}.npy").mean(axis=2, keepdims=True)
        made[name] = stored_song(tmp_path / f"{name}-mono.npy", sound)
    solos = {"vocals": [made["solo"]]}
    return SeparationData([made["train"]], [made["valid"]], [made["mix"]], solos)


def places(song, window):
    """The places of a song, with silence around it, at which a window is cut."""
    padded = np.pad(song, ((100, 100), (0, 0)))
    cuts = np.lib.stride_tricks.sliding_window_view(padded, len(window), 0)  # (place, channel, n)
    return np.flatnonzero(np.abs(cuts - window.T).max(axis=(1, 2)) < 1e-6) - 100


def test_which_domain_a_network_has():
    assert domain_of(NET) == Waveforms(NET) and domain_of(FILTERED) == Waveforms(FILTERED)
    assert isinstance(domain_of(MagnitudeUNet(VOICE)), Magnitudes)
    assert all(isinstance(domain_of(net), Domain) for net in (NET, MagnitudeUNet(VOICE)))
    with pytest.raises(ValueError, match="SpectrogramUNet: priors are of a MagnitudeUNet, or"):
        domain_of(SpectrogramUNet(VOICE))


def test_presets():
    size = lambda net: n_parameters(jax.eval_shape(net.init, jax.random.key(0)))  # noqa: E731
    large, small = PRESETS["waveforms"], PRESETS["waveforms-half"]
    assert large.network == M4 and (small.network.rate, small.network.context) == (8192, True)
    assert size(small.network) == 839_246
    assert (small.network.sizes.input, small.network.sizes.output) == (16_371, 8197)
    critics = [domain_of(p.network).critic(1, p.recipe.critic_filters) for p in (large, small)]
    # WaveGAN's, of stereo and of 17 frames in the end; and one of 16 to 128 channels, 33 frames.
    assert size(critics[0]) == 17_427_969 + 25 * 64 + 1024
    levels = [
        (25 * before + 1) * width for before, width in [(1, 16), (16, 32), (32, 64), (64, 128)]
    ]
    assert size(critics[1]) == sum(levels) + 33 * 128 + 1
    for preset in (large, small):
        # There is nothing for additivity to do where the last source is what the others leave.
        assert preset.network.difference and preset.recipe.beta == 0
        assert preset.recipe.loss == "squared" and preset.network.sources == VOICE


def test_windows_of_waveforms(data, rng):
    """Each is a stretch of a song; what is labelled, or of one song, is of one place."""
    domain, sizes = Waveforms(STEREO), STEREO.sizes
    stems = np.load(data.train[0].path)
    labelled = LabelledWindows(domain, data.train).draw(rng, 3)
    both = SourceWindows(domain, data.train, {"accompaniment": 0, "vocals": 1}, (1.0, 1.0))
    sources = both.draw(rng, 3)
    for n in range(3):
        (place,) = places(stems.sum(1), labelled["mixture"][n])
        for k, name in enumerate(VOICE):
            assert places(stems[:, k], labelled[name][n]) == [place + sizes.margin]
        assert labelled["vocals"].shape == (3, sizes.output, 2) == sources["vocals"].shape
        (first,), (second,) = (places(stems[:, k], sources[m][n]) for k, m in enumerate(VOICE))
        assert first == second and 0 <= first <= 900 - sizes.output
    mixtures = MixtureWindows(domain, data.mixtures, (0.5, 0.5)).draw(rng, 1)["mixture"]
    assert mixtures.shape == (1, sizes.input, 2)
    assert len(places(0.5 * np.load(data.mixtures[0].path)[:, 0], mixtures[0])) == 1


@pytest.mark.parametrize("network", [replace(NET, channels=2), STEREO], ids=["all", "difference"])
def test_losses_by_numpy(network, data, rng):
    domain, params = Waveforms(network), jax.jit(network.init)(jax.random.key(1))
    batches = {
        "labelled": LabelledWindows(domain, data.train).draw(rng, 2),
        "inputs": MixtureWindows(domain, data.mixtures, (0.2, 1.2)).draw(rng, 2),
    }
    apply = jax.jit(network.apply, static_argnames="training")
    found = {s: apply(params, batches[s]["mixture"], training=True)[0] for s in batches}
    labelled, mixture = batches["labelled"], batches["inputs"]["mixture"]
    truth = np.stack([labelled[name] for name in VOICE], axis=2)
    supervised = np.square(found["labelled"] - truth).mean(axis=(0, 1, 3)).sum()
    first, length = network.sizes.margin, network.sizes.output
    middle = mixture[:, first : first + length]
    rest = np.square(np.asarray(found["inputs"], float).sum(2) - middle).mean()
    assert (rest < 1e-12) == network.difference
    generator = SeparatedParts(domain)
    parts, features = jax.jit(partial(generator.apply, training=True))(params, batches["inputs"])
    loss = jax.jit(SeparationLoss(True, 0.5).loss, static_argnums=0)
    expected = supervised + 0.5 * rest
    assert float(loss(generator, params, batches, features)) == pytest.approx(expected, rel=1e-4)
    # What critics see, what is measured.
    for n, name in enumerate(VOICE):
        np.testing.assert_allclose(parts[name], found["inputs"][:, :, n], atol=1e-6)
    measured = Presence(domain)({**batches["inputs"], **parts})
    size = lambda x: np.abs(np.asarray(x, float)).mean()  # noqa: E731
    vocals = parts["vocals"]
    assert float(measured["level/vocals"]) == pytest.approx(size(vocals) / size(middle), rel=1e-4)
    off = size(vocals - middle) / size(middle)
    assert float(measured["distance/vocals"]) == pytest.approx(off, rel=1e-4)
    copied = Presence(domain)({**batches["inputs"], "vocals": middle, "accompaniment": 0 * middle})
    assert float(copied["distance/vocals"]) == float(copied["level/accompaniment"]) == 0


def test_only_what_is_separated_is_clipped(data, rng):
    """In training there is a gradient beyond [-1, 1] as well."""
    params = jax.tree.map(lambda p: 4 * p, jax.jit(STEREO.init)(jax.random.key(1)))
    batch = LabelledWindows(Waveforms(STEREO), data.train).draw(rng, 2)
    found = {
        training: Waveforms(STEREO).separated(params, batch["mixture"], training=training)[0]
        for training in (False, True)
    }
    loud, held = (jnp.max(jnp.abs(found[t]["vocals"])) for t in (True, False))
    assert loud > 1 == held
    errors = [squared_errors(Waveforms(STEREO), params, batch, training=t) for t in (True, False)]
    assert (errors[0] > errors[1]).all()
    seen = jnp.asarray(batch["mixture"])
    assert additivity(Waveforms(STEREO), found[True], seen) < 1e-9
    assert additivity(Waveforms(STEREO), found[False], seen) > 1e-3


def test_critics_of_waveforms(data):
    objective = prior_training(SeparationPreset(STEREO, RECIPE), "factorgan", data).objective
    assert isinstance(objective.criterion, Logistic)
    # Two channels of each source; two sources in what tells dependencies apart.
    assert [c.network.channels for c in objective.critics] == [2, 2, 4, 4]
    assert {c.network.length for c in objective.critics} == {STEREO.sizes.output}
    assert all(c.spectral_norm and c.network.filters == 2 for c in objective.critics)


def test_batch_statistics_are_remembered(data, tmp_path, rng):
    """Of all features of a network no more than these are kept; a hundredth of them counts."""
    domain = Waveforms(FILTERED)
    generator, params = SeparatedParts(domain), jax.jit(FILTERED.init)(jax.random.key(0))
    inputs = MixtureWindows(domain, mono(data, tmp_path).mixtures, (1.0, 1.0)).draw(rng, 3)
    _, features = jax.jit(partial(generator.apply, training=True))(params, inputs)
    assert set(features["remembered"]) == {"all/statistics"}
    found = features["remembered"]["all/statistics"]["bottleneck/unit1"]["mean"]
    kept = generator.remembered(params, features)["all"]["bottleneck"]["unit1"]["mean"]
    np.testing.assert_allclose(kept, 0.01 * found, rtol=1e-3, atol=1e-7)


def test_resumed_equals_uninterrupted_and_learns(data, tmp_path):
    preset = SeparationPreset(NET, replace(RECIPE, steps=60, epoch_steps=20, patience=9))
    training = prior_training(preset, "adversarial", mono(data, tmp_path))
    assert isinstance(training.objective.criterion, Wasserstein)
    assert not any(critic.spectral_norm for critic in training.objective.critics)
    states = {}

    class Kept:
        def __call__(self, step, state, metrics):
            states[step] = state
            assert {"loss/vocals", "spread/vocals", "level/vocals"} <= metrics.keys()

        def close(self):
            pass

    start = training.init()
    whole = training.run(start, 0, lambda first, last: [Kept()])
    resumed = training.run(states[41], 41, lambda first, last: [])
    jax.tree.map(np.testing.assert_array_equal, resumed, whole)
    assert float(whole["best_loss"]) < 0.7 * training.validation_loss(start["params"], 3)
