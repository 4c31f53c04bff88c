"""Composer, performer, players and mixing desk, one after the other: a seed becomes a song."""

import numpy as np
from jaxtyping import Float

from umir.annotations import F0, Intervals, Labels
from umir.studio import labels
from umir.studio.composer import compose
from umir.studio.drum_kit import draw_kit
from umir.studio.harmony import key_name
from umir.studio.instruments import draw_sound
from umir.studio.mix import Take, mix
from umir.studio.performance import Performance, PlayedPart
from umir.studio.performer import perform
from umir.studio.score import Score
from umir.studio.singer import draw_singer
from umir.studio.singing import sing
from umir.studio.song import MELODY_HOP, STEMS, Part, Song
from umir.studio.tone import render_notes

# All other roles: `other`.
_STEM = {"bass": "bass", "drums": "drums", "vocals": "vocals", "backing": "vocals"}
_ONE_AT_A_TIME = ("bass", "lead")


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
    if part.register:
        return _record_voice(rng, part, length, rate)
    sound, generator = draw_sound(rng, part.instrument)
    wave = render_notes(sound, part.notes, length, rate)
    return Take(
        role=part.role,
        instrument=part.instrument,
        generator=generator,
        wave=wave,
        notes=labels.note_labels(part.notes),
        onsets=labels.onset_labels([note.onset for note in part.notes]),
        f0=labels.f0_curve(part.notes, wave, rate) if part.role in _ONE_AT_A_TIME else None,
    )


def _record_voice(rng: np.random.Generator, part: PlayedPart, length: int, rate: int) -> Take:
    """Record a singer."""
    singing = sing(draw_singer(rng, part.register), part.notes, length, rate)
    return Take(
        role=part.role,
        instrument=part.instrument,
        generator="synthetic",
        wave=singing.waveform,
        notes=labels.note_labels(singing.notes),
        onsets=labels.onset_labels([note.onset for note in singing.notes]),
        f0=singing.f0,
        lyrics=singing.lyrics,
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
            name,
            take.instrument,
            _STEM.get(take.role, "other"),
            take.generator,
            wave,
            take.notes,
            take.onsets,
            take.f0,
            take.lyrics,
        )
        for name, take, wave in zip(_names(takes), takes, waves, strict=True)
    )
    stems = {name: np.zeros_like(waves[0]) for name in STEMS}
    for part in parts:
        stems[part.stem] += part.waveform
    leading: dict[str, F0 | None] = {take.role: take.f0 for take in takes}
    words = [take.lyrics for take in takes if take.role == "vocals" and take.lyrics is not None]
    lyrics = words[0] if words else Intervals(np.zeros((0, 2)), ())
    count = int(np.ceil(len(waves[0]) / rate / MELODY_HOP - 1e-9))
    times = [time for take in takes for time in take.onsets.times.tolist()]
    return Song(
        seed=seed,
        name=f"studio_{seed:08d}_{score.style.name}",
        rate=rate,
        stems=stems,
        parts=parts,
        voice_activity=labels.voice_labels([t.lyrics for t in takes if t.lyrics is not None]),
        lyrics=lyrics,
        instruments=Labels(tuple(sorted({part.instrument for part in parts}))),
        style=score.style.name,
        onsets=labels.onset_labels(times),
        beats=labels.beat_labels(performance),
        melody=labels.melody_labels(leading.get("vocals"), lyrics, leading.get("lead"), count),
        notes=labels.join_notes([take.notes for take in takes]),
        chords=labels.chord_labels(performance),
        drums=labels.drum_labels(performance.hits),
        key=key_name(score.tonic, score.mode),
        tempo=performance.tempo,
    )


def _names(takes: list[Take]) -> list[str]:
    """Return a name for each part: role and instrument, numbered where there are several."""
    names: list[str] = []
    for take in takes:
        name = f"{take.role}_{take.instrument}" if take.role != take.instrument else take.role
        same = sum(other == name or other.startswith(f"{name}_") for other in names)
        names.append(f"{name}_{same + 1}" if same else name)
    return names
