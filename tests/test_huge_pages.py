"""Programs begin again with huge pages, once, as they were called."""

import os
import subprocess
import sys

import pytest

from umir import cli
from umir.cli import TRAINING_PROGRAMS, program_module
from umir.huge_pages import ASKED, MODES, TUNABLE, TUNABLES, could_have, said, with_tunable


@pytest.fixture
def on_demand(tmp_path):
    path = tmp_path / "enabled"
    path.write_text("always [madvise] never\n")
    return path


def test_a_process_could_have_them_once(on_demand):
    assert could_have({}, on_demand)
    assert could_have({TUNABLES: "glibc.malloc.arena_max=1"}, on_demand)
    assert not could_have({TUNABLES: with_tunable("")}, on_demand)


@pytest.mark.parametrize("modes", ["[always] madvise never", "always madvise [never]"])
def test_not_where_the_system_gives_none_or_all(modes, on_demand):
    on_demand.write_text(modes)
    assert not could_have({}, on_demand)


def test_not_where_the_user_has_chosen_or_there_is_no_linux(on_demand, tmp_path):
    assert not could_have({TUNABLES: f"{TUNABLE}=0"}, on_demand)
    assert not could_have({}, tmp_path / "missing")


def test_other_tunables_stay():
    assert with_tunable("") == ASKED
    assert with_tunable("glibc.malloc.arena_max=1") == f"{ASKED}:glibc.malloc.arena_max=1"


def test_what_doctor_says(on_demand, tmp_path):
    assert said({TUNABLES: ASKED}, on_demand) == f"GLIBC_TUNABLES is {ASKED}"
    assert said({}, on_demand) == "programs that train ask for them"
    on_demand.write_text("[always] madvise never")
    assert said({}, on_demand) == "the system's mode is always"
    assert said({}, tmp_path / "missing") == "unknown to this system"


SHOW = """
import os, sys, {module} as program
program.begin_again_with_huge_pages()
print(os.environ.get("GLIBC_TUNABLES", ""), *sys.argv[1:])
"""


@pytest.mark.parametrize("module", ["umir.cli", "umir.finetune"])
def test_a_program_begins_again_as_it_was_called(module):
    environment = {name: text for name, text in os.environ.items() if name != TUNABLES}
    command = [sys.executable, "-c", SHOW.format(module=module), "--data", "two words"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    asked = ASKED if could_have({}, MODES) else ""
    assert found.stdout == f"{asked} --data two words\n"


@pytest.mark.parametrize("program", TRAINING_PROGRAMS)
def test_programs_that_train_ask_for_them(program, monkeypatch, capsys):
    asked = []
    module = program_module(program)
    for own in (cli, module):
        monkeypatch.setattr(own, "begin_again_with_huge_pages", lambda: asked.append(program))
    monkeypatch.setattr(sys, "argv", ["umir", program, "--help"])
    with pytest.raises(SystemExit):
        cli.main()
    assert asked == [program]  # by `umir PROGRAM`
    monkeypatch.setattr(sys, "argv", [program, "--help"])
    with pytest.raises(SystemExit):
        module.main()
    assert asked == [program] * 2  # by `python -m umir.PROGRAM`
    capsys.readouterr()
