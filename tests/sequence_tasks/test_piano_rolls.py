"""Piano rolls: lengths that are shared, which change nothing, and files that cannot be used."""

from functools import partial

import jax
import numpy as np
import pytest
from made_sets import REAL
from nano_sequence_tasks import MUSIC, TEMPORAL, UNET, piano_rolls, rolls, write_mat
from numpy.testing import assert_allclose

from umir.sequence_tasks.piano_rolls import padded_length, piece_batch, read_piano_rolls
from umir.sequence_tasks.polyphonic_music import PolyphonicMusic

PUBLISHED = REAL / "polyphonic_music"


@partial(jax.jit, static_argnums=0)
def logits_of(task, params, inputs):
    return task.logits(params, inputs)


@partial(jax.jit, static_argnames=("network", "anchor"))
def run(network, params, x, **options):
    return network.apply(params, x, padding="zeros", **options)[0]


def paper_logits(network, params, piece):
    """The network on a piece alone, as the paper runs it: frames end with the last sample."""
    x = np.float32(piece[:-1])[None]
    if network is UNET:  # two frames of the last level at least: the code's shortest length
        x = np.pad(x, ((0, 0), (max(UNET.cycle + 1 - x.shape[1], 0), 0), (0, 0)))
        y = run(network, params, x, anchor="end")
    else:
        y = run(network, params, x)
    return np.asarray(y[0])[y.shape[1] - len(piece) + 1 :]


@pytest.mark.parametrize("network", [UNET, TEMPORAL], ids=["seq_unet", "tcn"])
@pytest.mark.parametrize("length", [2, 6, 37])
def test_a_padded_piece_is_that_piece(network, length):
    task = PolyphonicMusic(network)
    params = task.init(jax.random.key(0))
    (piece,) = rolls([length])
    cycle = UNET.cycle if network is UNET else 1
    batch = piece_batch(piece, cycle)
    here = batch["mask"][0] > 0
    found = np.asarray(logits_of(task, params, batch["inputs"]))[0][here]
    assert_allclose(found, paper_logits(network, params["network"], piece), atol=1e-5)
    assert here.sum() == length - 1
    first = int(network is UNET)
    assert batch["inputs"].shape[1] - first == padded_length(batch["inputs"].shape[1] - first)


def test_phases_of_the_paper_matter():
    """A network that is anchored at the first sample is another one: the zeros in front count."""
    params = MUSIC.init(jax.random.key(0))
    (piece,) = rolls([19])  # 18 frames, of which 3 have zeros before them in the paper
    ours = run(UNET, params["network"], np.float32(piece[:-1])[None])
    assert np.abs(np.asarray(ours[0]) - paper_logits(UNET, params["network"], piece)).max() > 1e-3


def test_there_are_few_lengths():
    lengths = {padded_length(n) for n in range(1, 4000)}
    assert sorted(lengths)[:7] == [32, 40, 48, 56, 64, 80, 96] and len(lengths) == 29
    assert all(n <= padded_length(n) <= max(1.25 * n, 32) for n in range(1, 4000))


def test_every_frame_but_the_first_counts_once():
    data = piano_rolls()
    assert data.epoch_steps == 3
    for split, frames in {"train": 20 + 33 + 9, "valid": 12 + 30, "test": 25}.items():
        batches = list(data.in_turn(split))
        assert sum(b["mask"].sum() for b in batches) == frames - len(batches)
    for seed, epoch in ((0, 0), (0, 1), (1, 0)):
        steps = [data.batch(3 * epoch + n, seed)["mask"].sum() for n in range(3)]
        assert sorted(steps) == [8, 19, 32]


def test_the_loss_is_that_of_numpy():
    params = MUSIC.init(jax.random.key(0))
    (piece,) = rolls([30])
    logits = np.float64(paper_logits(UNET, params["network"], piece))
    chances = 1 / (1 + np.exp(-logits))
    nats = -np.log(np.where(piece[1:], chances, 1 - chances)).sum()
    found = jax.jit(MUSIC.totals)(params, piece_batch(piece, UNET.cycle))
    totals = {name: float(value) for name, value in found.items()}
    assert_allclose(MUSIC.scores(totals)["nats_per_frame"], nats / 29, rtol=1e-5)


def test_files_as_published(tmp_path):
    pieces = rolls([5, 4])
    path = write_mat(tmp_path / "x.mat", traindata=pieces, validdata=pieces[:1], testdata=pieces)
    found = read_piano_rolls(path)
    assert {split: len(own) for split, own in found.items()} == {"train": 2, "valid": 1, "test": 2}
    assert (found["train"][1] == pieces[1]).all()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"traindata": rolls([5]), "validdata": rolls([5])}, "has no 'testdata', but traindata"),
        ({"traindata": rolls([5, 1])}, "piece 1 of 'traindata' is 1 x 88, not two frames"),
        ({"traindata": [np.zeros((4, 12))]}, "is 4 x 12"),
        ({"traindata": [np.full((4, 88), 2)]}, "other numbers than 0 and 1"),
        ({"traindata": [np.full((4, 88), np.nan)]}, "other numbers than 0 and 1"),
        ({"traindata": []}, "no row of pieces"),
    ],
)
def test_files_of_another_layout(tmp_path, parts, message):
    path = write_mat(tmp_path / "x.mat", **parts)
    with pytest.raises(ValueError, match=message) as error:
        read_piano_rolls(path)
    assert str(path) in str(error.value)


def test_files_that_cannot_be_read(tmp_path):
    path = write_mat(tmp_path / "x.mat", traindata=rolls([50]))
    whole = path.read_bytes()
    parts = {"cut.mat": whole[: len(whole) // 2], "text.mat": b"hello", "no.mat": b""}
    for name, data in parts.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=f"{name}: cannot be read as a MATLAB file"):
            read_piano_rolls(tmp_path / name)
    with pytest.raises(ValueError, match="no such file; give a .mat"):
        read_piano_rolls(tmp_path / "missing.mat")
    with pytest.raises(ValueError, match="is a folder"):
        read_piano_rolls(tmp_path)


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published files are not here")
def test_the_published_files():
    found = read_piano_rolls(PUBLISHED / "JSB_Chorales.mat")
    sizes = {split: (len(own), sum(map(len, own))) for split, own in found.items()}
    assert sizes == {"train": (229, 13807), "valid": (76, 4602), "test": (77, 4725)}
