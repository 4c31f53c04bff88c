"""Model directories: `config.json`, `model.safetensors` and `MODEL_CARD.md`.

A directory loads with no flags and runs no code of whoever wrote it: the configuration is JSON, the
parameters are safetensors, nothing is ever unpickled. `config.json` lists the parameters that
belong to it and has a hash of their file, so that files of two models, or one cut in half, are
noticed. Neither tasks nor networks are known here: a configuration is any JSON object, parameters
are any nested mapping of arrays.

Half precision is a way to store, not to compute: what a file holds as float16 comes back as
float32.
"""

import hashlib
import json
import math
import mmap
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from umir.files import write_beside
from umir.named_parameters import flatten, halved, leaves, unflatten

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
CARD_NAME = "MODEL_CARD.md"

# The version of this layout, and the keys that `config.json` has beside the configuration; models
# of before 29 November 2026 have no hash.
_VERSION = 1
_VERSION_KEY = "umir_model"
_PARAMETERS_KEY = "parameters"
_HASH_KEY = "weights_sha256"
# What NumPy itself can hold; bfloat16 needs a package that readers of a model may not have.
_DTYPES = ("bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)))
_DTYPES += ("float16", "float32", "float64", "complex64")


class CheckpointError(ValueError):
    """A model directory that cannot be read; the message says which file and what to do."""


@dataclass(frozen=True)
class Model:
    """What a model directory holds.

    Attributes:
        config: plain JSON: what is needed to build the network and to use it.
        params: nested mapping from names to arrays.
    """

    config: Mapping[str, Any]
    params: Mapping[str, Any] = field(repr=False)


def save_model(
    directory: str | os.PathLike, model: Model, card: str, *, half: bool = False
) -> None:
    """Write a model directory; other files in it (logs, training state) stay.

    The three files are written beside and take their names only when all are complete.

    Args:
        directory: made if needed.
        model: configuration (JSON) and parameters (NumPy or JAX arrays).
        card: the text of MODEL_CARD.md: data, licence, scores.
        half: store what is float32 as float16, rounded to 11 bits: half the size.

    Raises:
        ValueError: the configuration is not JSON, a parameter has a name or a dtype (bfloat16)
            that cannot be stored, or is too large for half precision.
        OSError: the disk is full.
    """
    directory = Path(directory)
    tensors = flatten(halved(model.params) if half else model.params)
    for name, tensor in tensors.items():
        if str(tensor.dtype) not in _DTYPES:
            raise ValueError(f"parameter {name!r}: convert {tensor.dtype} to float32 to store it")
    weights = safetensors.numpy.save(tensors)
    config = _config_text(model.config, tensors, hashlib.sha256(weights).hexdigest())
    # They get their names from the last to the first: where the weights are, all is.
    with write_beside(directory / WEIGHTS_NAME) as weights_file:
        weights_file.write_bytes(weights)
        with write_beside(directory / CONFIG_NAME) as config_file:
            config_file.write_text(config, encoding="utf-8")
            with write_beside(directory / CARD_NAME) as card_file:
                card_file.write_text(card, encoding="utf-8")


def load_model(directory: str | os.PathLike) -> Model:
    """Read a model directory.

    Args:
        directory: as `save_model` wrote it.

    Returns:
        The configuration and the parameters as NumPy arrays, float32 where the file holds float16.

    Raises:
        CheckpointError: no such directory, a missing or damaged file, files that do not belong
            together, or parameters that are not finite.
    """
    directory = Path(directory)
    if not directory.is_dir():
        problem = "is a file" if directory.exists() else "no such folder"
        raise CheckpointError(
            f"{directory}: {problem}; give a model directory, which holds {CONFIG_NAME} and "
            f"{WEIGHTS_NAME}"
        )
    config = _read_config(directory / CONFIG_NAME)
    tensors = _read_tensors(directory / WEIGHTS_NAME)
    promised, digest = config.pop(_PARAMETERS_KEY), config.pop(_HASH_KEY, None)
    _check_same(directory / WEIGHTS_NAME, _described(tensors), promised, CONFIG_NAME)
    _check_hash(directory / WEIGHTS_NAME, digest)
    params = unflatten({name: _widened(t) for name, t in tensors.items()})
    check_finite(params, directory / WEIGHTS_NAME)
    return Model(config, params)


def describe_model(directory: str | os.PathLike) -> tuple[dict[str, Any], int]:
    """Return a model directory's configuration and how many parameters it says it has.

    Only `config.json` is read: this is for lists of models.

    Raises:
        CheckpointError: the file is missing, damaged or of something else.
    """
    config = _read_config(Path(directory) / CONFIG_NAME)
    promised = config.pop(_PARAMETERS_KEY)
    config.pop(_HASH_KEY, None)
    return config, sum(math.prod(shape) for _, shape in promised.values())


def check_weights(directory: str | os.PathLike) -> None:
    """Raise a CheckpointError if the weights of a model directory are missing or cut off.

    Only their header is read.
    """
    path = Path(directory) / WEIGHTS_NAME
    with _whole_weights(path), safetensors.safe_open(path, "numpy"):
        pass


def check_params(
    params: Mapping[str, Any], expected: Mapping[str, Any], path: str | os.PathLike
) -> None:
    """Raise unless the parameters are those that a network expects, in name, shape and dtype.

    Args:
        params: nested mapping of arrays, as loaded.
        expected: nested mapping of arrays or of anything else with `shape` and `dtype`.
        path: where `params` came from, for the message.

    Raises:
        CheckpointError: they are the parameters of another network.
    """
    found, wanted = (_described(dict(leaves(tree))) for tree in (params, expected))
    _check_same(Path(path), found, wanted, "the network")


def _described(tensors: Mapping[str, Any]) -> dict[str, list]:
    """Return name -> [dtype, shape], in JSON types, in an order that is always the same."""
    return {name: [str(t.dtype), list(t.shape)] for name, t in sorted(tensors.items())}


def _config_text(config: Mapping[str, Any], tensors: Mapping[str, np.ndarray], digest: str) -> str:
    """Return the text of config.json."""
    if reserved := {_VERSION_KEY, _PARAMETERS_KEY, _HASH_KEY} & config.keys():
        raise ValueError(f"config: {sorted(reserved)} are written by umir itself; rename them")
    document = {_VERSION_KEY: _VERSION, **config}
    document |= {_HASH_KEY: digest, _PARAMETERS_KEY: _described(tensors)}
    for key, value in document.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"config: {key!r} must be plain JSON: {error}") from error
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _read_config(path: Path) -> dict[str, Any]:
    """Read and check config.json; its version key is taken out."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: is missing; this is not a model directory") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path}: is damaged ({error}); copy the model again") from error
    if not isinstance(config, dict) or not _are_described(config.get(_PARAMETERS_KEY)):
        raise CheckpointError(f"{path}: was not written by umir; give another model directory")
    if config.pop(_VERSION_KEY, None) != _VERSION:
        raise CheckpointError(f"{path}: was written by another version of umir; update umir")
    return config


def _are_described(parameters: Any) -> bool:
    """Return whether JSON is what `_described` returns."""
    return isinstance(parameters, dict) and all(
        isinstance(value, list)
        and [type(part) for part in value] == [str, list]
        and all(type(size) is int for size in value[1])
        for value in parameters.values()
    )


def _read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Read model.safetensors.

    The file is opened for each tensor: what was read of it counts as memory while it is open.
    """
    with _whole_weights(path):
        with safetensors.safe_open(path, "numpy") as file:
            names = list(file.keys())
        return {name: _read_tensor(path, name) for name in names}


@contextmanager
def _whole_weights(path: Path) -> Iterator[None]:
    """Say of what is read from model.safetensors that it is missing, cut off or damaged."""
    try:
        yield
    except FileNotFoundError:
        raise CheckpointError(f"{path}: is missing; copy the whole model directory") from None
    except (safetensors.SafetensorError, KeyError) as error:
        raise CheckpointError(
            f"{path}: is cut off or damaged ({error}); copy the model again"
        ) from error


def _read_tensor(path: Path, name: str) -> np.ndarray:
    with safetensors.safe_open(path, "numpy") as file:
        return _aligned(file.get_tensor(name))


def _widened(tensor: np.ndarray) -> np.ndarray:
    return _aligned(tensor, np.dtype(np.float32)) if tensor.dtype == np.float16 else tensor


def _aligned(tensor: np.ndarray, dtype: np.dtype | None = None) -> np.ndarray:
    """Return a copy that JAX can take as it lies (`jax.device_put`), so that there is one of it.

    XLA takes memory that begins at a multiple of 64 bytes. That of a map begins at a page's, and
    goes back when the array does; memory from the heap would be left in pieces.
    """
    dtype = dtype or tensor.dtype
    room = mmap.mmap(-1, max(tensor.size * dtype.itemsize, 1))
    copy = np.frombuffer(room, dtype, tensor.size).reshape(tensor.shape)
    copy[...] = tensor
    return copy


def _check_hash(path: Path, digest: str | None) -> None:
    """Raise if a file of weights is not the one that `config.json` was written with."""
    if digest is None:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        raise CheckpointError(
            f"{path}: was not written together with {CONFIG_NAME}: it is of another training, "
            "or the saving of one was cut off; copy the model again, or train it again"
        )


def check_finite(params: Mapping[str, Any], path: str | os.PathLike) -> None:
    """Raise with the first parameter that holds NaN or infinities.

    Args:
        params: nested mapping of arrays.
        path: where they came from, for the message.

    Raises:
        CheckpointError: a number is not finite.
    """
    for name, tensor in leaves(params):
        if not np.isfinite(tensor).all():
            raise CheckpointError(
                f"{path}: {name!r} holds NaN or infinite numbers, as a training that went wrong "
                "leaves them; train again with a lower rate, or give another model"
            )


def _check_same(path: Path, found: Mapping, expected: Mapping, whose: str) -> None:
    """Raise with the first difference between two descriptions of parameters."""
    for name in sorted(found.keys() | expected.keys()):
        if name not in found:
            difference = f"lacks {name!r}"
        elif name not in expected:
            difference = f"has {name!r}"
        elif list(found[name]) != list(expected[name]):
            difference = f"has {name!r} as {_spelled(found[name])}"
        else:
            continue
        wanted = f", not {_spelled(expected[name])}" if name in found and name in expected else ""
        raise CheckpointError(
            f"{path}: {difference}{wanted}, other than {whose} says: it belongs to another model"
        )


def _spelled(description: list) -> str:
    """Return `float32 (2, 3)` for ["float32", [2, 3]]."""
    dtype, shape = description
    return f"{dtype} {tuple(shape)}"
