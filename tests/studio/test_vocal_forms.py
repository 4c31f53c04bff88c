"""The group of features *singing*: what voices do, and that the labels say so exactly."""

from dataclasses import replace

import numpy as np
import pytest

from umir.annotations import F0, Notes
from umir.studio import MELODY_HOP, render_song
from umir.studio.features import ALL_FEATURES, GROUPS
from umir.studio.playing.performance import Note, Performance, PlayedPart
from umir.studio.playing.performer import perform
from umir.studio.playing.vocal_harmony import VocalHarmony
from umir.studio.voices import vocal_forms
from umir.studio.voices.choir import answer, draw_choir
from umir.studio.voices.singer import REGISTERS
from umir.studio.voices.vocal_forms import (
    _alone,
    _divided,
    _relabelled,
    arrange_voices,
    gaps_of,
    phrases_of,
)
from umir.studio.voices.vocal_take import notes_as_sung
from umir.studio.writing.composer import compose
from umir.studio.writing.lexicon import words

DURATION = 12.0
VOICE = ALL_FEATURES.without(*[group for group in GROUPS if group != "singing"])
WORDS = tuple(part for word in words() for part in word)


def performed(seed, duration=DURATION):
    rng = np.random.default_rng(seed)
    score = compose(rng, duration)
    return score, perform(rng, score, duration)


def arranged():
    """Yield seed, what was performed, and what the voices made of it, of songs with a voice."""
    for seed in range(60):
        score, performance = performed(seed)
        if any(part.role == "vocals" for part in performance.parts):
            rng = np.random.default_rng(1000 + seed)
            yield seed, performance, arrange_voices(rng, score, performance, DURATION)


def test_songs_without_the_group_are_the_same_whatever_it_does():
    plain = ALL_FEATURES.without("singing")
    for seed in (1, 3):
        first, second = (render_song(seed, duration=3.0, features=plain) for _ in range(2))
        assert first.mixture.tobytes() == second.mixture.tobytes()


def test_the_accompaniment_does_not_depend_on_the_group():
    bare = VOICE.without("singing")
    same = 0
    for seed in range(8):
        with_group, without = (
            render_song(seed, duration=4.0, features=features) for features in (VOICE, bare)
        )
        np.testing.assert_array_equal(with_group.beats.times, without.beats.times)
        played = [
            [part for part in song.parts if part.stem not in ("vocals", "drums")]
            for song in (with_group, without)
        ]
        for one, other in zip(*played, strict=False):
            same += np.array_equal(one.notes.intervals, other.notes.intervals)
    assert same > 8


def test_pitches_that_fit_are_in_chord_or_key():
    performance = Performance(
        beats=np.arange(8.0),
        positions=(1, 2, 3, 4) * 2,
        chords=((0.0, 4.0, "C:maj"), (4.0, 8.0, "E:7/3")),
        parts=(),
        hits=(),
        tempo=60.0,
    )
    harmony = VocalHarmony(performance, (0, "major"))
    assert harmony.tones(1.0) == (0, 2, 4, 5, 7, 9, 11)
    assert 8 in harmony.tones(5.0) and 7 not in harmony.tones(5.0)  # G sharp instead of G
    assert harmony.fit(61.25, 1.0) in (60.25, 62.25)
    assert harmony.step(60.0, 2, 1.0) == 64.0 and harmony.step(60.0, -2, 1.0) == 57.0


def test_choirs_stay_in_range_in_time_and_in_the_harmony():
    sizes = set()
    for seed in range(40):
        score, performance = performed(seed % 10)
        lead = next((part for part in performance.parts if part.role == "vocals"), None)
        if lead is None:
            continue
        harmony = VocalHarmony(performance, (score.tonic, score.mode))
        phrases = phrases_of(lead.notes)
        rng = np.random.default_rng(seed)
        choir = draw_choir(rng, phrases, lead.register, harmony, DURATION)
        sizes.add(len(choir))
        onsets = np.array([note.onset for note in lead.notes])
        for part in choir:
            voice = REGISTERS[part.register]
            for note in part.notes:
                assert voice.low - 1 <= note.pitch <= voice.high + 1
                assert np.abs(onsets - note.onset).min() < 0.2
                assert note.offset - note.onset > 0.04
            pairs = zip(part.notes[:-1], part.notes[1:], strict=True)
            assert all(a.offset <= b.onset + 1e-9 for a, b in pairs)
    assert max(sizes) >= 4


def test_answers_fill_the_gaps_and_only_them(rng):
    lines = ((performed(seed)[1], part) for seed in range(30) for part in performed(seed)[1].parts)
    performance, lead = next(line for line in lines if line[1].role == "vocals")
    gaps = gaps_of(lead.notes, DURATION)
    harmony = VocalHarmony(performance, (0, "major"))
    line = answer(rng, phrases_of(lead.notes), gaps, "tenor", harmony)
    for note in line:
        assert any(a < note.onset and note.offset < b for a, b in gaps)
        assert round(note.pitch) % 12 in harmony.tones(note.onset)


def test_divided_notes_fill_the_note(rng):
    _, performance = performed(0)
    harmony = VocalHarmony(performance, (0, "major"))
    note = Note(1.0, 2.0, 60.0, 0.8, syllable=WORDS[0])
    for _ in range(20):
        parts = _divided(rng, note, 1.0, [note], harmony)
        assert parts[0].onset == 1.0 and parts[-1].offset == pytest.approx(2.0)
        assert all(abs(part.pitch - 60) < 4 for part in parts) and len(parts) in (2, 3)


def test_bars_alone_are_silent_and_have_no_chord():
    chords = ((0.0, 2.0, "N"), (2.0, 5.0, "C:maj"), (5.0, 8.0, "F:maj"))
    assert _relabelled(chords, 3.0, 6.0, "N") == (
        (0.0, 2.0, "N"),
        (2.0, 3.0, "C:maj"),
        (3.0, 6.0, "N"),
        (6.0, 8.0, "F:maj"),
    )
    alone = 0
    for seed in range(10):
        _, performance = performed(seed)
        lead = next((part for part in performance.parts if part.role == "vocals"), None)
        if lead is None:
            continue
        changed = _alone(np.random.default_rng(seed), performance, lead.notes, ())
        new = [span for span in changed.chords if span not in performance.chords]
        for start, end, _ in (span for span in new if span[2] == "N" and span[0] > 0):
            alone += 1
            others = [part for part in changed.parts if not part.register]
            assert not any(
                start <= note.onset < end - 0.05 for part in others for note in part.notes
            )
            assert not any(start <= hit.onset < end - 0.05 for hit in changed.hits)
    assert alone >= 2


def test_bars_without_the_accompaniment_have_no_chord_of_its():
    notes = tuple(Note(2.0 * bar, 2.0 * bar + 1.8, 60.0, 0.8) for bar in range(4))
    lead = PlayedPart("vocals", "voice", notes, "alto")
    piano = replace(lead, role="chords", instrument="piano", register="")
    performance = Performance(
        np.arange(8.0), (1, 2) * 4, ((0.0, 8.0, "C:maj"),), (lead, piano), (), 60.0
    )

    def labels(others, parts=performance.parts):
        given = replace(performance, parts=parts)
        changed = _alone(np.random.default_rng(1), given, lead.notes, others)
        ((start, end, label),) = [span for span in changed.chords if span[2] != "C:maj"]
        return start, end, label

    start, end, label = labels(())
    assert label == "N"
    choir = replace(lead, role="backing")
    later = replace(choir, notes=(Note(end + 0.1, end + 1.0, 64.0, 0.8),))
    assert labels((choir,)) == labels((), (lead, piano, choir)) == (start, end, "X")
    assert labels((later,)) == (start, end, "N")  # an answer in a pause is no choir


def test_voices_without_instruments_tell_neither_chords_nor_beats(monkeypatch):
    for name in ("_A_CAPPELLA", "_CHOIR"):
        monkeypatch.setattr(vocal_forms, name, 1.0)
    song = render_song(0, style="pop", duration=8.0, features=VOICE)
    assert len(song.parts) > 1 and {part.instrument for part in song.parts} == {"voice"}
    assert song.unknown == {"chords", "beats", "tempo"} and np.isnan(song.tempo)
    assert not song.chords.labels and not song.beats.labels and song.chords.duration == 8.0


def test_every_form_comes_up_and_nothing_is_out_of_the_song():
    a_cappella, spoken, others, rested = 0, 0, 0, 0
    for _, before, (after, singers) in arranged():
        lead = next(part for part in after.parts if part.role == "vocals")
        a_cappella += not after.hits and all(part.register for part in after.parts)
        spoken += any(note.spoken for note in lead.notes)
        others += bool(singers)
        rested += len(gaps_of(lead.notes, DURATION)) > 0
        assert len(singers) + sum(bool(part.register) for part in after.parts) <= 6
        for part in (*after.parts, *singers):
            assert part.notes
            for note in part.notes:
                assert 0 <= note.onset < note.offset <= DURATION + 1e-6
            if part.register:
                pairs = zip(part.notes[:-1], part.notes[1:], strict=True)
                assert all(a.offset <= b.onset + 1e-6 for a, b in pairs)
        np.testing.assert_array_equal(after.beats, before.beats)
    assert min(a_cappella, spoken, others, rested) >= 1


def test_labels_of_songs_with_voices_hold_together():
    for seed in range(12):
        song = render_song(seed, duration=6.0, features=VOICE, rate=8000)
        voices = [part for part in song.parts if part.stem == "vocals"]
        for part in voices:
            assert len(part.f0.times) == len(song.melody.times)
            for start, end in part.lyrics.intervals:
                spans = song.voice_activity.intervals
                assert np.any((spans[:, 0] <= start) & (end <= spans[:, 1]))
        total = sum((part.waveform.astype(float) for part in song.parts), np.zeros(1))
        np.testing.assert_allclose(song.mixture, total, atol=1e-5)
        alone = len(voices) == len(song.parts)
        assert song.unknown == ({"chords", "beats", "tempo"} if alone else set())


def test_notes_have_the_pitch_that_is_sung():
    times = np.arange(100) * MELODY_HOP
    curve = np.zeros(100)
    curve[10:40] = 214.0  # half a semitone flat of the 220 Hz that are written
    curve[38:40] = 300.0  # on the way to the next note
    curve[60:62] = 330.0  # hardly voiced
    notes = Notes(np.array([[0.1, 0.4], [0.6, 0.7], [0.8, 0.9]]), np.array([220.0, 300.0, 440.0]))
    sung = notes_as_sung(notes, F0(times, curve))
    np.testing.assert_array_equal(sung.frequencies, [214.0, 300.0, 440.0])
    np.testing.assert_array_equal(sung.intervals, notes.intervals)
    nothing = notes_as_sung(Notes(np.zeros((0, 2)), np.zeros(0)), F0(times, curve))
    assert not len(nothing.frequencies)


def test_sung_notes_are_where_their_curve_is():
    for seed in range(4):
        for part in render_song(seed, style="pop", duration=12.0).parts:
            if part.instrument != "voice" or part.f0 is None:
                continue
            for (start, end), pitch in zip(
                part.notes.intervals, part.notes.frequencies, strict=True
            ):
                inside = (part.f0.times >= start) & (part.f0.times < end)
                voiced = part.f0.frequencies[inside & (part.f0.frequencies > 0)]
                if len(voiced) > 8 and start > 0:  # what an excerpt begins with, is cut
                    assert abs(12 * np.log2(np.median(voiced) / pitch)) < 0.25
