"""Composer, performer, players and mixing desk, one after the other: a seed becomes a song."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from umir.annotations import F0, Events, Intervals, Labels
from umir.studio import labels
from umir.studio.excerpt import draw_lead, without_lead
from umir.studio.features import ALL_FEATURES, Features, group_generators
from umir.studio.mixing.mix import Take, mix
from umir.studio.playing.performance import Performance, PlayedPart
from umir.studio.playing.performer import perform
from umir.studio.session_parts import make_parts, sum_stems
from umir.studio.song import MELODY_HOP, SONG_SECONDS, Song
from umir.studio.sounds.drum_kit import draw_kit
from umir.studio.sounds.drum_variety import vary_kit
from umir.studio.sounds.instruments import draw_sound
from umir.studio.sounds.timbre import draw_doubles, vary_player
from umir.studio.sounds.tone import render_notes
from umir.studio.sounds.user_sounds import UserSounds
from umir.studio.voices.vocal_forms import arrange_voices
from umir.studio.voices.vocal_take import record_voice
from umir.studio.writing.composer import compose
from umir.studio.writing.harmony import key_name
from umir.studio.writing.key_changes import longest_key
from umir.studio.writing.score import Score

_ONE_AT_A_TIME = ("bass", "lead")


def render_song(
    seed: int,
    *,
    rate: int = 16000,
    duration: float = SONG_SECONDS,
    channels: int = 1,
    style: str | None = None,
    features: Features = ALL_FEATURES,
    soundfonts: tuple[Path, ...] = (),
) -> Song:
    """Compose, perform, record and mix a song.

    Args:
        seed: everything follows from it: the same arguments give the same bytes.
        rate: sampling rate in Hz, 8000 at least.
        duration: seconds, 1 at least.
        channels: 1 or 2.
        style: name of one of `umir.studio.STYLES`; None draws one.
        features: which groups of features the song has.
        soundfonts: the user's own SoundFonts, from which about half of the players take their sound
            where one has their instrument.

    Returns:
        The song with its stems, parts and labels.

    Raises:
        FileNotFoundError: a SoundFont is missing.
        ValueError: an argument is out of range, or a SoundFont is damaged.
    """
    if channels not in (1, 2):
        raise ValueError(f"channels must be 1 or 2, not {channels}")
    if rate < 8000 or duration < 1:
        raise ValueError(f"{rate} Hz or {duration} s is too small: at least 8000 Hz and 1 s")
    if seed < 0:
        raise ValueError(f"the seed must not be negative: {seed}")
    sequence = np.random.SeedSequence(seed)
    song = None
    while song is None:  # in short songs it happens that nobody plays: then another one is drawn
        song = _render(sequence, seed, rate, duration, channels, style, features, soundfonts)
        (sequence,) = sequence.spawn(1)
    return song


def _render(
    sequence: np.random.SeedSequence,
    seed: int,
    rate: int,
    duration: float,
    channels: int,
    style: str | None,
    features: Features,
    soundfonts: tuple[Path, ...],
) -> Song | None:
    """Render what follows from a sequence of seeds; None if nobody plays or sings in it."""
    # The composition does not depend on the rate or the number of channels.
    writing, playing, recording, mixing = map(np.random.default_rng, sequence.spawn(4))
    chance = group_generators(sequence)
    bringing = UserSounds(np.random.default_rng(sequence.spawn(1)[0]), soundfonts)
    harmony = chance["harmony"] if features.harmony else None
    metre = chance["metre"] if features.metre else None
    lead = draw_lead(metre, duration) if metre else 0
    duration += lead
    score = compose(writing, duration, style, harmony=harmony, metre=metre)
    performance = perform(playing, score, duration)
    singing = chance["singing"] if features.singing else None
    singers: tuple[PlayedPart, ...] = ()
    if singing:
        performance, singers = arrange_voices(singing, score, performance, duration)
    if not (performance.parts or performance.hits or singers):
        return None
    length = round(duration * rate)
    timbre = chance["timbre"] if features.timbre else None
    takes = [
        record_voice(recording, part, length, rate, singing)
        if part.register
        else _record(recording, part, length, rate, bringing, timbre)
        for part in performance.parts
    ]
    if performance.hits:
        takes.append(_record_drums(recording, score, performance, length, rate, bringing, timbre))
    if timbre:
        doubles = draw_doubles(timbre, performance.parts)
        takes += [_record(timbre, part, length, rate, bringing, timbre) for part in doubles]
    takes += [record_voice(singing, part, length, rate, singing) for part in singers if singing]
    production = chance["production"] if features.production else None
    waves = mix(mixing, score, takes, rate, channels, layers=timbre, production=production)
    return without_lead(_assemble(seed, rate, score, performance, takes, waves, lead), lead)


def _record(
    rng: np.random.Generator,
    part: PlayedPart,
    length: int,
    rate: int,
    bringing: UserSounds,
    timbre: np.random.Generator | None,
) -> Take:
    """Record a pitched instrument, with the features of `timbre` if there are any."""
    sound, generator = draw_sound(rng, part.instrument)
    if own := bringing.draw_sound(part.instrument):
        sound, generator = own, "sampled"
    if timbre:
        part, sound, generator = vary_player(timbre.spawn(1)[0], part, sound, generator)
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


def _record_drums(
    rng: np.random.Generator,
    score: Score,
    performance: Performance,
    length: int,
    rate: int,
    bringing: UserSounds,
    timbre: np.random.Generator | None,
) -> Take:
    """Record the drums."""
    kind = str(rng.choice(score.style.kits))
    drums = sorted({hit.drum for hit in performance.hits})
    kit = draw_kit(rng, kind, rate, drums)
    kit = bringing.draw_kit(drums, rate) or kit
    if timbre:
        kit = vary_kit(timbre.spawn(1)[0], kit, rate)
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
    lead: int,
) -> Song:
    """Put the parts, stems and labels together; the first `lead` seconds will be left out."""
    parts = make_parts(takes, waves)
    stems = sum_stems(parts)
    leading: dict[str, F0 | None] = {take.role: take.melody or take.f0 for take in takes}
    words = [take.lyrics for take in takes if take.role == "vocals" and take.lyrics is not None]
    lyrics = words[0] if words else Intervals(np.zeros((0, 2)), ())
    count = int(np.ceil(len(waves[0]) / rate / MELODY_HOP - 1e-9))
    times = [time for take in takes for time in take.onsets.times.tolist()]
    end = len(waves[0]) / rate
    key = longest_key(performance.keys, float(lead), end) or (score.tonic, score.mode)
    song = Song(
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
        key=key_name(*key),
        tempo=performance.tempo,
    )
    return _untold(song) if all(take.lyrics is not None for take in takes) else song


def _untold(song: Song) -> Song:
    """Return a song of voices alone, which tell neither its chords nor its beats for sure."""
    return replace(
        song,
        chords=Intervals(np.zeros((0, 2)), (), song.duration),
        beats=Events(np.zeros(0), ()),
        tempo=np.nan,
        unknown=frozenset(("chords", "beats", "tempo")),
    )
