"""What a singer records: a take with its syllables, and its melody apart from what is spoken."""

import numpy as np

from umir.studio import labels
from umir.studio.mix import Take
from umir.studio.performance import PlayedPart
from umir.studio.singer import draw_singer
from umir.studio.singing import sing
from umir.studio.voice_quality import vary_singer


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
        notes=labels.note_labels(singing.notes),
        onsets=labels.onset_labels(singing.onsets),
        f0=singing.f0,
        lyrics=singing.lyrics,
        melody=singing.melody,
    )
