"""What validation songs say of parameters: which of two looks is better, and when scores decide."""

import math
from dataclasses import replace

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from noise_clips import clips, song
from tiny import TINY

from umir.adaptation.decoder_fitting import MANY_GROUPS, fit_and_predict
from umir.adaptation.network_fitting import validation_batches, validation_loss
from umir.adaptation.validation import WORST, Look, Validation, of_equal_length
from umir.annotations import Labels, Stems
from umir.data.example import Example
from umir.task_model import TaskModel
from umir.tasks import Classification, MultiLabelClassification, SourceSeparation
from umir.wave_unet import Network

numbers = st.floats(-5, 5) | st.just(math.nan) | st.just(math.inf)
looks = st.builds(Look, numbers, st.none()) | st.builds(Look, numbers, numbers)


@given(looks, looks)
def test_one_of_two_looks_at_the_most_is_better(one, other):
    assert not (one.beats(other) and other.beats(one))
    assert not one.beats(one)
    if not math.isfinite(one.loss):
        assert not one.beats(other)
    elif math.isfinite(one.loss):
        assert one.beats(WORST)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Look(1.0), Look(2.0)),
        (Look(2.0, 0.6), Look(1.0, 0.5)),
        (Look(1.0, 0.5), Look(2.0, 0.5)),
        (Look(2.0, 0.0), Look(1.0, math.nan)),
        (Look(2.0, 0.0), Look(math.nan, 1.0)),
    ],
)
def test_scores_come_first_and_losses_second(better, worse):
    assert better.beats(worse) and not worse.beats(better)


@pytest.mark.parametrize("per_group", [1, 2])
def test_scores_decide_where_there_are_groups_enough(per_group):
    task = Classification("which", ("a", "b"))
    network = Network(TINY, task.head)
    params = network.init(jax.random.key(0))
    few = Validation(network, task, clips(MANY_GROUPS - 1, per_group))
    assert not few.by_score and few.look(params).score is None
    songs = clips(MANY_GROUPS, per_group)
    many = Validation(network, task, songs)
    look = many.look(params)
    _, found = fit_and_predict(TaskModel(network, task, params), songs)
    right = [song.annotation.names == guess.names for song, guess in zip(songs, found, strict=True)]
    assert many.by_score and look.score == np.mean(right) == many.score(params)
    batches = validation_batches(network, task, songs)
    assert look.loss == validation_loss(network, task, params, batches)


def test_songs_in_which_nothing_occurs_are_chosen_by_the_loss():
    """Their score is not defined, or that of one false alarm."""
    task = MultiLabelClassification("which", ("a", "b"))
    network = Network(TINY, task.head)
    silent = [replace(clip, annotation=Labels(())) for clip in clips(MANY_GROUPS)]
    params = network.init(jax.random.key(0))
    assert math.isnan(Validation(network, task, silent).score(params))
    assert Validation(network, task, silent).look(params).score is None
    assert Validation(network, task, [*silent, song("one", 1.0)]).by_score


def test_songs_that_are_trained_on_are_never_many():
    task = Classification("which", ("a", "b"))
    network, songs = Network(TINY, task.head), clips(MANY_GROUPS)
    assert Validation(network, task, songs).many
    seen = Validation(network, task, songs, seen=True)
    assert not seen.many and not seen.by_score


def test_separation_is_chosen_by_the_loss():
    task = SourceSeparation("stems", ("vocals", "rest"))
    songs = []
    for clip in clips(MANY_GROUPS):
        stems = Stems({"vocals": clip.waveform, "rest": clip.waveform}, clip.rate)
        songs.append(Example(2 * clip.waveform, clip.rate, stems, clip.group, clip.name))
    network = Network(TINY, task.head)
    assert not Validation(network, task, songs).by_score


def test_what_is_short_enough_is_scored_as_it_is():
    songs = clips(3)
    assert of_equal_length(songs, 3.0, 0.5) == songs


def test_long_songs_are_cut_to_equal_lengths():
    songs = [song("a", 4.0), song("b", 8.0), song("c", 1.0)]
    cut = of_equal_length(songs, 6.0, 0.5)
    assert [example.duration for example in cut] == [2.0, 2.0, 1.0]
    np.testing.assert_array_equal(cut[1].waveform, songs[1].waveform[: 2 * TINY.rate])


def test_of_very_many_songs_some_are_scored():
    songs = [song(f"{number}", 1.0) for number in range(50)]
    cut = of_equal_length(songs, 5.0, 1.0)
    assert [example.group for example in cut] == ["0", "12", "24", "37", "49"]
    assert sum(example.duration for example in cut) == 5.0
