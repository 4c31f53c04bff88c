"""Harmony, styles, composer and performer."""

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.studio.playing.performer import perform
from umir.studio.song import DRUM_CLASSES
from umir.studio.styles import STYLES
from umir.studio.styles.style import groove
from umir.studio.writing.composer import compose
from umir.studio.writing.harmony import (
    NOTE_NAMES,
    QUALITIES,
    SCALES,
    Chord,
    key_name,
    melody_tones,
    nearest,
    parse_chord,
    parse_progression,
    voicing,
)


@pytest.mark.parametrize("quality", sorted(QUALITIES))
def test_chord_labels_mean_to_mir_eval_what_they_mean_to_us(quality):
    for root in range(12):
        chord = Chord(root, quality)
        number, bitmap, _ = mir_eval.chord.encode(chord.label, reduce_extended_chords=True)
        assert number == root
        tones = {(number + step) % 12 for step in np.flatnonzero(bitmap)}
        assert tones == set(chord.tones)


def test_numerals():
    assert parse_chord("V7", 0).label == "G:7"
    assert parse_chord("bVI", 9).label == "F:maj"
    assert parse_chord("ii7", 2).label == "E:min7"
    assert parse_chord("iihdim7", 0).label == "D:hdim7"
    assert parse_chord("IVmaj7", 5).label == "Bb:maj7"
    bars = parse_progression("I ii7/V7", 0)
    assert [[chord.label for chord in bar] for bar in bars] == [["C:maj"], ["D:min7", "G:7"]]
    for bad in ("H", "Vfoo"):
        with pytest.raises(ValueError, match=bad):
            parse_chord(bad, 0)


@given(
    st.integers(0, 11),
    st.sampled_from(sorted(QUALITIES)),
    st.floats(50, 75),
    st.integers(0, 11),
    st.sampled_from(sorted(SCALES)),
)
def test_voicings_and_melody_tones(root, quality, centre, tonic, mode):
    chord = Chord(root, quality)
    pitches = voicing(chord, centre)
    assert {pitch % 12 for pitch in pitches} == set(chord.tones)
    assert list(pitches) == sorted(pitches) and pitches[-1] - pitches[0] < 12
    assert abs(np.mean(pitches) - centre) <= 6
    tones = melody_tones(chord, tonic, mode)
    assert set(chord.tones) <= set(tones) and len(tones) >= len(chord.tones)


def test_harmonic_minor_leaves_out_the_seventh_over_the_dominant():
    tones = melody_tones(parse_chord("V", 9), 9, "minor")  # E major in A minor
    assert 8 in tones and 7 not in tones
    assert key_name(9, "minor") == "A minor" and key_name(3, "mixolydian") == "Eb major"
    assert nearest(0, 61.0) == 60 and nearest(11, 60) == 59


def test_styles_differ():
    assert len(STYLES) >= 8
    tempi = {name: np.mean(style.tempo) for name, style in STYLES.items()}
    assert max(tempi.values()) > 2.5 * min(tempi.values())
    assert len({groove.beats for style in STYLES.values() for groove in style.grooves}) >= 4
    for aspect in ("tempo", "modes", "grooves", "chords"):
        values = [repr(getattr(style, aspect)) for style in STYLES.values()]
        assert len(set(values)) >= len(values) - 4, aspect
    for style in STYLES.values():
        for groove_ in style.grooves:
            assert set(groove_.drums) <= set(DRUM_CLASSES)
        for progressions in style.modes.values():
            for progression in progressions:
                assert parse_progression(progression, 0)


def test_grooves_of_the_wrong_length_say_so():
    with pytest.raises(ValueError, match="has 3 steps, the bar has 8"):
        groove(4, 2, ("r--",), ())


@pytest.mark.parametrize("style", sorted(STYLES))
def test_scores_are_in_their_style(style):
    for seed in range(3):
        score = compose(np.random.default_rng(seed), 20.0, style)
        assert score.style.name == style
        assert score.style.tempo[0] <= score.tempo <= score.style.tempo[1]
        length = score.bars * score.beats_per_bar
        starts = [chord.start for chord in score.chords]
        ends = [chord.start + chord.length for chord in score.chords]
        np.testing.assert_allclose(starts[1:], ends[:-1])
        assert starts[0] == 0 and ends[-1] == pytest.approx(length)
        for part in score.parts:
            assert all(0 <= note.start < length and note.length > 0 for note in part.notes)
            assert all(20 < note.pitch < 110 and 0 < note.accent for note in part.notes)
        # The bass plays the root where a chord begins, more often than not.
        (bass,) = [part for part in score.parts if part.role == "bass"] or [None]
        if bass:
            roots = {chord.start: chord.chord.root for chord in score.chords}
            on_chord = [n for n in bass.notes if n.start in roots]
            hits = [note.pitch % 12 == roots[note.start] for note in on_chord]
            assert not hits or np.mean(hits) > 0.5


def test_unknown_style():
    with pytest.raises(ValueError, match="unknown style 'polka'"):
        compose(np.random.default_rng(0), 10.0, "polka")


def test_performance_is_human_but_close_to_the_score():
    score = compose(np.random.default_rng(4), 20.0, "jazz")
    performance = perform(np.random.default_rng(5), score, 20.0)
    lengths = np.diff(performance.beats)
    assert 0 < lengths.std() / lengths.mean() < 0.05
    velocities = [note.velocity for part in performance.parts for note in part.notes]
    assert np.std(velocities) > 0.02 and 0.1 <= min(velocities) <= max(velocities) <= 1
    written = np.array([hit.start for hit in score.hits])
    whole = written[np.isclose(written, np.round(written))]
    times = np.array([hit.onset for hit in performance.hits])
    if len(times):
        on_beat = [np.abs(times - beat).min() for beat in performance.beats]
        assert len(whole) and np.median(on_beat) < 0.06


def test_leads_play_one_note_at_a_time_and_chords_strike_no_key_twice():
    for seed in range(12):
        score = compose(np.random.default_rng(seed), 16.0)
        performance = perform(np.random.default_rng(seed), score, 16.0)
        for part in performance.parts:
            ends: dict[float, float] = {}
            for note in part.notes:
                key = note.pitch if part.role in ("chords", "pad") else 0.0
                assert note.onset >= ends.get(key, 0.0) - 1e-9
                ends[key] = note.offset
                assert note.offset > note.onset


def test_swing_delays_every_second_step():
    straight = compose(np.random.default_rng(1), 12.0, "house")
    assert straight.swing == 0
    swung = compose(np.random.default_rng(1), 12.0, "hip_hop")
    assert 0.1 <= swung.swing <= 0.45


def test_names_of_notes():
    assert len(NOTE_NAMES) == 12
    for name in NOTE_NAMES:
        mir_eval.chord.validate_chord_label(f"{name}:maj")
