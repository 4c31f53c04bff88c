"""Between a start and what adapting made of it: weights on the line from one to the other.

A start with a head for the task has learnt it from more audio than most people label. Adapted to a
few songs it gains what they tell and loses what they do not. Weights halfway between keep most of
both (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022, eq. 1 with alpha = 0.5).
"""

from dataclasses import replace

import jax

from umir.adaptation.search_result import Found
from umir.adaptation.validation import Validation
from umir.meta import Params

HALFWAY = 0.5


def between(start: Params, learnt: Params, share: float) -> Params:
    """Return the weights `start + share * (learnt - start)`."""
    return jax.tree.map(lambda a, b: a + share * (b - a), start, learnt)


def part_way(start: Params, found: Found, share: float, validation: Validation) -> Found:
    """Return what was found with weights on the way there, and what they give.

    Args:
        start: parameters before the first step.
        found: what a search kept.
        share: of the way from the start, from 0 to 1.
        validation: looks at them.
    """
    params = between(start, found.params, share)
    return replace(found, params=params, share=share, look=validation.look(params))


def halfway(start: Params, found: Found, validation: Validation) -> Found:
    """Return what was found, halfway back to a start that had learnt the task.

    Many validation groups can tell whether that is better. Of few songs, what was found fits those
    that it was chosen by too well to be compared by them.
    """
    if found.step == 0:
        return found
    point = part_way(start, found, HALFWAY, validation)
    return found if validation.many and found.look.beats(point.look) else point
