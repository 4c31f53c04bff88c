"""Reading checkpoints of PyTorch: tensors only, by PyTorch's own reader, which runs no code.

PyTorch comes with the extra: `pip install 'umir[torch]'`.
"""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

# Where training programs keep a model's state, beside the optimiser's.
STATES = ("model_state_dict", "state_dict", "model")
PARALLEL = "module."  # before every name of a model that was trained on several devices


def read_state(path: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a model by their names.

    Args:
        path: what `torch.save` wrote: a model's state, or a dictionary that has it under one of
            `STATES`.

    Returns:
        Name -> array, without the `module.` of parallel training.

    Raises:
        ValueError: PyTorch is not installed; the file is missing, damaged, holds anything but
            tensors and plain data (it is refused, none of it is run), or no model.
    """
    try:
        import torch
    except ImportError:
        raise ValueError(
            "reading PyTorch's files takes PyTorch: pip install 'umir[torch]'"
        ) from None
    if not path.is_file():
        raise ValueError(f"{path}: {'is a folder' if path.exists() else 'no such file'}")
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_numpy_numbers()):
            # Of unusual pickles: they are read, or refused below.
            warnings.simplefilter("ignore", UserWarning)
            found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path}: refused: it holds more than tensors and numbers, or is damaged, and nothing "
            "of it was run"
        ) from error
    except Exception as error:  # whatever a reader comes to that is given any bytes at all
        first = str(error).split("\n")[0]
        raise ValueError(f"{path}: is damaged, or not a checkpoint of PyTorch ({first})") from error
    return _named(_state_in(found, path))


def _numpy_numbers() -> list[Any]:
    """Return what PyTorch's reader has to know for numbers of NumPy, which run nothing.

    The rate in the optimiser's state is one where a schedule was computed with NumPy, as in the
    public repository.
    """
    scalar = np.float64(0).__reduce__()[0]
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")  # before and since 2
    kinds = {type(np.dtype(name)) for name in ("float64", "float32", "int64", "int32", "bool")}
    return [*((scalar, name) for name in names), np.dtype, *kinds]


def _state_in(found: Any, path: Path) -> Mapping[str, Any]:
    if isinstance(found, Mapping):
        for name in STATES:
            if isinstance(found.get(name), Mapping):
                return found[name]
        if found and all(hasattr(value, "numpy") for value in found.values()):
            return found
    raise ValueError(f"{path}: holds no state of a model, which is a dictionary of tensors")


def _named(state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    tensors = {name: value for name, value in state.items() if hasattr(value, "numpy")}
    return {name.removeprefix(PARALLEL): _array(value) for name, value in tensors.items()}


def _array(tensor: Any) -> np.ndarray:
    """Return a tensor as numpy has it, which knows neither bfloat16 nor sparse ones."""
    found = tensor.detach().cpu()
    found = found.to_dense() if found.is_sparse else found
    return np.asarray((found.float() if found.is_floating_point() else found).numpy())
