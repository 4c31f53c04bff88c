"""What is said about a search before and while it runs."""

import time

import jax.numpy as jnp
import pytest
from test_rate_search import far_from, start

from umir.adaptation.search_progress import (
    Affordable,
    Pace,
    SearchProgress,
    expectation,
    spelled_duration,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3.0, "10 seconds"),
        (37.0, "40 seconds"),
        (58.0, "1 minute"),
        (230.0, "4 minutes"),
        (2700.0, "45 minutes"),
        (5400.0, "90 minutes"),
        (7200.0, "2.0 hours"),
    ],
)
def test_durations(seconds, words):
    assert spelled_duration(seconds) == words


def test_what_is_expected():
    pace = Pace(compiling=12.3, step=0.2, look=1.0)
    assert pace.seconds(700, 28) == pytest.approx(168)
    assert expectation(pace, 700, 28) == (
        "about 3 minutes on this CPU, or less: up to 700 steps of 0.2 s and 28 validations of 1 s "
        "(compiling took 12 s)"
    )


def test_a_step_is_measured_without_its_compilation():
    """The first draw is slow, as compilation is; the others are not."""
    slow = start()

    def draw(step):
        time.sleep(0.5 if step == 0 else 0.05)
        return jnp.float32(0.0)

    object.__setattr__(slow, "draw", draw)
    pace = Pace.measure(slow, far_from(0.0))
    assert 0.05 <= pace.step < 0.45
    assert pace.compiling >= 0.05
    assert pace.look < 0.45


def test_a_measurement_that_is_slow_is_not_taken_again():
    def slow(params):
        calls.append(params)
        time.sleep(0.02)
        return 0.5

    calls = []
    measure = Affordable(slow, 0.001)
    assert [measure({}), measure({}), measure({})] == [0.5, 0.5, None]
    assert len(calls) == 2
    quick = Affordable(lambda params: 1.0, 10.0)
    assert [quick({}) for _ in range(3)] == [1.0] * 3


def test_nothing_is_shown_if_nothing_is_to_be_shown(capsys):
    progress = SearchProgress("test", 10, shown=False)
    progress.stepped()
    progress.looked(0.1, 0.5, None)
    progress.say("words")
    progress.close()
    shown = capsys.readouterr()
    assert shown.err + shown.out == ""
