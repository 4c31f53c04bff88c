"""Singers: registers from bass to child, and in each of them voices that differ.

Reference:
    Ranges and the singer's formant near 3 kHz: J. Sundberg, "The Science of the Singing Voice",
    1987. Rate and extent of vibrato: E. Prame, "Measurements of the vibrato rate of ten singers",
    JASA 96(4), 1994, and "Vibrato extent and intonation in professional Western lyric singing",
    JASA 102(1), 1997.
"""

from dataclasses import dataclass

import numpy as np

from umir.studio.sounds.patch_draws import draw_log_uniform, draw_seed


@dataclass(frozen=True)
class Register:
    """A kind of voice.

    Attributes:
        low, high: range as MIDI pitches.
        anatomy: one of `umir.studio.voices.phonemes.ANATOMIES`.
        tract: shortest and longest scale of the formants around the anatomy's mean.
        passage: MIDI pitch above which the head voice takes over.
    """

    low: int
    high: int
    anatomy: str
    tract: tuple[float, float]
    passage: float


REGISTERS = {
    "bass": Register(40, 60, "man", (0.88, 0.98), 58.0),
    "baritone": Register(45, 65, "man", (0.94, 1.04), 62.0),
    "tenor": Register(50, 70, "man", (1.0, 1.1), 66.0),
    "alto": Register(55, 74, "woman", (0.9, 1.0), 67.0),
    "mezzo": Register(57, 77, "woman", (0.95, 1.04), 69.0),
    "soprano": Register(60, 81, "woman", (1.0, 1.09), 72.0),
    "child": Register(60, 78, "child", (0.94, 1.05), 72.0),
}


@dataclass(frozen=True)
class Singer:
    """A singer's voice and manner.

    Attributes:
        register: one of `REGISTERS`.
        tract: scale of the formants around the anatomy's mean.
        edge: frequency in Hz above which the glottal spectrum falls faster, sung loudly.
        head: how much softer in timbre the head voice is, 0 to 1.
        ring: gain in dB of the singer's formant.
        breath: amplitude of breath noise, of the voice's.
        dynamics: dB between the softest and the loudest note.
        vibrato: probability of a vibrato on a note that is long enough.
        depth: depth of the vibrato in semitones.
        rate: rate of the vibrato in Hz.
        delay: seconds before a vibrato starts.
        drift: slow unsteadiness of the pitch in semitones.
        jitter: fast unsteadiness of the pitch in semitones.
        glide: seconds from one note of a phrase to the next.
        scoop: probability that a phrase is begun from below.
        gasp: probability of an audible breath before a phrase.
        seed: decides the details.
        body: dB by which the fundamental is stronger than in a plain voice (breathy and lyrical
            voices have an open glottis for longer).
        tilt: how much steeper the spectrum falls, as a power of the frequency.
        width: scales the bandwidths of the formants.
        nasal: how far the nose is open, 0 to 1.
        growl: probability that a run is growled.
        flip: semitones by which the head voice takes over earlier (falsetto).
        fry: probability that a run ends in vocal fry.
        hard: probability that a vowel begins with a glottal stop.
        intonation: standard deviation of how well a pitch is hit, in semitones.
        shimmer: unsteadiness of the level, relative.
        inflection: how far the pitch moves inside of notes, in semitones.
        wobble: unsteadiness of the vibrato's rate, relative.
        gasps: dB by which breaths are louder.
        even: how far the levels of different vowels and pitches are made equal, 0 to 1.
    """

    register: str
    tract: float
    edge: float
    head: float
    ring: float
    breath: float
    dynamics: float
    vibrato: float
    depth: float
    rate: float
    delay: float
    drift: float
    jitter: float
    glide: float
    scoop: float
    gasp: float
    seed: int
    body: float = 0.0
    tilt: float = 0.0
    width: float = 1.0
    nasal: float = 0.0
    growl: float = 0.0
    flip: float = 0.0
    fry: float = 0.0
    hard: float = 0.0
    intonation: float = 0.06
    shimmer: float = 0.03
    inflection: float = 0.0
    wobble: float = 0.0
    gasps: float = 0.0
    even: float = 0.75


def draw_singer(rng: np.random.Generator, register: str) -> Singer:
    """Draw a singer of a register."""
    return Singer(
        register=register,
        tract=float(rng.uniform(*REGISTERS[register].tract)),
        edge=draw_log_uniform(rng, 1800.0, 8000.0),
        head=float(rng.uniform(0.2, 1.0)),
        ring=float(max(rng.normal(2, 4), 0)),
        breath=draw_log_uniform(rng, 0.004, 0.07),
        dynamics=float(rng.uniform(10, 20)),
        vibrato=float(rng.choice([0.25, 0.6, 0.9])),
        depth=float(rng.uniform(0.15, 0.6)),
        rate=float(rng.uniform(4.5, 6.8)),
        delay=float(rng.uniform(0.1, 0.35)),
        drift=float(rng.uniform(0.03, 0.12)),
        jitter=float(rng.uniform(0.01, 0.04)),
        glide=float(rng.uniform(0.04, 0.12)),
        scoop=float(rng.uniform(0.1, 0.6)),
        gasp=float(rng.uniform(0.2, 0.9)),
        seed=draw_seed(rng),
    )
