"""Contenders that take turns, each in a process of its own: only one computes at a time.

What else the machine does in the meantime falls on all of them alike, and none holds memory or
threads that another one needs.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

WARM_UP = 1  # turns that do not count: the first step compiles


def answer(step: Callable[[], Mapping[str, Any]]) -> None:
    """Take a step for every line on standard input, and print what it returns as JSON.

    From the second line on, another one comes before it: a virtual machine may have taken memory
    away while the others had their turn (a step with 4 GB took twice as long then).
    """
    for number, _ in enumerate(sys.stdin):
        if number:
            step()
        print(json.dumps(step()), flush=True)


def in_turns(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Return what each contender says of its steps, of which it only warms up with the first.

    Args:
        commands: name of a contender -> arguments of this Python, for a script that calls `answer`.
        rounds: number of steps that count.

    Raises:
        RuntimeError: a contender has ended.
    """
    processes = {
        name: subprocess.Popen(
            [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name, command in commands.items()
    }
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
    try:
        for _ in range(WARM_UP + rounds):
            for name, process in processes.items():
                found[name].append(_step(name, process))
    finally:
        for process in processes.values():
            process.communicate()  # closes its input, which ends it
    return found


def _step(name: str, process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write("step\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        line = ""
    if not line:
        raise RuntimeError(f"{name} ended: see above")
    return json.loads(line)
