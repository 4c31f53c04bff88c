"""The notebook: it is what its source says, small, and its cells run."""

import importlib
import json

import pytest
from benchmark_scripts import BENCHMARKS

FOLDER = BENCHMARKS.parent / "notebooks"
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def build():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module("build_notebook")


def test_cells_of_a_source(build):
    source = (
        "# a note\n# %% [markdown]\n# # Title\n#\n# text\n# %% [settings]\na = 1\n\n# %%\nb = 2\n"
    )
    assert build.cells(source) == [
        build.Cell("markdown", "# Title\n\ntext"),
        build.Cell("settings", "a = 1"),
        build.Cell("code", "b = 2"),
    ]


def test_cells_run_and_their_outputs_are_kept(build):
    source = (
        "# %% [settings]\na = 1\n# %%\nfrom matplotlib import pyplot as plt\nprint(a)\n"
        "plt.plot([a])\nplt.show()\n# %% [markdown]\n# text\n# %%\nb = a\n"
    )
    cells = build.cells(source)
    outputs = build.execute(cells, {"a": 7})
    assert [len(found) for found in outputs] == [0, 2, 0, 0]
    assert outputs[1][0]["text"] == ["7\n"]
    made = build.notebook(cells, outputs)
    assert [cell["cell_type"] for cell in made["cells"]] == ["code", "code", "markdown", "code"]
    assert made["cells"][1]["outputs"] == outputs[1]


def test_the_notebook_is_its_source(build):
    stored = json.loads(build.NOTEBOOK.read_text())
    made = build.notebook(build.cells(build.SOURCE.read_text()), None)
    assert stored["nbformat"] == 4
    sources = [[cell["source"] for cell in book["cells"]] for book in (stored, made)]
    assert sources[0] == sources[1]
    assert build.NOTEBOOK.stat().st_size < MOST_BYTES


@pytest.mark.slow
def test_the_notebook_runs(build, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {
        "HOURS": 0.03,
        "START": {"init": "umir-nano"},
        "CHOICES": {"steps": 2, "learning_rate": 1e-3},
    }
    outputs = build.execute(build.cells(build.SOURCE.read_text()), settings)
    shown = [output for found in outputs for output in found]
    assert sum(output["output_type"] == "display_data" for output in shown) == 2
    assert "F-measure" in str(shown)
    assert (tmp_path / "drum_model" / "model.safetensors").exists()
