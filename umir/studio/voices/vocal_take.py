"""What a singer records: a take with its syllables, and its melody apart from what is spoken."""

from dataclasses import replace

import numpy as np

from umir.annotations import F0, Notes
from umir.studio import labels
from umir.studio.mixing.mix import Take
from umir.studio.playing.performance import PlayedPart
from umir.studio.voices.singer import draw_singer
from umir.studio.voices.singing import sing
from umir.studio.voices.voice_quality import vary_singer

_FEWEST = 3  # frames with a pitch that tell how high a note is sung


def record_voice(
    rng: np.random.Generator,
    part: PlayedPart,
    length: int,
    rate: int,
    variety: np.random.Generator | None = None,
) -> Take:
    """Draw a singer and record a part.

    Args:
        rng: draws the singer.
        part: what to sing; its register says who can.
        length: samples.
        rate: sampling rate in Hz.
        variety: gives the singer a quality of voice; None: a trained, plain voice.
    """
    singer = draw_singer(rng, part.register)
    if variety is not None:
        # A generator of its own for each singer: none depends on how many draws another made.
        singer = vary_singer(variety.spawn(1)[0], singer)
    singing = sing(singer, part.notes, length, rate)
    return Take(
        role=part.role,
        instrument=part.instrument,
        generator="synthetic",
        wave=singing.waveform,
        notes=notes_as_sung(labels.note_labels(singing.notes), singing.f0),
        onsets=labels.onset_labels(singing.onsets),
        f0=singing.f0,
        lyrics=singing.lyrics,
        melody=singing.melody,
    )


def notes_as_sung(notes: Notes, f0: F0) -> Notes:
    """Return notes at the pitch that they are sung at: the median of the curve inside each.

    Singers miss what is written by up to a semitone, and who annotates hears what they sing.

    Args:
        notes: as written; those in which hardly anything is voiced stay.
        f0: of the singer, 0 where there is no pitch.
    """
    bounds = np.searchsorted(f0.times, notes.intervals - 1e-9)
    sung = notes.frequencies.copy()
    for at, (first, stop) in enumerate(bounds):
        voiced = f0.frequencies[first:stop]
        voiced = voiced[voiced > 0]
        if len(voiced) >= _FEWEST:
            sung[at] = np.median(voiced)
    return replace(notes, frequencies=sung)
