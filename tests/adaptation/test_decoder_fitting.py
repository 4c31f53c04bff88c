"""Settings of decoders: fitted where that pays, kept where a few songs would mislead."""

import jax
import numpy as np
import pytest
from tiny import TINY

from umir.adaptation.decoder_fitting import MANY_GROUPS, fit_and_predict, with_decoder
from umir.annotations import Events, Labels, Stems
from umir.data.example import Example
from umir.task_model import TaskModel
from umir.tasks import MultiLabelClassification, OnsetDetection
from umir.tasks.source_separation import vocal_separation
from umir.wave_unet import Network

FRAMES = 100  # of 10 ms
TIMES = np.array([0.2, 0.5, 0.8])


class Played(TaskModel):
    """A model whose network gives what the song says: its samples are logits of frames."""

    def output(self, waveform):
        return waveform


class PlayedClips(TaskModel):
    """A model whose network gives the only frame of a clip."""

    def output(self, waveform):
        return waveform[0]


def song(name, onsets, elsewhere):
    """A song whose onsets have one logit, and as many moments between them another."""
    logits = np.full((FRAMES, 1), -9.0, np.float32)
    for logit, times in ((onsets, TIMES), (elsewhere, TIMES - 0.15)):
        logits[np.rint(100 * times).astype(int)] = logit
    return Example(logits, 100, Events(TIMES, ("",) * len(TIMES)), name, name)


def at(logit):
    """Settings whose threshold is at a logit."""
    return {"peaks": {"onset": [float(1 / (1 + np.exp(-logit))), 0.03]}}


@pytest.fixture
def model():
    task = OnsetDetection()
    return Played(Network(TINY, task.head), task, {})


def test_what_a_few_songs_fit_does_not_take_the_place_of_what_serves_all(model):
    """Either song alone puts the threshold where the other one's onsets are not told apart."""
    loud, soft = song("loud", 6.0, 0.0), song("soft", 0.7, -6.0)
    fitted = with_decoder(model, [loud, soft]).settings
    assert with_decoder(model, [loud, soft], at(0.35)).settings == at(0.35) != fitted
    alike = [loud, song("as loud", 6.0, 0.0)]
    assert with_decoder(model, alike, at(8.0)).settings == with_decoder(model, alike).settings
    # One group says nothing of others; many need no proof.
    assert with_decoder(model, [loud], at(0.35)).settings == at(0.35)
    many = [song(str(n), 6.0, 0.0) for n in range(MANY_GROUPS)]
    assert with_decoder(model, many, at(0.35)).settings == with_decoder(model, many).settings


@pytest.mark.parametrize("task", [OnsetDetection(), vocal_separation()], ids=lambda task: task.name)
def test_songs_that_are_heard_once_give_the_same_decoder_and_findings(task):
    rng = np.random.default_rng(0)
    network = Network(TINY, task.head)
    model = TaskModel(network, task, network.init(jax.random.key(0)))
    songs = [noise(task, rng.normal(0, 0.1, (TINY.rate + n, 1))) for n in range(2)]
    fitted, found = fit_and_predict(model, songs)
    assert fitted.settings == with_decoder(model, songs).settings
    for example, estimate in zip(songs, found, strict=True):
        expected = fitted.predict(example.waveform, example.rate)
        assert jax.tree.all(jax.tree.map(np.array_equal, vars(estimate), vars(expected)))


def noise(task, waveform):
    waveform = waveform.astype(np.float32)
    parts = {"vocals": waveform, "accompaniment": 0 * waveform}
    onsets = Events(np.array([0.2, 0.5]), ("", ""))
    annotation = Stems(parts, TINY.rate) if task.kind == "stems" else onsets
    return Example(waveform, TINY.rate, annotation, "song", "song")


def test_thresholds_of_several_labels_are_those_of_the_start_until_there_are_many_groups():
    """Their score, mAP, asks for no threshold: it speaks neither for one nor against it."""
    task = MultiLabelClassification("tags", ("a", "b"))
    model = PlayedClips(Network(TINY, task.head), task, {})
    kinds = [((4.0, 2.0), ("a",)), ((2.0, 4.0), ("b",))] * MANY_GROUPS
    clips = [
        Example(np.array([logits], np.float32), 100, Labels(names), str(n), str(n))
        for n, (logits, names) in enumerate(kinds[:MANY_GROUPS])
    ]
    known = {"thresholds": {"a": 0.01, "b": 0.01}}
    assert with_decoder(model, clips[1:], known).settings == known
    assert (
        with_decoder(model, clips, known).settings == with_decoder(model, clips).settings != known
    )
