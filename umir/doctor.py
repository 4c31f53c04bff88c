"""`umir doctor`: what is installed, what the machine has, what is missing and what that costs.

Paste its output into a bug report. It reads and prints; it changes nothing.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from umir import huge_pages
from umir.program import program_parser, run_program

_PACKAGES = (
    *("umir", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "scipy"),
    *("soundfile", "soxr", "mir_eval", "pretty_midi", "safetensors"),
)
# Programs outside Python, and what works only with them.
_PROGRAMS = dict.fromkeys(("ffmpeg", "ffprobe"), "MUSDB18 as .stem.mp4 (not for MUSDB18-HQ)")
_SOUNDFONT = "TimGM6mb.sf2"


def parser() -> argparse.ArgumentParser:
    """Return the parser of `umir doctor`."""
    parser = program_parser("doctor", "Print what is installed and what is missing.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run `umir doctor` and return the exit status."""
    return run_program(parser(), _run, argv)


def report() -> dict[str, dict[str, Any]]:
    """Return what `umir doctor` prints: section -> name -> value; None is what is missing."""
    return {
        "system": _system(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "jax": _jax(),
        "audio": _audio(),
        "programs": {name: shutil.which(name) for name in _PROGRAMS},
    }


def _run(args: argparse.Namespace) -> None:
    found = report()
    print(json.dumps(found, indent=1) if args.json else _text(found))


def _text(found: dict[str, dict[str, Any]]) -> str:
    """Return the report as aligned lines."""
    lines = []
    for section, values in found.items():
        lines.append(section)
        for name, value in values.items():
            missing = f"missing: needed for {_PROGRAMS[name]}" if name in _PROGRAMS else "missing"
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            lines.append(f"  {name:<20}{missing if value is None else shown}")
    return "\n".join(lines)


def _system() -> dict[str, Any]:
    usable = getattr(os, "sched_getaffinity", None)
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "cores": len(usable(0)) if usable else os.cpu_count(),
        "memory": _memory(),
        "huge_pages": huge_pages.said(os.environ, huge_pages.MODES),
        "free_disk": _gigabytes(shutil.disk_usage(Path.cwd()).free),
    }


def _memory() -> str | None:
    """Return the machine's memory; None where the system does not say."""
    try:
        return _gigabytes(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return None


def _gigabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _jax() -> dict[str, Any]:
    """Return devices and compilation cache as the other programs will see them."""
    try:
        import jax

        from umir.program import use_compilation_cache
    except (ImportError, OSError) as error:
        return {"devices": f"not usable: {error}"}
    use_compilation_cache()
    try:
        devices: list[str] | str = [f"{device} ({device.device_kind})" for device in jax.devices()]
    except RuntimeError as error:  # for example a GPU that another program fills
        devices = f"not usable: {str(error).splitlines()[0]}"
    return {"devices": devices, "compilation_cache": jax.config.values["jax_compilation_cache_dir"]}


def _audio() -> dict[str, Any]:
    """Return the audio library, the formats it reads, and the studio's SoundFont."""
    try:
        import soundfile
    except (ImportError, OSError) as error:  # also where the library of C that it calls is missing
        return {"libsndfile": f"not usable: {error}"}
    package = find_spec("pretty_midi")
    folder = Path(package.origin).parent if package and package.origin else Path()
    return {
        "libsndfile": soundfile.__libsndfile_version__,
        "formats": sorted(soundfile.available_formats()),
        "soundfont": str(folder / _SOUNDFONT) if (folder / _SOUNDFONT).exists() else None,
    }


if __name__ == "__main__":
    sys.exit(main())
