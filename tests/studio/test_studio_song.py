"""Songs: deterministic, additive, and labelled as mir_eval wants labels."""

import hashlib
import subprocess
import sys

import mir_eval
import numpy as np
import pytest

from umir.studio import DRUM_CLASSES, INSTRUMENTS, MELODY_HOP, STEMS, STYLES, render_song
from umir.studio.features import ALL_FEATURES, GROUPS

DURATION = 8.0


def fingerprint(song):
    """Return a hash of every array of a song."""
    digest = hashlib.sha256()
    arrays = [*song.stems.values(), *(part.waveform for part in song.parts)]
    arrays += [song.onsets.times, song.beats.times, song.melody.frequencies, song.drums.times]
    arrays += [song.notes.intervals, song.notes.frequencies, song.chords.intervals]
    arrays += [song.lyrics.intervals]
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    words = (song.name, song.key, song.tempo, song.chords.labels, song.drums.labels)
    words += (song.lyrics.labels,)
    digest.update(repr(words).encode())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def songs():
    """One short song of every style, every second one in stereo."""
    return [
        render_song(seed, style=style, duration=DURATION, channels=1 + seed % 2)
        for seed, style in enumerate(sorted(STYLES))
    ]


def test_same_seed_same_bytes_in_another_process(songs):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from test_studio_song import fingerprint, render_song;"
        "print(fingerprint(render_song(3, duration=3.0)))"
    )
    folder = __file__.rpartition("/")[0]
    other = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == fingerprint(render_song(3, duration=3.0))


def test_seeds_differ():
    first, second = (render_song(seed, duration=3.0, style="rock") for seed in (1, 2))
    assert fingerprint(first) != fingerprint(second)
    assert np.abs(first.mixture - second.mixture).max() > 0.01


def test_the_music_does_not_depend_on_rate_and_channels():
    first = render_song(8, duration=6.0, rate=8000)
    second = render_song(8, duration=6.0, rate=22050, channels=2)
    assert len(first.lyrics.labels) > 4
    assert first.lyrics.labels == second.lyrics.labels
    np.testing.assert_array_equal(first.lyrics.intervals, second.lyrics.intervals)
    sung = [
        [p.f0.frequencies for p in song.parts if p.stem == "vocals"] for song in (first, second)
    ]
    np.testing.assert_array_equal(*sung)
    assert first.chords.labels == second.chords.labels
    np.testing.assert_array_equal(first.onsets.times, second.onsets.times)
    np.testing.assert_array_equal(first.notes.frequencies, second.notes.frequencies)
    assert [part.name for part in first.parts] == [part.name for part in second.parts]
    assert second.mixture.shape == (round(6.0 * 22050), 2)


def test_stems_sum_to_the_mixture_and_parts_to_stems(songs):
    for song in songs:
        assert tuple(song.stems) == STEMS
        channels = song.mixture.shape[1]
        assert song.mixture.shape == (round(DURATION * song.rate), channels)
        total = np.sum([part.waveform.astype(np.float64) for part in song.parts], axis=0)
        np.testing.assert_allclose(song.mixture, total, atol=1e-6)
        for name, stem in song.stems.items():
            assert stem.dtype == np.float32 and np.isfinite(stem).all()
            own = [part.waveform for part in song.parts if part.stem == name]
            np.testing.assert_allclose(stem, np.sum(own, axis=0) if own else 0 * stem, atol=1e-6)
        assert 0.05 < np.abs(song.mixture).max() < 1
        assert len({part.name for part in song.parts}) == len(song.parts)


def test_labels_pass_the_validators_of_mir_eval(songs):
    for song in songs:
        mir_eval.util.validate_events(song.onsets.times)
        mir_eval.util.validate_events(song.beats.times)
        mir_eval.util.validate_events(song.drums.times)
        mir_eval.util.validate_intervals(song.chords.intervals)
        for spans in (song.voice_activity, song.lyrics):
            if len(spans.labels):
                mir_eval.util.validate_intervals(spans.intervals)
        mir_eval.transcription.validate(*2 * (song.notes.intervals, song.notes.frequencies))
        mir_eval.key.validate_key(song.key)
        for label in song.chords.labels:
            mir_eval.chord.validate_chord_label(label)
        for times in (song.onsets.times, song.beats.times, song.drums.times):
            assert np.all(np.diff(times) >= 0)
            assert not len(times) or (times.min() >= 0 and times.max() < song.duration)
        assert np.all(np.diff(song.onsets.times) >= 0.03 - 1e-9)


def test_names_are_of_the_vocabularies(songs):
    for song in songs:
        assert song.style in STYLES
        assert set(song.instruments.names) == {part.instrument for part in song.parts}
        assert set(song.instruments.names) <= set(INSTRUMENTS)
        assert set(song.drums.labels) <= set(DRUM_CLASSES)
        assert set(song.voice_activity.labels) <= {"voice"}


def test_beats_count_bars(songs):
    for song in (song for song in songs if "beats" not in song.unknown):
        places = np.array([int(label) for label in song.beats.labels])
        assert 1 <= places.min() and places.max() <= 7
        # The next beat of the bar, or the first of another.
        assert all((places[1:] == places[:-1] + 1) | (places[1:] == 1))
        assert 30 < song.tempo < 250
        assert np.median(np.diff(song.beats.times)) == pytest.approx(60 / song.tempo, rel=0.35)


def test_plain_songs_keep_their_metre_and_tempo():
    plain = ALL_FEATURES.without(*GROUPS)
    for seed, style in enumerate(sorted(STYLES)[::3]):
        song = render_song(seed, style=style, duration=DURATION, features=plain)
        places = np.array([int(label) for label in song.beats.labels])
        assert places[0] == 1 and places.max() in {g.beats for g in STYLES[style].grooves}
        np.testing.assert_array_equal(places, np.arange(len(places)) % places.max() + 1)
        slow, fast = STYLES[style].tempo
        assert 0.9 * slow < song.tempo < 1.1 * fast
        assert np.diff(song.beats.times).mean() == pytest.approx(60 / song.tempo, rel=1e-6)
        # Chords change on beats, or halfway between two downbeats.
        assert song.chords.labels[0] == "N"
        changes, times = song.chords.intervals[1:-1, 0], song.beats.times
        grid = np.concatenate([times, (times[1:] + times[:-1]) / 2])
        assert all(np.abs(grid - change).min() < 1e-6 for change in changes)


def test_chords_cover_the_song(songs):
    for song in (song for song in songs if "chords" not in song.unknown):
        intervals = song.chords.intervals
        assert intervals[0, 0] == 0 and intervals[-1, 1] == song.duration
        np.testing.assert_array_equal(intervals[1:, 0], intervals[:-1, 1])


def test_notes_are_inside_the_song_and_belong_to_parts(songs):
    for song in songs:
        intervals = song.notes.intervals
        assert np.all(intervals[:, 1] > intervals[:, 0]) and intervals.min() >= 0
        assert intervals.max() <= song.duration
        assert np.all(np.diff(intervals[:, 0]) >= 0)
        assert np.all((song.notes.frequencies > 25) & (song.notes.frequencies < 4200))
        assert sum(len(part.notes.frequencies) for part in song.parts) == len(intervals)


def test_melody_is_one_of_the_notes(songs):
    for song in songs:
        frames = np.arange(len(song.melody.times)) * MELODY_HOP
        np.testing.assert_allclose(song.melody.times, frames)
        assert song.melody.times[-1] < song.duration
        leading = [p for p in song.parts if p.stem == "vocals" or p.name.startswith("lead")]
        if not leading:
            assert not song.melody.frequencies.any()
            continue
        # A voice has its pitch in voiced consonants, too, before the note.
        spans = np.concatenate([(part.lyrics or part.notes).intervals for part in leading])
        for time in song.melody.times[song.melody.frequencies > 0]:
            assert np.any((spans[:, 0] <= time + 1e-9) & (time <= spans[:, 1] + 1e-9))


def test_voice_activity_is_where_the_vocals_have_energy():
    # Excerpts may begin in the echo of what was sung before, and tapes hiss.
    features = ALL_FEATURES.without("metre", "production")
    sung = 0
    for seed in range(8):
        song = render_song(seed, style=("pop", "ballad")[seed % 2], features=features)
        vocals = song.stems["vocals"].mean(axis=1)
        if not len(song.voice_activity.labels):
            assert not vocals.any()
            continue
        sung += 1
        times = np.arange(len(vocals)) / song.rate
        inside = np.zeros(len(vocals), bool)
        for start, end in song.voice_activity.intervals:
            inside |= (times >= start) & (times < end)
        # Reverberation and echoes follow the voice: what is before it is at most a breath.
        first = song.voice_activity.intervals[0, 0]
        power = vocals**2
        assert power[times < first - 0.5].sum() <= 1e-6 * power.sum()
        assert power[times < first - 0.006].sum() <= 5e-3 * power.sum()
        assert power[inside].mean() > 10 * power[~inside].mean()
    assert sung >= 4


def test_half_of_the_parts_are_synthesised_and_instruments_vary():
    from umir.studio.sounds.instruments import PROGRAMS, SYNTHETIC_SHARE
    from umir.studio.writing.composer import compose

    assert SYNTHETIC_SHARE >= 0.5 and len(PROGRAMS) + 2 == len(INSTRUMENTS)
    used, without_drums, without_voice = set(), 0, 0
    for seed in range(150):
        score = compose(np.random.default_rng(seed), 24.0)
        used |= {part.instrument for part in score.parts}
        without_drums += not score.hits
        without_voice += all(part.role != "vocals" for part in score.parts)
    assert used == set(INSTRUMENTS) - {"drums"}
    assert 0.08 < without_drums / 150 < 0.4
    assert 0.2 < without_voice / 150 < 0.7


@pytest.mark.parametrize(
    "arguments",
    [{"channels": 3}, {"rate": 100}, {"duration": 0.1}, {"style": "polka"}, {"seed": -1}],
)
def test_bad_arguments_say_so(arguments):
    with pytest.raises(ValueError, match=r"\w+"):
        render_song(**{"seed": 0, **arguments})


def test_where_nobody_plays_another_song_is_drawn():
    for seed in (13, 162):
        song, again = (render_song(seed, duration=3.0, rate=8000) for _ in range(2))
        assert song.seed == seed and song.parts and song.mixture.any()
        assert fingerprint(song) == fingerprint(again)


@pytest.mark.parametrize("rate", [8000, 48000])
def test_short_songs_at_low_and_high_rates(rate):
    for seed in range(12):
        song = render_song(seed, rate=rate, duration=1.0)
        assert song.mixture.shape == (rate, 1) and np.isfinite(song.mixture).all()
        if "chords" not in song.unknown:
            assert song.chords.intervals[-1, 1] == 1.0 and len(song.beats.times)
