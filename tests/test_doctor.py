"""`umir doctor` says what is there, and its help does not wait for JAX."""

import json
import subprocess
import sys

import jax
import numpy as np
import pytest

from umir import doctor


def test_text_names_versions_devices_and_what_is_missing(capsys, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    assert doctor.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["numpy", np.__version__] for line in lines)
    assert any("devices" in line and "cpu" in line for line in lines)
    assert any("ffmpeg" in line and "missing: needed for MUSDB18" in line for line in lines)


def test_json(capsys):
    assert doctor.main(["--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["packages"]["jax"] == jax.__version__
    assert {"WAV", "FLAC", "OGG", "MP3"} <= set(found["audio"]["formats"])
    assert found["audio"]["soundfont"].endswith(".sf2")
    assert found["system"]["cores"] >= 1
    assert len(found["jax"]["devices"]) == len(jax.devices())


def test_unusable_device_is_reported(monkeypatch):
    def fail():
        raise RuntimeError("Unable to initialize backend\nmore")

    monkeypatch.setattr(jax, "devices", fail)
    assert doctor.report()["jax"]["devices"] == "not usable: Unable to initialize backend"


@pytest.mark.parametrize(
    ("package", "part", "key"), [("jax", "jax", "devices"), ("soundfile", "audio", "libsndfile")]
)
def test_a_missing_library_is_reported(package, part, key, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    assert doctor.report()[part][key].startswith("not usable: ")


def test_wrong_arguments():
    with pytest.raises(SystemExit) as ending:
        doctor.main(["--no-such-option"])
    assert ending.value.code == 2


def test_help_does_not_import_jax():
    code = "import sys; from umir.doctor import parser; parser().format_help(); "
    code += "sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
