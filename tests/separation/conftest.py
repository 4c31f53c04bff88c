"""What the tests of separation have in common."""

import pytest
from small_prior import song

from umir.separation.data import SeparationData


@pytest.fixture
def data(tmp_path, rng):
    train, valid = (song(tmp_path / f"{n}.npy", rng) for n in range(2))
    alone = [song(tmp_path / f"{n}.npy", rng, 1, 700) for n in range(2, 5)]
    return SeparationData([train], [valid], alone[:1], {"vocals": alone[1:]})
