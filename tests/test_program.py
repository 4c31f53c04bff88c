"""What all programs share: the command that means the same, and how Ctrl-C ends one."""

import argparse
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.program import command_line, going_on_with, program_parser, run_program
from umir.program import names as names_in


@pytest.fixture(scope="module")
def parser():
    p = program_parser("do", "Does things.")
    p.add_argument("--steps", type=int, default=3)
    p.add_argument("--names", nargs="+", default=["a", "b"])
    p.add_argument("--out", "-o", type=Path)
    p.add_argument("--resume", action="store_true")
    return p


def test_defaults_are_left_out(parser):
    assert command_line(parser, parser.parse_args([])) == "python -m umir.do"
    args = parser.parse_args(["--steps", "4"])
    assert command_line(parser, args, "/bin/python3") == "/bin/python3 -m umir.do --steps 4"
    assert command_line(parser, args, resume=True) == "python -m umir.do --steps 4 --resume"


def test_a_program_is_typed_with_hyphens_and_its_module_has_none():
    typed = program_parser("meta_train", "Trains.")
    assert typed.prog == "umir meta-train"
    assert command_line(typed, typed.parse_args([])) == "python -m umir.meta_train"


words = st.text("ab '\"$-/", min_size=1).filter(lambda text: not text.startswith("-"))


@given(
    steps=st.integers(0, 9),
    names=st.lists(words, min_size=1),
    out=st.none() | words.map(Path),
    resume=st.booleans(),
)
def test_a_command_parses_to_what_it_spells(parser, steps, names, out, resume):
    args = argparse.Namespace(steps=steps, names=names, out=out, resume=resume)
    python, dash, module, *rest = shlex.split(command_line(parser, args))
    assert (python, dash, module) == ("python", "-m", "umir.do")
    assert parser.parse_args(rest) == args


def interrupted(args):
    raise KeyboardInterrupt


def test_ctrl_c_is_one_line_and_status_130(parser, capsys):
    assert run_program(parser, interrupted, []) == 130
    assert capsys.readouterr().err == "umir do: interrupted\n"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_sigterm_is_one_line_and_status_143(parser, capsys):
    assert run_program(parser, lambda args: signal.raise_signal(signal.SIGTERM), []) == 143
    assert capsys.readouterr().err == "umir do: interrupted\n"


@pytest.mark.parametrize(("reader", "status"), [("closed", 141), ("/dev/full", 1)])
def test_what_is_wrong_with_the_output_is_said_before_the_end(reader, status):
    """Python buffers what is printed, and would find out when nobody listens any more."""
    if reader != "closed" and not os.path.exists(reader):
        pytest.skip("there is no such device")
    program = (
        "import argparse, sys; from umir.program import run_program; "
        "sys.exit(run_program(argparse.ArgumentParser('do'), lambda args: print('x' * 9), []))"
    )
    environment = {name: v for name, v in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", program]
    if reader == "closed":
        read, write = os.pipe()
        os.close(read)
    else:
        write = os.open(reader, os.O_WRONLY)
    found = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, env=environment)
    os.close(write)
    assert found.returncode == status
    assert found.stderr.count(b"\n") == (0 if status == 141 else 1)


def test_ctrl_c_says_how_to_go_on(parser, capsys):
    def run(args):
        with going_on_with("umir do --resume"):
            interrupted(args)

    assert run_program(parser, run, []) == 130
    assert capsys.readouterr().err == "umir do: interrupted; go on with: umir do --resume\n"


def test_names_with_commas_between_them():
    assert names_in("--sources", "vocals, my piano ,rest") == ("vocals", "my piano", "rest")
    assert names_in("--sources", "vocals") == ("vocals",)
    for text in ("", " ", "vocals,", "vocals,,rest"):
        with pytest.raises(ValueError, match=f"--sources '{text}': a name is empty; give NAME,"):
            names_in("--sources", text)
    with pytest.raises(ValueError, match="--sources 'a, b,a': 'a' is there twice; give each"):
        names_in("--sources", "a, b,a")
