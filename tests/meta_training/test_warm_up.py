"""The warm-up: turns, persistent heads, rates that end when it does."""

import jax
import numpy as np
import pytest
from made_sets import make_mdb_drums
from tiny import TINY

from umir.meta_train import parser, plan_of
from umir.meta_training.broken_tasks import BrokenTasks
from umir.meta_training.plan import LEFT_OUT
from umir.meta_training.training_songs import EDITION, TrainingSongs
from umir.meta_training.warm_up import SONGS, WarmUp, heads_by_task
from umir.tasks import Target
from umir.tasks.objective import fresh_params
from umir.training import train
from umir.wave_unet import PRESETS, Network

NAMES = ("source_separation", "drum_transcription", "instrument_recognition", "onset_detection")


def warm_up(names=NAMES, *more):
    """The warm-up of four songs."""
    PRESETS["tiny"] = TINY
    try:
        arguments = [
            "--preset",
            "tiny",
            "--algorithm",
            "multitask",
            "--steps",
            "12",
            "--songs",
            "4",
            "--song-seconds",
            "8",
        ]
        plan = plan_of(parser().parse_args([*arguments, *more, "--tasks", *names]))
    finally:
        del PRESETS["tiny"]
    with TrainingSongs(plan) as songs:
        yield WarmUp(plan, songs)


@pytest.fixture(scope="module")
def started():
    yield from warm_up()


def test_songs_take_four_turns_of_five(started):
    turns = [started.turn(step) for step in range(20)]
    songs = [SONGS] * 4
    assert turns == [*songs, "source_separation", *songs, "instrument_recognition"] * 2


def test_tasks_that_share_nothing_take_turns():
    names = ("source_separation", "instrument_recognition")
    for alone in warm_up(names):
        assert [alone.turn(step) for step in range(3)] == [*names, names[0]]
        assert set(alone.parameters(jax.random.key(0))[1]) == set(names)


def test_a_step_trains_the_head_of_its_turn_and_the_body(started):
    algorithm = started.algorithm()
    state = algorithm.init(*started.parameters(jax.random.key(0)))
    for step in range(2):  # the rate of the first step is 0
        before, (state, metrics) = state, algorithm.step(state, [started.episode(step)])
    assert np.isfinite(float(metrics[f"loss/{SONGS}"]))
    changed = {
        name: max(jax.tree.leaves(jax.tree.map(_distance, head, state.heads[name])))
        for name, head in before.heads.items()
    }
    assert changed[SONGS] > 1e-5
    assert changed["source_separation"] == changed["instrument_recognition"] == 0
    assert max(jax.tree.leaves(jax.tree.map(_distance, before.body, state.body))) > 1e-5


def _distance(one, other):
    return float(np.abs(one - other).max())


def test_heads_come_by_the_names_of_the_tasks(started):
    _, heads = started.parameters(jax.random.key(0))
    assert set(heads_by_task(heads)) == set(NAMES)


def test_an_episode_is_the_same_for_the_same_step(started):
    one, other = (started.episode(3) for _ in range(2))
    jax.tree.map(np.testing.assert_array_equal, one.support, other.support)
    assert np.abs(one.support.waveform - one.query.waveform).max() > 0


def test_a_persistent_head_is_not_the_fresh_head_of_the_same_seed(started):
    """Otherwise the body would have been trained for the very head that adaptation starts from."""
    key = jax.random.key(3)
    body, heads = started.parameters(key)
    task = started.alone["instrument_recognition"]
    target = started.episode(9).support.target
    fresh = fresh_params(Network(TINY, task.head), body, task, target, key)["head"]
    persistent = heads[task.name]
    assert jax.tree.structure(fresh) == jax.tree.structure(persistent)
    assert np.abs(fresh["kernel"] - persistent["kernel"]).max() > 1e-3


def test_songs_that_roll_on_are_those_of_the_step():
    """A training that goes on at a later step sees what it would have seen without a stop."""
    (one,), (other,) = (list(_editions(steps)) for steps in ((0, 2 * EDITION), (2 * EDITION,)))
    np.testing.assert_array_equal(one.waveform, other.waveform)
    for name, target in one.targets.items():
        np.testing.assert_array_equal(target.values, other.targets[name].values)


def _editions(steps):
    names = ("drum_transcription", "onset_detection")
    for started in warm_up(names, "--songs-per-step", "0.02", "--songs", "8"):
        batches = [started.episode(step).support for step in steps]
        yield batches[-1]


def test_a_task_without_a_finite_loss_is_named_and_left_out(monkeypatch, capsys, tmp_path):
    """It shares its steps with others, which go on without it as if nobody had labelled it."""
    training = warm_up(("drum_transcription", "onset_detection"), "--out", str(tmp_path))
    started = next(training)
    algorithm, pool = started.algorithm(), started._songs.at(0).pool
    state = algorithm.init(*started.parameters(jax.random.key(0)))
    clean = jax.jit(lambda params, batch: started.episode(0).loss.losses(params, batch))
    batch = pool.batch

    def broken(rng, batch=batch):
        drawn = batch(rng)
        drums = drawn.targets["drum_transcription"]
        bad = Target(drums.values * np.float32(np.nan), drums.mask)
        return drawn._replace(targets={**drawn.targets, "drum_transcription": bad})

    monkeypatch.setattr(pool, "batch", broken)
    losses, before = [], state
    stream = lambda step: [started.episode(step)]  # noqa: E731
    keep = Kept(losses)
    state = train(algorithm.step, state, stream, steps=5, callbacks=[keep, started.broken])
    told = capsys.readouterr().err
    assert "step 1: task 'drum_transcription' is left out: its loss is nan" in told
    assert told.count("is left out") == 1
    # The second step was drawn while the first was taken.
    assert [np.isfinite(loss) for loss in losses] == [False, False, True, True, True]
    params = {"body": before.body, "head": before.heads[SONGS]}
    found = clean(params, started.episode(3).support)
    assert float(found["drum_transcription"]) == 0 < float(found["onset_detection"])
    # What goes on after the first step leaves out what this did; from the start, nothing.
    path = tmp_path / "checkpoints" / LEFT_OUT
    for done, lost in ((1, [True, False, False]), (0, [True, True, True])):
        again, batch = BrokenTasks(SONGS, path, done), started.episode(0).support
        left = [again.without(batch, step).targets["drum_transcription"] for step in (1, 2, 3)]
        assert [bool(np.isnan(target.values).any()) for target in left] == lost


class Kept:
    """Keeps the losses of the joint turns."""

    def __init__(self, losses):
        self.losses = losses

    def __call__(self, step, state, metrics):
        self.losses.append(metrics[f"loss/{SONGS}"])

    def close(self):
        pass


def test_data_sets_are_learnt_from_beside_the_studio(tmp_path):
    data = f"studio,mdb_drums:{make_mdb_drums(tmp_path / 'mdb')}"
    for started in warm_up(("drum_transcription", "onset_detection"), "--data", data):
        edition = started._songs.at(0)
        drums = [e for e in edition.pool.examples if "drum_transcription" in e.annotations]
        sets = {example.group.split("/")[0] for example in drums}
        assert "mdb_drums" in sets and len(sets) > 1
        assert np.isfinite(started.episode(0).support.waveform).all()


def test_data_sets_alone_are_learnt_from(tmp_path):
    data = f"mdb_drums:{make_mdb_drums(tmp_path / 'mdb')}"
    for started in warm_up(("drum_transcription",), "--data", data):
        assert started.turn(0) == "drum_transcription"
        assert started.episode(0).name == "drum_transcription"


def test_a_task_that_no_data_serves_is_an_error(tmp_path):
    data = f"mdb_drums:{make_mdb_drums(tmp_path / 'mdb')}"
    with pytest.raises(ValueError, match="has no labels for task 'chord_recognition'"):
        next(warm_up(("drum_transcription", "chord_recognition"), "--data", data))


def test_too_few_songs_to_roll_on_are_refused():
    with pytest.raises(ValueError, match="at least 8 songs"):
        next(warm_up(NAMES, "--songs-per-step", "0.02"))
