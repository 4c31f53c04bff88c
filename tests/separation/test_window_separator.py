"""Separation window by window, against the paper's loop over whole arrays; model directories."""

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from made_sets import make_mir_1k

from umir.checkpoint import CheckpointError
from umir.cli import main
from umir.separation.separator_model import SeparatorModel, load_model_for
from umir.separation.window_separator import WindowSeparator, windows
from umir.wave_unet.separators import FilteredWaveUNet, OriginalWaveUNet, SpectrogramUNet

NET = OriginalWaveUNet(
    sources=("accompaniment", "vocals"),
    rate=8000,
    channels=2,
    wanted=60,
    levels=2,
    filters=2,
    kernel=5,
    decoder_kernel=3,
    context=True,
    difference=True,
)
FILTERED = FilteredWaveUNet(("a", "b"), 8000, 1, wanted=90, widths=(8, 16, 24), kernel=3)


SPECTROGRAM = SpectrogramUNet(("a", "b"), 8000, window=32, hop=24, frames=8, levels=2, filters=3)


@pytest.fixture(scope="module")
def separator():
    return WindowSeparator(NET, NET.init(jax.random.key(0)))


def paper_loop(separator, song):
    """The whole song as one array: pad, slide, write over, cut (mono or stereo at the own rate)."""
    net, sizes = separator.network, separator.network.sizes
    run = jax.jit(net.apply)
    mixture = np.repeat(song, 2, axis=1) if song.shape[1] < net.channels else song
    length = max(len(mixture), sizes.input)
    after = sizes.input - sizes.output - sizes.margin
    padded = np.pad(mixture, ((sizes.margin, length - len(mixture) + after), (0, 0)))
    found = np.zeros((length, len(net.sources), net.channels))
    for start in range(0, length, sizes.output):
        start = min(start, length - sizes.output)
        window = padded[None, start : start + sizes.input]
        output, _ = run(separator.params, jnp.asarray(window))
        found[start : start + sizes.output] = output[0]
    return found[: len(song)]


def separated(separator, song, rate, sizes=(1000,)):
    """The separator's own way, in blocks of these sizes in turn."""
    starts = np.cumsum([0, *(sizes[n % len(sizes)] for n in range(len(song)))])
    blocks = [song[a:b] for a, b in zip(starts, starts[1:], strict=False) if a < len(song)]
    level = separator.measure(blocks, rate)
    parts = list(separator.separate(iter(blocks), rate, level))
    return {name: np.concatenate([part[name] for part in parts]) for name in separator.stems}


@pytest.mark.parametrize("length", [1, 50, 61, 62, 137, 138, 139, 300, 305])
def test_against_the_loop_of_the_paper(separator, length, rng):
    song = rng.uniform(-1, 1, (length, 2)).astype(np.float32)
    expected = paper_loop(separator, song)
    found = separated(separator, song, 8000)
    for n, name in enumerate(separator.stems):
        np.testing.assert_allclose(found[name], expected[:, n], atol=1e-6)


@given(st.lists(st.integers(1, 90), min_size=1, max_size=5))
def test_blocks_of_any_length_give_the_same_windows(sizes):
    song = np.arange(500, dtype=np.float32)[:, None]
    starts = np.cumsum([0, *(sizes[n % len(sizes)] for n in range(500))])
    blocks = [song[a:b] for a, b in zip(starts, starts[1:], strict=False) if a < 500]
    whole, parts = (list(windows(of, 60, 7, 9)) for of in ([song], blocks))
    assert [middle for _, middle in parts] == [0, 60, 120, 180, 240, 300, 360, 420, 440]
    for (one, begins), (other, same) in zip(parts, whole, strict=True):
        assert begins == same
        np.testing.assert_array_equal(one, other)
        inside = one[7 : 7 + 60, 0]
        np.testing.assert_array_equal(inside, np.arange(begins, begins + 60))


def test_networks_of_sources_one_by_one_give_what_they_give_together(rng):
    params = FILTERED.init(jax.random.key(3))
    song = rng.uniform(-1, 1, (FILTERED.sizes.input + 7, 1)).astype(np.float32)
    separator = WindowSeparator(FILTERED, params)
    expected = paper_loop(separator, song)
    found = separated(separator, song, 8000)
    for n, name in enumerate(FILTERED.sources):
        np.testing.assert_allclose(found[name], expected[:, n], atol=1e-5)


def test_mono_songs_of_another_rate_keep_their_shape(separator, rng):
    song = rng.uniform(-1, 1, (2000, 1)).astype(np.float32)
    found = separated(separator, song, 44_100)
    assert all(stem.shape == song.shape for stem in found.values())


@pytest.mark.parametrize("rate", [8000, 44_100])
def test_a_mono_network_separates_each_channel_by_itself(rate, rng):
    mono = replace(NET, channels=1)
    separator = WindowSeparator(mono, mono.init(jax.random.key(0)))
    song = rng.uniform(-1, 1, (700, 2)).astype(np.float32)
    found, left, right = (separated(separator, s, rate) for s in (song, song[:, :1], song[:, 1:]))
    for name in separator.stems:
        both = np.concatenate([left[name], right[name]], axis=1)
        np.testing.assert_allclose(found[name], both, atol=1e-6)


@pytest.mark.parametrize("network", [NET, FILTERED, SPECTROGRAM])
def test_a_model_directory_gives_the_model_back(network, tmp_path, rng):
    model = SeparatorModel(network, network.init(jax.random.key(1)), {"imported_from": "x.pt"})
    model.save(tmp_path / "model", "# card\n")
    loaded = load_model_for(tmp_path / "model")
    assert isinstance(loaded, SeparatorModel)
    assert (loaded.network, loaded.facts) == (network, {"imported_from": "x.pt"})
    song = rng.uniform(-1, 1, (400, network.channels)).astype(np.float32)
    one, other = (m.predict(song, 8000).waveforms for m in (model, loaded))
    for name in network.sources:
        np.testing.assert_array_equal(one[name], other[name])


@pytest.fixture
def saved(tmp_path):
    SeparatorModel(NET, NET.init(jax.random.key(0))).save(tmp_path / "model", "# card\n")
    return tmp_path / "model"


def test_programs_take_it(saved, tmp_path, rng, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stems = 0.1 * rng.normal(size=(2, 9000, 2))
    for name, sound in zip(("mix", *NET.sources), (stems.sum(0), *stems), strict=True):
        soundfile.write(tmp_path / f"{name}.wav", sound, 8000)
    row = {"audio": "mix.wav", "stems": {name: f"{name}.wav" for name in NET.sources}}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(row | {"split": "test"}))
    assert main(["separate", "mix.wav", "--model", "model"]) == 0
    assert main(["predict", "mix.wav", "--model", "model", "--out", "found"]) == 0
    one, other = (
        soundfile.read(folder / "mix" / "vocals.wav")[0]
        for folder in (tmp_path / "separated" / "model", tmp_path / "found")
    )
    np.testing.assert_array_equal(one, other)
    assert main(["evaluate", "--model", "model", "--data", ".", "--json", "scores.json"]) == 0
    assert "SDR/vocals" in json.loads((tmp_path / "scores.json").read_text())["metrics"]
    assert main(["separate", "mix.wav", "--model", "model", "--two-stems", "drums"]) == 1
    assert "no stem 'drums': choose from accompaniment, vocals" in capsys.readouterr().err


def test_it_is_scored_on_public_sets_whatever_they_call_its_task(saved, tmp_path, capsys):
    """Voice and accompaniment of MIR-1K, which has no four stems."""
    voices = make_mir_1k(tmp_path / "mir_1k")
    songs = ["evaluate", "--model", str(saved), "--split", "all", "--data", f"mir_1k:{voices}"]
    assert main(songs) == 0
    assert "source_separation, 4 tracks of all" in capsys.readouterr().out


def test_a_directory_of_another_network_says_what_differs(saved):
    config = json.loads((saved / "config.json").read_text())
    for change, words in [
        ({"levels": 3}, "has 'bottleneck/bias' as float32 .6,., not float32 .8,."),
        ({"kind": "transformer"}, "this version of umir does not know"),
        ({"heads": 8}, "unexpected keyword argument 'heads'"),
        ({"activation": "relu"}, "activation 'relu'"),
    ]:
        changed = {**config, "network": {**config["network"], **change}}
        (saved / "config.json").write_text(json.dumps(changed))
        with pytest.raises(CheckpointError, match=words):
            load_model_for(saved)


def test_asked_for_another_task(saved):
    with pytest.raises(ValueError, match="a model for source_separation, not for beat_tracking"):
        load_model_for(saved, "beat_tracking")
