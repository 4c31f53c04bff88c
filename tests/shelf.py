"""What trainings leave, with tiny networks and fresh weights, and a folder of released models."""

import json
from dataclasses import replace
from pathlib import Path

import jax
import pytest
from tiny import TINY

from umir.checkpoint import Model, load_model, save_model
from umir.meta_train import parser, plan_of, save
from umir.meta_training.phases import Trained
from umir.model_card import model_card
from umir.task_model import TaskModel
from umir.tasks import get_task
from umir.wave_unet import Network, init_body

COMMAND = "python -m umir.meta_train --algorithm multitask --data musdb18:/data/sets/MUSDB18"
TASKS = ("source_separation", "onset_detection", "genre_recognition")
ADAPTATION = {
    "meta-trained": {"onset_detection": {"0": 0.25, "30": 0.75}, "genre": {"0": 0.5, "30": None}},
    "scratch": {"onset_detection": {"0": 0.125, "30": 0.5}, "genre": {"0": 0.25, "30": 0.375}},
}


def trained_start(directory, heads=True):
    """What a meta-training leaves: an initialisation, with heads or without."""
    arguments = ["--algorithm", "multitask", "--out", str(directory), "--tasks", *TASKS]
    plan = replace(plan_of(parser().parse_args(arguments)), config=TINY)
    body, models = init_body(TINY, jax.random.key(0)), []
    for number, task in enumerate(plan.tasks):
        network = Network(TINY, task.head)
        params = {"body": body, "head": network.init_head(jax.random.key(number))}
        models.append(TaskModel(network, task, params, task.default_settings(TINY.rate)))
    save(plan, Trained(body, models if heads else ()), COMMAND)
    (directory / "adaptation.json").write_text(json.dumps(ADAPTATION))
    (directory / "log.jsonl").write_text('{"phase": "warm-up"}\n')
    (directory / "checkpoints" / "warm-up").mkdir(parents=True)
    return directory


def separator_model():
    """A separator into vocals and accompaniment."""
    task = get_task("vocal_separation")
    network = Network(TINY, task.head)
    facts = {"init": "/srv/models/start", "data": ["own folder"], "splits": {"song 1": "train"}}
    return TaskModel(network, task, network.init(jax.random.key(3)), {"rate": TINY.rate}, facts)


def trained_separator(directory):
    """What `umir finetune` leaves, of stems."""
    model = separator_model()
    model.save(directory, model_card(model, {"SDR": 4.25}, "python -m umir.finetune --out sep"))
    return directory


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Two released models: a start, the best of its kind, and a separator."""
    from umir.releasing import release

    made: Path = tmp_path_factory.mktemp("shelf")
    start, separator = made / "trained" / "start", made / "trained" / "separator"
    release(trained_start(start), "tiny-start", made / "released", best=True)
    separates = trained_separator(separator)
    release(separates, "tiny-vocals", made / "released", licence="CC-BY-NC-4.0", headline="SDR 4.2")
    return made / "released"


def save_start():
    """Write an initialisation without heads to the folder `start`."""
    config = {"format": "umir initialisation 1", "network": vars(TINY)}
    save_model("start", Model(config, {"body": init_body(TINY, jax.random.key(7))}), "# start\n")


def facts():
    """What `umir finetune --out model` noted in its `config.json`."""
    return load_model("model").config
