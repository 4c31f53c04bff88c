"""From evidence of beats and downbeats to a sequence of beats counted in bars.

The model is the bar pointer of Krebs et al.: a hidden pointer moves through the beat at a tempo
that may change at beats only, and then by little. Between two beats its way is fixed, so that a
state per beat and interval is enough: instead of moving the pointer frame by frame, `track_beats`
looks up where it can come from. For beats at frames b_1 < b_2 < ... with the intervals
T_k = b_{k+1} - b_k, out of a grid of intervals, it finds the path of the largest

    sum_k e(b_k) - transition * sum_k |log(T_k / T_{k-1})|,

where e(t) is the log-odds of a beat at frame t. Frames without a beat give a constant
log-probability, which drops out. A path may start and end anywhere, as music does in a recording:
what comes before and after it would only cost. It may also pause, for longer than any interval:
that costs `pause`, so that the beats on either side of a long break are found, at a tempo of their
own, and those of a short one that nobody plays as well. `track_bars` then counts the beats: a
second hidden Markov model, over the position in bars of several metres.

Reference: F. Krebs, S. Böck and G. Widmer, "An Efficient State-Space Model for Joint Tempo and
Meter Tracking", ISMIR 2015 (tempo changes at beats only; their exponential prior over tempo ratios,
here over the log of the ratio, so that it is the same upwards and downwards).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

_MOST_INTERVALS = 110


def interval_grid(fastest: float, slowest: float, rate: float) -> Int[np.ndarray, " interval"]:
    """Return the intervals between beats, in frames, from the fastest to the slowest tempo.

    All there are up to 110 of them, above that as many in even steps of tempo ratio.

    Args:
        fastest: beats per minute.
        slowest: beats per minute.
        rate: frames per second in Hz.
    """
    shortest, longest = 60 * rate / fastest, 60 * rate / slowest
    exact = np.geomspace(shortest, longest, _MOST_INTERVALS)
    full = np.arange(max(2, round(shortest)), round(longest) + 1)
    return full if len(full) <= _MOST_INTERVALS else np.unique(np.rint(exact).astype(int))


def track_beats(
    evidence: Float[np.ndarray, " frame"],
    intervals: Int[np.ndarray, " interval"],
    transition: float,
    pause: float = np.inf,
) -> Int[np.ndarray, " beat"]:
    """Return the frames of the best sequence of beats; none where nothing speaks for a beat.

    Args:
        evidence: log-odds of a beat at each frame.
        intervals: the possible distances between beats, in frames, increasing.
        transition: what a change of tempo costs, per unit of the log of its ratio.
        pause: what a break costs that is longer than any interval; inf: there is none.
    """
    log_intervals = transition * np.log(intervals)
    evidence = np.asarray(evidence, np.float64)
    arrived, started, best = _scores(evidence, intervals, log_intervals, pause)
    if not len(best) or best.max() <= 0:
        return np.zeros(0, int)
    # Back from the best end: the interval before it, then the one before that ...
    frame, cost = int(best.argmax()), np.zeros(len(intervals))
    beats = [frame]
    while True:
        candidates = arrived[frame] - cost
        if candidates.max() > started[frame]:
            interval = int(candidates.argmax())
            cost = np.abs(log_intervals - log_intervals[interval])
            frame -= int(intervals[interval])
        elif started[frame] > evidence[frame]:  # after a pause: the best end before it
            frame, cost = int(best[: frame - int(intervals[-1])].argmax()), np.zeros(len(intervals))
        else:
            return np.array(beats[::-1])
        beats.append(frame)


def _scores(
    evidence: np.ndarray, intervals: np.ndarray, log_intervals: np.ndarray, pause: float
) -> tuple[
    Float[np.ndarray, "frame interval"], Float[np.ndarray, " frame"], Float[np.ndarray, " frame"]
]:
    """Return scores of the best paths to a beat: that arrive there, that start there, of either.

    Of those that arrive, per frame and last interval. Those that start do so with nothing before
    them, or after a pause.

    With a = transition * log(interval), the best way from any interval i to the next, j, is

        max_i (score_i - |a_i - a_j|)
            = max(max_{i <= j} (score_i + a_i) - a_j, max_{i >= j} (score_i - a_i) + a_j),

    two running maxima. No interval is shorter than the first, so that as many frames as that one
    has depend on earlier ones only, and are done at once.
    """
    before = int(intervals[-1])
    arrived = np.full((len(evidence), len(intervals)), -np.inf)
    leaving = np.full((before + len(evidence), len(intervals)), -np.inf)  # frame - before
    ended = np.zeros(before + 1 + len(evidence))  # of all paths, before a frame - before
    started, best = np.empty(len(evidence)), np.empty(len(evidence))
    columns = np.arange(len(intervals))
    for first in range(0, len(evidence), int(intervals[0])):
        frames = np.arange(first, min(first + int(intervals[0]), len(evidence)))
        here = evidence[frames, None]  # (frame, 1)
        scores = here + leaving[before + frames[:, None] - intervals, columns]
        faster = np.maximum.accumulate(scores + log_intervals, axis=1) - log_intervals
        slower = np.maximum.accumulate((scores - log_intervals)[:, ::-1], axis=1)[:, ::-1]
        arrived[frames] = scores
        started[frames] = evidence[frames] + np.maximum(ended[frames] - pause, 0)
        begun = started[frames, None]
        leaving[before + frames] = np.maximum(np.maximum(faster, slower + log_intervals), begun)
        best[frames] = np.maximum(scores.max(axis=1), started[frames])
        so_far = np.maximum.accumulate(best[frames])
        ended[before + 1 + frames] = np.maximum(so_far, ended[before + first])
    return arrived, started, best


def track_bars(
    evidence: Float[np.ndarray, " beat"], metres: Sequence[int], slip: float
) -> Int[np.ndarray, " beat"]:
    """Return the position of each beat in its bar, from 1.

    The best path through the positions of all metres by Viterbi's algorithm: a downbeat adds its
    evidence; a bar that starts early, or in another metre, costs `slip`, going on at any other
    position than the next twice that.

    Args:
        evidence: log-odds of a downbeat at each beat.
        metres: numbers of beats that a bar may have.
        slip: what a bar that is too short, or a new metre, costs.
    """
    position = np.concatenate([np.arange(metre) for metre in metres])
    metre = np.repeat(metres, metres)
    state = np.arange(len(position))
    regular = state - 1 + metre * (position == 0)  # the state before each one
    price = np.where(position == 0, slip, 2 * slip)
    score, sources = np.zeros(len(position)), np.zeros((len(evidence), len(position)), int)
    for beat, downbeat in enumerate(evidence):
        if beat:
            best = int(score.argmax())
            keeps = score[regular] >= score[best] - price
            sources[beat] = np.where(keeps, regular, best)
            score = np.maximum(score[regular], score[best] - price)
        score = score + downbeat * (position == 0)
    path = [int(score.argmax())] if len(evidence) else []
    for source in sources[:0:-1]:
        path.append(int(source[path[-1]]))
    return position[path[::-1]] + 1 if path else np.zeros(0, int)
