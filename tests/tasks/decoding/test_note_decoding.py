"""Notes out of activations, and the search of its settings."""

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.tasks.decoding.note_decoding import (
    DEFAULT_SETTINGS,
    MOST_PER_NOTE,
    NEVER,
    Activations,
    PitchedNotes,
    decode_notes,
    fit_notes,
)

RATE = 100.0


def _notes(*rows):
    """Rows of pitch, onset, offset, sorted."""
    pitches, onsets, offsets = np.array(sorted(rows), float).reshape(-1, 3).T
    return PitchedNotes(pitches.astype(int), onsets, offsets)


def _rows(notes):
    return list(zip(notes.pitches.tolist(), notes.onsets, notes.offsets, strict=True))


def _decode(onset, active, settings=DEFAULT_SETTINGS):
    return decode_notes(Activations(onset, active, np.zeros_like(onset)), settings, RATE)


def _fit(onsets, actives, references):
    songs = [Activations(o, a, np.zeros_like(o)) for o, a in zip(onsets, actives, strict=True)]
    return fit_notes(songs, references, RATE)


def _activations(notes, n_frames=400, n_pitches=4, high=0.9):
    onset, active = np.full((2, n_frames, n_pitches), 0.01)
    for pitch, start, end in _rows(notes):
        onset[round(100 * start), pitch] = high
        active[round(100 * start) : round(100 * end), pitch] = high
    return onset, active


def test_a_note_lasts_from_its_onset_until_it_is_silent():
    notes = _notes((0, 0.5, 1.0), (2, 0.5, 2.25), (3, 0.0, 4.0))  # the last one to the very end
    found = _decode(*_activations(notes))
    np.testing.assert_allclose(_rows(found), _rows(notes))


def test_the_next_onset_of_a_pitch_ends_a_note_and_silence_is_a_frame_at_least():
    onset, active = _activations(_notes((1, 0.5, 2.0)))
    onset[120, 1] = 0.8
    onset[300, 1] = 0.8  # nothing sounds there
    onset[130, 2] = 0.8  # of another pitch
    found = _decode(onset, active)
    expected = [(1, 0.5, 1.2), (1, 1.2, 2.0), (1, 3.0, 3.01), (2, 1.3, 1.31)]
    np.testing.assert_allclose(_rows(found), expected)
    longer = _decode(onset, active, {**DEFAULT_SETTINGS, "shortest": 0.02})
    np.testing.assert_allclose(_rows(longer), expected[:2])


def test_peaks_at_the_borders_of_a_pitch_are_its_own():
    onset, active = np.zeros((2, 50, 3))
    onset[49, 0] = onset[0, 1] = onset[49, 1] = onset[0, 2] = 0.9
    active[:] = 0.9
    found = _decode(onset, active)
    np.testing.assert_allclose(_rows(found), [(0, 0.49, 0.5), (1, 0, 0.49), (1, 0.49, 0.5), (2, 0, 0.5)])  # fmt: skip  # noqa: E501


def test_nothing_is_found_in_silence():
    assert not len(_decode(*np.zeros((2, 100, 3))).onsets)


@given(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=20), st.integers(10, 28))
def test_notes_that_do_not_overlap_come_back(slots, length):
    notes = _notes(*((p, 0.4 * s, 0.4 * s + length / 100) for p, s in slots))
    found = _decode(*_activations(notes))
    np.testing.assert_allclose(np.reshape(_rows(found), (-1, 3)), np.reshape(_rows(notes), (-1, 3)))


def _noisy(rng, high):
    """Songs of 40 notes whose activations hardly reach `high`, with lower peaks among them."""
    songs, onsets, actives = [], [], []
    for _ in range(3):
        slots = rng.permutation(40)[:40]
        notes = _notes(*((s % 4, 0.4 * (s // 4) + 0.02, 0.4 * (s // 4) + 0.3) for s in slots))
        onset, active = _activations(notes, high=high)
        onset = onset * rng.uniform(0.7, 1, onset.shape)
        onset[rng.integers(0, 400, 60), rng.integers(0, 4, 60)] += high / 3
        songs.append(notes)
        onsets.append(onset)
        actives.append(active * rng.uniform(0.7, 1, active.shape))
    return onsets, actives, songs


@pytest.mark.parametrize("high", [0.9, 0.1])
def test_the_search_finds_thresholds_however_low_activations_are(rng, high):
    onsets, actives, songs = _noisy(rng, high)
    settings = _fit(onsets, actives, songs)
    for onset, active, song in zip(onsets, actives, songs, strict=True):
        found = _decode(onset, active, settings)
        np.testing.assert_allclose(_rows(found), _rows(song))


def test_the_search_is_as_good_as_mir_eval_says(rng):
    """No threshold and least length have a better F-measure, by mir_eval, than those found."""
    onsets, actives = rng.beta(0.3, 3, (2, 1, 300, 4))
    song = _notes(*((p, t, t + 0.1) for p in range(4) for t in np.arange(0.1, 2.9, 0.4)))
    near = np.rint(100 * song.onsets).astype(int)
    onsets[0, near, song.pitches] += 0.3 * rng.uniform(size=len(near))

    def f_measure(settings):
        found = _decode(onsets[0], actives[0], settings)
        sides = [
            (np.stack([n.onsets, n.offsets], axis=1), 100 * 2 ** (n.pitches / 12))
            for n in (song, found)
        ]
        score = mir_eval.transcription.precision_recall_f1_overlap
        few = len(found.onsets) <= MOST_PER_NOTE * len(song.onsets)
        return score(*sides[0], *sides[1], offset_ratio=None)[2] if few else 0.0

    best = _fit([onsets[0]], [actives[0]], [song])
    for threshold in np.arange(0.02, 0.9, 0.04):
        assert f_measure(best) >= f_measure({**best, "onset": threshold, "shortest": 0.0}) - 0.02


def test_offsets_choose_the_other_threshold():
    notes = _notes((0, 0.5, 1.5), (1, 1.0, 2.0))
    onset, active = _activations(notes)
    active[150:200, 0] = active[200:240, 1] = 0.6  # what rings on is not the note
    settings = _fit([onset], [active], [notes])
    assert 0.6 < settings["active"] <= 0.9
    assert settings["shortest"] == 0


def test_without_notes_or_peaks_the_defaults_stay():
    nothing = _notes()
    assert _fit([np.zeros((50, 2))], [np.zeros((50, 2))], [nothing]) == DEFAULT_SETTINGS
    onset, active = _activations(_notes((0, 0.5, 1.0)))
    assert _fit([onset], [active], [nothing])["onset"] == DEFAULT_SETTINGS["onset"]
    assert _fit([0 * onset], [active], [_notes((0, 0.5, 1.0))]) == DEFAULT_SETTINGS


def test_a_note_ends_at_the_next_offset_of_its_pitch():
    onset, active = _activations(_notes((0, 0.5, 2.0), (1, 0.5, 2.0)))
    offset = np.zeros_like(onset)
    offset[50, 0] = offset[120, 0] = offset[160, 0] = 0.8  # the first is the onset's own frame
    offset[[90, 300], 1] = 0.4, 0.9
    found = decode_notes(Activations(onset, active, offset), DEFAULT_SETTINGS, RATE)
    np.testing.assert_allclose(_rows(found), [(0, 0.5, 1.2), (1, 0.5, 2.0)])
    never = {**DEFAULT_SETTINGS, "offset": NEVER}
    found = decode_notes(Activations(onset, active, offset), never, RATE)
    np.testing.assert_allclose(_rows(found), [(0, 0.5, 2.0), (1, 0.5, 2.0)])


def test_offsets_are_used_where_notes_ring_on_and_only_if_they_help(rng):
    """Every note rings on as loud as it was; only offset activations say where it ends."""
    slots = rng.permutation(40)
    notes = _notes(*((s % 4, 0.4 * (s // 4) + 0.02, 0.4 * (s // 4) + 0.2) for s in slots))
    onset, active = _activations(notes)
    offset = rng.uniform(0, 0.2, onset.shape)
    for pitch, _, end in _rows(notes):
        first = round(100 * end)
        active[first : first + 15, pitch] = 0.9
        offset[first, pitch] = 0.6
    settings = fit_notes([Activations(onset, active, offset)], [notes], RATE)
    assert 0.2 < settings["offset"] <= 0.6
    found = decode_notes(Activations(onset, active, offset), settings, RATE)
    np.testing.assert_allclose(_rows(found), _rows(notes))
    noise = rng.uniform(0, 1, onset.shape)
    active = _activations(notes)[1]
    assert fit_notes([Activations(onset, active, noise)], [notes], RATE)["offset"] == NEVER
