"""Separation: stems as sums, and scores against museval and closed forms."""

import importlib.util
import math
import pathlib
from dataclasses import replace

import numpy as np
import pytest

from umir.annotations import Stems
from umir.tasks import SourceSeparation, get_task
from umir.tasks.metrics.separation_metrics import aggregate, sdr_frames, si_sdr, silence_rms_db
from umir.tasks.source_separation import separation_of

RATE = 1000
FOUR = get_task("source_separation")
TWO = get_task("vocal_separation")


def _museval():
    """Return museval.metrics. The package itself refuses to be imported without ffmpeg."""
    (folder,) = importlib.util.find_spec("museval").submodule_search_locations
    path = pathlib.Path(folder) / "metrics.py"
    spec = importlib.util.spec_from_file_location("museval_metrics", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _stems(rng, names, seconds=4.0, channels=1):
    shape = (round(seconds * RATE), channels)
    return Stems({name: rng.normal(size=shape).astype(np.float32) for name in names}, RATE)


@pytest.fixture
def studio_like(rng):
    return _stems(rng, ["vocals/voice", "drums/drums", "other/piano", "other/strings", "bass/bass"])


def test_stems_are_sums_of_what_they_select(studio_like):
    waveforms = studio_like.waveforms
    bass, drums, vocals, other = FOUR.mix(studio_like)
    assert FOUR.vocabulary == ("bass", "drums", "vocals", "other")
    np.testing.assert_array_equal(bass, waveforms["bass/bass"])
    np.testing.assert_array_equal(drums, waveforms["drums/drums"])
    np.testing.assert_array_equal(vocals, waveforms["vocals/voice"])
    np.testing.assert_allclose(other, waveforms["other/piano"] + waveforms["other/strings"])
    for task in (FOUR, TWO):
        np.testing.assert_allclose(task.mix(studio_like).sum(0), sum(waveforms.values()), atol=1e-5)


def test_accompaniment_is_all_but_vocals_whatever_the_stems_are_called(rng):
    for names in (["vocals", "accompaniment"], ["vocals", "drums", "bass", "other"]):
        stems = _stems(rng, names)
        vocals, accompaniment = TWO.mix(stems)
        np.testing.assert_array_equal(vocals, stems.waveforms["vocals"])
        rest = sum(stems.waveforms[name] for name in names if name != "vocals")
        np.testing.assert_allclose(accompaniment, rest, atol=1e-6)


def test_further_stems_are_part_of_other(rng):
    stems = _stems(rng, ["bass", "drums", "vocals", "other", "guitar", "piano"])
    *_, other = FOUR.mix(stems)
    rest = sum(stems.waveforms[name] for name in ("other", "guitar", "piano"))
    np.testing.assert_allclose(other, rest, atol=1e-6)
    np.testing.assert_allclose(
        FOUR.mix(stems).sum(axis=0), sum(stems.waveforms.values()), atol=1e-5
    )


def test_no_stem_is_counted_twice(rng):
    """A bass among the others is `bass` and `other` by its name."""
    stems = _stems(rng, ["bass/bass", "other/bass", "other/piano", "drums", "vocals"])
    bass, _, _, other = FOUR.mix(stems)
    both = stems.waveforms["bass/bass"] + stems.waveforms["other/bass"]
    np.testing.assert_array_equal(bass, both)
    np.testing.assert_array_equal(other, stems.waveforms["other/piano"])


def test_encoding_is_time_stem_channel_and_padded(rng):
    stems = _stems(rng, ["vocals", "other"], channels=2)
    values, mask = TWO.encode(stems, 5000, RATE)
    assert values.shape == (5000, 2, 2)
    assert mask.shape == (5000, 1, 1)
    np.testing.assert_array_equal(values[:4000, 0], stems.waveforms["vocals"])
    assert not values[4000:].any()
    decoded = TWO.decode(values, TWO.fit_decoder([values], [stems]))
    assert decoded.rate == RATE
    np.testing.assert_array_equal(decoded.waveforms["vocals"][:4000], stems.waveforms["vocals"])
    assert TWO.head_prior(TWO.encode(stems, 5000, RATE)) is None


def test_variants_are_one_target_against_the_rest(studio_like):
    heard = FOUR.labels_in(studio_like)
    assert {"piano", "other", "other/piano", "voice", "drums"} <= heard
    for seed in range(20):
        task = FOUR.variant(np.random.default_rng(seed), heard)
        assert task.head == TWO.head
        target, rest = task.mix(studio_like)
        assert target.any()
        np.testing.assert_allclose(target + rest, sum(studio_like.waveforms.values()), atol=1e-5)
        assert task.source_labels == {task.vocabulary[0]}
    assert FOUR.variant(np.random.default_rng(0)).vocabulary[0] in FOUR.vocabulary


def test_a_stem_called_rest_is_a_target_like_others(rng):
    stems = _stems(rng, ["vocals", "rest"])
    targets = set()
    for seed in range(20):
        task = TWO.variant(np.random.default_rng(seed), ["vocals", "rest"])
        target, left = task.mix(stems)
        targets.add(task.vocabulary[0])
        np.testing.assert_array_equal(target, stems.waveforms[task.vocabulary[0]])
        np.testing.assert_allclose(target + left, sum(stems.waveforms.values()), atol=1e-6)
    assert targets == {"vocals", "rest"}


def test_what_can_be_used_is_what_can_be_mixed(rng, studio_like):
    """Also where stems have instruments: `other/piano` is a part of `other`."""
    assert FOUR.can_use(studio_like) and TWO.can_use(studio_like)
    assert FOUR.complaint(studio_like) is None
    three = _stems(rng, ["vocals/voice", "other/bassoon", "drums"])
    assert TWO.can_use(three) and not FOUR.can_use(three)
    assert "no stem 'bass'" in FOUR.complaint(three)
    # What is left of five or six stems is the rest, whatever it is called.
    assert FOUR.can_use(_stems(rng, ["bass", "drums", "vocals", "guitar", "piano"]))
    assert not FOUR.can_use(_stems(rng, ["bass", "drums", "vocals"]))
    voices = replace(TWO, sources=(("vocals", ("lead", "backing")), ("accompaniment", ("*",))))
    assert voices.can_use(_stems(rng, ["lead", "drums"])) and not voices.can_use(
        _stems(rng, ["drums", "bass"])
    )


def test_songs_with_more_than_the_stems_are_of_no_use(rng):
    """Stems that add up would have to hold what no stem of the task is."""
    own = SourceSeparation("stems", ("vocals", "drums"))
    more = _stems(rng, ["vocals", "drums", "other/piano"])
    assert not own.can_use(more)
    assert own.complaint(more) == "the stem 'other/piano', which is part of no stem of stems"
    silent = Stems(more.waveforms | {"other/piano": 0 * more.waveforms["vocals"]}, more.rate)
    assert own.can_use(silent) and TWO.can_use(more)
    assert separation_of(("vocals", "drums")).can_use(more)  # of which no stem is the remainder


def test_silent_stems_are_not_heard(studio_like):
    waveforms = {**studio_like.waveforms, "other/piano": 0 * studio_like.waveforms["other/piano"]}
    heard = FOUR.labels_in(Stems(waveforms, RATE))
    assert "piano" not in heard
    assert "other" in heard  # the strings


def _estimate(reference, rng, noise=0.3):
    return (reference + noise * rng.normal(size=reference.shape)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
def test_sdr_is_that_of_museval(rng, channels):
    """Also where windows are silent, in one reference or in one estimate."""
    reference = rng.normal(size=(2, 4500, channels)).astype(np.float32)
    reference[0, 1000:2000] = 0
    estimate = _estimate(reference, rng)
    estimate[1, 3000:4000] = 0
    expected, *_ = _museval().bss_eval(
        reference.astype(float), estimate.astype(float), window=RATE, hop=RATE, filters_len=8
    )
    got = sdr_frames(reference, estimate, RATE)
    assert np.isnan(expected).any(axis=0).tolist() == [False, True, False, True]
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_sdr_in_closed_form(rng):
    """An error of a tenth of the target is 20 dB down; one of the same size 0 dB."""
    reference = rng.normal(size=(2, 3000, 1)).astype(np.float32)
    scale = np.array([1.1, 2.0], np.float32)[:, None, None]
    frames = sdr_frames(reference, reference * scale, RATE)
    np.testing.assert_allclose(frames, [[20] * 3, [0] * 3], atol=1e-4)
    short = sdr_frames(reference[:, :300], reference[:, :300] * scale, RATE)
    np.testing.assert_allclose(short, [[20], [0]], atol=1e-4)


def test_a_silent_stem_is_left_out_and_a_silent_estimate_gets_nothing(rng):
    reference = rng.normal(size=(2, 3000, 1)).astype(np.float32)
    silent = 0 * reference
    frames = sdr_frames(reference * [[[1.0]], [[0.0]]], _estimate(reference, rng), RATE)
    assert np.isnan(frames[1]).all()
    assert np.isfinite(frames[0]).all()
    np.testing.assert_array_equal(sdr_frames(reference, silent, RATE), np.zeros((2, 3)))


def test_si_sdr_in_closed_form(rng):
    """A reference plus orthogonal noise of a tenth of its power is 10 dB, at any scale."""
    time = np.arange(4000) / RATE
    tone, other = np.sin(2 * np.pi * 50 * time), np.sin(2 * np.pi * 80 * time)
    estimate = tone + np.sqrt(0.1) * other
    for scale in (1.0, 7.0, -0.2):
        assert si_sdr(tone[:, None], scale * estimate[:, None]) == pytest.approx(10, abs=1e-6)
    assert math.isnan(si_sdr(0 * tone[:, None], estimate[:, None]))
    assert si_sdr(tone[:, None], 0 * estimate[:, None]) == 0  # as SDR: nothing, and not -inf


def test_leakage_into_silence():
    reference, estimate = np.zeros((2, 2000, 1)), np.zeros((2, 2000, 1))
    reference[0, 1000:] = reference[1] = 1
    estimate[0, :1000] = 0.1
    estimate[0, 1000:] = 5  # not silent there
    assert silence_rms_db(reference, estimate, RATE) == pytest.approx(-20)
    assert silence_rms_db(reference, 0 * estimate, RATE) == -120
    assert math.isnan(silence_rms_db(reference[1:], estimate[1:], RATE))


def test_evaluation_of_one_song(rng, studio_like):
    names = ("vocals", "accompaniment")
    true = dict(zip(names, TWO.mix(studio_like), strict=True))
    mixture = np.sum(list(studio_like.waveforms.values()), axis=0)
    perfect = {name: 1.001 * waveform for name, waveform in true.items()}
    scores = TWO.evaluate(studio_like, Stems(perfect, RATE))
    assert scores["SDR"] == pytest.approx(60, abs=0.1)
    assert set(scores) == {
        "SDR", "SDR_pooled", "SI-SDR", "SDRi", "silence_rms_db",
        "SDR/vocals", "SDR/accompaniment", "SI-SDR/vocals", "SI-SDR/accompaniment",
    }  # fmt: skip
    lazy = TWO.evaluate(studio_like, Stems(dict.fromkeys(names, mixture), RATE))
    assert lazy["SDRi"] == pytest.approx(0, abs=1e-9)
    # Where a task leaves stems out, what was heard holds them all the same.
    part = separation_of(["vocals", "drums"])
    lazy = part.evaluate(studio_like, Stems(dict.fromkeys(part.vocabulary, mixture), RATE))
    assert lazy["SDRi"] == pytest.approx(0, abs=1e-9)
    # Estimates of another length are cut or padded, as museval does.
    longer = {name: np.pad(waveform, ((0, 9), (0, 0))) for name, waveform in perfect.items()}
    assert TWO.evaluate(studio_like, Stems(longer, RATE)) == pytest.approx(scores, nan_ok=True)


def test_aggregation_is_median_of_medians_and_pooled_is_not():
    stems = ("a", "b")
    frames = [np.array([[1.0, 2, 3], [0, 0, 0]]), np.array([[10.0], [4.0]])]
    frames.append(np.array([[np.nan, 20], [np.nan, 6]]))
    tracks = [
        {"SDR": 0.0, "SDRi": 1.0, "SI-SDR": math.nan, "SDR/a": a, "SDR/b": b}
        for a, b in ((2.0, 0.0), (10.0, 4.0), (20.0, 6.0))
    ]
    scores = aggregate(tracks, frames, stems)
    assert scores["SDR/a"] == 10
    assert scores["SDR"] == (10 + 4) / 2
    assert scores["SDR_pooled"] == (3 + 0) / 2  # medians of 1 2 3 10 20 and of 0 0 0 4 6
    assert math.isnan(scores["SI-SDR"])


def test_evaluation_of_songs(rng):
    songs = [_stems(rng, ["vocals", "accompaniment"], seconds=s) for s in (2.0, 3.0)]
    guesses = [
        Stems({n: (1 + e) * w for n, w in song.waveforms.items()}, RATE)
        for song, e in zip(songs, (0.1, 0.01), strict=True)
    ]
    metrics, per_track = TWO.evaluate_all(songs, guesses)
    assert [round(track["SDR"]) for track in per_track] == [20, 40]
    assert metrics["SDR"] == pytest.approx(30, abs=0.01)
    assert metrics["SDR_pooled"] == pytest.approx(40, abs=0.01)  # three windows of five


def test_errors_say_what_is_wrong(rng, studio_like):
    with pytest.raises(ValueError, match="stems at 1000 Hz, audio at 16000 Hz: resample first"):
        TWO.encode(studio_like, 100, 16_000)
    with pytest.raises(ValueError, match="needs the stem 'vocals', but there are only drums"):
        TWO.mix(_stems(rng, ["drums"]))
    with pytest.raises(ValueError, match="the estimate lacks the stems accompaniment"):
        TWO.evaluate(studio_like, _stems(rng, ["vocals"]))
    with pytest.raises(ValueError, match="reference at 1000 Hz, estimate at 500 Hz"):
        TWO.evaluate(studio_like, Stems(studio_like.waveforms, 500))
    with pytest.raises(ValueError, match="separation needs two stems or more"):
        SourceSeparation("stems", ("vocals",))
    with pytest.raises(ValueError, match=r"sources are given for \['x'\]"):
        SourceSeparation("stems", ("a", "b"), (("x", ("y",)),))
