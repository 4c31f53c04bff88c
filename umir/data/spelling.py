"""Names in another case than a task's classes: `Kick` where the class is `kick`."""

from collections import defaultdict
from collections.abc import Collection, Iterable

from umir.annotations import Annotation, Events, Intervals, Labels, Stems, renamed


def respelled(annotation: Annotation, known: Collection[str]) -> tuple[Annotation, dict[str, str]]:
    """Return an annotation whose names are spelt as known ones are, if only their case differs.

    Where two known names differ in nothing but their case (`A` and `a`), case means something, and
    such names stay.

    Args:
        annotation: of any type; players of notes are no classes, their names stay.
        known: the names as they should be.

    Returns:
        The annotation, and what was respelled: name in the annotation -> known name.
    """
    alike = spelled_alike(known)
    fitting = {name: alike.get(name.casefold(), []) for name in _names(annotation) - set(known)}
    spelling = {name: same[0] for name, same in sorted(fitting.items()) if len(same) == 1}
    return renamed(annotation, spelling), spelling


def spelled_alike(names: Iterable[str]) -> dict[str, list[str]]:
    """Return names that differ in nothing but their case together, by what they have in common."""
    alike = defaultdict(list)
    for name in names:
        alike[name.casefold()].append(name)
    return dict(alike)


def _names(annotation: Annotation) -> set[str]:
    if isinstance(annotation, Labels):
        return set(annotation.names)
    if isinstance(annotation, Events | Intervals):
        return set(annotation.labels)
    return set(annotation.waveforms) if isinstance(annotation, Stems) else set()
