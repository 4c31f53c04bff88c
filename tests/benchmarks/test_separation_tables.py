"""How far priors are ahead, in numbers and in words: intervals over songs, singers and seeds."""

import numpy as np
import pytest
import scipy.stats
from benchmark_scripts import benchmark_module

TABLES = benchmark_module("adversarial.separation_tables")


def runs_of(values, groups=()):
    """method -> pairs -> seed -> song -> SDR, as runs."""
    return {
        method: {
            pairs: {
                str(seed): {
                    "songs": {f"{n}": {"SDR": x} for n, x in enumerate(songs)},
                    "groups": dict(groups),
                }
                for seed, songs in enumerate(seeds)
            }
            for pairs, seeds in by_pairs.items()
        }
        for method, by_pairs in values.items()
    }


def test_differences_are_paired_over_songs(rng):
    hard = rng.normal(scale=10, size=30)
    gain = rng.normal(1, 0.5, size=30)
    noise = rng.normal(scale=0.1, size=30)
    runs = runs_of(
        {
            "none": {"2": [hard + noise, hard - noise], "5": [hard]},
            "adversarial": {"2": [hard + gain + noise, hard + gain - noise], "5": [hard]},
        }
    )
    pairs = {n: (runs["adversarial"][n], runs["none"][n]) for n in "25"}
    middle, low, high = TABLES.gain(*pairs["2"], "SDR")
    assert middle == pytest.approx(gain.mean())
    # How songs differ from each other does not count: the interval is that of the gains.
    width = 2 * 1.96 * gain.std() / np.sqrt(30)
    assert high - low == pytest.approx(width, rel=0.15) and low < middle < high
    assert TABLES.gain(*pairs["5"], "SDR") == (0, 0, 0)
    # A seed, or a song, that only one of them has does not count.
    lacking = runs["adversarial"]["2"]
    del lacking["1"], lacking["0"]["songs"]["0"]
    middle, _, _ = TABLES.gain(*pairs["2"], "SDR")
    assert middle == pytest.approx(gain[1:].mean())
    assert TABLES.expected_gain(*pairs["2"], "SDR")[0] == pytest.approx(gain[1:].mean())


def test_seeds_that_disagree_are_not_sure(rng):
    """Sure over the songs of these trainings, but two of the three were worse."""
    noise = rng.normal(scale=0.1, size=24)
    seeds = [gain + noise for gain in (1.2, -0.3, -0.3)]
    runs = runs_of({"none": {"2": [np.zeros(24)] * 3}, "adversarial": {"2": seeds}})
    both = runs["adversarial"]["2"], runs["none"]["2"]
    middle, low, _ = TABLES.gain(*both, "SDR")
    assert middle == pytest.approx(0.2 + noise.mean()) and low > 0
    expected, low, high = TABLES.expected_gain(*both, "SDR")
    assert expected == pytest.approx(middle) and low < -0.2 and high > 1.1


def test_of_few_groups_the_interval_is_students(rng):
    gain = rng.normal(1, 0.5, size=12)
    runs = runs_of({"none": {"2": [np.zeros(12)]}, "adversarial": {"2": [gain]}})
    both = runs["adversarial"]["2"], runs["none"]["2"]
    groups = {f"{n}": f"{n % 4}" for n in range(12)}
    means = gain.reshape(3, 4).mean(axis=0)
    expected = scipy.stats.ttest_1samp(means, 0).confidence_interval(0.95)
    found = TABLES.expected_gain(*both, "SDR", groups)
    np.testing.assert_allclose(found, (means.mean(), *expected))
    _, low, high = TABLES.expected_gain(*both, "SDR")  # twelve songs are enough to resample
    assert high - low == pytest.approx(2 * 1.96 * gain.std() / np.sqrt(12), rel=0.15)
    one = TABLES.expected_gain(*both, "SDR", dict.fromkeys(groups, "one"))
    assert one == (one[0],) * 3 and TABLES.expected_gain({}, {}, "SDR") is None


@pytest.mark.parametrize(
    ("lows", "words"),
    [
        ({2: -1, 5: -1}, "no advantage that is sure, with 2, 5 pairs"),
        ({2: 1, 5: -1, 10: 0}, "an advantage up to 2 pairs; none that is sure with more"),
        ({2: -1, 5: 1, 10: 0}, "an advantage up to 5 pairs (but not at 2); none that is sure"),
        ({2: 1, 5: 1}, "an advantage up to 5 pairs, the most that were tried"),
    ],
)
def test_where_an_advantage_ends(lows, words):
    found = {pairs: (low + 0.5, low, low + 1) for pairs, low in lows.items()}
    assert TABLES.where_it_ends(found).startswith(words)


def test_a_single_singer_is_not_sure():
    assert TABLES.where_it_ends({2: (1.0, 1.0, 1.0)}).startswith("no advantage that is sure")


def test_clips_of_a_singer_count_as_one(capsys):
    """An advantage on the clips of three singers of four: sure over songs, not over singers."""
    gain = np.repeat([1.0, 0.9, 1.1, -0.2], 3) + 0.01 * np.arange(12)
    singers = {f"{n}": f"singer {n // 3}" for n in range(12)}
    runs = runs_of({"none": {"2": [np.zeros(12)] * 2}, "adversarial": {"2": [gain] * 2}})
    TABLES._gain(runs, "adversarial", "SDR")  # as if every clip had its own
    printed = capsys.readouterr().out
    assert "ahead of none, over songs; over seeds and songs +0.76 [" in printed
    assert "adversarial, SDR, of any: an advantage up to 2 pairs" in printed
    runs = runs_of({"none": {"2": [np.zeros(12)] * 2}, "adversarial": {"2": [gain] * 2}}, singers)
    TABLES._gain(runs, "adversarial", "SDR")
    both = runs["adversarial"]["2"], runs["none"]["2"]
    by_singer = TABLES.bounded(TABLES.gain(*both, "SDR", singers))
    printed = capsys.readouterr().out
    assert f"SDR {by_singer} dB ahead of none, over singers; over seeds and singers +0.76 [-" in (
        printed
    )
    assert by_singer == TABLES.bounded(TABLES.expected_gain(*both, "SDR", singers))
    assert "SDR, of these trainings: no advantage that is sure, with 2 pairs" in printed
    assert "SDR, of any: no advantage that is sure, with 2 pairs" in printed
    gain[9:] += 1.2  # the fourth singer, too
    runs = runs_of({"none": {"2": [np.zeros(12)] * 2}, "adversarial": {"2": [gain] * 2}}, singers)
    TABLES._gain(runs, "adversarial", "SDR")
    assert "adversarial, SDR, of any: an advantage up to 2 pairs" in capsys.readouterr().out


def test_of_few_seeds_the_interval_is_students(rng):
    """Three seeds that differ more than songs do: their bootstrap would hold no more than them."""
    seeds = [gain + rng.normal(scale=0.1, size=24) for gain in (3.3, -0.3, 0.6)]
    runs = runs_of({"none": {"2": [np.zeros(24)] * 3}, "adversarial": {"2": seeds}})
    both = runs["adversarial"]["2"], runs["none"]["2"]
    means = np.mean(seeds, axis=1)
    expected = scipy.stats.ttest_1samp(means, 0).confidence_interval(0.95)
    np.testing.assert_allclose(TABLES.expected_gain(*both, "SDR"), (means.mean(), *expected))


def test_a_song_of_one_source_alone_is_no_separation():
    """Its SDR has no bound, and whoever changes nothing is right."""
    gains = {"0": 1.0, "1": 2.0, "alone": 40.0}

    def of(sign):
        songs = {
            name: {
                "SDR": sign * x,
                "SDR/vocals": sign * x,
                "SDR/accompaniment": np.nan if name == "alone" else sign * x,
                "silence_rms_db": sign * x,
            }
            for name, x in gains.items()
        }
        return {"0": {"songs": songs, "groups": {}}}

    for metric in ("SDR", "SDR/vocals", "SDR/accompaniment"):
        assert TABLES.gain(of(1), of(0), metric)[0] == 1.5
    assert TABLES.gain(of(1), of(0), "silence_rms_db")[0] == pytest.approx(43 / 3)


def test_one_seed_says_nothing_of_others(capsys):
    runs = runs_of({"none": {"2": [np.zeros(12)]}, "adversarial": {"2": [np.ones(12)]}})
    TABLES._gain(runs, "adversarial", "SDR")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(
        "adversarial, 2 pairs: SDR +1.00 [+1.00, +1.00] dB ahead of none, over songs; "
    )
    assert line.endswith("of one seed, which says nothing of others")
