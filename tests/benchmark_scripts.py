"""Modules of `benchmarks/`, which is not installed: its scripts find each other side by side."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def benchmark_module(name: str) -> ModuleType:
    """Return a module as a script in `benchmarks/` would import it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        return importlib.import_module(name)
