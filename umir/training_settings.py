"""The settings of a training in its folder: a training goes on only as it began.

They are written to `training.json` when a training begins, and compared when it is resumed. Until
its first checkpoint there is nothing to lose: other settings then take the place of those.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from umir.files import make_folder, write_json
from umir.resuming import steps_done

SETTINGS_NAME = "training.json"


def check_settings(
    out: Path, settings: Mapping[str, Any], resume: bool, free: Collection[str] = ()
) -> None:
    """Write the settings of a training, or see that they are those of the one that is there.

    Args:
        out: the training's folder; made if needed.
        settings: plain JSON.
        resume: whether a training that is there goes on.
        free: fields that may differ, as `recipe.steps`.

    Raises:
        ValueError: a training is there and shall not go on, or is another one; names what differs.
    """
    path = out / SETTINGS_NAME
    settings = json.loads(json.dumps(settings))  # as they will be read: tuples become lists
    done = steps_done(out / "checkpoints")
    if done and not path.exists():
        raise ValueError(holds_another_training(out))
    if not done:
        make_folder(out)
        write_json(path, settings)
        return
    if not resume:
        raise ValueError(holds_a_training(out))
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: is damaged ({error}); start anew in another --out") from None
    different = differences(stored, settings)
    if different := [line for line in different if line.split()[0] not in free]:
        raise ValueError(
            f"{path}: began with other settings: {', '.join(different)}; give those, or another "
            "--out"
        )


def holds_a_training(out: Path) -> str:
    """Return what to say where a new training would take the place of one that is there."""
    return f"{out}: holds a training; go on with --resume, or choose another --out"


def holds_another_training(out: Path) -> str:
    """Return what to say where another program has left a training."""
    return f"{out}: holds a training of another program; choose another --out"


def differences(stored: Any, now: Any, where: str = "") -> list[str]:
    """Return the fields of nested JSON that differ, as `network.taps (3, now 5)`."""
    if isinstance(stored, Mapping) and isinstance(now, Mapping):
        names = [*stored, *(name for name in now if name not in stored)]
        below = (
            differences(stored.get(name), now.get(name), f"{where}.{name}" if where else name)
            for name in names
        )
        return [line for lines in below for line in lines]
    return [] if stored == now else [f"{where} ({_short(stored)}, now {_short(now)})"]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
