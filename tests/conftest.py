"""Settings of the whole suite: strict JAX, checked shapes, a persistent compilation cache.

The settings are environment variables because programs that tests start must inherit them.
"""

import functools
import os
import pathlib
import signal
import sys
import threading

# A shell starts what runs in its background with Ctrl-C ignored, and children inherit that: tests
# of Ctrl-C would then wait for ever.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Bytecode is kept, whatever the machine says: without it the modules of umir, whose shapes are
# checked, take six seconds more in every process.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

_CACHE = pathlib.Path(__file__).parent.parent / ".cache" / "jax"

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# The suite compiles far more than it computes: without LLVM's optimisation, which changes no graph,
# that takes half the time, and without XLA's newer emitters of fusions a quarter less again.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0 "
    "--xla_cpu_use_fusion_emitters=false",
)
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
os.environ["JAX_NUMPY_DTYPE_PROMOTION"] = "strict"
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"
os.environ.setdefault("MPLBACKEND", "Agg")

from jaxtyping import install_import_hook  # noqa: E402

_HOOK = install_import_hook("umir", "beartype.beartype")

import jax  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from folders import (  # noqa: E402, F401
    events_folder,
    label_folder,
    stems_folder,
    tiny_preset,
)
from hypothesis import HealthCheck, settings  # noqa: E402
from rendered_library import copied_library, library  # noqa: E402, F401

from umir.studio import catalogue  # noqa: E402

# One profile: the same examples every time, no deadline (the first example compiles).
settings.register_profile(
    "umir",
    deadline=None,
    derandomize=True,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("umir")


@pytest.fixture(autouse=True, scope="module")
def _room_for_programs():
    """Let go of compiled programs: each is several mappings, of which Linux allows 65,530."""
    yield
    mappings = pathlib.Path("/proc/self/maps")
    if mappings.exists() and mappings.read_bytes().count(b"\n") > 15_000:
        jax.clear_caches()


@functools.cache
def _render_song_once():
    """Return `render_song`, which renders no song twice: half of a tiny training is its songs."""
    return functools.lru_cache(maxsize=64)(catalogue.render_song)


@pytest.fixture
def remembered_songs(monkeypatch):
    """Take songs from the tests before, where those have rendered them."""
    monkeypatch.setattr(catalogue, "render_song", _render_song_once())


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a seeded generator of random numbers."""
    return np.random.default_rng(0)
