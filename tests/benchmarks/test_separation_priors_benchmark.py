"""Separation with few pairs: splits, windows, scores, and a run that goes on."""

import json

import jax
import numpy as np
import pytest
import soundfile
from benchmark_scripts import benchmark_module
from folders import write_rows

from umir.data.manifest import read_manifest
from umir.tasks.metrics.separation_metrics import si_sdr
from umir.tasks.metrics.spectral_distance import stft_distance

GRID = benchmark_module("adversarial.grid")
SONGS = benchmark_module("adversarial.vocal_songs")
TRIALS = benchmark_module("adversarial.separation_trials")
RUNS = benchmark_module("adversarial.separation_runs")
SCRIPT = benchmark_module("separation_priors")
RATE = SCRIPT.NANO.network.rate


def everything(deal):
    """All songs of a deal, by purpose."""
    pairs = [song for own in deal.paired for song in own]
    return [*deal.unpaired.values(), pairs, deal.valid, deal.test]


def test_no_song_has_two_purposes():
    deal = SONGS.deal_songs(range(40), test=5, valid=3, paired=8)
    assert sorted(song for part in everything(deal) for song in part) == [*range(40)]
    assert {name: len(own) for name, own in deal.unpaired.items()} == {
        "mixtures": 8, "vocals": 8, "accompaniment": 8,
    }  # fmt: skip
    # More songs without stems leave the others what they were.
    more = SONGS.deal_songs(range(400), test=5, valid=3, paired=8)
    assert everything(more)[-3:] == everything(deal)[-3:]
    with pytest.raises(ValueError, match="15 songs: 16 are needed"):
        SONGS.deal_songs(range(15), test=5, valid=3, paired=8)


@pytest.mark.parametrize("paired", [0, 2])
def test_no_singer_has_two_purposes(paired):
    clips = {f"singer{n}": [(n, clip) for clip in range(5)] for n in range(12)}
    tested = set()
    for fold in range(3):
        deal = SONGS.deal_singers(clips, fold, paired)
        *unpaired, pairs, valid, test = everything(deal)
        whole = [{singer for singer, _ in part} for part in (sum(unpaired, ()), pairs, valid, test)]
        assert [len(part) for part in whole] == [7 - paired, paired, 1, 4]
        assert len(set.union(*whole)) == 12
        # Every singer is heard in mixtures, alone and not at all, in different clips.
        assert all({s for s, _ in part} == whole[0] for part in unpaired)
        assert len(set(sum(unpaired, ()))) == 5 * (7 - paired)
        assert [len(own) for own in deal.paired] == [5] * paired
        tested |= whole[3]
    assert len(tested) == 12
    with pytest.raises(ValueError, match="7 singers: too few"):
        SONGS.deal_singers({f"{n}": [n] for n in range(7)}, 0, 2)


def test_fewer_pairs_are_some_of_the_more():
    deal = SONGS.deal_songs(range(20), test=1, valid=1, paired=10)
    few, more = deal.pairs(2, seed=3), deal.pairs(5, seed=3)
    assert more[:2] == few and len({*more}) == 5
    assert deal.pairs(2, seed=4) != few and sorted(deal.pairs(10, 4)) == [*range(2, 12)]
    with pytest.raises(ValueError, match="11 pairs: there are 10"):
        deal.pairs(11, 0)


@pytest.fixture
def folder(tmp_path, rng):
    """A manifest of songs of vocals, drums and bass, two of each of four singers."""
    rows = []
    for n in range(8):
        stems = {}
        for k, name in enumerate(("vocals", "drums", "bass")):
            tone = np.sin(2 * np.pi * (k + 1) * (200 + 31 * n) * np.arange(RATE) / RATE)
            stems[name] = f"{n}-{name}.wav"
            soundfile.write(tmp_path / stems[name], 0.1 * tone, RATE, subtype="FLOAT")
        whole = sum(soundfile.read(tmp_path / path)[0] for path in stems.values())
        soundfile.write(tmp_path / f"{n}.wav", whole, RATE, subtype="FLOAT")
        rows.append({"audio": f"{n}.wav", "group": f"singer{n // 2}", "stems": stems})
    return write_rows(tmp_path, rows)


def trial_on(folder):
    manifest = read_manifest(folder, "stems")
    songs = SONGS.Songs(manifest, SCRIPT.NANO.network, folder / "stored")
    share = TRIALS.Share(songs, SONGS.deal_songs(manifest.entries, test=2, valid=1, paired=2))
    return TRIALS.Trial(share, share, share)


def test_what_is_stored_is_what_the_deal_says(folder):
    trial = trial_on(folder)
    data = trial.data(2, 0)
    read = lambda n, name: soundfile.read(folder / f"{n}-{name}.wav", dtype="float32")[0]  # noqa: E731
    # Songs 0 and 1 test, 2 chooses, 3 and 4 are pairs; 5 is a mixture, 6 vocals, 7 accompaniment.
    stems = data.valid[0].window(0, RATE)
    np.testing.assert_allclose(stems[:, 1, 0], read(2, "vocals"), atol=1e-6)
    np.testing.assert_allclose(stems[:, 0, 0], read(2, "drums") + read(2, "bass"), atol=1e-6)
    (mixture,), (vocals,), (rest,) = (
        data.mixtures, data.solos["vocals"], data.solos["accompaniment"],
    )  # fmt: skip
    whole = sum(read(5, name) for name in ("vocals", "drums", "bass"))
    np.testing.assert_allclose(mixture.window(0, RATE), whole[:, None, None], atol=1e-6)
    np.testing.assert_allclose(vocals.window(0, RATE)[:, 0, 0], read(6, "vocals"), atol=1e-6)
    np.testing.assert_allclose(
        rest.window(0, RATE)[:, 0, 0], read(7, "drums") + read(7, "bass"), atol=1e-6
    )
    written = mixture.path.stat().st_mtime_ns
    assert trial.data(2, 0) == data and mixture.path.stat().st_mtime_ns == written
    pairs = {tuple(song.window(9, 1)[0, :, 0]) for song in data.train}
    assert pairs == {
        (read(n, "drums")[9] + read(n, "bass")[9], read(n, "vocals")[9]) for n in (3, 4)
    }
    assert [entry.name for entry, _ in trial.judged("test")] == ["0.wav", "1.wav"]


def test_other_deals_do_not_change_what_is_stored(folder):
    """Two runs beside each other, of other folds: nobody learns from the other's test songs."""
    trial = trial_on(folder)
    before = [song.window(0, RATE) for _, song in trial.judged("test")]
    songs = trial.paired.songs
    deal = SONGS.deal_songs(songs.manifest.entries[::-1], test=2, valid=1, paired=2)
    share = TRIALS.Share(songs, deal)
    other = TRIALS.Trial(share, share, share)
    assert [entry.name for entry, _ in other.judged("test")] == ["7.wav", "6.wav"]
    for (_, song), sound in zip(trial.judged("test"), before, strict=True):
        np.testing.assert_array_equal(song.window(0, RATE), sound)


def training_on(trial, folder, method, seed=0):
    job = GRID.Job(method, seed, 1e-3, 2, 8, folder / "trainings", pairs=2, alpha=1e-3)
    return RUNS.training_of(trial, SCRIPT.NANO, job)


def test_methods_see_the_same_windows_of_pairs(folder):
    trial, found, starts = trial_on(folder), [], []
    for method in ("none", "adversarial", "factorgan"):
        training = training_on(trial, folder, method)
        stage = training.recipe.stages[0]
        assert (stage.batch, stage.learning_rate) == (8, 1e-3)
        batches = [training._batch(stage, step)["generator"]["labelled"] for step in (0, 1)]
        assert not np.array_equal(batches[0]["mixture"], batches[1]["mixture"])
        found.append(batches)
        # All steps are taken, with a look at every tenth of them.
        assert training.recipe.patience > training.recipe.steps == 2 * training.epoch_steps
        assert training.objective.weight == 1e-3
        starts.append(training.init()["params"])
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            assert {*one} == {*other}
            assert all(np.array_equal(one[name], other[name]) for name in one)
    for start in starts[1:]:  # and start from the same parameters
        jax.tree.map(np.testing.assert_array_equal, start, starts[0])
    again = training_on(trial, folder, "none", seed=1)
    other = again._batch(again.recipe.stages[0], 0)["generator"]["labelled"]["mixture"]
    assert not np.array_equal(found[0][0]["mixture"], other)


class Halves:
    """A separator that gives half of the mixture for everything."""

    network = SCRIPT.NANO.network
    rate = RATE

    def predict(self, waveform, rate):
        from umir.annotations import Stems

        return Stems({name: waveform / 2 for name in self.network.sources}, rate)


def test_scores_of_songs(folder):
    songs = trial_on(folder).judged("test")
    found = RUNS.scores(Halves(), songs)
    assert [*found["songs"]] == ["0.wav", "1.wav"]
    stems = songs[0][1].window(0, RATE)
    half = stems.sum(axis=1) / 2
    first = found["songs"]["0.wav"]
    error = np.sum((half - stems[:, 1]) ** 2)
    assert first["SDR/vocals"] == pytest.approx(10 * np.log10(np.sum(stems[:, 1] ** 2) / error))
    assert first["SI-SDR/vocals"] == pytest.approx(si_sdr(stems[:, 1], half))
    expected = [stft_distance(stems[:, n], half) for n in range(2)]
    assert first["STFT/accompaniment"] == pytest.approx(expected[0])
    assert first["STFT"] == pytest.approx(np.mean(expected))
    means = [song["STFT"] for song in found["songs"].values()]
    assert found["set"]["STFT"] == pytest.approx(np.mean(means))
    assert {"SDR", "SDR_pooled/vocals", "silence_rms_db"} <= {*found["set"]}


def test_songs_are_their_own_groups_unless_singers_have_several(folder):
    entries = read_manifest(folder, "stems").entries
    assert SONGS.groups_of(entries) == {f"{n}.wav": f"singer{n // 2}" for n in range(8)}
    assert SONGS.groups_of(entries[::2]) == {}


@pytest.mark.slow
def test_a_killed_run_goes_on(folder, monkeypatch, capsys, tmp_path):
    trial = trial_on(folder)
    monkeypatch.setattr(SCRIPT, "trial_of", lambda args, network: trial)
    monkeypatch.setattr(SCRIPT, "plan_of", lambda args: TRIALS.Plan("tiny", (2,), 1))
    out = tmp_path / "found.json"
    arguments = ["studio", "--folder", str(folder), "--out", str(out), "--preset", "nano"]
    arguments += ["--steps", "2", "--batch", "2", "--seeds", "0", "--rates", "1e-3"]
    arguments += ["--alphas", "1e-3", "1e-2", "--methods", "none", "adversarial"]
    look, looks = RUNS.PriorTraining.validation_loss, []

    def killed(training, params, batch):
        looks.append(len(looks))
        if len(looks) == 4:  # the second of the second training
            raise MemoryError
        return look(training, params, batch)

    monkeypatch.setattr(RUNS.PriorTraining, "validation_loss", killed)
    with pytest.raises(MemoryError):
        SCRIPT.main(arguments)
    (found,) = json.loads(out.read_text()).values()
    assert [*found["nano, 2 steps of 2, choice at 1 pairs"]["adversarial"]] == [
        "rate 0.001, alpha 0.001"
    ]
    looks.clear()
    looks += range(10)
    SCRIPT.main(arguments)
    # One look was missing of the killed training, and two of each of two others.
    assert len(looks) == 10 + 5
    printed = capsys.readouterr().out
    assert "| STFT/vocals | 2 pairs |" in printed
    assert "adversarial, 2 pairs: SDR " in printed and "of one seed" in printed
    found = json.loads(out.read_text())["tiny"]["nano, 2 steps of 2"]
    assert {"collapses", "validation_loss", "STFT"} <= {*found["none"]["2"]["0"]["set"]}
    assert not [*folder.rglob("checkpoints")] and len([*folder.rglob("training.png")]) == 4
    monkeypatch.setattr(SCRIPT, "trial_of", lambda args, network: pytest.fail("asks for songs"))
    SCRIPT.main([*arguments, "--table"])
    assert "adversarial, 2 pairs: SDR " in capsys.readouterr().out
    monkeypatch.setattr(SCRIPT, "trial_of", lambda args, network: trial)
    SCRIPT.main(arguments)
    assert " s)" not in capsys.readouterr().out  # nothing was missing


def test_arguments_that_cannot_be(tmp_path):
    args = SCRIPT.parser().parse_args(["mir1k", "--folder", str(tmp_path)])
    with pytest.raises(ValueError, match="the trial mir1k is on MIR-1K: give --mir-1k DIR"):
        TRIALS.trial_of(args, SCRIPT.NANO.network)
