"""Every named task has an entry in each table that asks something of it (docs/architecture.md)."""

import pytest

from umir.tasks import TASKS
from umir.tasks.base import entry_of
from umir.tasks.live import live_decoder
from umir.tasks.sources import _CUTS
from umir.tasks.speed_change import _MOVES
from umir.tasks.withheld import _MASKS

RATE = 16_000


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_what_is_asked_of_a_task_is_decided(task):
    assert entry_of(_CUTS, task) is not None
    assert entry_of(_MOVES, task) is not None
    assert task.name in _MASKS
    if not task.head.gives_waveforms:
        assert live_decoder(task, task.default_settings(RATE), slowest_rate=12.5) is not None


def test_a_task_that_is_derived_from_another_does_as_that_one():
    class Mine(type(TASKS["note_transcription"])):
        pass

    mine = Mine()
    for table in (_CUTS, _MOVES, *filter(None, _MASKS.values())):
        assert entry_of(table, mine) is entry_of(table, TASKS["note_transcription"])
