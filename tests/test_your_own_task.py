"""The task of docs/your-own-task.md: its very code, on a small folder, and what it computes."""

import re
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import soundfile
from folders import RATE, write_rows
from tiny import TINY

from umir.adaptation.rate_search import Budget
from umir.annotations import Labels
from umir.task_model import TaskModel
from umir.tasks import Classification, Target, register_task
from umir.wave_unet import PRESETS

PAGE = Path(__file__).parent.parent / "docs" / "your-own-task.md"
TASK, USE = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def names():
    """What the page's first block defines."""
    found = {"__name__": "my_tasks"}
    exec(TASK, found)
    return found


@pytest.fixture
def grading(names):
    return names["Grading"]("difficulty", ("1", "2", "3", "4"))


def test_it_is_short():
    body = TASK[TASK.index("@register_task") :]
    assert len(body.splitlines()) < 30


def test_the_loss_knows_the_order(grading):
    """Sure of the grade 1, 2, 3 or 4 where the first is right: 0, 1, 2 and 3 grades away."""
    output = 100.0 * jnp.eye(4)
    values = jnp.tile(jnp.array([1.0, 0, 0, 0]), (4, 1))
    loss = grading.loss(output, Target(values, jnp.ones((4, 1))))
    np.testing.assert_allclose(loss, [0, 1, 2, 3], atol=1e-5)
    np.testing.assert_array_equal(grading.loss(output, Target(values, jnp.zeros((4, 1)))), 0)


def test_the_median_is_the_answer(grading):
    probabilities = np.array([0.4, 0.05, 0.3, 0.25], np.float32)
    assert grading.decode(np.log(probabilities), {}).names == ("3",)
    for index, grade in enumerate(grading.vocabulary):
        assert grading.decode(50 * np.eye(4, dtype=np.float32)[index], {}).names == (grade,)


def test_scores(grading):
    references, estimates = ([Labels((grade,)) for grade in grades] for grades in ("124", "144"))
    metrics, _ = grading.evaluate_all(references, estimates)
    assert metrics == pytest.approx({"error": 2 / 3, "within_one": 2 / 3})


def test_the_page_runs(names, tmp_path, rng, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PRESETS, "nano", TINY)
    monkeypatch.setattr(Budget, "of", classmethod(lambda cls, *given: cls(steps=2, patience=None)))
    folder = tmp_path / "my_pupils"
    folder.mkdir()
    rows = []
    for index, name in enumerate(["minuet", "etude", "march", "waltz"]):
        soundfile.write(folder / f"{name}.wav", 0.1 * rng.normal(size=2 * RATE), RATE)
        rows.append({"audio": f"{name}.wav", "label": str(1 + 2 * index)})
    write_rows(folder, rows)
    exec(USE, dict(names))
    assert type(TaskModel.load("grader").task) is names["Grading"]
    assert "within_one" in capsys.readouterr().out


def test_a_name_is_registered_once():
    class Classification_(Classification):
        """Another class that takes the name of umir's own."""

    Classification_.__name__ = "Classification"
    with pytest.raises(ValueError, match="'Classification' is registered: choose another name"):
        register_task(Classification_)
