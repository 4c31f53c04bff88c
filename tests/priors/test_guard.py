"""The guard: what is a collapse, what is done then, and what is only said."""

import numpy as np
import pytest

from umir.priors import Collapsed, Guard

NETWORKS = {"generator": np.zeros(2)}
WELL = {"spread/x": 0.8, "spread/y": 0.9, "gradient_norm/generator": 1.0}


def watched(guard, steps, state=None):
    """The guard's memory after steps with these metrics, the networks numbered by them."""
    state = state or {"networks": NETWORKS, "guard": guard.init(NETWORKS, WELL)}
    for metrics in steps:
        count = float(state["guard"]["step"]) + 1
        state = {**state, "networks": {"generator": np.full(2, count)}}
        state, _ = guard.watched(state, metrics)
    return state


def test_a_collapse_goes_back_to_the_last_good_state(capsys):
    guard = Guard(every=50)
    state = watched(guard, [WELL] * 100)
    assert state["guard"]["good"]["generator"][0] == 100 and state["guard"]["well"].all()
    same = WELL | {"spread/y": 0.01}
    state = watched(guard, [same] * 99, state)
    assert capsys.readouterr().err.count("spread/y has sunk to 0.010; goes back") == 1
    assert state["guard"]["collapses"] == 1 and state["guard"]["weight"] == 0.5
    # 150 was the look that went back to 100; later ones have moved on from there.
    assert state["guard"]["good"]["generator"][0] == 100
    state = watched(guard, [WELL] * 51, state)
    assert state["guard"]["good"]["generator"][0] > 100


@pytest.mark.parametrize("fallen", [{"spread/y": 0.0}, {"gradient_norm/generator": 1900.0}])
@pytest.mark.parametrize("begin", [401, 450, 480, 499, 500])
def test_a_collapse_just_before_a_look_is_no_good_state(fallen, begin):
    """The means have not sunk by then."""
    guard = Guard()
    state = watched(guard, [WELL] * (begin - 1))
    state = watched(guard, [WELL | fallen] * (700 - begin), state)
    assert state["guard"]["collapses"] >= 1
    assert state["guard"]["good"]["generator"][0] == 400


def test_looks_of_what_was_given_up_do_not_count(capsys):
    """A little low at nine looks, then a collapse: one more low look has not settled there."""
    guard = Guard(every=100)
    state = watched(guard, [WELL] * 100)
    state = watched(guard, [WELL | {"spread/x": 0.15}] * 900, state)
    assert state["guard"]["low"].max() == 9
    state = watched(guard, [WELL | {"spread/x": 0.03}] * 100, state)
    assert state["guard"]["collapses"] == 1 and not state["guard"]["low"].any()
    state = watched(guard, [WELL | {"spread/x": 0.15}] * 100, state)
    assert state["guard"]["well"].all() and state["guard"]["good"]["generator"][0] == 100
    watched(guard, [WELL | {"spread/x": 0.01}] * 100, state)
    assert capsys.readouterr().err.count("goes back to the last good state") == 2


@pytest.mark.parametrize("other", [np.inf, 1e7])
def test_batches_of_silence_hide_no_collapse_and_make_none(other, capsys):
    """Every twentieth batch is silent: beside it a spread is not known, or vast."""
    guard = Guard(every=100)

    def steps(spread, number):
        loud, silent = (WELL | {"spread/x": value} for value in (spread, other))
        return [silent if n % 20 == 10 else loud for n in range(number)]

    state = watched(guard, steps(0.07, 1000))
    assert state["guard"]["collapses"] == 0 and not state["guard"]["well"][0]
    assert "goes back" not in capsys.readouterr().err
    state = watched(guard, steps(0.8, 400))
    assert state["guard"]["well"].all()
    assert watched(guard, steps(0.01, 100), state)["guard"]["collapses"] == 1
    _, told = guard.watched(state, WELL | {"spread/x": np.inf})
    assert "spread/x" not in told and told["spread/y"] == 0.9


def test_a_gradient_that_explodes_goes_back(capsys):
    guard = Guard(every=10)
    state = watched(guard, [WELL] * 10)
    state = watched(guard, [WELL | {"gradient_norm/generator": 1e5}] * 10, state)
    assert "the gradient is" in capsys.readouterr().err
    assert state["networks"]["generator"][0] == 10 and state["guard"]["norm"] == 1
    assert state["guard"]["weight"] == 0.5


def test_what_was_never_well_has_not_collapsed_but_is_said(capsys):
    guard, low = Guard(every=10), WELL | {"spread/x": 0.01}
    state = watched(guard, [low] * 200)
    assert state["guard"]["collapses"] == 0
    assert state["guard"]["well"].tolist() == [False, True]
    told = "step 100: spread/x is 0.010, and has been under 0.1 at 10 looks\n"
    assert capsys.readouterr().err == told
    # What was well collapses all the same.
    state = watched(guard, [low | {"spread/y": 0.01}] * 50, state)
    assert state["guard"]["collapses"] == 1
    assert "spread/y has sunk to 0.010" in capsys.readouterr().err


def test_a_training_that_always_collapses_is_given_up():
    guard = Guard(every=10, limit=3)
    state = watched(guard, [WELL] * 30)
    with pytest.raises(Collapsed, match="that was collapse 3: give the critics less weight") as it:
        watched(guard, [WELL | {"spread/x": 0.0}] * 300, state)
    assert it.value.state["networks"]["generator"][0] == 30  # where it was last well
    # Where there are no critics, nothing is said of them.
    with pytest.raises(Collapsed, match="collapse 3: give it a lower learning rate"):
        watched(
            Guard(every=10, limit=3, factor=1.0), [WELL] * 30 + [WELL | {"spread/x": 0.0}] * 300
        )


def test_a_state_whose_losses_are_not_finite_is_no_good_one(capsys):
    guard, broken = Guard(every=10), {**WELL, "gradient_norm/generator": np.nan}
    state = watched(guard, [*[WELL] * 27, *[broken] * 3])
    assert state["guard"]["bad"] == 3 and state["guard"]["good"]["generator"][0] == 20
    state = watched(guard, [broken] * 2, state)
    assert "no finite loss in 5 steps" in capsys.readouterr().err
    assert state["networks"]["generator"][0] == 20


def test_what_nobody_has_measured_yet_is_not_well():
    """A measure without a finite step since the start, or since going back."""
    guard = Guard(every=1)
    silent = WELL | {"spread/x": np.inf, "spread/y": np.inf}
    state, _ = guard.watched({"networks": NETWORKS, "guard": guard.init(NETWORKS, WELL)}, silent)
    assert not state["guard"]["well"].any()


def test_what_settles_near_its_floor_is_as_it_should_be(capsys):
    guard, near = Guard(every=10), WELL | {"spread/y": 0.15}
    state = watched(guard, [WELL] * 200)
    state = watched(guard, [near] * 100, state)
    assert state["guard"]["good"]["generator"][0] < 260  # on its way down, maybe
    state = watched(guard, [near] * 200, state)
    assert state["guard"]["good"]["generator"][0] == 500
    assert state["guard"]["well"].tolist() == [True, False]
    assert state["guard"]["collapses"] == 0 and not capsys.readouterr().err
