"""Memory in huge pages: on Linux, training takes 20 to 30% less time.

XLA asks for its working memory anew in every step, and glibc hands what is large back to the system
each time. So each step touches pages for the first time, 4 kB each, and each is an interruption. In
pages of 2 MB there are 500 times fewer. glibc asks for those where its tunable
`glibc.malloc.hugetlb` is 1; two more let it keep what it has (`mmap_max`, `trim_threshold`), for
when memory is scarce the system has no huge pages to give anew: with 9 GB of 24 in use elsewhere, a
step of second-order MAML took 3.1 s without them and 1.7 s with. glibc reads tunables only when a
process begins: a program starts itself once more with them, as the same process. Only programs that
train do: separation gains a twentieth of its time, and holds a third more memory.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

TUNABLES = "GLIBC_TUNABLES"
TUNABLE = "glibc.malloc.hugetlb"
ASKED = f"{TUNABLE}=1:glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold={2**40}"
MODES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def begin_again_with_huge_pages() -> None:
    """Start this program again, as it was called, if it could have huge pages and has not.

    Does nothing where the system gives none, or gives them unasked, where the user has set the
    tunable, and where nobody called a program: the interpreter's own arguments are not known.
    """
    words = getattr(sys, "orig_argv", [])
    if len(words) > 1 and could_have(os.environ, MODES):
        environment = {**os.environ, TUNABLES: with_tunable(os.environ.get(TUNABLES, ""))}
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(sys.executable, [sys.executable, *words[1:]], environment)


def could_have(environment: Mapping[str, str], modes: Path) -> bool:
    """Return whether a process would have huge pages if it asked, and does not ask yet.

    Args:
        environment: its variables.
        modes: the file in which Linux lists its modes, the one that holds in brackets.
    """
    try:
        on_demand = "[madvise]" in modes.read_text()
        glibc = (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (OSError, ValueError, AttributeError):
        return False
    return on_demand and glibc and TUNABLE not in environment.get(TUNABLES, "")


def with_tunable(tunables: str) -> str:
    """Return a list of glibc's tunables with ours before: of two for the same, the last holds."""
    return ":".join(filter(None, [ASKED, tunables]))


def said(environment: Mapping[str, str], modes: Path) -> str:
    """Return which processes have huge pages, for `umir doctor`."""
    if TUNABLE in environment.get(TUNABLES, ""):
        return f"{TUNABLES} is {environment[TUNABLES]}"
    if could_have(environment, modes):
        return "programs that train ask for them"
    try:
        return "the system's mode is " + modes.read_text().split("[")[1].split("]")[0]
    except (OSError, IndexError):
        return "unknown to this system"
