"""MIDI files as songs: every label by hand, what is unknown said so, bad files named."""

import mido
import mir_eval
import numpy as np
import pretty_midi
import pytest

from umir.studio import DRUM_CLASSES, INSTRUMENTS, render_midi, render_song
from umir.studio.midi.general_midi import drum_of, instrument_of, keys_of
from umir.studio.midi.midi_file import read_midi
from umir.studio.midi.midi_song import _one_at_a_time
from umir.studio.playing.performance import Note
from umir.studio.sounds.soundfont import default_soundfont
from umir.tasks.beat_tracking import BeatTracking
from umir.tasks.chord_recognition import ChordRecognition
from umir.tasks.melody_extraction import MelodyExtraction
from umir.tasks.note_transcription import NoteTranscription
from umir.tasks.sources import StudioSource

# Bytes of a track: (delta time, message); a file in format 0 with 480 ticks to the quarter note.
TEMPO_100 = b"\x00\xff\x51\x03\x09\x27\xc0"
END = b"\x00\xff\x2f\x00"


def raw_midi(path, events):
    track = events + END
    head = b"MThd" + (6).to_bytes(4, "big") + bytes([0, 0, 0, 1, 0x01, 0xE0])
    path.write_bytes(head + b"MTrk" + len(track).to_bytes(4, "big") + track)
    return path


def band(path, **meta):
    """Write a file of 8 beats at 120 beats per minute in 3/4: melody, bass, chords, drums."""
    song = pretty_midi.PrettyMIDI(initial_tempo=120.0)
    song.time_signature_changes.append(pretty_midi.TimeSignature(3, 4, 0.0))
    if "key" in meta:
        song.key_signature_changes.append(pretty_midi.KeySignature(meta["key"], 0.0))
    for name, program, drums, pitches in (
        (meta.get("melody", "Melody"), 73, False, (72,)),
        ("low", 33, False, (36,)),
        ("chords", 0, False, (60, 64, 67)),
        ("banjo", 105, False, (55,)),
        ("kit", 0, True, (36, 42, 63)),
    ):
        part = pretty_midi.Instrument(program, drums, name)
        part.notes = [
            pretty_midi.Note(90, pitch, 0.5 * beat, 0.5 * beat + 0.4)
            for beat in range(8)
            for pitch in pitches
        ]
        song.instruments.append(part)
    song.write(str(path))
    return path


@pytest.mark.parametrize("soundfont", [None, default_soundfont()])
def test_labels_are_those_of_the_file(tmp_path, soundfont):
    song = render_midi(band(tmp_path / "a.mid", key=3), soundfont=soundfont, channels=2)
    assert song.unknown == {"chords", "style"} and not song.chords.labels and song.style == ""
    assert song.key == "Eb major" and song.tempo == pytest.approx(120)
    np.testing.assert_allclose(song.beats.times, 0.5 * np.arange(8), atol=1e-3)
    assert song.beats.labels == ("1", "2", "3", "1", "2", "3", "1", "2")
    np.testing.assert_allclose(song.onsets.times, 0.5 * np.arange(8), atol=1e-3)
    # The bongo is heard and has an onset, but no class.
    assert song.drums.labels == ("closed_hihat", "kick") * 8
    np.testing.assert_allclose(song.drums.times[::2], 0.5 * np.arange(8), atol=1e-3)
    assert song.instruments.names == ("banjo", "bass", "drums", "flute", "piano")
    by_name = {part.instrument: part for part in song.parts}
    assert {by_name[n].stem for n in ("flute", "piano", "banjo")} == {"other"}
    assert by_name["bass"].stem == "bass" and by_name["drums"].stem == "drums"
    chord = by_name["piano"].notes
    expected = [440 * 2 ** ((pitch - 69) / 12) for pitch in (60, 64, 67)]
    np.testing.assert_allclose(chord.frequencies, np.tile(expected, 8))
    np.testing.assert_allclose(chord.intervals[::3], [(b / 2, b / 2 + 0.4) for b in range(8)], 0.01)
    sounding = song.melody.frequencies[song.melody.frequencies > 0]
    np.testing.assert_allclose(sounding, 440 * 2 ** (3 / 12))
    assert 250 < len(sounding) < 360  # 8 times 0.4 s
    assert not len(song.voice_activity.labels)
    assert song.mixture.shape[1] == 2 and np.isfinite(song.mixture).all()
    np.testing.assert_allclose(song.mixture, sum(p.waveform for p in song.parts), atol=1e-6)
    mir_eval.transcription.validate(*2 * (song.notes.intervals, song.notes.frequencies))
    if soundfont:
        assert {part.generator for part in song.parts} == {"sampled"}


def test_the_waveform_has_the_pitches_of_the_notes(tmp_path):
    song = render_midi(band(tmp_path / "a.mid"), soundfont=default_soundfont())
    flute = next(part for part in song.parts if part.instrument == "flute").waveform[:, 0]
    spectrum = np.abs(np.fft.rfft(flute * np.hanning(len(flute)), 4 * len(flute)))
    frequency = np.fft.rfftfreq(4 * len(flute), 1 / song.rate)
    near = (frequency > 300) & (frequency < 800)
    assert frequency[near][spectrum[near].argmax()] == pytest.approx(523.25, rel=0.005)


def test_same_arguments_same_bytes_other_seeds_other_sounds(tmp_path):
    path = band(tmp_path / "a.mid")
    first, again, other = (render_midi(path, seed=seed).mixture for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes() and np.abs(first - other).max() > 0.01


def test_a_vocal_track_is_sung(tmp_path):
    song = render_midi(band(tmp_path / "a.mid", melody="Lead Vocals"))
    (voice,) = [part for part in song.parts if part.stem == "vocals"]
    assert voice.instrument == "voice" and len(song.lyrics.labels) >= 4
    assert len(song.voice_activity.labels) and "melody" not in song.unknown
    heard = voice.f0.frequencies > 0
    np.testing.assert_array_equal(song.melody.frequencies[heard], voice.f0.frequencies[heard])


def _with_line(path, name, program, pitch):
    """Add a track of one note a beat to a file, as its first."""
    midi = pretty_midi.PrettyMIDI(str(path))
    line = pretty_midi.Instrument(program, name=name)
    line.notes = [pretty_midi.Note(90, pitch, 0.5 * beat, 0.5 * beat + 0.4) for beat in range(8)]
    midi.instruments.insert(0, line)
    midi.write(str(path))
    return path


@pytest.mark.parametrize(
    ("melody", "backing", "octave"), [("Lead Vocals", "Vox 2", 72), ("Melody", "Backing Vox", 72)]
)
def test_the_melody_is_not_that_of_backing_vocals(tmp_path, melody, backing, octave):
    path = _with_line(band(tmp_path / "a.mid", melody=melody), backing, 53, 60)
    heard = render_midi(path).melody.frequencies
    assert np.median(69 + 12 * np.log2(heard[heard > 0] / 440)) == pytest.approx(octave, abs=0.5)


def test_the_melody_is_not_that_of_a_lead_guitar(tmp_path):
    """Unless it is the only one that leads; of two nobody knows which does."""
    path = _with_line(band(tmp_path / "a.mid"), "Lead Guitar", 27, 50)
    heard = render_midi(path).melody.frequencies
    assert np.median(69 + 12 * np.log2(heard[heard > 0] / 440)) == pytest.approx(72, abs=0.5)
    path = _with_line(band(tmp_path / "b.mid", melody="flute"), "Lead Guitar", 27, 50)
    heard = render_midi(path).melody.frequencies
    assert np.median(69 + 12 * np.log2(heard[heard > 0] / 440)) == pytest.approx(50, abs=0.5)
    path = _with_line(band(tmp_path / "c.mid", melody="lead flute"), "Lead Guitar", 27, 50)
    song = render_midi(path)
    assert "melody" in song.unknown and not song.melody.frequencies.any()


@pytest.mark.parametrize("program", [113, 115, 117, 119, 122, 127])
def test_programs_without_pitch_have_onsets_and_no_notes(tmp_path, program):
    path = _with_line(band(tmp_path / "a.mid"), "Melody of noises", program, 60)
    part = next(p for p in render_midi(path).parts if p.instrument == instrument_of(program))
    assert len(part.onsets.times) == 8 and not len(part.notes.frequencies) and part.f0 is None
    assert part.waveform.any()


def test_without_a_melody_track_the_melody_is_unknown(tmp_path):
    song = render_midi(band(tmp_path / "a.mid", melody="flute"))
    assert "melody" in song.unknown and not song.melody.frequencies.any()
    source = StudioSource([song])
    for task in (MelodyExtraction(), ChordRecognition()):
        assert source.examples(task) == []
    assert source.examples(BeatTracking()) and source.examples(NoteTranscription())


def test_pedal_and_wheel(tmp_path):
    song = pretty_midi.PrettyMIDI()
    part = pretty_midi.Instrument(0)
    part.notes = [pretty_midi.Note(90, 60, start, start + 0.2) for start in (0.0, 1.0, 2.0)]
    controls = ((0.1, 127), (1.6, 0), (1.9, 127))
    part.control_changes = [pretty_midi.ControlChange(64, v, t) for t, v in controls]
    part.pitch_bends = [pretty_midi.PitchBend(4096, 2.1), pretty_midi.PitchBend(0, 2.15)]
    song.instruments.append(part)
    song.write(str(tmp_path / "p.mid"))
    (track,) = read_midi(tmp_path / "p.mid").tracks
    # Held by the pedal until struck again; until the pedal is up; the pedal never comes up.
    ends = [note.offset for note in track.notes]
    np.testing.assert_allclose(ends, [1.0, 1.6, 2.2], atol=1e-2)
    assert [note.bend is None for note in track.notes] == [True, True, False]
    moved = 12 * np.log2(track.notes[2].frequencies(np.array([0.05, 0.12, 0.18])) / 261.6256)
    np.testing.assert_allclose(moved, [0, 1, 0], atol=0.01)


def wheeled(path, moves, **part):
    """Write one note of C4 from 0.5 to 1.5 s while the wheel is moved: `(value, seconds)`."""
    song = pretty_midi.PrettyMIDI()
    own = pretty_midi.Instrument(73, name=part.get("name", "flute"))
    own.notes = [pretty_midi.Note(90, 60, 0.5, 1.5)]
    own.pitch_bends = [pretty_midi.PitchBend(*move) for move in moves]
    song.instruments.append(own)
    song.write(str(path))
    return path


@pytest.mark.parametrize(
    ("moves", "semitones"),
    [
        ([(4096, 0.0)], 1),  # held before the note
        ([(8191, 0.2), (-4096, 1.6)], 2),
        ([(4096, 0.4), (0, 0.7)], 0),  # a slide into the note
        ([(4096, 0.8)], 1),  # most of the note is up there
        ([(4096, 1.2)], 0),
        ([(4096, 1.7)], 0),
    ],
)
def test_a_held_wheel_is_another_pitch(tmp_path, moves, semitones):
    song = render_midi(wheeled(tmp_path / "w.mid", moves))
    (frequency,) = song.notes.frequencies
    assert 12 * np.log2(frequency / 261.6256) == pytest.approx(semitones, abs=1e-3)
    curve = song.parts[0].f0.frequencies
    assert np.median(curve[curve > 0]) == pytest.approx(frequency)


def test_the_wheel_bends_what_is_around_the_pitch_of_a_note(tmp_path):
    ((note,),) = (t.notes for t in read_midi(wheeled(tmp_path / "a.mid", [(4096, 0.8)])).tracks)
    assert note.pitch == 61.0
    np.testing.assert_allclose(note.bend.semitones(np.array([0.1, 0.29, 0.31])), [-1, -1, 0])
    ((held,),) = (t.notes for t in read_midi(wheeled(tmp_path / "b.mid", [(4096, 0)])).tracks)
    assert held.pitch == 61.0 and held.bend is None


def test_free_playing_has_no_beats(tmp_path, rng):
    song = pretty_midi.PrettyMIDI(initial_tempo=100.0)
    part = pretty_midi.Instrument(0)
    onsets = np.cumsum(rng.uniform(0.1, 0.5, 200))
    part.notes = [pretty_midi.Note(90, 60, t, t + 0.09) for t in onsets]
    song.instruments.append(part)
    song.write(str(tmp_path / "free.mid"))
    with pytest.warns(UserWarning, match="free.mid: its notes do not keep to its tempo"):
        file = read_midi(tmp_path / "free.mid")
    assert not len(file.beats.times) and np.isnan(file.tempo)


def test_a_file_without_tempo_and_notes_without_length(tmp_path):
    note = b"\x00\x90\x3c\x5a\x83\x60\x80\x3c\x00"  # C4 for 480 ticks
    empty = b"\x00\x90\x40\x5a\x00\x80\x40\x00"  # E4 for none
    path = raw_midi(tmp_path / "odd.mid", empty + note + note)
    with pytest.warns(UserWarning) as caught:
        song = render_midi(path)
    said = " ".join(str(each.message) for each in caught)
    assert "odd.mid: has no tempo event" in said and "odd.mid: left out 1 of 3 notes" in said
    assert {"beats", "tempo"} <= song.unknown and len(song.notes.frequencies) == 2
    np.testing.assert_allclose(song.notes.intervals, [(0, 0.5), (0.5, 1.0)], atol=1e-6)
    assert read_midi(raw_midi(tmp_path / "good.mid", TEMPO_100 + 3 * note)).tempo == pytest.approx(
        100
    )


def test_a_tempo_on_another_track_counts(tmp_path):
    song = mido.MidiFile(type=1, ticks_per_beat=480)
    notes = mido.MidiTrack(
        mido.Message(kind, note=60, velocity=90, time=480 * (kind == "note_off"))
        for _ in range(4)
        for kind in ("note_on", "note_off")
    )
    tempo = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(60))])
    song.tracks += [notes, tempo]
    song.save(tmp_path / "slow.mid")
    with pytest.warns(UserWarning, match="slow.mid: has tempos on other tracks than the first"):
        file = read_midi(tmp_path / "slow.mid")
    assert (file.end, file.tempo) == (pytest.approx(4.0), pytest.approx(60.0))
    np.testing.assert_allclose(file.beats.times, [0, 1, 2, 3], atol=1e-6)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (TEMPO_100, "has no notes"),
        (TEMPO_100 + b"\x00\x90\x40\x5a\x00\x80\x40\x00", "has no notes"),
        (b"\x00\xc0\xc8", "is not a MIDI file we can read"),  # program 200: a byte out of range
    ],
)
def test_files_that_cannot_be_played(tmp_path, content, complaint):
    path = raw_midi(tmp_path / "bad.mid", content)
    with pytest.raises(ValueError, match=rf"bad\.mid: {complaint}"):
        render_midi(path)


def test_files_that_are_no_midi(tmp_path):
    whole = band(tmp_path / "a.mid").read_bytes()
    for content in (b"", b"no midi at all", whole[: len(whole) // 2]):
        (tmp_path / "cut.mid").write_bytes(content)
        with pytest.raises(ValueError, match=r"cut\.mid: is not a MIDI file we can read"):
            render_midi(tmp_path / "cut.mid")
    with pytest.raises(FileNotFoundError):
        render_midi(tmp_path / "none.mid")
    with pytest.raises(IsADirectoryError):
        render_midi(tmp_path)
    with pytest.raises(ValueError, match="8000 Hz at least"):
        render_midi(tmp_path / "a.mid", rate=100)


def test_a_soundfont_cut_in_half(tmp_path):
    path = tmp_path / "half.sf2"
    content = default_soundfont().read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"half\.sf2: cut short"):
        render_midi(band(tmp_path / "a.mid"), soundfont=path)
    with pytest.raises(ValueError, match=r"half\.sf2: cut short"):
        render_song(0, duration=2.0, soundfonts=(path,))


def test_a_soundfont_without_the_program(tmp_path):
    from test_studio_soundfont import small_soundfont

    path = tmp_path / "small.sf2"
    path.write_bytes(small_soundfont(np.arange(600)))
    with pytest.warns(UserWarning) as caught:
        song = render_midi(band(tmp_path / "a.mid"), soundfont=path)
    said = [str(each.message) for each in caught]
    assert len(said) == 5 and all("small.sf2: has no" in line for line in said)
    assert any("program 73, which Melody asks for" in line for line in said)
    assert any("drums for keys 36, 42, 63" in line for line in said)
    assert all(np.abs(part.waveform).max() > 1e-4 for part in song.parts)


def test_songs_with_the_users_sounds_have_the_same_labels():
    plain = render_song(4, duration=4.0)
    own = render_song(4, duration=4.0, soundfonts=(default_soundfont(),))
    assert [part.name for part in own.parts] == [part.name for part in plain.parts]
    for name in ("onsets", "beats", "drums", "voice_activity", "chords"):
        assert getattr(own, name).labels == getattr(plain, name).labels
    np.testing.assert_array_equal(own.notes.intervals, plain.notes.intervals)
    pairs = list(zip(own.parts, plain.parts, strict=True))
    changed = [not np.array_equal(a.waveform, b.waveform) for a, b in pairs]
    assert any(changed) and np.isfinite(own.mixture).all()
    again = render_song(4, duration=4.0, soundfonts=(default_soundfont(),))
    assert again.mixture.tobytes() == own.mixture.tobytes()


def test_general_midi_names():
    assert instrument_of(0) == "piano" and instrument_of(40) == "strings"
    assert instrument_of(105) == "banjo" and instrument_of(6) == "harpsichord"
    names = {instrument_of(program) for program in range(128)}
    assert set(INSTRUMENTS) - {"drums"} <= names
    assert {drum_of(key) for key in range(128)} == {*DRUM_CLASSES, None}
    assert all(drum_of(key) == drum for drum in DRUM_CLASSES for key in keys_of(drum))


def test_legato_is_one_at_a_time():
    notes = [Note(0.0, 1.03, 60.0, 0.5), Note(1.0, 2.0, 62.0, 0.5)]
    assert _one_at_a_time(notes)
    assert not _one_at_a_time([Note(0.0, 1.5, 60.0, 0.5), notes[1]])
