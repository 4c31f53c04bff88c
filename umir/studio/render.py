"""Composer, performer, players and mixing desk, one after the other: a seed becomes a song."""

import numpy as np
from jaxtyping import Float

from umir.annotations import Labels
from umir.studio import labels
from umir.studio.composer import compose
from umir.studio.drum_kit import draw_kit
from umir.studio.harmony import key_name
from umir.studio.instruments import draw_sound
from umir.studio.mix import Take, mix
from umir.studio.performance import Note, Performance, PlayedPart
from umir.studio.performer import perform
from umir.studio.score import Score
from umir.studio.song import MELODY_HOP, STEMS, Part, Song
from umir.studio.tone import render_notes
from umir.studio.voice import draw_singer, sing

_STEM = {"bass": "bass", "drums": "drums", "vocals": "vocals"}  # all other roles: `other`


def render_song(
    seed: int,
    *,
    rate: int = 16000,
    duration: float = 24.0,
    channels: int = 1,
    style: str | None = None,
) -> Song:
    """Compose, perform, record and mix a song.

    Args:
        seed: everything follows from it: the same arguments give the same bytes.
        rate: sampling rate in Hz, 8000 at least.
        duration: seconds, 1 at least.
        channels: 1 or 2.
        style: name of one of `umir.studio.STYLES`; None draws one.

    Returns:
        The song with its stems, parts and labels.

    Raises:
        ValueError: an argument is out of range.
    """
    if channels not in (1, 2):
        raise ValueError(f"channels must be 1 or 2, not {channels}")
    if rate < 8000 or duration < 1:
        raise ValueError(f"{rate} Hz or {duration} s is too small: at least 8000 Hz and 1 s")
    if seed < 0:
        raise ValueError(f"the seed must not be negative: {seed}")
    # The composition does not depend on the rate or the number of channels.
    writing, playing, recording, mixing = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)
    )
    score = compose(writing, duration, style)
    performance = perform(playing, score, duration)
    length = round(duration * rate)
    takes = [_record(recording, part, length, rate) for part in performance.parts]
    if performance.hits:
        takes.append(_record_drums(recording, score, performance, length, rate))
    waves = mix(mixing, score, takes, rate, channels)
    return _assemble(seed, rate, score, performance, takes, waves)


def _record(rng: np.random.Generator, part: PlayedPart, length: int, rate: int) -> Take:
    """Record a pitched part."""
    notes: tuple[Note, ...] = part.notes
    if part.role == "vocals":
        generator = "synthetic"
        singing = sing(
            draw_singer(rng, float(np.median([note.pitch for note in notes]))), notes, length, rate
        )
        wave, voiced = singing.waveform, singing.voiced
    else:
        sound, generator = draw_sound(rng, part.instrument)
        wave = render_notes(sound, notes, length, rate)
        voiced = tuple(note.onset for note in notes)
    leading = part.role in ("vocals", "lead")
    return Take(
        role=part.role,
        instrument=part.instrument,
        generator=generator,
        wave=wave,
        notes=labels.note_labels(notes),
        onsets=labels.onset_labels([note.onset for note in notes]),
        f0=labels.f0_curve(notes, voiced, wave, rate) if leading else None,
    )


def _record_drums(
    rng: np.random.Generator, score: Score, performance: Performance, length: int, rate: int
) -> Take:
    """Record the drums."""
    kind = str(rng.choice(score.style.kits))
    drums = sorted({hit.drum for hit in performance.hits})
    kit = draw_kit(rng, kind, rate, drums)
    return Take(
        role="drums",
        instrument="drums",
        generator=kit.generator,
        wave=kit.render(performance.hits, length, rate),
        notes=labels.note_labels(()),
        onsets=labels.drum_labels(performance.hits),
    )


def _assemble(
    seed: int,
    rate: int,
    score: Score,
    performance: Performance,
    takes: list[Take],
    waves: list[Float[np.ndarray, "time channel"]],
) -> Song:
    """Put the parts, stems and labels together."""
    parts = tuple(
        Part(
            f"{take.role}_{take.instrument}" if take.role != take.instrument else take.role,
            take.instrument,
            _STEM.get(take.role, "other"),
            take.generator,
            wave,
            take.notes,
            take.onsets,
        )
        for take, wave in zip(takes, waves, strict=True)
    )
    stems = {name: np.zeros_like(waves[0]) for name in STEMS}
    for part in parts:
        stems[part.stem] += part.waveform
    sung = [note for part in performance.parts if part.role == "vocals" for note in part.notes]
    curves = {take.role: take.f0 for take in takes if take.f0 is not None}
    count = int(np.ceil(len(waves[0]) / rate / MELODY_HOP - 1e-9))
    notes = [note for part in performance.parts for note in part.notes]
    times = [note.onset for note in notes] + [hit.onset for hit in performance.hits]
    return Song(
        seed=seed,
        name=f"studio_{seed:08d}_{score.style.name}",
        rate=rate,
        stems=stems,
        parts=parts,
        voice_activity=labels.voice_labels(sung),
        instruments=Labels(tuple(sorted({part.instrument for part in parts}))),
        style=score.style.name,
        onsets=labels.onset_labels(times),
        beats=labels.beat_labels(performance),
        melody=labels.melody_labels(
            [curves[role] for role in ("vocals", "lead") if role in curves], count
        ),
        notes=labels.note_labels(notes),
        chords=labels.chord_labels(performance),
        drums=labels.drum_labels(performance.hits),
        key=key_name(score.tonic, score.mode),
        tempo=performance.tempo,
    )
