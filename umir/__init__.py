"""umir: one small network on raw waveforms for ten tasks of music information retrieval.

Importing `umir` imports nothing else: the sub-packages (`umir.wave_unet`, `umir.studio`,
`umir.tasks`, `umir.meta`) and the names below are loaded when first used, so that the command line
answers `--help` without waiting for JAX.
"""

import importlib
from importlib.metadata import version as _version

__version__ = _version("umir")

# Public name -> the module that defines it. (Programs are modules of their own:
# `from umir.fine_tuning import finetune`.)
_EXPORTS = {
    "Example": "umir.data.example",
    "TaskModel": "umir.task_model",
    "load_model": "umir.checkpoint",
    "read_audio": "umir.audio",
    "write_audio": "umir.audio",
}


def __getattr__(name: str):
    if name in _EXPORTS:
        return getattr(importlib.import_module(_EXPORTS[name]), name)
    try:
        return importlib.import_module(f"umir.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"umir.{name}":
            raise
        raise AttributeError(f"module 'umir' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted([*globals(), *_EXPORTS])
