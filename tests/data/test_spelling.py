"""Names in another case than the task's classes are taken for those; other names stay."""

import numpy as np
import pytest

from umir.annotations import F0, Events, Intervals, Labels, Notes, Stems, renamed
from umir.data.spelling import respelled


def annotation_of(kind, names):
    """Return an annotation that has some names, and how to read them from one."""
    bounds = np.arange(2.0 * len(names)).reshape(-1, 2)
    if kind is Labels:
        return Labels(names), lambda found: found.names
    if kind is Events:
        return Events(bounds[:, 0], names), lambda found: found.labels
    if kind is Intervals:
        return Intervals(bounds, names, 99.0), lambda found: found.labels
    waveforms = {name: np.full((4, 1), n, float) for n, name in enumerate(names)}
    return Stems(waveforms, 8000), lambda found: tuple(found.waveforms)


@pytest.mark.parametrize("kind", [Labels, Events, Intervals, Stems])
def test_only_the_case_is_changed(kind):
    annotation, names = annotation_of(kind, ("Kick", "snare", "HI-HAT", "cowbell"))
    found, spelling = respelled(annotation, ("kick", "snare", "hi-hat"))
    assert names(found) == ("kick", "snare", "hi-hat", "cowbell")
    assert spelling == {"HI-HAT": "hi-hat", "Kick": "kick"}
    others = ("times", "intervals", "duration", "rate")
    for name in set(others) & set(vars(annotation)):
        np.testing.assert_array_equal(getattr(found, name), getattr(annotation, name))


def test_where_case_means_something_names_stay():
    sections = Intervals(np.array([[0.0, 1.0], [1.0, 2.0]]), ("a", "b"))
    found, spelling = respelled(sections, ("A", "a", "B"))
    assert found.labels == ("a", "B") and spelling == {"b": "B"}
    assert respelled(Labels(("\u00c9T\u00c9",)), ("\u00e9t\u00e9",))[0].names == ("\u00e9t\u00e9",)


def test_players_and_curves_have_no_classes():
    notes = Notes(np.array([[0.0, 1.0]]), np.array([440.0]), ("Flute",))
    assert respelled(notes, ("flute",)) == (notes, {})
    curve = F0(np.array([0.0]), np.array([440.0]))
    assert respelled(curve, ("voiced",)) == (curve, {})


def test_names_that_become_one():
    map_to_drum = {"kick": "drum", "snare": "drum"}
    labels = renamed(Labels(("kick", "bell", "snare"), unknown=("snare", "gong")), map_to_drum)
    assert labels.names == ("drum", "bell") and labels.unknown == ("drum", "gong")
    events = renamed(Events(np.array([0.0, 1.0]), ("kick", "snare")), map_to_drum)
    assert events.labels == ("drum", "drum")
