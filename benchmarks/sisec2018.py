"""The SDR of the published Wave-U-Net on MUSDB18, put together in three ways out of its frames.

    python benchmarks/sisec2018.py SISEC2018

SISEC2018 is a copy of github.com/sigsep/sigsep-mus-2018, or of some of its `submissions/`: STL1 is
the Wave-U-Net M4, STL2 the M6. For each submission and stem: median, median absolute deviation,
mean and standard deviation of the frames of all songs together, as the paper's tables 2 and 3 have
them; the median over songs of the medians over frames, as in SiSEC's; and the mean over songs of
those. Beside them stands what was published.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from recordings.tables import markdown

from umir.tasks.metrics.separation_metrics import aggregate, nan_median

COLUMNS = ("SDR, dB", "median", "MAD", "mean", "SD", "median of medians", "mean of medians")
# Submission -> stem -> pooled median, MAD, mean and SD of the paper, and SiSEC's median of medians.
PUBLISHED = {
    "STL1": {
        "vocals": (4.46, 3.21, 0.65, 13.67, 4.97),
        "accompaniment": (10.69, 3.15, 11.85, 7.03, 11.11),
    },
    "STL2": {
        "vocals": (3.0, 2.76, -2.10, 15.41, 3.25),
        "other": (2.03, 1.64, 1.68, 6.14, 2.25),
        "bass": (2.91, 2.47, -0.30, 13.50, 3.21),
        "drums": (4.15, 1.99, 2.88, 7.68, 4.22),
    },
}


def read_frames(path: Path) -> dict[str, np.ndarray]:
    """Return stem -> SDR of every frame in dB, from a song's file of BSS Eval."""
    targets = json.loads(path.read_text())["targets"]
    return {
        target["name"]: np.array([f["metrics"]["SDR"] for f in target["frames"]], np.float64)
        for target in targets
    }


def summary(songs: Sequence[dict[str, np.ndarray]]) -> dict[str, tuple[float, ...]]:
    """Return what `PUBLISHED` has, and the mean over songs of their medians, for every stem.

    Args:
        songs: stem -> frames, for every song.
    """
    stems = list(songs[0])
    medians = [{f"SDR/{stem}": nan_median(song[stem]) for stem in stems} for song in songs]
    tracks = [{**song, "SDRi": np.nan} for song in medians]
    scores = aggregate(tracks, [np.stack([song[s] for s in stems]) for song in songs], stems)
    found = {}
    for stem in stems:
        frames = np.concatenate([song[stem] for song in songs])
        frames = frames[~np.isnan(frames)]
        pooled = scores[f"SDR_pooled/{stem}"]
        deviation = float(np.median(np.abs(frames - pooled)))
        spread = deviation, float(frames.mean()), float(frames.std())
        mean = float(np.mean([song[f"SDR/{stem}"] for song in medians]))
        found[stem] = (pooled, *spread, scores[f"SDR/{stem}"], mean)
    return found


def run(folder: Path) -> None:
    """Print the tables of all submissions that there are."""
    for submission, published in PUBLISHED.items():
        paths = sorted(folder.glob(f"**/{submission}/test/*.json"))
        if not paths:
            continue
        rows = []
        for stem, values in summary([read_frames(path) for path in paths]).items():
            for title, row in ((stem, values), (f"{stem}, published", published.get(stem, ()))):
                rows.append([title, *(f"{value:.2f}" for value in row)])
        print(f"{submission}: {len(paths)} songs\n\n{markdown(COLUMNS, rows)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="SISEC2018")
    run(parser.parse_args().folder)
