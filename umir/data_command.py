"""`umir data`: lists the public data sets that umir reads, and downloads those that are open."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from umir.program import program_parser, run_program


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("data", "List public data sets, or download one that is open.")
    actions = p.add_subparsers(dest="action", required=True, metavar="list|get")
    listed = actions.add_parser("list", help="print what there is")
    listed.add_argument("--task", help="only data sets that serve this task")
    get = actions.add_parser("get", help="download a data set")
    get.add_argument("name", help="of the data set, as `umir data list` prints it")
    get.add_argument("--out", type=Path, help="folder; default: mir_datasets/NAME at home")
    get.add_argument(
        "--index-only",
        action="store_true",
        help="fetch only mirdata's list of its files, to use a copy that is there already",
    )
    return p


def listing(task: str | None = None) -> str:
    """Return what data sets there are: tasks served, licence, size, splits, how to get each.

    Args:
        task: only those that serve it.

    Raises:
        ValueError: no data set serves the task; lists the tasks that are served.
    """
    from umir.data_sets import DATA_SETS

    served = sorted({name for data_set in DATA_SETS.values() for name in data_set.tasks})
    if task is not None and not any(data_set.task_for(task) for data_set in DATA_SETS.values()):
        raise ValueError(f"no data set serves task {task!r}: choose from {', '.join(served)}")
    return "\n\n".join(
        f"{data_set.name}\n"
        f"    tasks    {', '.join(data_set.tasks)}\n"
        f"    licence  {data_set.licence}\n"
        f"    size     {data_set.size}\n"
        f"    splits   {data_set.splits}\n"
        f"    get it   {data_set.access}"
        for data_set in DATA_SETS.values()
        if task is None or data_set.task_for(task)
    )


def get(name: str, out: Path | None = None, index_only: bool = False) -> str:
    """Download a data set, or only the list of its files, and return what to do next.

    Args:
        name: of the data set.
        out: its folder; default mirdata's, `mir_datasets/NAME` in the user's home.
        index_only: fetch mirdata's index alone.

    Raises:
        ValueError: there is no such set, or no open download: says how to get it; or the download
            failed.
    """
    from umir.data_sets import DataSetError, get_data_set

    data_set = get_data_set(name)
    if index_only:
        if data_set.fetch_index is None:
            raise DataSetError(f"{name}: needs no list of files; use it with --data {name}:PATH")
        if out is not None:
            raise DataSetError(
                "--out: mirdata keeps lists of files where it keeps them; leave it out"
            )
        data_set.fetch_index()
        return f"{name}: list of files fetched; use the data set with --data {name}:PATH"
    if data_set.download is None:
        raise DataSetError(f"{name}: umir cannot download it. To get it: {data_set.access}")
    folder = data_set.download(out)
    return f"{name}: in {folder}; use it with --data {name}:{folder}"


def run(args: argparse.Namespace) -> None:
    """Print the list, or download."""
    if args.action == "list":
        print(listing(args.task))
    else:
        print(get(args.name, args.out, args.index_only))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
