"""Separation with critics: streams and losses by NumPy, what can be used, the loop."""

from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
import soundfile
from folders import read_rows, write_rows

from umir import separate_train
from umir.data_specification import open_data
from umir.priors import Collapsed, Guard, Logistic, Wasserstein
from umir.separation.data import (
    PRIORS,
    SeparationData,
    add_up,
    check_difference,
    factors_of,
    in_words,
)
from umir.separation.domains import Magnitudes
from umir.separation.magnitude_unet import MagnitudeUNet
from umir.separation.prior_training import prior_training
from umir.separation.priors import FLOORS, Presence, SeparatedParts, SeparationLoss, floors_of
from umir.separation.recipes import PRESETS, PriorRecipe, SeparationPreset, Stage
from umir.separation.stem_songs import StemSong, stored_song
from umir.separation.training_streams import LabelledWindows, MixtureWindows, SourceWindows
from umir.separation.unpaired_audio import fingerprints, read_folder, recordings_in
from umir.training import Diverged

VOICE = ("accompaniment", "vocals")
NET = MagnitudeUNet(VOICE, 4000, window=32, frames=8, filters=2, levels=2)
DOMAIN = Magnitudes(NET)
RECIPE = PriorRecipe(
    (Stage(3, 3e-3),), epoch_steps=2, patience=2, rounds=2, critic_filters=2, steps=4
)
PRESET = SeparationPreset(NET, RECIPE)
APPLY = jax.jit(NET.magnitudes)


def song(path, rng, sources=2, length=1500):
    return stored_song(path, rng.uniform(-0.4, 0.4, (length, sources, 1)).astype(np.float32))


@pytest.fixture
def data(tmp_path, rng):
    train, valid = (song(tmp_path / f"{n}.npy", rng) for n in range(2))
    alone = [song(tmp_path / f"{n}.npy", rng, 1, 700) for n in range(2, 5)]
    return SeparationData([train], [valid], alone[:1], {"vocals": alone[1:]})


def spectra(x):
    """log(1 + magnitude) by NumPy, `(bin, frame)`."""
    frames = np.lib.stride_tricks.sliding_window_view(x.astype(float), 32)[::16]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(32) / 32)
    return np.log1p(np.abs(np.fft.rfft(frames * hann))).T


def test_the_presets_are_the_papers():
    recipe, network = PRESETS["magnitudes"].recipe, PRESETS["magnitudes"].network
    assert recipe.stages == (Stage(64, 5e-5),) and recipe.rounds == 5
    assert (recipe.alpha, recipe.beta, recipe.gains) == (0.001, 0.001, (0.2, 1.2))
    assert (recipe.epoch_steps, recipe.patience, network.rate) == (1000, 7, 8192)
    small = PRESETS["magnitudes-half"]
    assert 2 * small.network.filters == network.filters and small.recipe.steps == 2000
    assert (small.recipe.stages[0].batch, small.recipe.rounds) == (8, 2)
    assert tuple(separate_train.PRIOR_NAMES) == PRIORS


def test_streams_by_numpy(data, rng):
    """Every window is a stretch of a song, at the place where the network looks."""
    stems = np.load(data.train[0].path)[:, :, 0]
    mixture = stems.sum(1)
    found = LabelledWindows(DOMAIN, data.train).draw(rng, 2)
    whole = np.pad(mixture, NET.sizes.margin + 16)
    stretches = np.lib.stride_tricks.sliding_window_view(whole, 32)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(32) / 32)
    frames = np.log1p(np.abs(np.fft.rfft(stretches * hann)))  # at every sample
    for n in range(2):
        seen = found["mixture"][n, :, :, 0].T
        off = [
            np.abs(frames[place:][: 16 * len(seen) : 16] - seen).max()
            for place in range(len(whole) - NET.sizes.input + 1)
        ]
        place = int(np.argmin(off))
        assert off[place] < 1e-4
        # From the first of the frames that come out, ten of them.
        first = place - NET.sizes.margin - 16 + 16 * NET.context[1]
        padded = np.pad(stems, ((500, 500), (0, 0)))[500 + first :][: 32 + 9 * 16]
        for k, name in enumerate(VOICE):
            np.testing.assert_allclose(found[name][n, :, :, 0], spectra(padded[:, k]), atol=1e-4)


def test_what_critics_hear_by_numpy(data, rng):
    """Solos, louder and softer, without the lowest bin; sources of pairs belong together."""
    solo = np.load(data.solos["vocals"][0].path)[:, 0, 0]
    windows = SourceWindows(DOMAIN, data.solos["vocals"][:1], {"vocals": 0}, (0.5, 0.5))
    (found,) = windows.draw(rng, 1)["vocals"][..., 0]
    parts = np.lib.stride_tricks.sliding_window_view(0.5 * solo, NET.sizes.output)
    assert found.shape == (16, 8)
    assert min(np.abs(spectra(part)[1:] - found).max() for part in parts) < 1e-4
    both = SourceWindows(DOMAIN, data.train, {"accompaniment": 0, "vocals": 1}, (1.0, 1.0)).draw(
        rng, 1
    )
    stems = np.load(data.train[0].path)[:, :, 0]
    places = [
        [np.abs(spectra(part)[1:] - both[name][0, ..., 0]).max() for part in parts]
        for name, parts in zip(
            VOICE,
            np.lib.stride_tricks.sliding_window_view(stems, NET.sizes.output, 0).swapaxes(0, 1),
            strict=True,
        )
    ]
    assert np.argmin(places[0]) == np.argmin(places[1]) and np.min(places, axis=1).max() < 1e-4


def test_losses_by_numpy(data, rng):
    params = jax.jit(NET.init)(jax.random.key(1))
    batches = {
        "labelled": LabelledWindows(DOMAIN, data.train).draw(rng, 2),
        "inputs": MixtureWindows(DOMAIN, data.mixtures, (0.2, 1.2)).draw(rng, 2),
    }
    found = {s: APPLY(params, batches[s]["mixture"]) for s in batches}
    made, truth = (
        np.stack([x[n] for n in VOICE]) for x in (found["labelled"], batches["labelled"])
    )
    supervised = np.square(made - truth).mean(axis=(1, 2, 3, 4)).sum()
    made = np.stack([found["inputs"][n] for n in VOICE])
    mixture = batches["inputs"]["mixture"][:, :, NET.context[1] :][:, :, :10]
    rest = np.expm1(made.astype(float)).sum(0) - np.expm1(mixture.astype(float))
    loss = jax.jit(SeparationLoss(True, 0.5).loss, static_argnums=0)
    generator = SeparatedParts(DOMAIN)
    expected = supervised + 0.5 * np.square(rest).mean()
    parts, features = generator.apply(params, batches["inputs"])
    assert float(loss(generator, params, batches, features)) == pytest.approx(expected, rel=1e-4)
    assert SeparationLoss(True).streams == ("labelled",) and SeparationLoss(False).streams == ()
    # What critics see and what is measured.
    assert parts["vocals"].shape == (2, 16, 8, 1)
    np.testing.assert_allclose(parts["vocals"], found["inputs"]["vocals"][:, 1:, 1:9], atol=1e-6)
    measured = Presence(DOMAIN)({**batches["inputs"], **parts})
    inner = mixture[:, 1:, 1:9]
    assert float(measured["level/vocals"]) == pytest.approx(
        float(np.mean(parts["vocals"]) / inner.mean()), rel=1e-4
    )
    copied = Presence(DOMAIN)({**batches["inputs"], "vocals": inner, "accompaniment": 0 * inner})
    assert float(copied["distance/vocals"]) == float(copied["level/accompaniment"]) == 0


@pytest.mark.parametrize("sinking", ["level/vocals", "distance/accompaniment"])
def test_a_source_that_vanishes_or_is_the_mixture_is_a_collapse(sinking, capsys):
    well = {"gradient_norm/generator": 1.0, "spread/vocals": 1.0, sinking: 0.3}
    guard = Guard(every=10, floors=FLOORS)
    state = {"networks": np.zeros(1), "guard": guard.init(np.zeros(1), well)}
    for n in range(200):
        metrics = well if n < 50 else well | {sinking: 0.001}
        state, logged = guard.watched({**state, "networks": np.full(1, n)}, metrics)
        if logged["collapses"]:
            break
    assert f"{sinking} has sunk to 0.001" in capsys.readouterr().err
    # The running mean falls slowly; the state gone back to is one of before it was low.
    assert 50 < n < 200 and state["networks"][0] < n and logged["adversarial_weight"] == 0.5


def test_which_critics_there_can_be(data):
    few = [StemSong(Path("x"), 4000)]
    names = lambda prior, **known: [  # noqa: E731
        factor.name for factor in factors_of(prior, VOICE, SeparationData(**known))
    ]
    assert names("adversarial", mixtures=few, solos={"vocals": few}) == ["vocals"]
    assert names("adversarial", train=few) == list(VOICE)
    assert names("factorgan", train=few) == [*VOICE, "real", "generated"]
    both = {name: few for name in VOICE}
    assert names("factorgan", mixtures=few, solos=both) == [*VOICE, "generated"]
    assert names("none", train=few, mixtures=few) == []
    for prior, known, told in [
        ("none", {"mixtures": few}, "give --pairs"),
        ("adversarial", {"solos": both}, "nothing to separate: give --mixtures"),
        ("adversarial", {"mixtures": few}, "give --solo NAME=DIR"),
        ("factorgan", {"mixtures": few, "solos": {"vocals": few}}, "recordings of accompaniment"),
        ("adversarial", {"train": few, "solos": {"oboe": few}}, "solos of oboe: the sources are"),
    ]:
        with pytest.raises(ValueError, match=told):
            names(prior, **known)
    lines = in_words(VOICE, factors_of("adversarial", VOICE, data), data, 4000)
    assert lines[0].startswith("pairs: 1 recording (0.0 min) to learn from, 1 to choose")
    assert "accompaniment: a critic, which learns from the stems of the pairs" in lines
    assert lines[3].startswith("vocals: a critic, which learns from 2 recordings")


def test_files_of_any_rate_and_length_and_those_that_will_not_do(stems_folder, tmp_path, rng):
    folder = tmp_path / "singers"
    (folder / "deep").mkdir(parents=True)
    soundfile.write(folder / "deep" / "a.wav", rng.uniform(-0.3, 0.3, (4410, 2)), 44_100)
    soundfile.write(folder / "b.flac", rng.uniform(-0.3, 0.3, 800), 8000)
    soundfile.write(folder / "click.wav", rng.uniform(-0.3, 0.3, 50), 8000)
    soundfile.write(folder / "faint.wav", rng.uniform(-1e-5, 1e-5, 800), 8000, subtype="FLOAT")
    soundfile.write(folder / "silent.wav", np.zeros(800), 8000)
    (folder / "torn.wav").write_bytes(b"RIFF and no more")
    rows = read_rows(stems_folder)  # songs 2 and 3 are the validation and the test song
    for n, stem in ((2, "accompaniment"), (3, "accompaniment"), (0, "accompaniment")):
        (folder / f"known{n}.wav").write_bytes((stems_folder / rows[n]["stems"][stem]).read_bytes())
    held_out = fingerprints(open_data(stems_folder), ("valid", "test"), 4000, 1)
    found = read_folder(folder, held_out, 4000, 1, tmp_path / "stored")
    assert [s.length for s in found.songs] == [400, 400, 12_000]
    told = "\n".join(found.problems)
    assert "click.wav: lasts 0.006 s" in told and "faint.wav: is silent" in told
    assert len(found.problems) == 6 and "silent.wav: is silent" in told and "torn.wav" in told
    assert (
        "known2.wav: is the stem accompaniment of 2.wav, in the split 'valid' of the pairs" in told
    )
    assert "known3.wav: is the stem accompaniment of 3.wav, in the split 'test'" in told
    written = found.songs[0].path.stat().st_mtime_ns
    again = read_folder(folder, held_out, 4000, 1, tmp_path / "stored")
    assert again.songs == found.songs and again.songs[0].path.stat().st_mtime_ns == written
    # A manifest names the mixtures, and not the stems that lie beside them.
    assert [p.name for p in recordings_in(stems_folder)] == [f"{n}.wav" for n in range(4)]
    mixtures = read_folder(stems_folder, held_out, 4000, 1, tmp_path / "mixtures")
    assert len(mixtures.songs) == 2 and "is the mixture of 2.wav" in mixtures.problems[0]
    (folder / "manifest.jsonl").write_text('{"audio": "silent.wav"}\n\n{"song": 3}')
    with pytest.raises(ValueError, match=r"manifest.jsonl:3: is not a JSON object with \"audio\""):
        recordings_in(folder)
    write_rows(folder, [{"audio": "silent.wav"}])
    with pytest.raises(ValueError, match="no recording there can be used .*is silent"):
        read_folder(folder, {}, 4000, 1, tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no audio files there"):
        recordings_in(tmp_path / "empty")


def test_resumed_equals_uninterrupted(data):
    training = prior_training(PRESET, "adversarial", data)
    assert isinstance(training.objective.criterion, Wasserstein)
    assert not any(critic.spectral_norm for critic in training.objective.critics)
    state = training.run(training.init(), 0, lambda first, last: [])
    assert int(state["looks"]) == 2 and training.is_over(state)
    losses = [training.validation_loss(state[name], 3) for name in ("best", "params")]
    assert losses[0] == pytest.approx(float(state["best_loss"])) and losses[0] <= losses[1]

    class Stop:
        def __call__(self, step, state, metrics):
            if step == 3:
                self.state = state
                raise KeyboardInterrupt

        def close(self):
            pass

    stop = Stop()
    with pytest.raises(KeyboardInterrupt):
        training.run(training.init(), 0, lambda first, last: [stop])
    resumed = training.run(stop.state, 3, lambda first, last: [])
    jax.tree.map(np.testing.assert_array_equal, resumed, state)


def test_the_factorised_prior_and_none_at_all(data):
    training = prior_training(PRESET, "factorgan", data)
    assert isinstance(training.objective.criterion, Logistic)
    assert [c.network.channels for c in training.objective.critics] == [1, 1, 2, 2]
    _, metrics = training.step(
        RECIPE.stages[0], training.init(), training._batch(RECIPE.stages[0], 0)
    )
    assert {f"balance/{n}" for n in (*VOICE, "real", "generated")} <= set(metrics)
    assert all(np.isfinite(value) for value in metrics.values())
    alone = prior_training(PRESET, "none", data)
    state = alone.init()
    before = alone.validation_loss(state["params"], 3)
    for n in range(60):
        state, metrics = alone.step(RECIPE.stages[0], state, alone._batch(RECIPE.stages[0], n))
    assert metrics["loss/generator"] == 0
    assert alone.validation_loss(state["params"], 3) < 0.9 * before
    with pytest.raises(ValueError, match="SpectrogramUNet: priors are of a MagnitudeUNet"):
        prior_training(PRESETS["u7"], "adversarial", data)
    with pytest.raises(ValueError, match="loss 'squared' alone: it has no critics"):
        prior_training(PRESETS["m4"], "adversarial", data)


def test_a_training_that_is_given_up_ends_with_what_it_had(data, capsys):
    """Whatever the critics do, the separator counts as collapsed from the second epoch on."""

    class Falling(Guard):
        def watched(self, state, metrics):
            if state["guard"]["step"] >= 3:
                memory = {**state["guard"], "collapses": np.float32(10)}
                raise Collapsed("collapsed", {**state, "guard": memory})
            step = {**state["guard"], "step": state["guard"]["step"] + 1}
            numbers = {**metrics, "adversarial_weight": 1.0, "collapses": 0.0}
            return {**state, "guard": step}, numbers

    training = prior_training(PRESET, "adversarial", data)
    falling = replace(training, objective=replace(training.objective, guard=Falling()))
    state = falling.run(falling.init(), 0, lambda first, last: [])
    assert falling.is_over(state) and np.isfinite(state["best_loss"])
    assert "collapsed; training ends here, the best parameters" in capsys.readouterr().err
    assert state["adversarial"]["guard"]["collapses"] == 10
    whole = training.run(training.init(), 0, lambda first, last: [])
    assert int(whole["stage"]) == 0 and int(state["stage"]) == 1
    jax.tree.map(np.testing.assert_array_equal, state["params"], half_way(training)["params"])


def test_a_training_without_finite_losses_ends_with_what_it_had(data, monkeypatch, capsys):
    training = prior_training(PRESET, "adversarial", data)

    class Lost:
        def __call__(self, step, state, metrics):
            if step == 3:
                raise Diverged(step, metrics)

        def close(self):
            pass

    state = training.run(training.init(), 0, lambda first, last: [Lost()])
    assert training.is_over(state) and np.isfinite(state["best_loss"])
    assert "training ends here, the best parameters" in capsys.readouterr().err
    jax.tree.map(np.testing.assert_array_equal, state["params"], half_way(training)["params"])


def test_a_source_that_is_rare_has_a_low_floor(tmp_path, rng):
    """Vocals in 2% of a song: the mixture and its accompaniment are nearly the same."""
    stems = rng.uniform(-0.4, 0.4, (20_000, 2, 1)).astype(np.float32)
    stems[400:, 1] = 0
    floors = dict(floors_of(DOMAIN, [stored_song(tmp_path / "rare.npy", stems)], 8))
    assert floors["level/accompaniment"] == floors["distance/vocals"] == 0.02
    assert 1e-4 <= floors["level/vocals"] < 0.01 and floors["distance/accompaniment"] < 0.01
    assert floors_of(DOMAIN, [], 8) == FLOORS
    stems[:, 1] = 0
    none = dict(floors_of(DOMAIN, [stored_song(tmp_path / "none.npy", stems)], 8))
    assert none["level/vocals"] == 1e-4
    training = prior_training(
        PRESET, "adversarial", SeparationData([song(tmp_path / "a.npy", rng)])
    )
    assert dict(training.objective.guard.floors)["level/vocals"] == 0.02


def test_sources_that_are_not_all_of_a_mixture_need_not_add_up_to_it(tmp_path, rng):
    """Else the truth would cost more than a copy of the mixture does."""
    whole = rng.uniform(-0.4, 0.4, (1500, 2, 1)).astype(np.float32)
    parts = stored_song(tmp_path / "0.npy", whole[:, :1], whole[:, 1:])
    covering = stored_song(tmp_path / "1.npy", whole)
    assert add_up(VOICE, SeparationData([parts])) and add_up(("a", "b"), SeparationData([covering]))
    assert not add_up(("vocals",), SeparationData([covering, parts]))
    assert add_up(("vocals", "other"), SeparationData()) and not add_up(("a",), SeparationData())
    preset = replace(PRESET, network=replace(NET, sources=("vocals",)))
    training = prior_training(preset, "adversarial", SeparationData([parts]))
    assert training.objective.supervision.beta == 0
    assert (
        "mixtures: none; those of the pairs serve the critics; vocals are not all of a mixture, "
        "and need not add up to it" in training.in_words
    )
    assert prior_training(
        PRESET, "adversarial", SeparationData([covering])
    ).objective.supervision.beta


def test_a_source_that_is_the_rest_must_be_all_of_it(tmp_path, rng):
    whole = rng.uniform(-0.4, 0.4, (1500, 3, 1)).astype(np.float32)
    rest = SeparationData([stored_song(tmp_path / "0.npy", whole[:, :2], whole[:, 2:])])
    network = replace(PRESETS["m2"].network, sources=("vocals", "drums"))
    with pytest.raises(ValueError, match="give --sources vocals,drums,accompaniment"):
        check_difference(network, rest)
    check_difference(replace(network, sources=("vocals", "accompaniment")), rest)
    check_difference(network, SeparationData([stored_song(tmp_path / "1.npy", whole[:, :2])]))
    check_difference(NET, rest)


def half_way(training):
    """The state after the first of two epochs."""
    recipe = replace(training.recipe, steps=2)
    half = replace(training, recipe=recipe)
    return half.run(half.init(), 0, lambda first, last: [])


def test_without_answers_a_smaller_weight_shortens_the_steps(data):
    unpaired = replace(data, train=(), valid=(), solos={n: data.mixtures for n in VOICE})
    training = prior_training(
        replace(PRESET, recipe=replace(RECIPE, beta=0.0)), "adversarial", unpaired
    )
    assert training.objective.supervision is None
    networks = training.init()["adversarial"]["networks"]
    batches = training._batch(RECIPE.stages[0], 0)["generator"]
    whole, half = (
        training.objective.generator_step(networks, batches, np.float32(size))[0]["generator"]
        for size in (1.0, 0.5)
    )
    jax.tree.map(
        lambda a, b, c: np.testing.assert_allclose(b - a, (c - a) / 2, atol=1e-7),
        networks["generator"],
        half,
        whole,
    )
