"""A plan clears what another left, resumes its own, and refuses to resume another's."""

import json
import shutil
from dataclasses import replace

import pytest
from tiny import TINY

from umir.meta_training.plan import BEFORE, Plan
from umir.tasks import get_task
from umir.training_settings import check_settings


@pytest.fixture
def plan(tmp_path):
    return Plan(
        config=TINY,
        tasks=[get_task("drum_transcription")],
        new_tasks=[],
        algorithm="fomaml",
        held_out=[],
        data="studio",
        without=[],
        songs=6,
        songs_per_step=0.0,
        song_seconds=24.0,
        held_out_songs=6,
        steps=10,
        warm_up=0.55,
        inner_steps=3,
        rematerialise=False,
        evaluation_steps=1,
        seed=0,
        out=tmp_path / "out",
        checkpoint_every=5,
        resume=False,
        body_rate=0.1,  # as it was before there was a choice
    )


def trained(plan):
    """What a run leaves in its folder."""
    left = [plan.out / name for name in ("checkpoints/warm-up/5", "tensorboard/warm-up")]
    for folder in left:
        folder.mkdir(parents=True)
    log = plan.out / "log.jsonl"
    log.write_text('{"phase": "warm-up", "step": 1}\n')
    return [*left, log]


def test_a_new_run_takes_no_trainings_place(plan):
    plan.begin_or_resume()
    left = trained(plan)
    with pytest.raises(ValueError, match="holds a training; go on with --resume, or choose"):
        plan.begin_or_resume()
    assert all(path.exists() for path in left)


def test_a_new_run_clears_what_one_left_before_its_first_checkpoint(plan):
    plan.begin_or_resume()
    left = trained(plan)
    for phase in (plan.out / "checkpoints").iterdir():
        if phase.is_dir():
            shutil.rmtree(phase)
    (plan.out / "model.safetensors").write_text("the model of another run")
    plan.begin_or_resume()
    assert not any(path.exists() for path in left)
    assert (plan.out / "model.safetensors").exists()
    stored = json.loads((plan.out / "checkpoints" / "plan.json").read_text())
    assert stored["tasks"] == ["drum_transcription"] and stored["steps"] == 10


def test_a_resumed_run_keeps_everything(plan):
    plan.begin_or_resume()
    left = trained(plan)
    # What does not change the numbers may change.
    replace(plan, resume=True, checkpoint_every=1, rematerialise=True).begin_or_resume()
    assert all(path.exists() for path in left)


def test_another_plan_cannot_be_resumed(plan):
    plan.begin_or_resume()
    left = trained(plan)
    words = r"out: cannot resume with another steps \(11, not 10\), seed \(1, not 0\)$"
    with pytest.raises(ValueError, match=words):
        replace(plan, resume=True, steps=11, seed=1).begin_or_resume()
    both = [get_task("onset_detection"), *plan.tasks]
    with pytest.raises(ValueError, match=r"another tasks \(onset_detection, not none\)$"):
        replace(plan, resume=True, tasks=both).begin_or_resume()
    with pytest.raises(ValueError, match=r"tasks \(onset_detection, not drum_transcription\)$"):
        replace(plan, resume=True, tasks=both[:1]).begin_or_resume()
    small = replace(plan.config, preset="small")
    with pytest.raises(ValueError, match=r"another network \(small, not tiny\)$"):
        replace(plan, resume=True, config=small).begin_or_resume()
    assert all(path.exists() for path in left)


def test_a_run_killed_while_it_clears_begins_anew(plan):
    """The plan goes first: what is left of the old run cannot be taken for this one's."""
    plan.begin_or_resume()
    left = trained(plan)
    (plan.out / "checkpoints" / "plan.json").unlink()
    replace(plan, resume=True).begin_or_resume()
    assert not any(path.exists() for path in left)


def test_the_phases_share_the_steps(plan):
    assert plan.warm_up_steps == 6  # round(5.5), to even
    assert replace(plan, algorithm="multitask").warm_up_steps == 10


def test_what_no_training_wrote_stays(plan):
    others = [plan.out / name for name in ("checkpoints/mine.pt", "tensorboard/mine/events")]
    for path in others:
        path.parent.mkdir(parents=True)
        path.write_text("mine")
    plan.begin_or_resume()
    assert all(path.read_text() == "mine" for path in others)
    log = plan.out / "log.jsonl"
    log.write_text('{"mine": 1}\n')
    with pytest.raises(ValueError, match="log.jsonl: is not a log of umir"):
        plan.begin_or_resume()
    assert log.exists()


def test_a_plan_stored_before_there_was_a_setting_can_be_resumed(plan):
    plan.begin_or_resume()
    path = plan.out / "checkpoints" / "plan.json"
    stored = json.loads(path.read_text())
    for name in (*BEFORE, "body_rate"):
        del stored[name]
    path.write_text(json.dumps(stored))
    replace(plan, resume=True).begin_or_resume()
    with pytest.raises(ValueError, match=r"another inner_optimizer \(adam, not sgd\)$"):
        replace(plan, resume=True, inner_optimizer="adam").begin_or_resume()
    with pytest.raises(ValueError, match=r"another body_rate \(100.0, not 0.1\)$"):
        replace(plan, resume=True, body_rate=100.0).begin_or_resume()


def test_trainings_of_other_programs_are_not_cleared(plan):
    """Neither here, nor there."""
    log, theirs = plan.out / "log.jsonl", plan.out / "checkpoints" / "separation" / "5000"
    theirs.mkdir(parents=True)
    log.write_text('{"phase": "separation"}\n')
    with pytest.raises(ValueError, match="holds a training of another program"):
        plan.begin_or_resume()
    assert log.exists() and theirs.exists()
    with pytest.raises(ValueError, match="holds a training of another program"):
        check_settings(plan.out, {}, resume=False)
    assert not (plan.out / "training.json").exists()
