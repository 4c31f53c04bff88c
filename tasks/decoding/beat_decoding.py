"""From logits of beats and downbeats to beats counted in bars, and the settings that do it best.

Logits become evidence: smoothed over the five frames of a widened target, less a threshold, limited
to `LIMIT` either way, so that no single frame decides. `umir.tasks.decoding.bar_pointer` finds the
beats and counts them. Thresholds and costs are searched on validation data, those of beats first,
then those of bars; tempi are the usual ones, and any others that the validation data has. Metres
are those of 2/4 to 7/8, unless two, three and four beats per bar, and what else the validation data
has, score better there: fewer metres are safer to count where downbeats are hardly heard.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Int

from umir.annotations import Events
from umir.tasks.base import Settings
from umir.tasks.decoding.bar_pointer import interval_grid, track_bars, track_beats
from umir.tasks.decoding.peak_picking import count_hits
from umir.tasks.event_detection import FRAME_RATE, WIDENING

DEFAULT_SETTINGS: Settings = {
    "threshold": 0.0,  # log-odds
    "transition": 30.0,  # per unit of log tempo
    "bpm": [55.0, 215.0],  # slowest, fastest
    "downbeat_threshold": 0.0,  # log-odds
    "slip": 6.0,  # for a bar that is too short or too long
    "metres": [2, 3, 4, 5, 6, 7],  # beats per bar; none: downbeats are not known
}
USUAL = (2, 3, 4)  # metres
LIMIT = 4.0  # the most that one frame may say, in log-odds
PAUSE = 10 * LIMIT  # what a break costs: ten beats that are missing for certain
NEAR = 2  # frames within which beats and downbeats are looked for around where they should be
# Log-odds: a network that has learnt few songs by heart is never sure of another (peak_picking).
THRESHOLDS = tuple(np.arange(-8.0, 4.01).tolist())
TRANSITIONS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
SLIPS = (2.0, 6.0, 18.0)
WINDOW = 0.07  # seconds
# Counted in bars, downbeats are right under many a threshold: of these, one that tells them from
# other beats without counting is the better one for other metres. It weighs so little:
TIE = 0.1
MARGIN = 1.1  # songs to come may be so much faster or slower than those there are
RARE = 0.05  # metres of fewer of the bars are taken for slips

Songs = Sequence[Float[np.ndarray, "_ 2"]]
Times = Sequence[Float[np.ndarray, " _"]]


def decode_beats(output: Float[np.ndarray, "frame 2"], settings: Settings) -> Events:
    """Return beats labelled with their position in the bar; "" if `metres` is empty.

    Args:
        output: logits of beats and downbeats at 100 Hz.
        settings: from `fit_beats`, or `DEFAULT_SETTINGS`.
    """
    logits = _smoothed(output)
    frames = _at_peaks(logits[:, 0], _beats(logits[:, 0], settings))
    labels = [""] * len(frames)
    if settings["metres"]:
        places = _bars(logits[:, 1], frames, settings)
        labels = [str(place) for place in places.tolist()]
    return Events(frames / FRAME_RATE, tuple(labels))


def fit_beats(outputs: Songs, beats: Times, downbeats: Times) -> Settings:
    """Return the settings with the best mean F-measure of beats, then of downbeats.

    Args:
        outputs: logits of each song, shape `(frame, 2)`.
        beats: the true beats of each song, in seconds, sorted.
        downbeats: the true downbeats of each song; empty where they are not known.
    """
    logits = [_smoothed(output) for output in outputs]
    settings: Settings = {**DEFAULT_SETTINGS, "bpm": _tempo_range(beats)}

    def beat_score(settings: Settings) -> float:
        return _mean_f(beats, [_beats(song[:, 0], settings) for song in logits])

    settings = _searched(settings, "threshold", THRESHOLDS, beat_score)
    settings = _searched(settings, "transition", TRANSITIONS, beat_score)
    metres = _metres(beats, downbeats)
    if not metres:
        return {**settings, "metres": []}
    frames = [_beats(song[:, 0], settings) for song in logits]
    known = [index for index, bars in enumerate(downbeats) if len(bars)]

    def downbeat_score(settings: Settings) -> float:
        songs = [(logits[index][:, 1], frames[index]) for index in known]
        counted = [song[1][_bars(*song, settings) == 1] for song in songs]
        alone = [song[1][_downbeat_evidence(*song, settings) > 0] for song in songs]
        true = [downbeats[index] for index in known]
        return _mean_f(true, counted) + TIE * _mean_f(true, alone)

    fitted = []
    for tried in (sorted({*metres, *DEFAULT_SETTINGS["metres"]}), metres):
        bars: Settings = {**settings, "metres": tried}
        bars = _searched(bars, "downbeat_threshold", THRESHOLDS, downbeat_score)
        fitted.append(_searched(bars, "slip", SLIPS, downbeat_score))
    return max(fitted, key=lambda bars: round(downbeat_score(bars), 9))  # of equal ones the first


def _searched(
    settings: Settings, name: str, values: Sequence[float], score: Callable[[Settings], float]
) -> Settings:
    """Return the settings with the value that scores best together with its neighbours.

    Of equally good ones, that in the middle.
    """
    candidates = [{**settings, name: value} for value in values]
    scores = np.pad([score(candidate) for candidate in candidates], 1, mode="edge")
    around = scores[:-2] + 2 * scores[1:-1] + scores[2:]
    best = np.flatnonzero(around >= around.max() - 1e-9)
    return candidates[int(best[len(best) // 2])]


def _smoothed(output: np.ndarray) -> np.ndarray:
    """Return logits averaged over the frames of a target, weighted as the target is."""
    if not len(output):
        return output.astype(np.float64)
    kernel = WIDENING.astype(np.float64) / WIDENING.sum()
    padded = np.pad(output.astype(np.float64), ((2, 2), (0, 0)), mode="edge")
    columns = [np.convolve(column, kernel, mode="valid") for column in padded.T]
    return np.stack(columns, axis=1)


def _evidence(logits: np.ndarray, threshold: float) -> np.ndarray:
    return np.clip(logits - threshold, -LIMIT, LIMIT)


def _beats(logits: np.ndarray, settings: Settings) -> np.ndarray:
    """Return the frames of beats."""
    slowest, fastest = settings["bpm"]
    intervals = interval_grid(fastest, slowest, FRAME_RATE)
    evidence = _evidence(logits, settings["threshold"])
    return track_beats(evidence, intervals, settings["transition"], PAUSE)


def _at_peaks(logits: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Move each beat to the highest logit within two frames, as the tempo was smoothed."""
    offsets = np.array(sorted(range(-NEAR, NEAR + 1), key=abs))  # of equal ones the nearest
    around = np.clip(frames[:, None] + offsets, 0, len(logits) - 1)
    return around[np.arange(len(frames)), logits[around].argmax(axis=1)]


def _bars(logits: np.ndarray, frames: np.ndarray, settings: Settings) -> np.ndarray:
    """Return the position of each beat in its bar."""
    evidence = _downbeat_evidence(logits, frames, settings)
    return track_bars(evidence, settings["metres"], settings["slip"])


def _downbeat_evidence(logits: np.ndarray, frames: np.ndarray, settings: Settings) -> np.ndarray:
    around = np.clip(frames[:, None] + np.arange(-NEAR, NEAR + 1), 0, len(logits) - 1)
    return _evidence(logits[around].max(axis=1), settings["downbeat_threshold"])


def _tempo_range(beats: Times) -> list[float]:
    """Return the slowest and the fastest tempo in beats per minute."""
    intervals = np.concatenate([np.diff(times) for times in beats] or [np.zeros(0)])
    tempi = 60 / intervals[intervals > 2 / FRAME_RATE]
    slowest, fastest = DEFAULT_SETTINGS["bpm"]
    if not len(tempi):
        return [slowest, fastest]
    low, high = np.quantile(tempi, [RARE, 1 - RARE])
    return [min(slowest, float(low / MARGIN)), max(fastest, float(high * MARGIN))]


def _metres(beats: Times, downbeats: Times) -> list[int]:
    """Return the numbers of beats per bar: the usual ones, and others that are not rare."""
    counts: Counter = Counter()
    for times, bars in zip(beats, downbeats, strict=True):
        counts.update(np.diff(np.searchsorted(times, bars)).tolist())
    if not any(len(bars) for bars in downbeats):
        return []
    seen = {metre for metre, count in counts.items() if metre and count >= RARE * counts.total()}
    return sorted(seen | set(USUAL))


def _mean_f(references: Times, found: Sequence[Int[np.ndarray, " _"]]) -> float:
    """Return the mean F-measure of songs from frames; one with no beats at all counts 1."""
    scores = []
    for reference, frames in zip(references, found, strict=True):
        total = len(reference) + len(frames)
        hits = count_hits(reference, frames / FRAME_RATE, WINDOW)
        scores.append(2 * hits / total if total else 1.0)
    return float(np.mean(scores))
