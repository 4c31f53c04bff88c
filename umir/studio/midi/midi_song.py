"""MIDI files as studio songs: played by a SoundFont or by the studio, with the labels they give.

A file knows its notes, who plays them, its drums, and often beats and key; it does not know its
chords, nor which line leads, unless a track is called melody or vocal, or a single one lead. What
is not known is named in `Song.unknown`. A track called vocal is sung by one of the studio's
singers; all others are played by a sound of the class of the program that the file asks for (a
trumpet for a tuba: both are brass), or, with a SoundFont, by that program. Programs without pitch
(a woodblock, the sea) have onsets, and no notes.
"""

import re
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from umir.annotations import Intervals, Labels, Notes
from umir.studio import labels
from umir.studio.midi.general_midi import drum_of, has_pitch, instrument_of
from umir.studio.midi.midi_file import MidiFile, Track, read_midi
from umir.studio.mixing.mix import Take, mix
from umir.studio.playing.performance import Hit, Note, PlayedPart
from umir.studio.session_parts import make_parts, sum_stems
from umir.studio.song import MELODY_HOP, Part, Song
from umir.studio.sounds.drum_kit import draw_kit, sampled_kit
from umir.studio.sounds.instruments import PROGRAMS, draw_sound
from umir.studio.sounds.sampler import SampledSound, read_soundfont, sample_once
from umir.studio.sounds.tone import Sound, render_notes
from umir.studio.sounds.user_sounds import covered_keys, drum_kits, preset_of
from umir.studio.styles import STYLES
from umir.studio.voices.singer import REGISTERS
from umir.studio.voices.vocal_take import record_voice
from umir.studio.writing.lyrics import set_lyrics
from umir.studio.writing.score import Score, ScoreNote

_TAIL = 1.0  # seconds after the last note
_SUNG = re.compile(r"vocal|vox|singer|lyric", re.IGNORECASE)
_MELODY = re.compile(r"melody|melodie", re.IGNORECASE)
_LEAD = re.compile(r"lead", re.IGNORECASE)  # also of a guitar that fills the gaps
_BACKING = re.compile(r"back|bgv|choir|harmon|chorus", re.IGNORECASE)  # sung, and no melody
_OVERLAP = 0.05  # seconds that one note may last into the next where one plays at a time
_DRUM_BANK = 128


def render_midi(
    path: Path,
    *,
    rate: int = 16000,
    channels: int = 1,
    soundfont: Path | None = None,
    seed: int = 0,
) -> Song:
    """Play a MIDI file.

    Args:
        path: the file.
        rate: sampling rate in Hz, 8000 at least.
        channels: 1 or 2.
        soundfont: the SoundFont that plays it; None: the studio's own sounds.
        seed: sounds, singers and mix follow from it: the same arguments give the same bytes.

    Returns:
        The song, a second longer than its notes. Chords and style are unknown; melody, beats, tempo
        and key are where the file does not give them.

    Raises:
        FileNotFoundError, IsADirectoryError: there is no such file.
        ValueError: a file is damaged or holds no notes, or an argument is out of range.
    """
    if channels not in (1, 2) or rate < 8000 or seed < 0:
        raise ValueError(
            f"{channels} channels, {rate} Hz, seed {seed}: 1 or 2 channels, 8000 Hz at least, "
            "a seed from 0 on"
        )
    if soundfont is not None:
        read_soundfont(soundfont)  # what is wrong with it is said before anything is played
    file = read_midi(path)
    # Files differ in their sounds and mix, wherever they lie.
    sequence = np.random.SeedSequence([seed, zlib.crc32(path.read_bytes())])
    sounds, singing, mixing = map(np.random.default_rng, sequence.spawn(3))
    length = round((file.end + _TAIL) * rate)
    takes = []
    for track in file.tracks:
        if track.drums:
            takes.append(_record_drums(sounds, track, length, rate, soundfont))
        elif _SUNG.search(track.name) and _one_at_a_time(track.notes):
            takes.append(_record_voice(singing, track, length, rate))
        else:
            takes.append(_record(sounds, track, length, rate, soundfont))
    waves = mix(mixing, _sheet(mixing, file), takes, rate, channels)
    return _assemble(path, seed, rate, file, takes, make_parts(takes, waves))


def _one_at_a_time(notes: Sequence[Note]) -> bool:
    """Return whether notes follow each other, but for a little legato."""
    pairs = zip(notes[:-1], notes[1:], strict=True)
    return all(before.offset - after.onset < _OVERLAP for before, after in pairs)


def _apart(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Let go of each note when the next one starts."""
    ends = [after.onset for after in notes[1:]] + [np.inf]
    cut = (
        replace(note, offset=min(note.offset, end)) for note, end in zip(notes, ends, strict=True)
    )
    return tuple(note for note in cut if note.offset > note.onset)


def _record(
    rng: np.random.Generator, track: Track, length: int, rate: int, soundfont: Path | None
) -> Take:
    """Record a pitched track."""
    instrument = instrument_of(track.program)
    pitched = has_pitch(track.program)
    single = _one_at_a_time(track.notes)
    notes = _apart(track.notes) if single else track.notes
    sound: Sound
    if soundfont is not None and preset_of(track.program, soundfont, track.name or instrument):
        sound, generator = SampledSound(track.program, soundfont=soundfont), "sampled"
    elif instrument in PROGRAMS:
        sound, generator = draw_sound(rng, instrument)
    else:
        sound, generator = SampledSound(track.program), "sampled"
    wave = render_notes(sound, notes, length, rate)
    return Take(
        role=_role(track, instrument, single and pitched),
        instrument=instrument,
        generator=generator,
        wave=wave,
        notes=labels.note_labels(notes if pitched else ()),
        onsets=labels.onset_labels([note.onset for note in notes]),
        f0=labels.f0_curve(notes, wave, rate) if single and pitched else None,
    )


def _role(track: Track, instrument: str, single: bool) -> str:
    """Return the role of a track at the mixing desk."""
    if instrument in ("bass", "voice"):
        return "bass" if instrument == "bass" else "backing"
    named = any(kind.search(track.name) for kind in (_MELODY, _LEAD, _SUNG))
    return "lead" if single and named else "chords"


def _record_voice(rng: np.random.Generator, track: Track, length: int, rate: int) -> Take:
    """Record a track as sung, with words of the studio's."""
    notes = _apart(track.notes)
    middle = float(np.median([note.pitch for note in notes]))
    centres = {name: 0.5 * (own.low + own.high) for name, own in REGISTERS.items()}
    register = min(sorted(centres), key=lambda name: abs(centres[name] - middle))
    # Words are set in beats; two to the second will do.
    written = [ScoreNote(2 * n.onset, 2 * (n.offset - n.onset), round(n.pitch), 1.0) for n in notes]
    words = [note.syllable for note in set_lyrics(rng, written)]
    sung = [
        replace(note, bend=None, syllable=word) for note, word in zip(notes, words, strict=True)
    ]
    return record_voice(
        rng, PlayedPart("vocals", "voice", tuple(sung), register), length, rate, rng
    )


def _record_drums(
    rng: np.random.Generator, track: Track, length: int, rate: int, soundfont: Path | None
) -> Take:
    """Record the drums, each key with its own sound; those without a class are heard, too."""
    keys = sorted({round(note.pitch) for note in track.notes})
    program, covered = 0, frozenset[int]()
    if soundfont is not None and (kits := drum_kits(read_soundfont(soundfont))):
        program = track.program if track.program in kits else kits[0]
        covered = covered_keys(read_soundfont(soundfont), program)
    if soundfont is not None and (missing := [key for key in keys if key not in covered]):
        warnings.warn(
            f"{soundfont}: has no drums for keys {', '.join(map(str, missing))}: "
            "the studio's own play them",
            stacklevel=3,
        )
    own = [drum for key in keys if key not in covered and (drum := drum_of(key))]
    kit = draw_kit(rng, "mixed", rate, own)
    others = [key for key in keys if key in covered or not drum_of(key)]
    waves = {
        _sound(key): sample_once(
            _DRUM_BANK, program, key, rate, soundfont if key in covered else None
        )
        for key in others
    }
    played = sampled_kit(waves, {_sound(key): drum_of(key) for key in others}, rate)
    struck = [
        Hit(n.onset, _sound(key) if key in others else str(drum_of(key)), n.velocity)
        for n in track.notes
        for key in [round(n.pitch)]
    ]
    wave = played.render([hit for hit in struck if hit.drum in played.drums], length, rate)
    wave += kit.render([hit for hit in struck if hit.drum not in played.drums], length, rate)
    return Take(
        role="drums",
        instrument="drums",
        generator="sampled" if not own else kit.generator if not others else "mixed",
        wave=wave,
        notes=labels.note_labels(()),
        onsets=labels.drum_labels(_hits(track)),
    )


def _sound(key: int) -> str:
    """Return the name of a key's sound in a kit: hi-hats keep theirs (one silences the other)."""
    drum = drum_of(key)
    return drum if drum in ("open_hihat", "closed_hihat") else f"key {key}"


def _hits(track: Track) -> list[Hit]:
    """Return the strokes of drums that have a class."""
    return [
        Hit(note.onset, drum, note.velocity)
        for note in track.notes
        if (drum := drum_of(round(note.pitch)))
    ]


def _sheet(rng: np.random.Generator, file: MidiFile) -> Score:
    """Return what the mixing desk wants to know of a song, in the room of any style."""
    style = STYLES[str(rng.choice(sorted(STYLES)))]
    tempo = file.tempo if np.isfinite(file.tempo) else 120.0
    return Score(style, tempo, 4, 4, 0.0, 1, 0, "major", (), (), ())


def _assemble(
    path: Path,
    seed: int,
    rate: int,
    file: MidiFile,
    takes: Sequence[Take],
    parts: tuple[Part, ...],
) -> Song:
    """Put the labels together."""
    duration = len(takes[0].wave) / rate
    hits = sorted(
        (hit for track in file.tracks if track.drums for hit in _hits(track)),
        key=lambda hit: (hit.onset, hit.drum),
    )
    times = [time for take in takes for time in take.onsets.times.tolist()]
    # Drums without a class are heard, too.
    times += [note.onset for track in file.tracks if track.drums for note in track.notes]
    count = int(np.ceil(len(takes[0].wave) / rate / MELODY_HOP - 1e-9))
    voice = _lead_voice(file.tracks, takes)
    lead = _lead_line(file.tracks, takes)
    nothing = Intervals(np.zeros((0, 2)), ())
    lyrics = voice.lyrics if voice is not None and voice.lyrics is not None else nothing
    unknown = {"chords", "style"}
    unknown |= {"beats", "tempo"} if not len(file.beats.times) else set()
    unknown |= {"key"} if file.key is None else set()
    unknown |= {"melody"} if voice is None and lead is None else set()
    return Song(
        seed=seed,
        name=f"midi_{path.stem}_{seed:08d}",
        rate=rate,
        stems=sum_stems(parts),
        parts=parts,
        voice_activity=labels.voice_labels([_sung(take) for take in takes]),
        lyrics=lyrics,
        instruments=Labels(tuple(sorted({part.instrument for part in parts}))),
        style="",
        onsets=labels.onset_labels(times),
        beats=file.beats,
        melody=labels.melody_labels(
            voice.f0 if voice else None, lyrics, lead.f0 if lead else None, count
        ),
        notes=labels.join_notes([take.notes for take in takes]),
        chords=Intervals(np.zeros((0, 2)), (), duration),
        drums=labels.drum_labels(hits),
        key=file.key or "",
        tempo=file.tempo,
        unknown=frozenset(unknown),
    )


def _lead_voice(tracks: Sequence[Track], takes: Sequence[Take]) -> Take | None:
    """Return the voice that has the melody: one that is called the lead, else the first."""
    voices = [
        (track.name, take)
        for track, take in zip(tracks, takes, strict=True)
        if take.role == "vocals" and not _BACKING.search(track.name)
    ]
    called = [take for name, take in voices if _MELODY.search(name) or _LEAD.search(name)]
    return next(iter([*called, *(take for _, take in voices)]), None)


def _lead_line(tracks: Sequence[Track], takes: Sequence[Take]) -> Take | None:
    """Return the instrument that has the melody: one that is called so, or the only lead."""
    leads = [
        (track.name, take)
        for track, take in zip(tracks, takes, strict=True)
        if take.role == "lead" and take.f0 is not None
    ]
    called = [take for name, take in leads if not _LEAD.search(name) or _MELODY.search(name)]
    if not called and len(leads) > 1:
        return None
    return next(iter([*called, *(take for _, take in leads)]), None)


def _sung(take: Take) -> Intervals:
    """Return where a take sings: its syllables, or the notes of a sampled choir."""
    if take.lyrics is not None:
        return take.lyrics
    notes = take.notes if take.instrument == "voice" else Notes(np.zeros((0, 2)), np.zeros(0))
    return Intervals(notes.intervals, ("voice",) * len(notes.frequencies))
