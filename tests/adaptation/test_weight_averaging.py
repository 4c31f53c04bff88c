"""Weights on the way from a start to what was learnt, and who decides how far."""

import jax
import numpy as np
import pytest
from noise_clips import clips
from tiny import TINY

from umir.adaptation.decoder_fitting import MANY_GROUPS
from umir.adaptation.search_result import Found
from umir.adaptation.validation import Validation
from umir.adaptation.weight_averaging import halfway, part_way
from umir.tasks import Classification
from umir.wave_unet import Network

TASK = Classification("levels", ("a", "b"))
NETWORK = Network(TINY, TASK.head)


def start_and_found(validation, seed, step=25):
    """Two nets of random weights, as a start and what a search kept."""
    start, params = (NETWORK.init(jax.random.key(number)) for number in (seed, seed + 100))
    before, look = map(validation.look, (start, params))
    return start, Found(params, 1e-3, step, look, before, {}, 100, "no lower validation loss")


def test_the_way_is_a_line_and_the_look_is_of_its_point():
    validation = Validation(NETWORK, TASK, clips(3))
    start, found = start_and_found(validation, 0)
    point = part_way(start, found, 0.25, validation)
    jax.tree.map(
        lambda a, b, c: np.testing.assert_allclose(b, 0.75 * a + 0.25 * c, atol=1e-6),
        start, point.params, found.params,
    )  # fmt: skip
    assert point.look == validation.look(point.params) and point.look != found.look
    assert point.share == 0.25 and point.facts()["share"] == 0.25
    assert "kept 25% of the way from the start to step 25 at" in point.lines()[-1]
    whole = part_way(start, found, 1.0, validation)
    assert whole.lines() == found.lines()
    nothing = part_way(start, found, 0.0, validation)
    assert nothing.look == found.before


@pytest.mark.parametrize("groups", [3, MANY_GROUPS])
def test_only_many_groups_decide_whether_it_is_all_the_way(groups):
    validation, shares = Validation(NETWORK, TASK, clips(groups)), set()
    for seed in range(6):
        start, found = start_and_found(validation, seed)
        between = part_way(start, found, 0.5, validation)
        whole_is_better = found.look.beats(between.look)
        kept = halfway(start, found, validation)
        assert kept.share == (1.0 if whole_is_better and groups >= MANY_GROUPS else 0.5)
        assert kept.look == validation.look(kept.params)
        shares.add((whole_is_better, kept.share))
    assert len({better for better, _ in shares}) == 2, "one way was never the better one"


def test_a_start_that_was_not_left_stays_as_it_is():
    validation = Validation(NETWORK, TASK, clips(3))
    start, found = start_and_found(validation, 0, step=0)
    assert halfway(start, found, validation) is found
