"""Live decoders: the same for any blocks, and what they share with the decoders of whole songs."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.special import expit

from umir.annotations import Events
from umir.tasks import Classification, MultiLabelClassification, get_task
from umir.tasks.event_detection import EventDetection
from umir.tasks.interval_detection import IntervalDetection
from umir.tasks.live import live_decoder
from umir.tasks.live.peaks import Peaks


def logits(rng, frames, classes, smooth=1.5, scale=4.0):
    """Curves that go up and down, as a network's do."""
    curves = gaussian_filter1d(rng.normal(size=(frames, classes)), smooth, axis=0)
    return (scale * curves / curves.std()).astype(np.float32)


def found_in(task, settings, output, cuts=()):
    decoder = live_decoder(task, settings, 6.25)
    found = []
    for block in np.split(output, cuts):
        found += decoder.push(block)
    return found + decoder.finish()


def stretches_of(found):
    """Pair what goes on with what goes off."""
    on, pairs = {}, []
    for finding in found:
        change = dict(finding.values)["change"]
        if change == "on":
            on[finding.label] = finding.time
        else:
            pairs.append((on.pop(finding.label), finding.time, finding.label))
    assert not on
    return sorted(pairs)


TASKS = {
    "events": (EventDetection("e", ("a", "b")), {"peaks": {"a": [0.6, 0.02], "b": [0.5, 0.04]}}, 2),
    "beats": (get_task("beat_tracking"), get_task("beat_tracking").default_settings(0), 2),
    "chords": (get_task("chord_recognition"), {"change_penalty": 3.0}, 25),
    "melody": (
        get_task("melody_extraction"),
        {"threshold": 0.7, "low": 0.3, "smoothing": 5, "price": 0.3},
        61,
    ),
    "notes": (
        get_task("note_transcription"),
        {"onset": 0.6, "active": 0.4, "offset": 0.7, "shortest": 0.03},
        264,
    ),
    "intervals": (IntervalDetection("i", ("x",)), None, 1),
    "clip": (Classification("c", ("p", "q")), {}, 2),
    "clips": (MultiLabelClassification("m", ("p", "q")), {"thresholds": {"p": 0.5, "q": 0.5}}, 2),
}


@pytest.mark.parametrize("name", TASKS)
def test_blocks_make_no_difference(name, rng):
    task, settings, classes = TASKS[name]
    settings = settings if settings is not None else task.default_settings(0)
    output = logits(rng, 120, classes)
    whole = found_in(task, settings, output)
    assert whole
    for cuts in ([1, 1, 2, 50, 119], range(1, 120)):
        assert found_in(task, settings, output, cuts) == whole
    assert found_in(task, settings, output[:0]) == []


def test_peaks_are_scipys(rng):
    from scipy.signal import find_peaks

    curve = rng.integers(0, 4, 200).astype(float)  # with plateaus
    peaks = Peaks(1)
    found = [peak for value in curve for peak in peaks.push(np.array([value]))] + peaks.finish()
    expected = find_peaks(np.pad(curve, 1, constant_values=-1.0))[0] - 1
    assert [frame for _, frame, _ in found] == expected.tolist()
    assert [height for *_, height in found] == curve[expected].tolist()


def test_events_are_those_of_the_whole_song_where_none_are_close(rng):
    task, output = EventDetection("e", ("a", "b")), logits(rng, 400, 2, smooth=4)
    settings = {"peaks": {"a": [0.6, 0.02], "b": [0.5, 0.02]}}
    offline = task.decode(output, settings)
    found = sorted((f.time, f.label) for f in found_in(task, settings, output))
    assert [label for _, label in found] == list(offline.labels)
    np.testing.assert_allclose([time for time, _ in found], offline.times, atol=1e-9)


def test_of_two_close_events_the_first_stays():
    output = np.full((20, 1), -6.0, np.float32)
    output[[5, 8, 15]] = [[1.0], [3.0], [1.0]]
    task, settings = EventDetection("e", ("a",)), {"peaks": {"a": [0.5, 0.08]}}
    assert [round(f.time, 2) for f in found_in(task, settings, output)] == [0.05, 0.15]
    np.testing.assert_allclose(task.decode(output, settings).times, [0.08])


def test_beats_are_counted_from_a_downbeat():
    task = get_task("beat_tracking")
    output = np.full((320, 2), -6.0, np.float32)
    for beat in range(6):
        output[50 + 50 * beat - 1 : 50 + 50 * beat + 2, 0] = [2.0, 6.0, 2.0]
    for downbeat in (1, 4):
        output[50 + 50 * downbeat - 1 : 50 + 50 * downbeat + 2, 1] = 8.0
    found = found_in(task, task.default_settings(0), output)
    assert [f.time for f in found] == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    assert [f.label for f in found] == ["beat", "1", "2", "3", "1", "2"]
    estimate = Events(np.array([f.time for f in found]), tuple(f.label for f in found))
    assert task.evaluate(estimate, estimate)["F-measure"] == 1


def test_beats_of_a_long_stream_are_counted_like_those_of_a_short_one():
    """What is remembered of downbeats does not grow: 25 s are more than the decoder keeps."""
    task = get_task("beat_tracking")
    output = np.full((2500, 2), -6.0, np.float32)
    for beat in range(48):
        output[50 + 50 * beat - 1 : 50 + 50 * beat + 2, 0] = [2.0, 6.0, 2.0]
        if beat % 4 == 0:
            output[50 + 50 * beat - 1 : 50 + 50 * beat + 2, 1] = 8.0
    found = found_in(task, task.default_settings(0), output)
    assert [f.label for f in found] == ["1", "2", "3", "4"] * 12


@pytest.mark.parametrize("gap", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("shortest", [0.0, 0.15])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_stretches_are_those_of_the_whole_song(gap, shortest, smoothing, rng):
    task = IntervalDetection("i", ("x", "y"))
    own = {"threshold": 0.7, "low": 0.3, "smoothing": smoothing, "gap": gap, "shortest": shortest}
    settings = {"activity": {"x": own, "y": {**own, "low": 0.7}}}
    for smooth in (1.5, 6.0):
        output = logits(rng, 500, 2, smooth)
        offline = task.decode(output, settings)
        expected = sorted(
            (*pair, name)
            for pair, name in zip(offline.intervals.tolist(), offline.labels, strict=True)
        )
        assert len(expected) > 3 or smoothing == 0.5
        assert stretches_of(found_in(task, settings, output)) == expected


def test_a_long_median_is_cut_to_half_a_second():
    task = IntervalDetection("i", ("x",))
    own = {"threshold": 0.5, "low": 0.5, "smoothing": 5.0, "gap": 0.0, "shortest": 0.0}
    assert live_decoder(task, {"activity": {"x": own}}, 6.25).delay == pytest.approx(0.24)
    # An end is known when the gap has grown too long to be bridged.
    own |= {"gap": 1.0, "shortest": 0.5}
    assert live_decoder(task, {"activity": {"x": own}}, 6.25).delay == pytest.approx((12 + 49) / 50)


def test_notes_are_those_of_the_whole_song(rng):
    task, settings, classes = TASKS["notes"]
    output = logits(rng, 200, classes, smooth=2)
    offline = task.decode(output, settings)
    names = dict(zip(task.axis.frequencies(np.arange(88.0)).tolist(), task.vocabulary, strict=True))
    labels = [names[frequency] for frequency in offline.frequencies.tolist()]
    expected = sorted(
        (*pair, label) for pair, label in zip(offline.intervals.tolist(), labels, strict=True)
    )
    assert len(expected) > 100
    found = stretches_of(found_in(task, settings, output))
    assert [label for *_, label in found] == [label for *_, label in expected]
    np.testing.assert_allclose([f[:2] for f in found], [e[:2] for e in expected], atol=1e-9)


def test_a_note_that_was_said_to_begin_ends():
    """Its end lies in the middle of a plateau, and is known too late to have been no note."""
    task, settings, classes = TASKS["notes"]
    output = np.full((30, classes), -9.0, np.float32)
    output[:20, 88 + 40] = 9.0  # the key is down
    output[3, 40] = 9.0
    output[6:14, 2 * 88 + 40] = 9.0
    found = found_in(task, settings | {"shortest": 0.08}, output)
    assert [dict(finding.values)["change"] for finding in found] == ["on", "off"]
    assert [finding.time for finding in found] == pytest.approx([0.03, 0.11])


def test_chords_are_the_ends_of_the_best_paths(rng):
    """At each frame the last class of the path that is best up to there."""
    task, settings, classes = TASKS["chords"]
    output = logits(rng, 40, classes)
    ends = [task.decode(output[: n + 1], settings).labels[-1] for n in range(len(output))]
    changed = [n for n in range(len(ends)) if n == 0 or ends[n] != ends[n - 1]]
    found = found_in(task, settings, output)
    assert [f.label for f in found] == [ends[n] for n in changed]
    np.testing.assert_allclose([f.time for f in found], [max(n - 0.5, 0) / 12.5 for n in changed])


def test_a_melody_without_price_or_smoothing_has_the_pitches_of_the_whole_song(rng):
    task, _, classes = TASKS["melody"]
    output = logits(rng, 60, classes)
    settings = {"threshold": 0.5, "low": 0.5, "smoothing": 1, "price": 0.0}
    offline = task.decode(output, settings)
    found = found_in(task, settings, output)
    np.testing.assert_allclose([f.time for f in found], offline.times)
    frequencies = np.array([dict(f.values)["frequency"] for f in found])
    np.testing.assert_allclose(frequencies, np.maximum(offline.frequencies, 0), rtol=1e-6)
    # A priced path ends where that of the whole song so far ends.
    settings["price"] = 0.3
    found = found_in(task, settings, output)
    for last in (10, 30, 59):
        ends = task.decode(output[: last + 1], settings).frequencies[-1]
        assert dict(found[last].values)["frequency"] == pytest.approx(max(ends, 0), rel=1e-6)


def test_a_voice_sounds_from_the_threshold_to_the_lower_one():
    task = get_task("melody_extraction")
    output = np.zeros((6, 61), np.float32)
    output[:, 0] = [0.5, 2.0, 0.5, -0.5, -2.0, 0.5]
    settings = {"threshold": expit(1.0), "low": expit(-1.0), "smoothing": 1, "price": 0.0}
    found = found_in(task, settings, output)
    heard = [dict(f.values)["frequency"] > 0 for f in found]
    assert heard == [False, True, True, True, False, False]


def test_labels_are_said_when_they_change_and_once_a_second():
    task, settings, _ = TASKS["clip"]
    output = np.array([[2.0, 0.0]] * 10 + [[0.0, 2.0]] * 10)
    found = found_in(task, settings, output)
    assert [(round(f.time * 6.25), f.label) for f in found] == [
        (0, "p"),
        (7, "p"),
        (10, "q"),
        (17, "q"),
    ]
    assert dict(found[0].values)["probability"] == pytest.approx(expit(2.0))
    assert found[0].as_json() == {"time": 0.0, "label": "p", **dict(found[0].values)}
    assert found[0].as_text() == "0.000\tp\t0.881"
    task, settings, _ = TASKS["clips"]
    found = found_in(task, settings, np.array([[2.0, 2.0], [-1.0, -1.0]]))
    assert [f.label for f in found] == ["p", "q", "none"]


def test_stems_have_no_lines():
    with pytest.raises(ValueError, match="use `umir separate`"):
        live_decoder(get_task("source_separation"), {}, 6.25)
