"""The groups *harmony* and *metre*: richer music, whose labels are still what is played."""

import hashlib
from collections import Counter

import mir_eval
import numpy as np
import pytest
from scipy.stats import circmean

from umir.studio import STYLES, render_song
from umir.studio.excerpt import without_lead
from umir.studio.features import ALL_FEATURES, GROUPS, group_generators
from umir.studio.playing.performer import perform
from umir.studio.writing.composer import _plan, compose
from umir.studio.writing.harmony import QUALITIES, Chord
from umir.studio.writing.key_changes import longest_key
from umir.studio.writing.metres import draw_metre
from umir.studio.writing.score import Score, ScoreChord, ScoreNote, ScorePart
from umir.studio.writing.sounding import as_sounding

DURATION = 24.0
# Of twenty songs without groups: what the groups do must not change these.
PLAIN = "de6a88015e59d877ce41af4bc4d13806a8ccf51db2ef5c6cb1426e0c812f4e21"


def write(seed, groups=("harmony", "metre"), style=None, duration=DURATION):
    """Return score and performance of a seed."""
    sequence = np.random.SeedSequence(seed)
    writing, playing = map(np.random.default_rng, sequence.spawn(2))
    chance = group_generators(sequence)
    given = {name: chance[name] for name in groups}
    score = compose(writing, duration, style, **given)
    return score, perform(playing, score, duration)


@pytest.fixture(scope="module")
def written():
    return [write(seed) for seed in range(60)]


def test_songs_without_groups_stay_the_same():
    music = []
    for seed in range(20):
        score = compose(np.random.default_rng(seed), 24.0)
        notes = [(round(n.start, 6), n.pitch) for part in score.parts for n in part.notes]
        hits = [(round(hit.start, 6), hit.drum) for hit in score.hits]
        labels = [each.chord.label for each in score.chords]
        music.append((score.style.name, score.bars, notes, hits, labels))
    assert hashlib.sha256(repr(music).encode()).hexdigest() == PLAIN


def test_same_chance_same_score_and_other_chance_another():
    first, again = write(3)[0], write(3)[0]
    assert first == again
    assert write(3, groups=("harmony",))[0] != write(3, groups=())[0] != write(3)[0]


def test_without_metre_the_rest_stays():
    for seed in range(10):
        plain, rich = write(seed, groups=())[0], write(seed, groups=("harmony",))[0]
        assert (plain.style, plain.tempo, plain.bars) == (rich.style, rich.tempo, rich.bars)
        assert not rich.positions and not rich.pace and rich.swing == plain.swing


def sounding(performance, tuning, start, end):
    """Return the seconds that each pitch class of the accompaniment sounds in a stretch."""
    seconds = np.zeros(12)
    for part in performance.parts:
        if part.role in ("bass", "chords", "pad"):
            for note in part.notes:
                overlap = min(note.offset, end) - max(note.onset, start)
                seconds[round(note.pitch - tuning) % 12] += max(overlap, 0.0)
    return seconds


def test_chord_labels_are_what_is_played(written):
    inside = total = 0.0
    extensions = heard = 0
    for _, performance in written:
        tuning = circmean(
            [note.pitch % 1 for part in performance.parts for note in part.notes] or [0.0], high=1
        )
        tuning = tuning - 1 if tuning > 0.5 else tuning
        for start, end, label in performance.chords:
            seconds = sounding(performance, tuning, start, end)
            if label in ("N", "X") or end - start < 0.6 or not seconds.any():
                continue
            root, bitmap, bass = mir_eval.chord.encode(label, reduce_extended_chords=True)
            tones = {(root + step) % 12 for step in np.flatnonzero(bitmap)}
            tones.add((root + bass) % 12)
            inside += seconds[sorted(tones)].sum()
            total += seconds.sum()
            quality = label.split(":")[1].split("/")[0]
            for step in set(QUALITIES[quality]) - set(QUALITIES.get(quality[:3], (0, 3, 4, 5, 7))):
                if step in (9, 10, 11):
                    extensions += 1
                    heard += seconds[(root + step) % 12] > 0.02
    assert inside / total > 0.9
    assert extensions > 40 and heard / extensions > 0.98


def test_one_tone_does_not_tell_the_chord():
    def part(role, *notes):
        return ScorePart(role, "piano", tuple(ScoreNote(*note, 0.7) for note in notes))

    chord = Chord(0, "maj")
    written = tuple(ScoreChord(beat, 4.0, chord) for beat in (0.0, 4.0, 8.0, 12.0))
    # Octaves of C; C under a melody's E; F sharp and C, of which one is of the chord; nobody.
    hands = part(
        "chords", (0.0, 4.0, 36), (0.0, 4.0, 48), (4.0, 4.0, 60), (8.0, 2.0, 60), (10.0, 2.0, 66)
    )
    score = Score(
        STYLES["pop"], 120.0, 4, 4, 0.0, 4, 0, "major", written,
        (hands, part("lead", (4.0, 4.0, 76))), (),
    )  # fmt: skip
    assert [each.label for each in as_sounding(score).chords] == ["X", "C:maj", "X", "N"]


def test_bass_notes_of_labels_are_played(written):
    slashed = right = 0
    for score, _ in written:
        bass = [note for part in score.parts if part.role == "bass" for note in part.notes]
        for each in score.chords:
            if not bass or not each.heard or each.chord.bass is None:
                continue
            first = [n for n in bass if each.start - 1e-6 <= n.start < each.start + each.length]
            if first:
                slashed += 1
                lowest = min(first, key=lambda note: note.start)
                right += lowest.pitch % 12 == each.chord.bass
    assert slashed > 20 and right == slashed


def test_harmony_is_varied(written):
    labels = [label for _, performance in written for _, _, label in performance.chords]
    qualities = {label.split(":")[1].split("/")[0] for label in labels if label not in ("N", "X")}
    assert {"maj", "min", "7", "maj7", "min7", "sus4", "9", "dim7", "5", "maj(9)"} <= qualities
    degrees = {label.split("/")[1] for label in labels if "/" in label}
    assert {"3", "b3", "5", "b7"} <= degrees
    for label in set(labels):
        mir_eval.chord.validate_chord_label(label)
    keys = [len({each.key for each in score.chords}) for score, _ in written]
    assert 0.05 < np.mean(np.array(keys) > 1) < 0.4


def test_the_key_is_that_of_the_most_bars(written):
    for score, _ in written:
        beats = Counter()
        for each in score.chords:
            beats[each.key] += each.length
        key, most = beats.most_common(1)[0]
        others = [length for other, length in beats.items() if other != key]
        close = others and max(others) > 0.8 * most  # cut bars may tip the balance
        assert close or key == (score.tonic, score.mode)


def test_the_key_of_a_song_is_the_one_heard_longest():
    home, other = (0, "major"), (2, "major")
    spans = ((0.0, 6.0, home), (6.0, 9.0, other), (9.0, 10.0, home))
    assert longest_key(spans, 0.0, 10.0) == home
    assert longest_key(spans, 5.0, 10.0) == other and longest_key(spans, 5.0, 9.0) == other
    assert longest_key(spans, 5.0, 7.0) == home  # of equals, the first
    assert longest_key(spans, 10.0, 12.0) is None
    # Most bars that are written are in G minor, and none of those that are heard.
    features = ALL_FEATURES.without("production", "timbre", "singing")
    assert render_song(97, rate=8000, features=features).key == "F minor"


def test_keys_are_told_where_a_chord_is_heard(written):
    for score, performance in written[:20]:
        heard = [(start, end) for start, end, _ in performance.keys]
        silent = [(a, b) for a, b, label in performance.chords if label == "N"]
        assert {key for *_, key in performance.keys} <= {each.key for each in score.chords}
        for start, end in silent:
            assert all(max(a, start) >= min(b, end) - 1e-6 for a, b in heard)
        total = sum(b - a for a, b in [*silent, *heard])
        assert total == pytest.approx(DURATION, abs=1e-6)


def test_a_lifted_song_ends_on_its_new_tonic():
    style, kinds, lifted = STYLES["pop"], ("verse",) * 4 + ("chorus",) * 4 + ("end",), 0
    for seed in range(40):
        rngs = np.random.default_rng(seed), np.random.default_rng(seed)
        plan = _plan(rngs[0], style, style.grooves[0], (0, "major"), kinds, rngs[1], None)
        tonic, _ = plan.keys[-1]
        lifted += tonic != 0
        ((final,),) = plan.materials["end"].progression
        assert final == Chord(tonic, "maj") and plan.materials["end"].tonic == tonic
    assert lifted >= 2


def test_slash_labels_mean_to_mir_eval_what_they_mean_to_us():
    for quality in sorted(QUALITIES):
        for bass in range(12):
            label = Chord(4, quality, bass).label
            root, _, interval = mir_eval.chord.encode(label)
            assert ((root + interval) % 12, root) == (bass, 4), label
    assert Chord(0, "maj", 4).label == "C:maj/3" and Chord(0, "maj", 0).label == "C:maj"
    assert Chord(9, "min7").transposed(5) == Chord(2, "min7")
    assert Chord(0, "maj", 7).transposed(2).label == "D:maj/5"


def test_beats_count_bars_as_the_score_does(written):
    metres, upbeats = Counter(), 0
    for score, performance in written:
        places = list(performance.positions)
        assert len(places) == len(performance.beats) and min(places) >= 1
        assert np.all(np.diff(performance.beats) > 0.1)
        for one, after in zip(places[:-1], places[1:], strict=True):
            assert after == one + 1 or after == 1
        wraps = [one for one, after in zip(places[:-1], places[1:], strict=True) if after == 1]
        assert sum(one != max(places) for one in wraps) <= 1  # at most one bar is cut short
        metres[score.beats_per_bar, score.division] += 1
        upbeats += places[0] != 1
    assert {beats for beats, _ in metres} >= {2, 3, 4, 5} and (2, 3) in metres
    assert 0.08 < upbeats / len(written) < 0.4


def test_seven_eighths_are_counted_one_by_one_or_in_groups():
    style = STYLES["rock"]
    counts = Counter()
    for seed in range(300):
        rng = np.random.default_rng(seed)
        metre = draw_metre(rng, style, style.grooves[0], 110.0, chosen=False)
        assert len(metre.count) == metre.home.beats and metre.home in metre.style.grooves
        assert all(len(each) == metre.home.steps for each in metre.home.drums.values())
        if metre.home.beats == 7:
            counts[metre.count] += 1
            assert metre.home.division == 2 and metre.home.drums["kick"] == "X.....x.x....."[:14]
    assert {(1, 0, 2, 0, 3, 0, 0), (1, 2, 3, 4, 5, 6, 7)} <= set(counts)


def test_drums_and_bass_fall_on_beats(written):
    """A second look: beats are where the band plays, whatever the tempo does."""
    near = []
    for _, performance in written:
        struck = [hit.onset for hit in performance.hits if hit.drum in ("kick", "snare")]
        parts = [part for part in performance.parts if part.role in ("bass", "chords")]
        struck += [note.onset for part in parts for note in part.notes]
        if len(struck) < 20:
            continue
        times = np.sort(struck)
        downbeats = performance.beats[np.array(performance.positions) == 1]
        inside = downbeats[(downbeats > times[0]) & (downbeats < times[-1])]
        gaps = [np.abs(times - beat).min() for beat in inside]
        near.append(np.mean(np.array(gaps) < 0.05))
    assert np.median(near) > 0.9 and np.mean(near) > 0.8


def test_tempi_are_wide_and_move(written):
    tempi = np.array([performance.tempo for _, performance in written])
    assert tempi.min() < 55 and tempi.max() > 190 and tempi.max() < 260
    spread = [np.diff(p.beats).std() / np.diff(p.beats).mean() for _, p in written]
    assert np.quantile(spread, 0.1) < 0.01 and np.quantile(spread, 0.9) > 0.06
    for score, performance in written:
        if max(score.places) == score.beats_per_bar:
            middle = 60 / np.median(np.diff(performance.beats))
            assert performance.tempo == pytest.approx(middle, rel=0.25)


def test_swing_has_several_levels():
    delays = []
    for seed in range(50):
        score, _ = write(seed, groups=("metre",), duration=4.0)
        written, played = score.warp
        delays.append(round(played - written, 3))
        assert -0.2 < played - written < 0.2 and 0 <= score.swing < 0.5
    assert len(set(delays)) > 6 and delays.count(0) > 15


def test_half_of_the_songs_begin_between_bars():
    firsts = []
    for seed in range(12):
        features = ALL_FEATURES.without("production", "timbre", "singing")
        song = render_song(seed, duration=8.0, rate=8000, features=features)
        assert song.mixture.shape == (8 * 8000, 1) and np.isfinite(song.mixture).all()
        assert song.chords.intervals[0, 0] == 0 and song.chords.intervals[-1, 1] == song.duration
        np.testing.assert_allclose(song.melody.times, np.arange(800) * 0.01)
        for part in song.parts:
            assert part.waveform.shape == song.mixture.shape
            assert np.all((part.onsets.times >= 0) & (part.onsets.times < 8))
        firsts.append(song.beats.labels[0])
    assert 2 <= sum(first != "1" for first in firsts) <= 11


def test_an_excerpt_is_the_song_without_its_beginning():
    song = render_song(5, duration=8.0, features=ALL_FEATURES.without(*GROUPS))
    cut = without_lead(song, 2)
    assert without_lead(song, 0) is song and cut.duration == 6.0
    np.testing.assert_array_equal(cut.mixture, song.mixture[2 * song.rate :])
    np.testing.assert_allclose(
        cut.beats.times, song.beats.times[song.beats.times >= 2] - 2, atol=1e-9
    )
    np.testing.assert_array_equal(cut.melody.frequencies, song.melody.frequencies[200:])
    assert len(cut.melody.times) == 600 and cut.melody.times[0] == 0
    assert cut.chords.labels[-1] == song.chords.labels[-1]
    assert cut.notes.intervals.min() >= 0 and cut.notes.intervals.max() <= 6


def test_solo_piano_uses_the_keyboard():
    low, high, counts = 128, 0, []
    for seed in range(8):
        score, performance = write(seed, style="solo_piano")
        (part,) = score.parts
        assert part.instrument == "piano" and not score.hits
        pitches = [note.pitch for note in part.notes]
        low, high = min(low, *pitches), max(high, *pitches)
        counts.append(len(pitches))
        starts = Counter(note.start for note in part.notes)
        assert max(starts.values()) >= 2  # more than one key at a time
    assert low < 34 and high > 90 and min(counts) > 20


def test_every_style_can_be_composed_with_groups():
    for style in STYLES:
        score, performance = write(len(style), style=style, duration=10.0)
        assert score.style.name == style and performance.parts
        for part in performance.parts:
            times = [(note.onset, note.offset) for note in part.notes]
            assert np.isfinite(times).all() and np.all(np.diff(times, axis=1) > 0)
