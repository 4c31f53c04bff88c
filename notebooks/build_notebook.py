"""Builds the notebook from its source, and executes it if asked to.

    python notebooks/build_notebook.py             # the cells, no outputs
    python notebooks/build_notebook.py --execute   # with outputs: some minutes on two cores

The source is Python with `# %%` before each cell. Cells run in this process, one after another, as
they would in Jupyter; kept is what `print` and `plt.show()` show. So neither Jupyter nor its
packages are needed.
"""

import argparse
import base64
import contextlib
import io
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent.resolve()
SOURCE, NOTEBOOK = HERE / "your_own_task.py", HERE / "your_own_task.ipynb"
SETTINGS = "settings"  # the cell whose values others may take the place of


@dataclass(frozen=True)
class Cell:
    """A cell: `kind` is `code`, `markdown` or `settings` (code, too)."""

    kind: str
    text: str


def cells(source: str) -> list[Cell]:
    """Return the cells of a source."""
    parts = re.split(r"^# %%(?: \[(\w+)\])?\n", source, flags=re.MULTILINE)[1:]
    found = []
    for kind, text in zip(parts[::2], parts[1::2], strict=True):
        text = text.strip("\n")
        if kind == "markdown":
            text = re.sub(r"^# ?", "", text, flags=re.MULTILINE)
        found.append(Cell(kind or "code", text))
    return found


def execute(all_cells: list[Cell], settings: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """Run the code of all cells and return the outputs of each, as notebooks hold them.

    Args:
        all_cells: in their order.
        settings: name -> value in place of those of the cell of settings.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    outputs = []
    for number, cell in enumerate(all_cells):
        found: list[dict[str, Any]] = []
        if cell.kind != "markdown":
            with _recorded(found):
                exec(compile(cell.text, f"<cell {number}>", "exec"), names)
        if cell.kind == SETTINGS:
            names.update(settings)
        outputs.append(found)
    return outputs


@contextlib.contextmanager
def _recorded(outputs: list[dict[str, Any]]) -> Iterator[None]:
    """Append what is printed and shown in the block to `outputs`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    printed, figures = io.StringIO(), []
    show = pyplot.show
    pyplot.show = lambda: figures.append(_picture())
    try:
        with contextlib.redirect_stdout(printed):
            yield
    finally:
        pyplot.show = show
    if text := printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": _lines(text)})
    for picture in figures:
        data = {"image/png": picture}
        outputs.append({"output_type": "display_data", "data": data, "metadata": {}})


def _picture() -> str:
    """Return the current figure as PNG in base64, and close it."""
    from matplotlib import pyplot

    stream = io.BytesIO()
    pyplot.savefig(stream, format="png", dpi=80)
    pyplot.close()
    return base64.b64encode(stream.getvalue()).decode()


def notebook(all_cells: list[Cell], outputs: list[list[dict[str, Any]]] | None) -> dict[str, Any]:
    """Return a notebook (format 4.5); without outputs its code is not executed."""
    made = []
    for number, cell in enumerate(all_cells):
        part = {"id": f"cell-{number}", "metadata": {}, "source": _lines(cell.text)}
        if cell.kind == "markdown":
            made.append({"cell_type": "markdown", **part})
            continue
        run = {"execution_count": None if outputs is None else len(made) + 1}
        shown = [] if outputs is None else outputs[number]
        made.append({"cell_type": "code", **part, **run, "outputs": shown})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main() -> None:
    """Write the notebook beside its source."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--execute", action="store_true", help="with outputs")
    args = parser.parse_args()
    found, outputs = cells(SOURCE.read_text(encoding="utf-8")), None
    if args.execute:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            outputs = execute(found, {})
            os.chdir(HERE)
    text = json.dumps(notebook(found, outputs), indent=1, ensure_ascii=False)
    NOTEBOOK.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
