"""Programs begin again with huge pages, once, as they were called."""

import json
import os
import subprocess
import sys

import pytest

from umir.huge_pages import MODES, TUNABLE, TUNABLES, could_have, said, with_tunable

ASKED = f"{TUNABLE}=1"


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
    assert with_tunable("glibc.malloc.arena_max=1") == f"glibc.malloc.arena_max=1:{ASKED}"


def test_what_doctor_says(on_demand, tmp_path):
    assert said({TUNABLES: ASKED}, on_demand) == f"asked for by {ASKED}"
    assert said({}, on_demand) == "not asked for (the system's mode: madvise)"
    assert said({}, tmp_path / "missing") == "unknown to this system"


@pytest.mark.parametrize("program", [["umir"], ["umir.doctor"]])
def test_a_program_begins_again_as_it_was_called(program):
    words = ["doctor", "--json"] if program == ["umir"] else ["--json"]
    environment = {name: text for name, text in os.environ.items() if name != TUNABLES}
    command = [sys.executable, "-m", *program, *words]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    expected = said({TUNABLES: ASKED} if could_have({}, MODES) else {}, MODES)
    assert json.loads(found.stdout)["system"]["huge_pages"] == expected
