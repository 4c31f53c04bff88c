"""The command line's first contact: help, version, wrong words, and none of it waits for JAX."""

import subprocess
import sys

import pytest

from umir import __version__
from umir.cli import PROGRAMS, main
from umir.program import as_typed, program_parser, run_program


def test_help_names_every_program(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(as_typed(name) in shown for name in PROGRAMS)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"umir {__version__}\n"


def test_unknown_program(capsys):
    assert main(["transcode"]) == 2
    assert "no program 'transcode': choose from meta-train" in capsys.readouterr().err


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_answers_help_without_jax(name):
    code = (
        "import sys\nfrom umir.cli import main\n"
        f"try:\n    main([{name!r}, '--help'])\n"
        "except SystemExit as stop:\n    assert not stop.code\n"
        "assert 'jax' not in sys.modules, 'help imported JAX'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"usage: umir {as_typed(name)}" in done.stdout


def test_wrong_arguments_end_with_2():
    done = subprocess.run(
        [sys.executable, "-m", "umir", "finetune"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "required: --data, --out" in done.stderr


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ValueError("song.wav: empty;\n record again"), 1, "song.wav: empty; record again"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_failures_become_one_line(capsys, error, status, line):
    def run(args):
        raise error

    assert run_program(program_parser("x", "An example."), run, []) == status
    shown = capsys.readouterr().err
    assert line in shown
    assert shown.count("\n") == 1


def test_a_bug_keeps_its_traceback():
    def run(args):
        raise RuntimeError("a bug of ours")

    with pytest.raises(RuntimeError, match="a bug of ours"):
        run_program(program_parser("x", "An example."), run, [])


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_reader_that_has_enough_is_no_error():
    command = [sys.executable, "-m", "umir", "models"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout and program.stderr
        program.stdout.close()
        assert program.stderr.read() == b""
        assert program.wait() == 128 + 13
