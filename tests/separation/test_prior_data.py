"""Separation with critics: what can be used of the data, and what counts as a collapse."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from folders import read_rows, write_rows
from small_prior import DOMAIN, NET, PRESET, VOICE, song

from umir import separate_train
from umir.data_specification import open_data
from umir.priors import Guard
from umir.separation.data import (
    PRIORS,
    SeparationData,
    add_up,
    check_difference,
    factors_of,
    in_words,
)
from umir.separation.prior_training import prior_training
from umir.separation.priors import FLOORS, floors_of
from umir.separation.recipes import PRESETS, Stage
from umir.separation.stem_songs import StemSong, stored_song
from umir.separation.unpaired_audio import fingerprints, stored_recordings
from umir.separation.unpaired_files import unpaired_files


def test_the_presets_are_the_papers():
    recipe, network = PRESETS["magnitudes"].recipe, PRESETS["magnitudes"].network
    assert recipe.stages == (Stage(64, 5e-5),) and recipe.rounds == 5
    assert (recipe.alpha, recipe.beta, recipe.gains) == (0.001, 0.001, (0.2, 1.2))
    assert (recipe.epoch_steps, recipe.patience, network.rate) == (1000, 7, 8192)
    small = PRESETS["magnitudes-half"]
    assert 2 * small.network.filters == network.filters and small.recipe.steps == 2000
    assert (small.recipe.stages[0].batch, small.recipe.rounds) == (8, 2)
    assert tuple(separate_train.PRIOR_NAMES) == PRIORS


@pytest.mark.parametrize("sinking", ["level/vocals", "distance/accompaniment"])
def test_a_source_that_vanishes_or_is_the_mixture_is_a_collapse(sinking, capsys):
    well = {"gradient_norm/generator": 1.0, "spread/vocals": 1.0, sinking: 0.3}
    guard = Guard(every=10, floors=FLOORS)
    state = {"networks": np.zeros(1), "guard": guard.init(np.zeros(1), well)}
    for n in range(200):
        metrics = well if n < 50 else well | {sinking: 0.001}
        state, logged = guard.watched({**state, "networks": np.full(1, n)}, metrics)
        if logged["collapses"]:
            break
    assert f"{sinking} has sunk to 0.001" in capsys.readouterr().err
    # The running mean falls slowly; the state gone back to is one of before it was low.
    assert 50 < n < 200 and state["networks"][0] < n and logged["adversarial_weight"] == 0.5


def test_which_critics_there_can_be(data):
    few = [StemSong(Path("x"), 4000)]
    names = lambda prior, **known: [  # noqa: E731
        factor.name for factor in factors_of(prior, VOICE, SeparationData(**known))
    ]
    assert names("adversarial", mixtures=few, solos={"vocals": few}) == ["vocals"]
    assert names("adversarial", train=few) == list(VOICE)
    assert names("factorgan", train=few) == [*VOICE, "real", "generated"]
    both = {name: few for name in VOICE}
    assert names("factorgan", mixtures=few, solos=both) == [*VOICE, "generated"]
    assert names("none", train=few, mixtures=few) == []
    for prior, known, told in [
        ("none", {"mixtures": few}, "give --pairs"),
        ("adversarial", {"solos": both}, "nothing to separate: give --mixtures"),
        ("adversarial", {"mixtures": few}, "give --solo NAME=DIR"),
        ("factorgan", {"mixtures": few, "solos": {"vocals": few}}, "recordings of accompaniment"),
        ("adversarial", {"train": few, "solos": {"oboe": few}}, "solos of oboe: the sources are"),
    ]:
        with pytest.raises(ValueError, match=told):
            names(prior, **known)
    lines = in_words(VOICE, factors_of("adversarial", VOICE, data), data, 4000)
    assert lines[0].startswith("pairs: 1 recording (0.0 min) to learn from, 1 to choose")
    assert "accompaniment: a critic, which learns from the stems of the pairs" in lines
    assert lines[3].startswith("vocals: a critic, which learns from 2 recordings")
    for valid, kept in ((few, "the best step"), ((), "the last average")):
        own = SeparationData(valid=valid, unmatched=few, solos=both)
        told = in_words(VOICE, factors_of("adversarial", VOICE, own), own, 4000)[0]
        assert told == f"pairs: none, so nothing is learnt from answers; {kept} is kept"


def test_files_of_any_rate_and_length_and_those_that_will_not_do(stems_folder, tmp_path, rng):
    folder = tmp_path / "singers"
    (folder / "deep").mkdir(parents=True)
    soundfile.write(folder / "deep" / "a.wav", rng.uniform(-0.3, 0.3, (4410, 2)), 44_100)
    soundfile.write(folder / "b.flac", rng.uniform(-0.3, 0.3, 800), 8000)
    soundfile.write(folder / "click.wav", rng.uniform(-0.3, 0.3, 50), 8000)
    soundfile.write(folder / "faint.wav", rng.uniform(-1e-5, 1e-5, 800), 8000, subtype="FLOAT")
    soundfile.write(folder / "silent.wav", np.zeros(800), 8000)
    (folder / "torn.wav").write_bytes(b"RIFF and no more")
    rows = read_rows(stems_folder)  # songs 2 and 3 are the validation and the test song
    for n, stem in ((2, "accompaniment"), (3, "accompaniment"), (0, "accompaniment")):
        (folder / f"known{n}.wav").write_bytes((stems_folder / rows[n]["stems"][stem]).read_bytes())
    held_out = fingerprints(open_data(stems_folder), ("valid", "test"), 4000, 1)
    files = unpaired_files(folder).files
    found = stored_recordings(files, held_out, 4000, 1, tmp_path / "stored")
    assert [s.length for s in found.songs] == [400, 400, 12_000]
    told = "\n".join(found.problems)
    assert "click.wav: lasts 0.006 s" in told and "faint.wav: is silent" in told
    assert len(found.problems) == 6 and "silent.wav: is silent" in told and "torn.wav" in told
    assert (
        "known2.wav: is the stem accompaniment of 2.wav, in the split 'valid' of the pairs" in told
    )
    assert "known3.wav: is the stem accompaniment of 3.wav, in the split 'test'" in told
    written = found.songs[0].path.stat().st_mtime_ns
    again = stored_recordings(files, held_out, 4000, 1, tmp_path / "stored")
    assert again.songs == found.songs and again.songs[0].path.stat().st_mtime_ns == written
    mixtures = [stems_folder / f"{n}.wav" for n in range(4)]
    known = stored_recordings(mixtures, held_out, 4000, 1, tmp_path / "mixtures")
    assert len(known.songs) == 2 and "is the mixture of 2.wav" in known.problems[0]


def names(path, pairs=()):
    return [file.name for file in unpaired_files(path, dict(pairs)).files]


def test_the_files_of_a_folder_or_manifest(stems_folder, tmp_path):
    # A manifest names the mixtures, and not the stems that lie beside them; 2 and 3 are held out.
    assert names(stems_folder) == ["0.wav", "1.wav"]
    for row in (rows := read_rows(stems_folder)):
        row["group"] = f"singer {row.pop('split')}"
    write_rows(stems_folder, rows)
    assert len(names(stems_folder)) == 4
    found = unpaired_files(stems_folder, {"singer train": "train", "singer test": "test"})
    assert [file.name for file in found.files] == ["0.wav", "1.wav", "2.wav"]
    assert found.groups == ("singer train", "singer valid")
    (problem,) = found.problems
    assert problem.line == 4
    assert "group 'singer test' is in the split 'test' of the pairs; left out" in str(problem)
    # A file that any line wants scored teaches by none, however it is spelled.
    write_rows(
        stems_folder,
        [{"audio": "0.wav", "split": "test"}, {"audio": "./0.wav"}, {"audio": "1.wav"}],
    )
    assert names(stems_folder) == ["1.wav"]
    # The name of a file says nothing of a file of that name elsewhere.
    write_rows(stems_folder, [{"audio": "0.wav"}])
    assert names(stems_folder, {"0.wav": "test"}) == ["0.wav"]
    # As some editors save it, with a byte-order mark.
    text = '{"audio": "1.wav"}\n\n{"song": 3}\nno JSON'
    (stems_folder / "manifest.jsonl").write_text(text, encoding="utf-8-sig")
    found = unpaired_files(stems_folder / "manifest.jsonl")
    assert [file.name for file in found.files] == ["1.wav"]
    assert [problem.line for problem in found.problems] == [4, 3]
    write_rows(stems_folder, [{"audio": "0.wav", "split": "valid"}, {"audio": "gone.wav"}])
    with pytest.raises(
        ValueError, match=r"(?s)no recording there can be used .*gone.wav: no such file"
    ):
        unpaired_files(stems_folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no audio files there"):
        unpaired_files(tmp_path / "empty")


def test_a_source_that_is_rare_has_a_low_floor(tmp_path, rng):
    """Vocals in 2% of a song: the mixture and its accompaniment are nearly the same."""
    stems = rng.uniform(-0.4, 0.4, (20_000, 2, 1)).astype(np.float32)
    stems[400:, 1] = 0
    floors = dict(floors_of(DOMAIN, [stored_song(tmp_path / "rare.npy", stems)], 8))
    assert floors["level/accompaniment"] == floors["distance/vocals"] == 0.02
    assert 1e-4 <= floors["level/vocals"] < 0.01 and floors["distance/accompaniment"] < 0.01
    assert floors_of(DOMAIN, [], 8) == FLOORS
    stems[:, 1] = 0
    none = dict(floors_of(DOMAIN, [stored_song(tmp_path / "none.npy", stems)], 8))
    assert none["level/vocals"] == 1e-4
    training = prior_training(
        PRESET, "adversarial", SeparationData([song(tmp_path / "a.npy", rng)])
    )
    assert dict(training.objective.guard.floors)["level/vocals"] == 0.02


def test_sources_that_are_not_all_of_a_mixture_need_not_add_up_to_it(tmp_path, rng):
    """Else the truth would cost more than a copy of the mixture does."""
    whole = rng.uniform(-0.4, 0.4, (1500, 2, 1)).astype(np.float32)
    parts = stored_song(tmp_path / "0.npy", whole[:, :1], whole[:, 1:])
    covering = stored_song(tmp_path / "1.npy", whole)
    assert add_up(VOICE, SeparationData([parts])) and add_up(("a", "b"), SeparationData([covering]))
    assert not add_up(("vocals",), SeparationData([covering, parts]))
    assert add_up(("vocals", "other"), SeparationData()) and not add_up(("a",), SeparationData())
    preset = replace(PRESET, network=replace(NET, sources=("vocals",)))
    training = prior_training(preset, "adversarial", SeparationData([parts]))
    assert training.objective.supervision.beta == 0
    assert (
        "mixtures: those of the pairs, 1 recording (0.0 min) for the critics; vocals are not all "
        "of a mixture, and need not add up to it" in training.in_words
    )
    assert prior_training(
        PRESET, "adversarial", SeparationData([covering])
    ).objective.supervision.beta


def test_a_source_that_is_the_rest_must_be_all_of_it(tmp_path, rng):
    whole = rng.uniform(-0.4, 0.4, (1500, 3, 1)).astype(np.float32)
    rest = SeparationData([stored_song(tmp_path / "0.npy", whole[:, :2], whole[:, 2:])])
    network = replace(PRESETS["m2"].network, sources=("vocals", "drums"))
    with pytest.raises(ValueError, match="give --sources vocals,drums,accompaniment"):
        check_difference(network, rest)
    check_difference(replace(network, sources=("vocals", "accompaniment")), rest)
    check_difference(network, SeparationData([stored_song(tmp_path / "1.npy", whole[:, :2])]))
    check_difference(NET, rest)
