"""Families of tasks: those whose labels say much about each other's, and are held out together.

A start that has seen beats knows something of the tempo. What a start is worth on a *new* kind of
label is therefore asked family by family: the labels of the whole family are kept from training
in every form. As tasks and their variants, as joint targets, and inside the labels of other tasks
(`umir.tasks.withheld`); docs/experiments.md says for each family what that means.
"""

from collections.abc import Collection, Sequence

# Every registered task is in exactly one.
FAMILIES: dict[str, tuple[str, ...]] = {
    "separation": ("source_separation", "vocal_separation", "singing_voice_detection"),
    "percussion": (
        "onset_detection",
        "drum_transcription",
        "drum_transcription_5",
        "drum_transcription_8",
    ),
    "rhythm": ("beat_tracking", "tempo_estimation"),
    "pitch": ("melody_extraction", "note_transcription"),
    "harmony": ("chord_recognition", "chord_recognition_sevenths", "key_recognition"),
    "sound": ("instrument_recognition", "genre_recognition", "tagging"),
}

# Tasks with the same labels, sorted into other classes or stems.
_SAME_LABELS = (
    ("source_separation", "vocal_separation"),
    ("drum_transcription", "drum_transcription_5", "drum_transcription_8"),
    ("chord_recognition", "chord_recognition_sevenths"),
)
# Task -> those whose labels contain its own or a part of them: a stem of the voice is silent where
# nobody sings, hits of drums are onsets, distances of beats are the tempo, and a melody is notes.
_CONTAINED_IN = {
    "singing_voice_detection": _SAME_LABELS[0],
    "onset_detection": _SAME_LABELS[1],
    **dict.fromkeys(_SAME_LABELS[1], ("onset_detection",)),
    "tempo_estimation": ("beat_tracking",),
    "melody_extraction": ("note_transcription",),
    "note_transcription": ("melody_extraction",),
}


def family_of(task: str) -> str:
    """Return the family of a registered task.

    Raises:
        ValueError: there is no such task.
    """
    for family, tasks in FAMILIES.items():
        if task in tasks:
            return family
    raise ValueError(f"no task {task!r} in any family")


def with_their_labels(names: Sequence[str], tasks: Collection[str]) -> tuple[str, ...]:
    """Return all tasks that must not be trained on if `names` are held out.

    These are the tasks of the families, and with a single task all that have its labels in another
    form: other classes of the same labels, or labels that contain its own.

    Args:
        names: families and tasks.
        tasks: what would be trained on.

    Raises:
        ValueError: a name that is neither a family nor one of `tasks`, or a family without any of
            them.
    """
    unknown = [name for name in names if not set(FAMILIES.get(name, (name,))) & set(tasks)]
    if unknown:
        raise ValueError(
            f"--hold-out {' '.join(unknown)}: not among the tasks {list(tasks)}, nor a family of "
            f"one of them ({', '.join(FAMILIES)})"
        )
    found: dict[str, None] = {}
    for name in names:
        found |= dict.fromkeys(FAMILIES.get(name) or _of_the_same_labels(name))
    return tuple(found)


def _of_the_same_labels(task: str) -> tuple[str, ...]:
    same = [other for others in _SAME_LABELS if task in others for other in others]
    return (task, *same, *_CONTAINED_IN.get(task, ()))
