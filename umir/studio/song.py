"""What the studio hands over: a song, its parts and stems, and everything that is known about it.

A song is the sum of four stems, a stem the sum of its parts, and a part is one player with one
instrument. The labels are those of the score *as performed*: onsets are where sounds start, notes
end where they are let go, the melody is the fundamental frequency that was synthesised. A sung note
starts with its vowel and has the pitch that was sung, not the one that was written; the consonants
before it belong to the syllable (lyrics, voice activity) but not to the note, and breaths belong to
neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float

from umir.annotations import F0, Events, Intervals, Labels, Notes

STEMS = ("bass", "drums", "other", "vocals")

INSTRUMENTS = (
    "accordion",
    "acoustic_guitar",
    "bass",
    "brass",
    "clarinet",
    "distorted_guitar",
    "drums",
    "electric_guitar",
    "electric_piano",
    "flute",
    "harp",
    "mallet",
    "organ",
    "piano",
    "saxophone",
    "strings",
    "synth_lead",
    "synth_pad",
    "voice",
)

DRUM_CLASSES = (
    "kick",
    "snare",
    "rimshot",
    "clap",
    "tom",
    "closed_hihat",
    "open_hihat",
    "crash",
    "ride",
    "shaker",
    "cowbell",
)

# Hop of the melody's frames in seconds.
MELODY_HOP = 0.01
SONG_SECONDS = 24.0  # unless told otherwise
# Of songs that are written to folders: trainings take 0 and the like, and nothing shall be tested
# on what it has learnt from.
LIBRARY_SEED = 1000


@dataclass(frozen=True)
class Part:
    """One player of a song.

    Attributes:
        name: unique in the song, for example `chords_piano`.
        instrument: one of `INSTRUMENTS`; of a MIDI file, General MIDI's name where it is none.
        stem: one of `STEMS`: the stem that the part belongs to.
        generator: how it was made: `sampled`, `synthetic`, or `mixed` if both.
        waveform: shape `(time, channel)`, as it sounds in the mixture.
        notes: the notes it plays; none for drums.
        onsets: where its sounds start, in seconds; labels are drum classes for drums, else "".
        f0: fundamental frequency of bass, lead and voices (one note at a time), hop `MELODY_HOP`;
            None for the others.
        lyrics: the syllables that it sings; None for instruments.
    """

    name: str
    instrument: str
    stem: str
    generator: str
    waveform: Float[np.ndarray, "time channel"] = field(repr=False)
    notes: Notes = field(repr=False)
    onsets: Events = field(repr=False)
    f0: F0 | None = field(default=None, repr=False)
    lyrics: Intervals | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Song:
    """A song with the labels of all tasks. Times are in seconds from the song's start.

    Attributes:
        seed: the number that the whole song follows from.
        name: a readable name, unique for the seed.
        rate: sampling rate in Hz.
        stems: waveform `(time, channel)` of each of `STEMS`; zeros where nobody plays.
        parts: the players; the parts of a stem sum to it.
        voice_activity: where anybody sings, backing vocals included; every label is `voice`. Pauses
            shorter than 0.2 s are bridged.
        lyrics: syllables of the lead voice, from the first to the last consonant of each.
        instruments: the classes (of `INSTRUMENTS`) that are heard.
        style: name of the style.
        onsets: where any sound starts, onsets closer than 30 ms merged; labels are "".
        beats: labels are positions in the bar, "1" the downbeat.
        melody: f0 of the leading line (lead voice first, then lead instrument), hop `MELODY_HOP`;
            0 where it is unvoiced.
        notes: the notes of all parts.
        chords: contiguous from 0 to the end, in the syntax of Harte and mir_eval.
        drums: the drum hits; labels are `DRUM_CLASSES`.
        key: tonic and mode, for example `C major`; the one heard longest, where it changes.
        tempo: beats per minute, mean over the song; of its median bar, where the tempo is shaped.
        unknown: which of the fields above nobody knows (of a song from a MIDI file: its chords,
            and often more; of voices alone: chords, beats and tempo); they hold nothing, `""` or
            NaN.
    """

    seed: int
    name: str
    rate: int
    stems: Mapping[str, Float[np.ndarray, "time channel"]] = field(repr=False)
    parts: tuple[Part, ...] = field(repr=False)
    voice_activity: Intervals = field(repr=False)
    lyrics: Intervals = field(repr=False)
    instruments: Labels
    style: str
    onsets: Events = field(repr=False)
    beats: Events = field(repr=False)
    melody: F0 = field(repr=False)
    notes: Notes = field(repr=False)
    chords: Intervals = field(repr=False)
    drums: Events = field(repr=False)
    key: str
    tempo: float
    unknown: frozenset[str] = frozenset()

    @cached_property
    def mixture(self) -> Float[np.ndarray, "time channel"]:
        """The sum of the stems, shape `(time, channel)`."""
        bass, drums, other, vocals = (self.stems[name] for name in STEMS)
        return bass + drums + other + vocals

    @cached_property
    def accompaniment(self) -> Float[np.ndarray, "time channel"]:
        """The mixture without the vocals, shape `(time, channel)`: itself where nobody sings."""
        vocals = self.stems["vocals"]
        return self.mixture - vocals if vocals.any() else self.mixture

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.stems["bass"]) / self.rate
