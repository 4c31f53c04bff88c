"""Model directories come back as they were saved; damaged or mixed-up ones say so."""

import hashlib
import json
import os
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from umir.checkpoint import (
    CheckpointError,
    Model,
    check_params,
    describe_model,
    load_model,
    save_model,
)
from umir.named_parameters import flatten, halved, unflatten

_CONFIG = {"preset": "nano", "strides": [4, 4], "task": {"name": "beats"}, "threshold": 0.25}


def _params(seed=0, width=3):
    rng = np.random.default_rng(seed)
    kernel = rng.normal(size=(5, 1, width)).astype(np.float32)
    return {
        "body": {"conv": {"kernel": kernel, "bias": np.zeros(width, np.float32)}},
        "head": {"scale": np.float32(2.0), "steps": np.arange(3)},
    }


@pytest.fixture
def saved(tmp_path):
    save_model(tmp_path / "model", Model(_CONFIG, _params()), "# A model\n")
    return tmp_path / "model"


def test_round_trip(saved):
    assert sorted(os.listdir(saved)) == ["MODEL_CARD.md", "config.json", "model.safetensors"]
    model = load_model(saved)
    assert model.config == _CONFIG
    found, wanted = flatten(model.params), flatten(_params())
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        np.testing.assert_array_equal(found[name], tensor)
        assert found[name].dtype == tensor.dtype and found[name].shape == tensor.shape
    assert (saved / "MODEL_CARD.md").read_text() == "# A model\n"


def test_jax_arrays(tmp_path):
    save_model(tmp_path, Model({}, {"a": jnp.arange(4.0), "b": jnp.ones((2, 3)).T}), "")
    found = load_model(tmp_path).params
    np.testing.assert_array_equal(found["a"], np.arange(4, dtype=np.float32))
    assert found["b"].shape == (3, 2)


def test_half_precision_is_half_the_file_and_comes_back_as_float32(saved, tmp_path):
    save_model(tmp_path / "half", Model(_CONFIG, _params()), "", half=True)
    found, whole = (flatten(load_model(place).params) for place in (tmp_path / "half", saved))
    for name, tensor in whole.items():
        assert found[name].dtype == tensor.dtype
        rounded = tensor.astype(np.float16) if tensor.dtype == np.float32 else tensor
        np.testing.assert_array_equal(found[name], rounded.astype(tensor.dtype))
        # Half a unit in the last of 11 bits.
        np.testing.assert_allclose(found[name], tensor, rtol=2**-11, atol=0)
    assert _described_in(tmp_path / "half", "body/conv/kernel") == ["float16", [5, 1, 3]]
    assert _described_in(tmp_path / "half", "head/steps") == ["int64", [3]]


def _described_in(directory, name):
    return json.loads((directory / "config.json").read_text())["parameters"][name]


def test_what_half_precision_cannot_hold(tmp_path):
    params = {"body": {"w": np.float32([65504.0, 65520.0])}}
    with pytest.raises(ValueError, match="'body/w': too large for half precision"):
        save_model(tmp_path / "model", Model({}, params), "", half=True)
    assert not (tmp_path / "model").exists()
    halved({"w": np.float32([65504.0, -65504.0])})


def test_a_description_without_the_weights(saved):
    (saved / "model.safetensors").unlink()
    config, n_parameters = describe_model(saved)
    assert config == _CONFIG
    assert n_parameters == 5 * 3 + 3 + 1 + 3


def test_dtypes_that_numpy_lacks_are_refused(tmp_path):
    params = {"body": {"w": jnp.zeros(4, jnp.bfloat16)}}
    with pytest.raises(ValueError, match="parameter 'body/w': convert bfloat16 to float32"):
        save_model(tmp_path / "model", Model({}, params), "")
    assert not (tmp_path / "model").exists()


def test_saving_again_replaces_the_model_and_keeps_other_files(saved):
    (saved / "log.jsonl").write_text("{}")
    save_model(saved, Model({"preset": "small"}, _params(1, width=4)), "new")
    model = load_model(saved)
    assert model.config == {"preset": "small"}
    assert model.params["body"]["conv"]["bias"].shape == (4,)
    assert len(os.listdir(saved)) == 4


def test_what_was_read_is_written_as_it_was(saved, tmp_path):
    """Byte by byte, although a file of weights is read in any order."""
    stored = load_model(saved)
    flat = flatten(stored.params)
    shuffled = unflatten({name: flat[name] for name in sorted(flat, reverse=True)})
    save_model(tmp_path / "again", Model(stored.config, shuffled), "card")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()


def test_flatten_and_unflatten_are_inverse():
    tree = unflatten(flatten(_params()))
    assert tree.keys() == {"body", "head"} and tree["head"].keys() == {"scale", "steps"}
    assert sorted(flatten(_params())) == [
        "body/conv/bias",
        "body/conv/kernel",
        "head/scale",
        "head/steps",
    ]


@pytest.mark.parametrize("key", [0, "", "a/b"])
def test_names_that_cannot_be_stored(key):
    with pytest.raises(ValueError, match="parameter name"):
        flatten({"body": {key: np.zeros(1)}})


@pytest.mark.parametrize("config", [{"x": np.zeros(2)}, {"x": float("nan")}, {"parameters": 1}])
def test_configurations_that_cannot_be_stored(tmp_path, config):
    with pytest.raises(ValueError, match=f"config: .*{next(iter(config))}"):
        save_model(tmp_path / "model", Model(config, _params()), "")
    assert not (tmp_path / "model").exists()


def _fails(path, message):
    with pytest.raises(CheckpointError, match=message) as failure:
        load_model(path)
    assert "\n" not in str(failure.value)


def test_missing(saved, tmp_path):
    _fails(tmp_path / "none", "none: no such folder")
    _fails(saved / "config.json", "is a file; give a model directory")
    (saved / "model.safetensors").unlink()
    _fails(saved, "model.safetensors: is missing")
    (saved / "config.json").unlink()
    _fails(saved, "config.json: is missing; this is not a model directory")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_cut_in_half(saved, share):
    for name in ("model.safetensors", "config.json"):
        content = (saved / name).read_bytes()
        (saved / name).write_bytes(content[: int(share * len(content))])
        _fails(saved, f"{name}: is (cut off or )?damaged.*copy the model again")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_a_failed_training_leaves(tmp_path, value):
    params = _params()
    params["body"]["conv"]["bias"][1] = value
    save_model(tmp_path, Model(_CONFIG, params), "")
    _fails(tmp_path, "model.safetensors: 'body/conv/bias' holds NaN or infinite numbers")


def test_pickles_are_never_opened(saved):
    (saved / "model.safetensors").write_bytes(b"\x80\x04\x95cos\nsystem\n")
    _fails(saved, "is cut off or damaged")


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "{}", '{"preset": "nano"}'),
        *(
            f'{{"parameters": {parameters}, "umir_model": 1}}'
            for parameters in ("[]", '{"x": null}', '{"x": [1]}', '{"x": ["float32", ["2"]]}')
        ),
    ],
)
def test_configuration_of_something_else(saved, text):
    (saved / "config.json").write_text(text)
    _fails(saved, "was not written by umir")
    with pytest.raises(CheckpointError, match="was not written by umir"):
        describe_model(saved)


def test_newer_version(saved):
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps({**config, "umir_model": 2}))
    _fails(saved, "another version of umir; update umir")


def test_weights_of_another_training_of_the_same_network(saved, tmp_path):
    save_model(tmp_path / "again", Model(_CONFIG, _params(1)), "")
    os.replace(tmp_path / "again" / "model.safetensors", saved / "model.safetensors")
    _fails(saved, "model.safetensors: was not written together with config.json")


def test_a_model_of_before_has_no_hash(saved):
    path = saved / "config.json"
    document = json.loads(path.read_text())
    digest = hashlib.sha256((saved / "model.safetensors").read_bytes()).hexdigest()
    assert document.pop("weights_sha256") == digest
    path.write_text(json.dumps(document))
    assert load_model(saved).config == _CONFIG


def test_weights_of_another_model(saved, tmp_path):
    save_model(tmp_path / "wide", Model(_CONFIG, _params(width=4)), "")
    os.replace(tmp_path / "wide" / "model.safetensors", saved / "model.safetensors")
    _fails(saved, r"has 'body/conv/bias' as float32 \(4,\), not float32 \(3,\).*another model")


def test_parameters_are_checked_against_the_network():
    params = _params()
    check_params(params, _params(seed=5), "m")
    with pytest.raises(CheckpointError, match="^m: lacks 'tail/bias', other than the network"):
        check_params(params, {**params, "tail": {"bias": np.zeros(1)}}, "m")
    with pytest.raises(CheckpointError, match="has 'head/scale', other"):
        check_params(params, {"body": params["body"]}, "m")
    wide = _params(width=6)["body"]["conv"]["kernel"]
    with pytest.raises(CheckpointError, match=r"as float32 \(5, 1, 3\), not float32 \(5, 1, 6\)"):
        check_params({"kernel": params["body"]["conv"]["kernel"]}, {"kernel": wide}, "m")


_SMALL_DISK = """
import resource, sys
import numpy as np
from umir.checkpoint import Model, save_model
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    save_model(sys.argv[1], Model({"new": 1}, {"w": np.zeros(10000, np.float32)}), "new")
except OSError as error:
    print(error)
"""


def test_full_disk_keeps_the_old_model(saved):
    command = [sys.executable, "-c", _SMALL_DISK, str(saved)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "model.safetensors" in run.stdout
    assert load_model(saved).config == _CONFIG
    assert len(os.listdir(saved)) == 3
