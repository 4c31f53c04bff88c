"""Three ways to put frames together into one SDR: what was published comes out of its frames."""

import json

import numpy as np
import pytest
from benchmark_scripts import benchmark_module
from made_sets import REAL

sisec = benchmark_module("sisec2018")
FOLDER = REAL / "sisec2018"


def song(folder, name, **frames):
    targets = [
        {
            "name": stem,
            "frames": [{"time": float(n), "metrics": {"SDR": v}} for n, v in enumerate(f)],
        }
        for stem, f in frames.items()
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"targets": targets}))


def test_by_hand(tmp_path, capsys):
    folder = tmp_path / "submissions" / "STL1" / "test"
    song(folder, "short", vocals=[1.0, float("nan"), 3.0], accompaniment=[0.0, float("nan"), 0.0])
    song(folder, "long", vocals=[10.0] * 5, accompaniment=[4.0] * 5)
    (values, _) = sisec.summary([sisec.read_frames(p) for p in sorted(folder.iterdir())]).values()
    pooled = [1, 3, 10, 10, 10, 10, 10]
    assert values == pytest.approx((10, 0, np.mean(pooled), np.std(pooled), 6, 6))
    sisec.run(tmp_path)
    assert "STL1: 2 songs" in capsys.readouterr().out


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the published frames are not here")
def test_the_published_table():
    paths = sorted(FOLDER.glob("**/STL1/test/*.json"))
    assert len(paths) == 50
    found = sisec.summary([sisec.read_frames(path) for path in paths])
    for stem, published in sisec.PUBLISHED["STL1"].items():
        assert found[stem][:5] == pytest.approx(published, abs=0.0051)
    assert (found["vocals"][5], found["accompaniment"][5]) == pytest.approx(
        (3.73, 10.92), abs=0.0051
    )
