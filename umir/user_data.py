"""Labelled audio as a task poses it: the examples of each split, and what could not be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from umir.data.example import Example
from umir.data.manifest_lines import ManifestError
from umir.data.problems import Problem, describe
from umir.data.spelling import respelled, spelled_alike
from umir.data.splits import SPLITS, dealt_again
from umir.data_sets import DataSetError
from umir.data_specification import LabelledData, open_data, stored_splits
from umir.tasks import OPEN_TASKS, Task, for_body, get_task, task_for_kind, vocabulary_of
from umir.tasks.base import quoted
from umir.wave_unet import WaveUNetConfig

# Of the groups that a split lacks, so many are named.
NAMED = 5


@dataclass(frozen=True)
class UserData:
    """Labelled audio, read for one task.

    Attributes:
        task: what the annotations ask for.
        train: songs to learn from.
        valid: songs that choose the best step and fit the decoder.
        test: songs to score.
        splits: group -> split, to be kept with the model.
        problems: lines that could not be used.
        lost: split -> the groups that would be in it if they could be used, of a split that is
            empty for that reason.
    """

    task: Task
    train: Sequence[Example] = field(repr=False)
    valid: Sequence[Example] = field(repr=False)
    test: Sequence[Example] = field(repr=False)
    splits: Mapping[str, str] = field(repr=False)
    problems: Sequence[Problem] = field(repr=False)
    lost: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)


def read_user_data(
    data: str | Path,
    config: WaveUNetConfig,
    task: str | Task | None = None,
    kind: str | None = None,
    splits: Mapping[str, str] | None = None,
) -> UserData:
    """Read labelled audio at the network's rate and channels, and name the task it poses.

    Splits are dealt before anything is read. Where a split turns out to have nothing that can be
    used, a group that nobody has given its own split takes its place.

    Args:
        data: a user's folder, public data sets or both (`umir.data_specification`).
        config: of the network.
        task: a task, or the name of one; default: the task of the manifest's kind, with the
            classes that occur (which `tagging` has in any case).
        kind: which annotation to use if the manifest has several.
        splits: group -> split in what an earlier run was given, which they keep. Where the folder
            says otherwise, no song validates or is scored that has taught then; it is a problem.

    Raises:
        ValueError: nothing can be used, or there is nothing to train on; names the file.
    """
    name = None if isinstance(task, Task) else task
    named = task if isinstance(task, Task) else None
    if name and name not in OPEN_TASKS:
        named = get_task(name)
    wanted = named.kind if named else OPEN_TASKS.get(name or "")
    if wanted and kind not in (None, wanted):
        asked = named.name if named else name
        raise ValueError(f"task {asked!r} reads annotations of kind {wanted!r}, not {kind!r}")
    kind = kind or wanted
    manifest = open_data(data, kind, name, stored_splits(data, splits), common_stems=named is None)
    read, nothing = _loaded(manifest, config)
    if named is not None:
        read = _known(named, read, manifest)
    usable, splits = _dealt_again(read, manifest)
    if nothing and not usable["train"]:
        raise nothing
    try:
        chosen = named or _posed(manifest.kind, name, usable["train"], usable["valid"])
        chosen = for_body(chosen, config)
        if named is None:
            manifest.problems.extend(_spelled_twice(chosen, manifest.path))
            usable = _known(chosen, usable, manifest)
        if not any(chosen.labels_in(e.annotation) & chosen.source_labels for e in usable["train"]):
            raise ValueError(
                f"no song of the split 'train' has any of what {chosen.name} reads: {chosen.wanted}"
            )
    except ValueError as error:
        told = f" ({describe(manifest.problems, 5)})" if manifest.problems else ""
        raise ValueError(f"{manifest.path}: {error}{told}") from error
    lost = _lost(usable, splits, manifest)
    return UserData(chosen, **usable, splits=splits, problems=manifest.problems, lost=lost)


def possible(data: UserData) -> str:
    """Return what the songs of each split are good for, in a few lines."""
    minutes = sum(example.duration for example in data.train) / 60
    counts = f"{data.task.name}: {len(data.train)} to learn from ({minutes:.1f} minutes)"
    counts += f", {len(data.valid)} to choose by, {len(data.test)} to score"
    lines = [counts]
    if not data.valid:
        lines.append(
            "no validation songs: training songs choose rate and step (and the decoder, if the "
            "start has none), and cannot tell learning from memorising; "
            + _remedy(data.lost.get("valid", ()), "label audio of a second group")
        )
    if lost := data.lost.get("test"):
        lines.append(f"no songs to score: {_remedy(lost, 'label audio of another group')}")
    return "\n".join(lines)


def _remedy(lost: Sequence[str], otherwise: str) -> str:
    """Return what to do about a split that is empty, perhaps because groups cannot be used."""
    group = f"{otherwise} (song, artist, singer)"
    if not lost:
        return group
    more = f" and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
    return f"{quoted(lost[:NAMED])}{more} cannot be used (see above): mend that, or {group}"


def _posed(kind: str, name: str | None, train: Sequence[Example], valid: Sequence[Example]) -> Task:
    """Return the task that songs pose, of which those to train on alone must pose one, too."""
    learnt, fitted = ([example.annotation for example in songs] for songs in (train, valid))
    task_for_kind(kind, vocabulary_of(kind, learnt))
    return task_for_kind(kind, vocabulary_of(kind, learnt + fitted), name)


def _spelled_twice(task: Task, path: Path) -> list[Problem]:
    """Return a problem for each two classes that differ in nothing but their case."""
    told = "are taken for different classes; spell them alike if they are one"
    return [
        Problem(path, 0, f"{quoted(names)} {told}")
        for names in spelled_alike(task.vocabulary).values()
        if len(names) > 1
    ]


def _loaded(
    manifest: LabelledData, config: WaveUNetConfig
) -> tuple[dict[str, list[Example]], ValueError | None]:
    """Return the examples of each split, and why there are none to train on if there are none."""
    read: dict[str, list[Example]] = {}
    failed: dict[str, ValueError] = {}
    for split in SPLITS:
        try:
            read[split] = manifest.examples(split, config.rate, config.channels)
        except (ManifestError, DataSetError) as error:
            read[split], failed[split] = [], error
    no_line = f"{manifest.path}: no line is in the split 'train': nothing to learn from"
    return read, None if read["train"] else failed.get("train", ValueError(no_line))


def _known(
    task: Task, read: Mapping[str, Sequence[Example]], manifest: LabelledData
) -> dict[str, list[Example]]:
    """Return what `known_examples` does of each split."""
    return {split: known_examples(task, songs, manifest) for split, songs in read.items()}


def _dealt_again(
    read: Mapping[str, Sequence[Example]], manifest: LabelledData
) -> tuple[dict[str, list[Example]], dict[str, str]]:
    """Return examples and groups in the splits that they are to be in, and report who has moved."""
    songs = [song for split in SPLITS for song in read[split]]
    before = manifest.assignment
    splits = dealt_again(before, manifest.undecided, {song.group for song in songs})
    for group, split in splits.items():
        if split != before[group]:
            told = (
                f"{group}: dealt to {split!r} instead of {before[group]!r}, as too little of what "
                "was dealt can be used"
            )
            manifest.problems.append(Problem(manifest.path, 0, told, whole=True))
    return {name: [s for s in songs if splits[s.group] == name] for name in SPLITS}, splits


def _lost(
    usable: Mapping[str, Sequence[Example]], splits: Mapping[str, str], manifest: LabelledData
) -> dict[str, tuple[str, ...]]:
    """Return the groups that cannot be used, of each split that is empty for that reason."""
    used = {song.group for songs in usable.values() for song in songs}
    lost = [group for group in splits if group not in used]
    found = {}
    for split in SPLITS:
        if usable[split] or split not in manifest.assignment.values():
            continue
        own = [group for group in lost if splits[group] == split]
        might = [group for group in lost if split in manifest.undecided.get(group, ())]
        found[split] = tuple(own or might)
    return found


def known_examples(
    task: Task, examples: Sequence[Example], manifest: LabelledData
) -> list[Example]:
    """Return the examples whose annotation the task can read; the others become problems.

    Events of classes that the task does not know are left out and reported; a clip whose label it
    does not know, a song that has events but none that it knows, or that lacks one of its stems, is
    left out as a whole. A name that differs from one that the task knows in nothing but its case is
    taken for it, and reported.
    """
    kept = []
    for example in examples:
        annotation, spelling = respelled(example.annotation, task.source_labels)
        if spelling:
            example = replace(example, annotation=annotation)
            taken = ", ".join(f"{name!r} is taken for {like!r}" for name, like in spelling.items())
            manifest.problems.append(Problem(manifest.path, 0, f"{example.name}: {taken}"))
        usable = task.can_use(example.annotation)
        if complaint := task.complaint(example.annotation):
            told = f"{example.name}: {'' if usable else 'left out: '}{complaint}"
            manifest.problems.append(Problem(manifest.path, 0, told, whole=not usable))
        if usable:
            kept.append(example)
    return kept
