"""The songs that a training learns from: the same ones all the time, or a pool that rolls on."""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from umir.data.problems import describe
from umir.data_source import DataSource, JoinedSource
from umir.meta_training.constant_tasks import that_vary
from umir.meta_training.plan import Plan
from umir.studio.catalogue import SONGS_PER_SEED
from umir.studio.song import Song
from umir.studio.song_pool import SongPool
from umir.studio.stream import SongStream
from umir.tasks import EpisodeSampler, Source, StudioSource, Task
from umir.tasks.joint import JointExample, JointPool, joint_examples, shared_tasks
from umir.tasks.withheld import WithheldSource

# Steps between two looks at a pool that rolls on: what is drawn from it has to be cut anew.
EDITION = 50
# Processes that render what comes next, beside the training.
WORKERS = 1


@dataclass(frozen=True)
class Edition:
    """What is drawn from while the songs stay the same.

    Attributes:
        sampler: draws episodes of one task; has the tasks that there is something to learn of.
        joint: the tasks that are learnt jointly; none if no two share a waveform.
        pool: draws batches for all of `joint`; None if there are none.
    """

    sampler: EpisodeSampler
    joint: tuple[Task, ...]
    pool: JointPool | None


class TrainingSongs:
    """The songs of each step of a training, as a function of the step.

    Args:
        plan: seed, number of songs, how many are new per step, data beside them, network and
            tasks.

    Raises:
        ValueError: data that cannot be used, or that has nothing for one of the tasks.
    """

    def __init__(self, plan: Plan):
        self._plan = plan
        config = plan.config
        self._data = (
            DataSource(plan.recordings, config.rate, config.channels) if plan.recordings else None
        )
        if self._data is not None:
            # Before the studio renders for minutes: what cannot be used is said at once.
            self._data.load(plan.tasks)
            if self._data.problems:
                print(describe(self._data.problems), file=sys.stderr)
        self._rolling = _rolling(plan) if plan.studio and plan.songs_per_step else None
        self._fixed = _fixed(plan) if plan.studio and not self._rolling else []
        self._tasks: tuple[Task, ...] | None = None
        self._joint: tuple[Task, ...] | None = None
        self._cut: dict[str, list[JointExample]] = {}
        self._recorded: list[JointExample] | None = None
        self._number = -1
        self._edition: Edition | None = None

    def at(self, step: int) -> Edition:
        """Return what a step draws from."""
        number = step // EDITION if self._rolling else 0
        if self._edition is None or number != self._number:
            self._number, self._edition = number, self._make(self._songs(number * EDITION))
        return self._edition

    @property
    def splits(self) -> Mapping[str, str]:
        """The groups of the recordings, and their splits; none of the studio's songs."""
        return self._data.splits if self._data else {}

    def close(self) -> None:
        """End the processes that render."""
        if self._rolling:
            self._rolling.close()

    def __enter__(self) -> "TrainingSongs":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _songs(self, step: int) -> list[Song]:
        return self._rolling.at(step) if self._rolling else self._fixed

    def _make(self, songs: list[Song]) -> Edition:
        plan, source = self._plan, self._source(songs)
        if self._tasks is None:
            self._tasks = that_vary(source, plan.tasks)
        sampler = EpisodeSampler(self._tasks, source, rate=plan.config.rate, seed=plan.seed)
        if self._joint is None:
            self._joint = shared_tasks(source, self._tasks)
        if not self._joint:
            return Edition(sampler, (), None)
        examples = [example for song in songs for example in self._examples(song)]
        examples += self._recordings(self._joint)
        names = {song.name for song in songs}
        self._cut = {name: cut for name, cut in self._cut.items() if name in names}
        return Edition(sampler, self._joint, JointPool(self._joint, examples))

    def _source(self, songs: list[Song]) -> Source:
        source: Source = StudioSource(songs)
        if self._data is not None:
            source = JoinedSource(source, self._data) if songs else self._data
        return self._without_held_out(source)

    def _without_held_out(self, source: Source) -> Source:
        return WithheldSource(source, self._plan.held_out) if self._plan.held_out else source

    def _recordings(self, joint: tuple[Task, ...]) -> list[JointExample]:
        """Return the joint examples of the data, measured once: they do not roll on."""
        if self._recorded is None:
            data, self._recorded = self._data, []
            if data is not None:
                served = [task for task in joint if data.serves(task)]
                self._recorded = joint_examples(self._without_held_out(data), served)
        return self._recorded

    def _examples(self, song: Song) -> list[JointExample]:
        """Return the joint examples of a song, cut when it is new."""
        if song.name not in self._cut:
            source = self._without_held_out(StudioSource([song]))
            self._cut[song.name] = joint_examples(source, self._joint or ())
        return self._cut[song.name]


def _fixed(plan: Plan) -> list[Song]:
    return plan.rendered(plan.seed * SONGS_PER_SEED, plan.songs)


def _rolling(plan: Plan) -> SongPool:
    def stream(given: int) -> SongStream:
        first, config = plan.seed * SONGS_PER_SEED, plan.config
        return SongStream(
            first,
            given=given,
            rate=config.rate,
            duration=plan.song_seconds,
            channels=config.channels,
            features=plan.features,
            workers=WORKERS,
            ahead=math.ceil(EDITION * plan.songs_per_step),
        )

    return SongPool(stream, plan.songs, plan.songs_per_step)
