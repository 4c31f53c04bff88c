"""The benchmarks of FactorGAN: their data and metrics, and tiny trainings that go on."""

import json

import numpy as np
import pytest
import scipy.linalg
from benchmark_scripts import benchmark_module
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

FRECHET = benchmark_module("adversarial.frechet_distance")
PAIRS = benchmark_module("adversarial.digit_pairs")
SHAPES = benchmark_module("adversarial.shapes")
RUNS = benchmark_module("adversarial.runs")
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


def test_shapes_are_drawn_exactly():
    photos, maps = SHAPES.draw(40, 24, np.random.default_rng(0))
    assert photos.shape == (40, 24, 24, 3) and photos.dtype == np.float32
    assert 0 <= photos.min() and photos.max() <= 1
    shares = np.bincount(maps.ravel(), minlength=4) / maps.size
    assert 0.25 < shares[0] < 0.55 and (shares[1:] > 0.1).all()
    again = SHAPES.draw(40, 24, np.random.default_rng(0))
    np.testing.assert_array_equal(photos, again[0])
    disc = SHAPES._outline(1, 64, np.random.default_rng(1))
    assert disc.any() and not disc.all()
    one_hot = SHAPES.shares(maps)
    np.testing.assert_array_equal(one_hot.argmax(axis=3), maps)
    assert SHAPES.judged(one_hot, maps) == {"accuracy": 1.0, "mse": 0.0}
    wrong = SHAPES.shares((maps + 1) % 4)
    assert SHAPES.judged(wrong, maps) == {"accuracy": 0.0, "mse": 0.5}


def test_colours_do_not_tell_classes():
    """If they did, a few pairs would teach all there is to know."""
    photos, maps = SHAPES.draw(100, 16, np.random.default_rng(0))
    known = QuadraticDiscriminantAnalysis().fit(photos[:50].reshape(-1, 3), maps[:50].ravel())
    told = known.predict(photos[50:].reshape(-1, 3)) == maps[50:].ravel()
    assert told.mean() < np.mean(maps[50:] == 0) + 0.05


def test_streams_of_segmentation():
    shapes = SHAPES.Shapes(side=16, train=12, held_out=2)
    every = shapes.sources(3, 0, paired_inputs=False)
    few = shapes.sources(3, 0, paired_inputs=True)
    assert len(every["map"].parts["map"]) == 12 and len(every["paired"].parts["photo"]) == 3
    drawn = few["inputs"].draw(np.random.default_rng(0), 30)
    assert len(np.unique(drawn["photo"], axis=0)) == 3 and drawn["noise"].shape == (30, 50)
    assert len(np.unique(every["inputs"].draw(np.random.default_rng(0), 60)["photo"], axis=0)) > 3
    assert not np.array_equal(shapes.split("valid")[0], shapes.split("test")[0])


def test_tables_have_a_column_for_each_number_of_pairs():
    runs = {"GAN": {"25": {"0": {"FID": 4.0}, "1": {"FID": 6.0}}}, "other": {"25": {}}}
    rows = RUNS.table(runs, "FID", [25, 50]).splitlines()
    assert rows[0] == "| FID | 25 pairs | 50 pairs |"
    # t(0.975, 1) = 12.71, standard deviation sqrt(2)
    assert rows[2] == "| GAN | 5.00 ± 12.71 | - |" and rows[3] == "| other | - | - |"


@pytest.mark.slow
@pytest.mark.parametrize("script", [DIGITS, SEGMENTATION], ids=["digits", "segmentation"])
def test_a_grid_trains_chooses_rates_and_goes_on(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(SEGMENTATION, "WIDTH", 2)
    monkeypatch.setattr(SEGMENTATION, "LEVELS", 1)
    monkeypatch.setattr(SEGMENTATION, "FILTERS", 2)
    monkeypatch.setattr(SEGMENTATION, "Shapes", lambda side: SHAPES.Shapes(side, 12, 4))
    monkeypatch.setattr(DIGITS, "GENERATED", 60)
    out = tmp_path / "found.json"
    arguments = ["--out", str(out), "--methods", "FactorGAN", "--pairs", "10", "--steps", "2"]
    arguments += ["--batch", "4", "--logs", str(tmp_path / "logs"), "--tune-pairs", "5"]
    script.main([*arguments, "--seeds", "0", "--rates", "1e-3", "1e-2"])
    printed = capsys.readouterr().out
    assert "FactorGAN: rate 0.0" in printed and "| FactorGAN | " in printed
    (found,) = json.loads(out.read_text()).values()
    assert set(found["2 steps of 4, rates at 5 pairs"]["FactorGAN"]) == {"0.001", "0.01"}
    metrics = found["2 steps of 4"]["FactorGAN"]["10"]["0"]
    assert metrics.pop("trained with")["batch"] == 4
    assert metrics["collapses"] == 0 and all(map(np.isfinite, metrics.values()))
    assert len([*(tmp_path / "logs").glob("*/*.png")]) == 3
    script.main([*arguments, "--seeds", "0", "--rates", "1e-3", "1e-2"])
    assert "seed 0" not in capsys.readouterr().out  # nothing was missing
