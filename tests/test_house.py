"""The house: imports go down only, and the wheel works away from the checkout."""

import ast
import importlib.util
import os
import pkgutil
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
from shelf import trained_start

from umir.released_models import BROUGHT_ALONG, released_names
from umir.releasing import release

ROOT = Path(__file__).parent.parent
FOLDERS = {
    "umir.wave_unet": "wave_unet",
    "umir.tasks": "tasks",
    "umir.meta": "meta",
    "umir": "umir",
}

# Floor of each module, the most specific name first; a module may import its own floor and below,
# within what `MAY_IMPORT` says.
FLOORS = {
    "umir.separation.stem_files": 1,
    "umir.separation.stream": 3,
    "umir.data.__main__": 5,
    "umir.studio.__main__": 5,
    "umir.annotations": 1,
    "umir.audio": 1,
    "umir.audio_folders": 1,
    "umir.audio_integrity": 1,
    "umir.audio_stream": 1,
    "umir.checkpoint": 1,
    "umir.named_parameters": 1,
    "umir.data": 1,
    "umir.data_sets": 1,
    "umir.data_specification": 1,
    "umir.families": 1,
    "umir.files": 1,
    "umir.huge_pages": 1,
    "umir.interrupts": 1,
    "umir.released_models": 1,
    "umir.results": 1,
    "umir.studio": 1,
    "umir.wave_unet": 1,
    "umir.tasks": 2,
    "umir.file_batch": 3,
    "umir.inference": 3,
    "umir.meta": 3,
    "umir.program": 3,
    "umir.resuming": 3,
    "umir.sequence_tasks": 3,
    "umir.training": 3,
    "umir.training_settings": 3,
    "umir.adaptation": 4,
    "umir.data_source": 4,
    "umir.fine_tuning": 4,
    "umir.half_precision": 4,
    "umir.known_scores": 4,
    "umir.live_input": 4,
    "umir.live_prediction": 4,
    "umir.meta_training": 4,
    "umir.model_card": 4,
    "umir.predict_live": 4,
    "umir.priors": 4,
    "umir.releasing": 4,
    "umir.separation": 4,
    "umir.sequence_generation": 4,
    "umir.song_library": 4,
    "umir.task_model": 4,
    "umir.torch_checkpoint": 4,
    "umir.user_data": 4,
}
PROGRAM_FLOOR = 5
# Parts that know less than their floor would allow.
MAY_IMPORT = {
    "umir.wave_unet": {"umir.wave_unet"},
    "umir.meta": {"umir.meta"},
    "umir.priors": {"umir.files", "umir.meta", "umir.wave_unet"},
    "umir.resuming": {"umir.interrupts"},
    "umir.training": {"umir.files"},
}


def modules():
    for package, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join([package, *(part for part in parts if part != "__init__")])
            yield name, path


def owner(name):
    """Return the entry of FLOORS that a module belongs to, itself for a program."""
    for known in FLOORS:
        if name == known or name.startswith(known + "."):
            return known
    return name


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by the installed name"
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}"
                yield deeper if owner(deeper) in FLOORS else node.module


@pytest.mark.parametrize(("name", "path"), list(modules()), ids=lambda value: str(value))
def test_imports_go_down(name, path):
    own = owner(name)
    for other in imported(path):
        if other.split(".")[0] != "umir" or other == "umir":
            assert other.split(".")[0] not in ("tasks", "meta", "wave_unet")
            continue
        target = owner(other)
        assert FLOORS.get(target, PROGRAM_FLOOR) <= FLOORS.get(own, PROGRAM_FLOOR), other
        assert own not in MAY_IMPORT or target in MAY_IMPORT[own] | {own}, other


def test_the_core_declares_what_it_imports():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {
        entry.split(">")[0].split("=")[0].split("<")[0].lower().replace("-", "_")
        for entry in project["dependencies"]
    }
    spelled = {"sklearn": "scikit_learn", "orbax": "orbax_checkpoint", "absl": "absl_py"}
    used = {
        spelled.get(top, top).lower()
        for _, path in modules()
        for top in (name.split(".")[0] for name in imported(path))
        if top not in sys.stdlib_module_names and top != "umir"
    }
    # What an extra brings is imported where it is asked for, and said if it is not there.
    extras = {"torch": "umir.torch_checkpoint"}
    found = {top: [name for name, path in modules() if top in imported(path)] for top in extras}
    assert found == {top: [name] for top, name in extras.items()}
    assert used - extras.keys() == declared


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel in an environment of its own; only the dependencies are shared with this one.

    It is built from a copy, into which a model is released as for every wheel.
    """
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in FOLDERS.values():
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    start = trained_start(folder / "start")
    release(start, "tiny-start", source / "umir" / "released", best=True)
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    (wheel,) = folder.glob("*.whl")
    (site,) = (folder / "env" / "lib").glob("python*/site-packages")
    install = ["pip", "install", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run([sys.executable, "-m", *install], check=True, capture_output=True)
    shared = Path(importlib.util.find_spec("numpy").origin).parent.parent
    (site / "dependencies.pth").write_text(f"{shared}\n")
    return python


def run(python, *arguments, cwd):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [python, *arguments], cwd=cwd, capture_output=True, text=True, env=environment, check=False
    )


@pytest.mark.slow
def test_the_wheel_holds_every_module(installed, tmp_path):
    names = [name for name, _ in modules() if not name.endswith("__main__")]
    code = (
        "import importlib, umir\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(umir.__path__[0])"
    )
    done = run(installed, "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert str(ROOT) not in done.stdout
    assert len(names) == len({*names}) > len(list(pkgutil.iter_modules([str(ROOT / "umir")])))


@pytest.mark.slow
def test_the_wheel_holds_the_released_models(installed, tmp_path):
    shown = run(installed, "-m", "umir", "models", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    for name in ("tiny-start", *released_names(BROUGHT_ALONG)):
        assert f"{name}\n" in shown.stdout
    card = run(installed, "-m", "umir", "models", "tiny-start", cwd=tmp_path)
    assert card.stdout.startswith("# tiny-start\n")
    code = (
        "from umir.released_models import INITIALISATION, default_model\n"
        "from umir.adaptation.start import Start\nfrom umir import TaskModel\n"
        "print(default_model(INITIALISATION), Start.load('tiny-start').config.preset)\n"
        "print(TaskModel.load('tiny-start', 'onset_detection').task.name)"
    )
    done = run(installed, "-c", code, cwd=tmp_path)
    assert done.stdout.split() == ["tiny-start", "tiny", "onset_detection"], done.stderr


@pytest.mark.slow
def test_the_wheel_meta_trains(installed, tmp_path):
    # One task is enough: what it needs of the package, the others need, too.
    task = "drum_transcription"
    options = ["--steps", "5", "--songs", "6", "--song-seconds", "8", "--evaluation-steps", "1"]
    options += ["--held-out-songs", "6"]
    chosen = ["--tasks", task, "--new-tasks"]
    done = run(installed, "-m", "umir.meta_train", *chosen, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "models" / "nano-fomaml"
    made = {path.name for path in out.iterdir()}
    expected = {"config.json", "model.safetensors", "MODEL_CARD.md", "log.jsonl", "tensorboard"}
    assert expected | {"adaptation.png", "adaptation.json"} <= made
    assert task in done.stdout


def test_the_package_is_lazy_and_its_names_are_real():
    code = (
        "import sys, umir\n"
        "assert not {'jax', 'numpy', 'scipy'} & set(sys.modules)\n"
        "from umir import read_audio, TaskModel\n"
        "import umir.audio, umir.task_model\n"
        "assert read_audio is umir.audio.read_audio and TaskModel is umir.task_model.TaskModel\n"
        "assert umir.studio.render_song.__name__ == 'render_song'\n"
        "umir.no_such_name"
    )
    done = run(sys.executable, "-c", code, cwd=ROOT / "tests")
    assert done.stderr.strip().endswith("module 'umir' has no attribute 'no_such_name'")
