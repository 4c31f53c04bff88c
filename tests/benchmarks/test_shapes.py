"""The pictures of shapes that segmentation is measured on."""

import numpy as np
from benchmark_scripts import benchmark_module
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

SHAPES = benchmark_module("adversarial.shapes")
LAYOUTS = benchmark_module("adversarial.layouts")


def test_shapes_are_drawn_exactly():
    photos, maps = SHAPES.draw(40, 24, np.random.default_rng(0))
    assert photos.shape == (40, 24, 24, 3) and photos.dtype == np.float32
    assert 0 <= photos.min() and photos.max() <= 1
    shares = np.bincount(maps.ravel(), minlength=4) / maps.size
    assert 0.25 < shares[0] < 0.55 and (shares[1:] > 0.1).all()
    again = SHAPES.draw(40, 24, np.random.default_rng(0))
    np.testing.assert_array_equal(photos, again[0])
    disc = LAYOUTS.outline(1, 64, np.random.default_rng(1))
    assert disc.any() and not disc.all()
    one_hot = SHAPES.shares(maps)
    np.testing.assert_array_equal(one_hot.argmax(axis=3), maps)
    assert SHAPES.judged(one_hot, maps) == {"accuracy": 1.0, "mse": 0.0}
    wrong = SHAPES.shares((maps + 1) % 4)
    assert SHAPES.judged(wrong, maps) == {"accuracy": 0.0, "mse": 0.5}


def test_a_village_has_its_shapes_in_their_places():
    _, maps = SHAPES.draw(40, 32, np.random.default_rng(0), "village")
    disc, box, roof = (maps == kind for kind in (LAYOUTS.DISC, LAYOUTS.BOX, LAYOUTS.TRIANGLE))
    assert all(kind.any(axis=(1, 2)).mean() > 0.9 for kind in (disc, box, roof))
    assert not disc[:, 20:].any() and not box[:, :16].any()  # 0.4 + 0.22 and 1 - 0.5 of the side
    assert not roof[:, -1].any()
    # Below a pixel of a house there is nothing but houses.
    assert (box | roof)[:, 1:][box[:, :-1]].all()
    # By its place alone a pixel is known better than where shapes are anywhere.
    assert _told_by_place(maps) > 0.1 + _told_by_place(
        SHAPES.draw(40, 32, np.random.default_rng(0))[1]
    )


def _told_by_place(maps):
    """Return how often a pixel is of the class that is the usual one at its place."""
    return np.mean(np.max([np.mean(maps == kind, axis=0) for kind in range(4)], axis=0))


def test_colours_tell_classes_in_part():
    """If they told all, a few pairs would teach all there is to know; if nothing, next to none."""
    photos, maps = SHAPES.draw(100, 16, np.random.default_rng(0))
    known = QuadraticDiscriminantAnalysis().fit(photos[:50].reshape(-1, 3), maps[:50].ravel())
    told = np.mean(known.predict(photos[50:].reshape(-1, 3)) == maps[50:].ravel())
    assert np.mean(maps[50:] == 0) + 0.1 < told < 0.7


def test_streams_of_segmentation():
    shapes = SHAPES.Shapes(side=16, train=12, held_out=2)
    every = shapes.sources(3, 0, paired_inputs=False)
    few = shapes.sources(3, 0, paired_inputs=True)
    assert len(every["map"].parts["map"]) == 12 and len(every["paired"].parts["photo"]) == 3
    drawn = few["inputs"].draw(np.random.default_rng(0), 30)
    assert len(np.unique(drawn["photo"], axis=0)) == 3 and drawn["noise"].shape == (30, 50)
    assert len(np.unique(every["inputs"].draw(np.random.default_rng(0), 60)["photo"], axis=0)) > 3
    assert not np.array_equal(shapes.split("valid")[0], shapes.split("test")[0])
