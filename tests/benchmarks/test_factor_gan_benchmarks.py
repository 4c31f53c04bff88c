"""The benchmarks of FactorGAN: their data and metrics, and tiny trainings that go on."""

import json
import re

import jax
import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from benchmark_scripts import benchmark_module

from umir.priors import Streams

FRECHET = benchmark_module("adversarial.frechet_distance")
PAIRS = benchmark_module("adversarial.digit_pairs")
SHAPES = benchmark_module("adversarial.shapes")
RUNS = benchmark_module("adversarial.runs")
READINGS = benchmark_module("adversarial.grid_readings")
DIGITS = benchmark_module("factor_gan_digits")
SEGMENTATION = benchmark_module("factor_gan_segmentation")


def test_frechet_distance_by_scipy(rng):
    one = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5)) + 1
    two = rng.normal(size=(200, 5))
    first, second = np.cov(one, rowvar=False), np.cov(two, rowvar=False)
    root = scipy.linalg.sqrtm(first @ second).real
    expected = np.sum((one.mean(0) - two.mean(0)) ** 2) + np.trace(first + second - 2 * root)
    assert FRECHET.frechet_distance(one, two) == pytest.approx(expected)
    assert FRECHET.frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    # Normal distributions on a line: (m - m')^2 + (s - s')^2.
    line = np.array([[-1.0], [1.0]])
    assert FRECHET.frechet_distance(line, 3 * line + 4) == pytest.approx(16 + 8)
    with pytest.raises(ValueError, match="at least two on each side"):
        FRECHET.frechet_distance(one, two[:1])


def test_dependency_distance_by_hand():
    p = np.full((10, 10), 0.01)
    assert PAIRS.dependency_distance(p, p) == 0
    q = np.eye(10) / 10
    # c is 0.01 / 0.011 everywhere, against 0.1 / 0.011 on the diagonal and 0 elsewhere.
    expected = (10 * (0.1 - 0.01) + 90 * 0.01) / 0.011 / 100
    assert PAIRS.dependency_distance(p, q) == pytest.approx(expected)
    # Rows and columns are not mixed up: a lopsided table is at no distance from itself.
    skew = np.arange(100.0).reshape(10, 10) / 4950
    assert PAIRS.dependency_distance(skew, skew) == 0 < PAIRS.dependency_distance(skew, skew.T)
    found = PAIRS.joint_frequencies(np.array([1, 1, 2, 3]), np.array([4, 4, 2, 0]))
    assert found[1, 4] == 0.5 and found[2, 2] == found[3, 0] == 0.25 and found.sum() == 1


@pytest.fixture(scope="module")
def digits():
    return PAIRS.Digits()


def test_digits_are_dealt_out_by_class(digits):
    counts = {split: len(digits.images(split)) for split in ("train", "valid", "test")}
    assert counts == {"train": 1100, "valid": 200, "test": 497}
    assert digits.images("train").shape[1:] == (8, 8, 1)
    assert 0 <= digits.images("train").min() and digits.images("train").max() == 1
    shares = [np.bincount(digits.classes(split)) / n for split, n in counts.items()]
    np.testing.assert_allclose(shares[0], shares[2], atol=0.01)
    right = np.mean(digits.recognised(digits.images("test")) == digits.classes("test"))
    assert right > 0.95
    # The features are the hidden layer: the output layer on them is what the classifier says.
    hidden = digits.features(digits.images("test"))
    last = hidden @ digits.classifier.coefs_[1] + digits.classifier.intercepts_[1]
    np.testing.assert_array_equal(last.argmax(axis=1), digits.recognised(digits.images("test")))


def test_pairs_depend_as_much_as_they_should(digits):
    upper = np.arange(1100)
    partners = digits._partners(upper, 0.5, np.random.default_rng(0))
    classes = digits.classes("train")
    joint = PAIRS.joint_frequencies(classes, classes[partners])
    same = np.trace(joint)
    assert same == pytest.approx(np.trace(digits.true_joint(0.5)), abs=0.04)
    assert PAIRS.dependency_distance(digits.true_joint(0.5), joint) < 0.3
    sources = digits.sources(25, 0.9, seed=3)
    assert {*sources} == {"paired", "inputs", "upper", "lower"}
    assert len(sources["paired"].parts["upper"]) == 25
    assert len(sources["upper"].parts["upper"]) == 1100
    # Fewer pairs are some of the more, with the same seed.
    more = digits.sources(50, 0.9, seed=3)["paired"].parts["upper"]
    np.testing.assert_array_equal(more[:25], sources["paired"].parts["upper"])


def test_real_digits_are_judged_as_real(digits):
    """Against collapsed ones, which are all the same."""
    images = digits.images("train")
    rng = np.random.default_rng(0)
    upper = rng.permutation(1100)
    lower = digits._partners(upper, 0.9, rng)
    good = digits.judged({"upper": images[upper], "lower": images[lower]}, 0.9)
    bad = digits.judged({part: np.repeat(images[:1], 500, 0) for part in PAIRS.PARTS}, 0.9)
    assert good["FID"] < 0.4 and good["same"] > 0.85 and good["dependency"] < 0.3
    assert bad["FID"] > 20 * good["FID"]
    # Who repeats the pairs is as far off as they are few.
    few, all_of_them = (digits.repeated(pairs, 0.9, 0) for pairs in (25, 1100))
    assert few > 20 * all_of_them and good["FID"] == pytest.approx(all_of_them, abs=0.06)
    told = DIGITS.by_heart(digits, 0.9, [25, 1100], [0])
    assert told.startswith(f"FID of real digits, those of 25 pairs {few:.2f}, 1100 pairs 0.")


def test_what_is_not_finite_has_failed(digits):
    """A grid goes on; and a generator of nothing is not one that says "background" everywhere."""
    images = digits.images("train")[:60]
    broken = np.where(np.arange(60)[:, None, None, None] == 7, np.nan, images)
    found = digits.judged({"upper": images, "lower": broken}, 0.9)
    assert {*found} == {*digits.judged({"upper": images, "lower": images}, 0.9)}
    assert np.isnan([*found.values()]).all()
    maps = np.zeros((2, 8, 8), int)
    found = SHAPES.judged(np.full((2, 8, 8, 4), np.nan), maps)
    assert {*found} == {"accuracy", "mse"} and np.isnan([*found.values()]).all()


def test_supervision_is_the_cross_entropy_of_pairs(monkeypatch):
    monkeypatch.setattr(SEGMENTATION, "WIDTH", 2)
    monkeypatch.setattr(SEGMENTATION, "LEVELS", 1)
    objective = SEGMENTATION.objective_of("supervised", 1e-3, 16)
    shapes = SHAPES.Shapes(side=16, train=12, held_out=2)
    stream = Streams(objective, shapes.sources(3, 0, paired_inputs=True), batch=4)
    state, batches = objective.init(jax.random.key(0)), stream(0)["generator"]
    pairs = batches["labelled"]
    made, _ = objective.generated(state["networks"]["generator"], pairs, training=True)
    right = np.take_along_axis(
        np.asarray(made["map"], np.float64), pairs["map"].argmax(3)[..., None], 3
    )
    state, metrics = objective.step(state, stream(0))
    assert metrics["loss/supervised"] == pytest.approx(-np.mean(np.log(right)), rel=1e-4)
    for step in range(1, 30):
        state, metrics = objective.step(state, stream(step))
        assert metrics["collapses"] == 0
    assert metrics["loss/supervised"] < -np.mean(np.log(right))
    assert state["networks"]["critics"] == {}


def test_tables_have_a_column_for_each_number_of_pairs():
    runs = {"GAN": {"25": {"0": {"FID": 4.0}, "1": {"FID": 6.0}}}, "other": {"25": {}}}
    rows = RUNS.table(runs, "FID", [25, 50]).splitlines()
    assert rows[0] == "| FID | 25 pairs | 50 pairs |"
    # t(0.975, 1) = 12.71, standard deviation sqrt(2)
    assert rows[2] == "| GAN | 5.00 ± 12.71 | - |" and rows[3] == "| other | - | - |"


def test_tables_say_where_there_are_fewer_seeds():
    whole = {str(seed): {"FID": value} for seed, value in enumerate((4.0, 6.0, 8.0))}
    half = {**whole, "1": {"FID": np.nan}}
    failed = dict.fromkeys("012", {"FID": np.nan})
    runs = {"GAN": {"25": whole, "50": half}, "other": {"25": {"0": {"FID": 4.0}}, "50": failed}}
    rows = RUNS.table(runs, "FID", [25, 50], digits=1).splitlines()
    # t(0.975, 2) = 4.303: 2 / sqrt(3); t(0.975, 1) = 12.71: sqrt(8) / sqrt(2)
    assert rows[2] == "| GAN | 6.0 ± 5.0 | 6.0 ± 25.4 (2 of 3 seeds) |"
    assert rows[3] == "| other | 4.0 (1 of 3 seeds) | - (0 of 3 seeds) |"
    assert RUNS.table({}, "FID", [25]).count("\n") == 2


def runs_of(metric, **methods):
    """Runs of GAN and FactorGAN: method -> pairs -> values of seeds 0, 1, ..., None: none yet."""
    return {
        name: {
            str(pairs): {str(s): {metric: v} for s, v in enumerate(values) if v is not None}
            for pairs, values in counts.items()
        }
        for name, counts in methods.items()
    }


GAN_FID, OUR_FID = [12.0, 9.0, 15.0], [0.5, 0.4, 0.45]


def test_a_ratio_is_of_paired_seeds_by_scipy():
    runs = runs_of("FID", GAN={25: GAN_FID}, FactorGAN={25: OUR_FID})
    found = DIGITS.FID.read(runs, 25)
    between = scipy.stats.ttest_rel(np.log(GAN_FID), np.log(OUR_FID)).confidence_interval(0.95)
    mean = scipy.stats.gmean(np.divide(GAN_FID, OUR_FID))
    np.testing.assert_allclose(found.values, [mean, *np.exp([*between])])
    low, high = np.exp([*between])
    line = f"FID of GAN over that of FactorGAN, 25 pairs: {mean:.2f} [{low:.2f}, {high:.2f}]"
    assert DIGITS.FID.line(runs, 25) == f"{line}, 3 seeds"


def test_a_difference_is_of_paired_seeds_by_scipy():
    ours, other = [0.71, 0.74, 0.70], [0.60, 0.65, 0.58]
    runs = runs_of("accuracy", GAN={25: other}, FactorGAN={25: ours})
    between = scipy.stats.ttest_rel(ours, other).confidence_interval(0.95)
    found = SEGMENTATION.POINTS.read(runs, 25)
    np.testing.assert_allclose(found.values, [32 / 3, 100 * between.low, 100 * between.high])
    shown = f"+10.7 [{100 * between.low:+.1f}, {100 * between.high:+.1f}], 3 seeds"
    assert SEGMENTATION.POINTS.line(runs, 25).endswith(f"FactorGAN minus GAN, 25 pairs: {shown}")
    # 10.7 is enough, though 8.7 would be in the interval.
    assert SEGMENTATION.AIM.said(runs).endswith(
        f"with 25 pairs: reached, {shown.removesuffix(', 3 seeds')} at 25 pairs; "
        "the interval holds 10 at 25 pairs"
    )


def test_one_seed_has_no_interval_and_says_nothing_of_an_aim():
    runs = runs_of("dependency", GAN={10: [0.52]}, FactorGAN={10: [1.34]})
    words = "dependency distance (lower is better), FactorGAN minus GAN, 10 pairs"
    assert DIGITS.DEPENDENCY.line(runs, 10) == f"{words}: +0.82, one seed"
    runs = runs_of("FID", GAN={10: [12.0]}, FactorGAN={10: [0.5]})
    assert DIGITS.FID.line(runs, 10).endswith("10 pairs: 24.00, one seed")
    _, aim = DIGITS.aims([10])
    assert aim.said(runs).endswith("cannot be said yet (at 10 pairs one seed), 24.00 at 10 pairs")


def test_a_half_done_grid_pairs_what_both_have_and_names_the_rest():
    """Seed 1 of GAN, which is bad, has no partner; seed 3 of FactorGAN has failed."""
    values = {"GAN": {25: [12.0, 900.0, 15.0, 9.0, 8.0]}}
    values["FactorGAN"] = {25: [0.5, None, 0.45, np.nan, 0.4]}
    runs = runs_of("FID", **values)
    found = DIGITS.FID.read(runs, 25)
    apart = np.log([12 / 0.5, 15 / 0.45, 8 / 0.4])
    between = scipy.stats.t.interval(0.95, 2, apart.mean(), scipy.stats.sem(apart))
    np.testing.assert_allclose(found.values, np.exp([apart.mean(), *between]))
    lacking = "3 seeds, FactorGAN lacks seed 1, FactorGAN failed with seed 3"
    assert DIGITS.FID.line(runs, 25).endswith(lacking)
    (said,) = {aim.said(runs).split(": ")[1].split(" (")[0] for aim in DIGITS.aims([25])}
    assert said == "cannot be said yet"
    assert DIGITS.FID.line({}, 25).endswith("25 pairs: no seed in common")
    assert "GAN lacks seeds 0, 1" in DIGITS.FID.line(runs_of("FID", FactorGAN={5: [1.0, 2.0]}), 5)


@pytest.mark.parametrize(
    ("ratios", "ahead", "far"),
    [
        ({10: 9, 25: 5, 50: 2, 100: 1.5}, "reached, 1.50", "reached, 5.00"),
        ({10: 9, 25: 3, 50: 2, 100: 1.5}, "reached, 1.50", "reached, 3.00"),
        ({10: 9, 25: 2, 50: 2, 100: 1.5}, "reached, 1.50", "missed, 2.00"),
        ({10: 9, 25: 5, 50: 0.8, 100: 1.5}, "missed, 0.80", "reached, 5.00"),
        ({10: 9, 25: 5, 50: 1, 100: 1.5}, "missed, 1.00", "reached, 5.00"),  # equal: not ahead
        ({10: 9, 25: 5, 100: 1.5}, "cannot be said yet (at 50 pairs no seed", "reached, 5.00"),
        ({10: 2, 100: 0.5}, "missed, 0.50", "missed, 2.00"),  # whatever the others will be
        ({25: 5}, "cannot be said yet (at 10", "cannot be said yet (at 10"),
        # More pairs belong to no aim, fewer do.
        ({5: 2, 10: 9, 25: 5, 50: 2, 100: 1.5, 300: 0.5}, "reached, 1.50", "missed, 2.00"),
    ],
)
def test_aims_of_digits(ratios, ahead, far, digits, capsys):
    ours = {pairs: [0.5, 1.0, 2.0] for pairs in ratios}
    other = {pairs: [ratio * value for value in (0.5, 1.0, 2.0)] for pairs, ratio in ratios.items()}
    runs = runs_of("FID", GAN=other, FactorGAN=ours)
    DIGITS.report(digits, 0.9, [*ratios], [0], runs)
    printed = capsys.readouterr().out
    first, second = (line for line in printed.splitlines() if line.startswith("aim, "))
    assert first.split("pairs: ", 1)[1].startswith(ahead)
    assert second.split("pairs: ", 1)[1].startswith(far)
    assert printed.count("dependency distance") == len(ratios)
    assert printed.count("FID of GAN over") == len(ratios)


@pytest.mark.parametrize(
    ("ahead", "word"), [(0.1, "reached, +10.0"), (0.09, "missed, +9.0"), (-0.02, "missed, -2.0")]
)
def test_aim_of_segmentation(ahead, word, capsys):
    other = [0.75, 0.7, 0.6]
    counts = {25: [value + ahead for value in other], 100: other}
    runs = runs_of("accuracy", GAN={25: other, 100: other}, FactorGAN=counts)
    SEGMENTATION.report([25, 100], runs)
    printed = capsys.readouterr().out
    assert f"ahead of GAN with 25 pairs: {word} [" in printed
    assert "FactorGAN minus GAN, 100 pairs: +0.0 [+0.0, +0.0], 3 seeds" in printed
    SEGMENTATION.report([100], {"GAN": runs["GAN"]})
    assert "with 25 pairs: cannot be said yet (at 25 pairs no seed" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("script", [DIGITS, SEGMENTATION], ids=["digits", "segmentation"])
def test_a_grid_trains_chooses_rates_and_goes_on(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(SEGMENTATION, "WIDTH", 2)
    monkeypatch.setattr(SEGMENTATION, "LEVELS", 1)
    monkeypatch.setattr(SEGMENTATION, "FILTERS", 2)
    monkeypatch.setattr(
        SEGMENTATION, "Shapes", lambda side, layout: SHAPES.Shapes(side, 12, 4, layout=layout)
    )
    monkeypatch.setattr(DIGITS, "GENERATED", 60)
    out = tmp_path / "found.json"
    arguments = ["--out", str(out), "--methods", "FactorGAN", "--pairs", "10", "--steps", "2"]
    arguments += ["--batch", "4", "--logs", str(tmp_path / "logs"), "--tune-pairs", "5"]
    script.main([*arguments, "--seeds", "0", "--rates", "1e-3", "1e-2"])
    printed, trained = capsys.readouterr().out, re.compile(r", FactorGAN\b.*, seed \d+, rate ")
    assert len(trained.findall(printed)) == 3  # two rates to choose from, and the seed
    assert "FactorGAN: rate 0.0" in printed and "| FactorGAN | " in printed
    (found,) = json.loads(out.read_text()).values()
    assert set(found["2 steps of 4, rates at 5 pairs"]["FactorGAN"]) == {"0.001", "0.01"}
    metrics = found["2 steps of 4"]["FactorGAN"]["10"]["0"]
    assert metrics.pop("trained with")["batch"] == 4
    assert metrics["collapses"] == 0 and all(map(np.isfinite, metrics.values()))
    assert len([*(tmp_path / "logs").glob("*/*.png")]) == 3
    script.main([*arguments, "--seeds", "0", "--rates", "1e-3", "1e-2"])
    assert not trained.search(capsys.readouterr().out)  # nothing was missing


@pytest.mark.parametrize("script", [DIGITS, SEGMENTATION], ids=["digits", "segmentation"])
@pytest.mark.parametrize("options", [["--pairs", "25", "2001"], ["--tune-pairs", "0"]])
def test_more_pairs_than_samples_are_refused_before_anything_is_trained(
    script, options, tmp_path, capsys
):
    out = tmp_path / "found.json"
    with pytest.raises(SystemExit):
        script.main(["--out", str(out), *options])
    assert f"error: {options[-1]} pairs: of " in capsys.readouterr().err
    assert not out.exists()
