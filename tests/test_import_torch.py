"""Checkpoints of PyTorch: the same output, no code, and a clear word for everything else."""

import os
import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from benchmark_scripts import benchmark_module

from umir.cli import main
from umir.import_torch import import_torch
from umir.separation.separator_model import SeparatorModel
from umir.torch_checkpoint import read_state
from umir.wave_unet.separators import FilteredWaveUNet

torch = pytest.importorskip("torch")

NET = FilteredWaveUNet(("drums", "rest"), 8000, 2, wanted=96, widths=(8, 16, 24), kernel=3)
LEARNED = replace(NET, resampling="learned", normalisation="none", stride=3)
TOGETHER = replace(NET, separate=False, normalisation="batch", depth=2)


def saved(net, path, prefix="", legacy=False):
    """Write a checkpoint as the training program does, and return its network in PyTorch."""
    torch.manual_seed(0)
    peer = benchmark_module("torch_wave_unet").FilteredPeer(net).eval()
    state = {prefix + name: value for name, value in peer.state_dict().items()}
    optimiser = torch.optim.Adam(peer.parameters()).state_dict()
    optimiser["param_groups"][0]["lr"] = 1e-3 * np.cos(0.5)  # as its schedule sets it
    content = {
        "model_state_dict": state,
        "optimizer_state_dict": optimiser,
        "state": {"step": 3, "worse_epochs": 0, "best_loss": np.inf},
    }
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return peer


@pytest.mark.parametrize(
    ("net", "options", "legacy"),
    [
        (NET, [], False),
        (NET, [], True),
        (LEARNED, ["--stride", "3"], False),
        (TOGETHER, ["--sources", "drums, rest"], False),
    ],
)
def test_the_same_output(net, options, legacy, tmp_path, rng, capsys):
    path, out = tmp_path / "model", tmp_path / "out"
    peer = saved(net, path, legacy=legacy)
    options = [*options, "--rate", "8000", "--seconds", "0.012"]
    assert main(["import-torch", str(path), "--out", str(out), *options]) == 0
    assert "drums, rest: 3 levels of 8 to 24 channels" in capsys.readouterr().out
    model = SeparatorModel.load(out)
    assert model.network == net
    # The first window: silence before the song, and the song.
    sizes = net.sizes
    song = rng.uniform(-1, 1, (2 * sizes.input, 2)).astype(np.float32)
    found = model.predict(song, 8000).waveforms
    window = np.pad(song, ((sizes.margin, 0), (0, 0)))[: sizes.input]
    with torch.no_grad():
        expected = peer(torch.from_numpy(window.T[None].copy()))
    expected = expected[0].numpy().reshape(2, 2, -1)
    for n, name in enumerate(net.sources):
        np.testing.assert_allclose(found[name][: sizes.output].T, expected[n], atol=1e-4)


def test_weights_of_parallel_training(tmp_path):
    saved(NET, tmp_path / "one")
    saved(NET, tmp_path / "other", prefix="module.")
    one, other = (read_state(tmp_path / name) for name in ("one", "other"))
    assert one.keys() == other.keys()


class Code:
    def __reduce__(self):
        return os.system, ("touch was_run",)


def test_code_is_refused_and_not_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    torch.save({"model_state_dict": {}, "state": Code()}, "zipped")
    (tmp_path / "pickled").write_bytes(pickle.dumps({"state": Code()}))
    for name in ("zipped", "pickled"):
        assert main(["import-torch", name, "--out", "out"]) == 1
        assert f"{name}: refused: it holds more than tensors" in capsys.readouterr().err
    assert not (tmp_path / "was_run").exists() and not (tmp_path / "out").exists()


def fails(path, words, **options):
    with pytest.raises(ValueError, match=words) as caught:
        import_torch(path, path.parent / "out", **options)
    assert "\n" not in str(caught.value) and not (path.parent / "out").exists()


def test_what_contradicts_the_checkpoint_is_named(tmp_path):
    path = tmp_path / "model"
    saved(NET, path)
    fails(path, "sources: it has drums, rest, not a, b", sources=["a", "b"])
    fails(path, "stride: its filter is for 4, not 2", stride=2)
    saved(TOGETHER, path)
    fails(path, "name them in their order")
    fails(path, r"sources: its output has 4 channels; 3 source\(s\)", sources=["a", "b", "c"])
    for names in (["a", "a"], ["a", ""]):
        fails(path, f"sources {','.join(names)}: each needs a name of its own", sources=names)
    saved(LEARNED, path)
    fails(path, "does not tell by how much")


def test_what_no_program_could_use_is_refused(tmp_path):
    """Nothing is written of which nothing could be made."""
    path = tmp_path / "model"
    state = saved(NET, path).state_dict()
    bias = next(name for name in state if name.endswith("filter.bias"))
    torch.save({name: value for name, value in state.items() if name != bias}, path)
    fails(path, "model: lacks '.*bias'.* other than the network says")
    wider = next(name for name in state if name.startswith("waveunets.rest") and "norm" in name)
    torch.save({**state, wider: torch.zeros(99)}, path)
    fails(path, r"model: has '.*' as float32 \(99,\)")
    torch.save({**state, bias: torch.full_like(state[bias], float("nan"))}, path)
    fails(path, "holds NaN or infinite numbers")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype, tmp_path):
    state = saved(NET, tmp_path / "model").state_dict()
    torch.save({name: value.to(dtype) for name, value in state.items()}, tmp_path / "model")
    import_torch(tmp_path / "model", tmp_path / "out", rate=8000, seconds=0.012)
    assert SeparatorModel.load(tmp_path / "out").network == NET


def _saved_again(path):
    saved(NET, path)
    return path


def test_what_is_no_checkpoint(tmp_path):
    path = tmp_path / "model"
    fails(path, "model: no such file")
    fails(tmp_path, "is a folder")
    path.write_bytes(b"")
    fails(path, "damaged")
    soundfile.write(tmp_path / "sound.wav", np.zeros(9), 8000)
    fails(tmp_path / "sound.wav", "damaged|refused")
    saved(NET, path)
    path.write_bytes(path.read_bytes()[:5000])
    fails(path, "damaged")
    torch.save({"epoch": 3}, path)
    fails(path, "holds no state of a model")
    whole = torch.load(_saved_again(path), weights_only=False)["model_state_dict"]
    torch.save({n: v for n, v in whole.items() if "output_conv" not in n}, path)
    fails(path, "lacks .*output_conv.weight.*: not a whole Wave-U-Net")
    torch.save({"linear.weight": torch.zeros(2, 2)}, path)
    fails(path, "has 'linear.weight': not the state of a Wave-U-Net")
    torch.save({"waveunets.a.output_conv.weight": torch.zeros(2, 2, 1)}, path)
    fails(path, "lacks 'downsampling_blocks': not a whole Wave-U-Net")
    torch.save({name: value.flatten() for name, value in whole.items()}, path)
    fails(path, "has a weight with fewer axes")


def test_weights_that_numpy_does_not_know(tmp_path):
    kept = {
        "half": torch.full((2, 3), 0.5, dtype=torch.bfloat16),
        "sparse": torch.eye(2).to_sparse(),
        "count": torch.tensor(3),
    }
    torch.save(kept, tmp_path / "model")
    found = read_state(tmp_path / "model")
    np.testing.assert_array_equal(found["half"], np.full((2, 3), 0.5, np.float32))
    np.testing.assert_array_equal(found["sparse"], np.eye(2))
    assert found["count"] == 3


def test_without_pytorch(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    fails(tmp_path / "model", "pip install 'umir.torch.'")
