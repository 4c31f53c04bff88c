"""What starts are adapted to: the tasks of the studio's songs, and folders of recordings.

Songs of the studio are held out: nothing is ever trained on their seeds. Each material has songs
to learn from, to choose rates and decoders on, and to test on; of the first, so many minutes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from classical import chance, timbre
from classical.method import RATE, Predict, fitted
from classical.method import Method as Guess
from recordings.experiments import EXPERIMENTS, NEW_EXPERIMENTS, Experiment, split

from umir.annotations import Intervals, Labels
from umir.data.example import Example
from umir.families import FAMILIES, family_of
from umir.meta_train import NEW_TASKS, TASKS
from umir.meta_training.phases import FIRST_HELD_OUT_SONG
from umir.meta_training.report import deal_songs
from umir.studio.catalogue import render_songs
from umir.studio.features import ALL_FEATURES, LEFT_OUT
from umir.studio.song import Song
from umir.tasks import StudioSource, Task, get_task
from umir.user_data import read_user_data
from umir.wave_unet import WaveUNetConfig

NEW = "new"  # the family of tasks that look like nothing in training; its starts hold out nothing
# Held-out songs: 32 to learn from, 16 to validate, 24 to test, and three times as many of clips.
SONGS, CLIP_SONGS = 72, 3
# Of the ceiling: all the songs that nothing else uses.
FIRST_CEILING_SONG, CEILING_SONGS = FIRST_HELD_OUT_SONG + 10_000, 96
LEAST = 1.0  # seconds: no shorter rest of a song is taken

# Folder -> family; what is not in `FAMILIES` is new.
FOLDERS = {
    "mir_1k": "separation",
    "singing": "separation",
    "onsets": "percussion",
    "mdb_drums": "percussion",
    "beats": "rhythm",
    "tempo": "rhythm",
    "melody": "pitch",
    "asap_rendered": "pitch",
    "pop909_rendered": "pitch",
    "chords_rendered": "harmony",
    "keys_rendered": "harmony",
    "medley_solos": "sound",
    **dict.fromkeys(NEW_EXPERIMENTS, NEW),
}


def constant_activity(task: Task, examples: Sequence[Example]) -> Predict:
    """Return the guess that a class is always, or never, active: whichever is right more often."""

    def decide(seconds: float, active: bool) -> Intervals:
        bounds = np.array([[0.0, seconds]] if active else np.zeros((0, 2)))
        return Intervals(bounds, tuple(task.vocabulary) if active else (), seconds)

    return fitted(task, examples, (True, False), lambda waveform: len(waveform) / RATE, decide)


# The best answer that does not listen, by the kind of annotation or by the task.
GUESSES: dict[str, Guess] = {
    "stems": timbre.equal_shares,
    "events": chance.regular_events,
    "beat_tracking": chance.steady_beats,
    "f0": chance.constant_pitch,
    "notes": chance.no_notes,
    "intervals": constant_activity,
    "chord_recognition": chance.constant_chord,
    "label": chance.constant_label,
}


@dataclass(frozen=True)
class Songs:
    """Labelled audio of one material.

    Attributes:
        task: what its labels ask for.
        train: to learn from, of which a run gets so many minutes.
        valid: to choose learning rates and to fit decoders on.
        test: to score.
        all: everything that the ceiling may learn from.
    """

    task: Task
    train: Sequence[Example]
    valid: Sequence[Example]
    test: Sequence[Example]
    all: Callable[[], Sequence[Example]]


@dataclass(frozen=True)
class Material:
    """Something to adapt to.

    Attributes:
        name: the name of its results.
        family: whose labels the starts have not seen.
        studio: whether it is a task of the studio's songs.
        also_new: whether it counts as a new task, too: no start was ever trained on it.
        experiment: how the recordings of a folder are dealt.
    """

    name: str
    family: str
    studio: bool = False
    also_new: bool = False
    experiment: Experiment | None = None

    @property
    def separation(self) -> bool:
        """Whether its task is separation."""
        return self.name in ("studio_source_separation", "mir_1k")

    @property
    def rendered(self) -> bool:
        """Whether a sampled piano plays, and nobody was recorded."""
        return self.name.endswith("_rendered")

    @property
    def recorded(self) -> bool:
        """Whether these are recordings."""
        return not (self.studio or self.rendered)

    @property
    def families(self) -> tuple[str, ...]:
        """What starts may have held out to be adapted to it; `NEW` for nothing."""
        return (self.family, NEW) if self.also_new else (self.family,)

    def songs(self, folders: Path, config: WaveUNetConfig) -> Songs:
        """Return its labelled audio."""
        if self.experiment is None:
            return _studio_songs(get_task(self.name.removeprefix("studio_")), config)
        data = read_user_data(folders / self.name, config, self.experiment.task, None)
        data = split(data, self.experiment, 0)
        return Songs(data.task, data.train, data.valid, data.test, lambda: data.train)


def materials() -> dict[str, Material]:
    """Return all materials by name, family by family, the studio first."""
    experiments = EXPERIMENTS | NEW_EXPERIMENTS
    new_folders = {"tempo", "keys_rendered"}
    found = []
    for family in (*FAMILIES, NEW):
        own = [task for task in (*TASKS, *NEW_TASKS) if family_of(task) == family]
        found += [Material(f"studio_{task}", family, True, task in NEW_TASKS) for task in own]
        found += [
            Material(name, family, False, name in new_folders, experiments[name])
            for name, of_folder in FOLDERS.items()
            if of_folder == family
        ]
    return {material.name: material for material in found}


def labelled(task: Task, examples: Sequence[Example], minutes: float, seed: int) -> list[Example]:
    """Return so many minutes of labelled audio, or all if there are fewer.

    Songs come in random order and whole, but for the last. A clip gives one segment, and the
    classes take turns: a minute of clips is one of many songs.
    """
    rng = np.random.default_rng(seed)
    clips = task.head.kind == "clip"
    left, kept = 60.0 * minutes, []
    for example in _by_turns(examples, rng):
        length = min(example.duration, left, task.segment_seconds if clips else np.inf)
        if length < min(LEAST, example.duration):
            break
        last = example.duration - length
        start = float(rng.uniform(0, last)) if clips and last > 0 else 0.0
        kept.append(example.crop(start, start + length))
        left -= kept[-1].duration
    return kept


def guess(songs: Songs) -> Predict:
    """Return the best answer that does not listen, as what predicts."""
    method = GUESSES.get(songs.task.name) or GUESSES[songs.task.kind]
    return method(songs.task, [*songs.train, *songs.valid])


def _by_turns(examples: Sequence[Example], rng: np.random.Generator) -> list[Example]:
    """Return examples in random order, clips such that their classes take turns."""
    shuffled = [examples[index] for index in rng.permutation(len(examples))]
    turns: dict[str, int] = {}
    keys = []
    for example in shuffled:
        name = example.annotation.names[0] if isinstance(example.annotation, Labels) else ""
        turns[name] = turns.get(name, -1) + 1
        keys.append(turns[name] if name else 0)
    return [shuffled[index] for index in np.argsort(keys, kind="stable")]


def _studio_songs(task: Task, config: WaveUNetConfig) -> Songs:
    clips = task.head.kind == "clip"
    number = SONGS * CLIP_SONGS if clips else SONGS
    source = StudioSource(_rendered(FIRST_HELD_OUT_SONG, number, config))
    dealt = deal_songs(task, _usable(task, source))
    # A user labels what they hear: the mixture, which is a song's first view, or single parts.
    train = dealt.support if clips else _first_of_each_group(dealt.support)

    def everything() -> list[Example]:
        songs = _rendered(FIRST_CEILING_SONG, CEILING_SONGS, config)
        found = _usable(task, StudioSource(songs))
        return found if clips else _first_of_each_group(found)

    return Songs(task, train, dealt.valid, dealt.query, everything)


@cache
def _rendered(first: int, number: int, config: WaveUNetConfig) -> list[Song]:
    """Return songs with the features of those that bodies are trained on."""
    return render_songs(
        range(first, first + number),
        rate=config.rate,
        channels=config.channels,
        features=ALL_FEATURES.without(*LEFT_OUT),
        progress=True,
    )


def _usable(task: Task, source: StudioSource) -> list[Example]:
    return [example for example in source.examples(task) if task.can_use(example.annotation)]


def _first_of_each_group(examples: Sequence[Example]) -> list[Example]:
    return list({example.group: example for example in reversed(examples)}.values())[::-1]
