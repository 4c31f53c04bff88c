"""The composer: draws a style and writes a score in it.

A song is a chain of sections (intro, verse, chorus, break), each with its own harmony, groove and
choice of players, which `umir.studio.arranger` writes out.
"""

import numpy as np

from umir.studio.arranger import Arranger, Section
from umir.studio.harmony import MINOR_MODES, Chord, parse_progression
from umir.studio.score import Score
from umir.studio.style import Groove, Style
from umir.studio.styles import STYLES

_FORMS = (
    ("intro", "verse", "chorus", "solo"),
    ("verse", "chorus", "verse", "chorus"),
    ("chorus", "verse", "break", "chorus"),
    ("intro", "verse", "verse", "chorus"),
    ("verse", "break", "chorus", "solo"),
    ("solo", "verse", "chorus", "break"),
)


def compose(rng: np.random.Generator, duration: float, style: str | None = None) -> Score:
    """Write a song that lasts at least `duration` seconds.

    Args:
        rng: where chance comes from.
        duration: seconds.
        style: name of one of `STYLES`; None draws one.

    Returns:
        The score.

    Raises:
        ValueError: the style is unknown.
    """
    if style is not None and style not in STYLES:
        raise ValueError(f"unknown style {style!r}: choose one of {', '.join(STYLES)}")
    chosen = STYLES[style or str(rng.choice(sorted(STYLES)))]
    tempo = float(np.exp(rng.uniform(*np.log(chosen.tempo))))
    home = chosen.grooves[int(rng.integers(len(chosen.grooves)))]
    tonic, mode = int(rng.integers(12)), str(rng.choice(sorted(chosen.modes)))
    kinds = _form(rng, duration, home, tempo)
    materials = {kind: _draw_section(rng, chosen, home, tonic, mode) for kind in sorted(set(kinds))}
    if kinds[-1] == "end":
        materials["end"] = _last_bar(home, tonic, mode)
    writer = Arranger(rng, chosen, home, (tonic, mode), kinds, materials)
    return Score(
        style=chosen,
        tempo=tempo,
        beats_per_bar=home.beats,
        division=home.division,
        swing=float(rng.uniform(*chosen.swing)),
        bars=len(kinds),
        tonic=tonic,
        mode=mode,
        chords=writer.chords(),
        parts=writer.parts(),
        hits=writer.drums() if rng.random() < chosen.drums_probability else (),
    )


def _form(
    rng: np.random.Generator, duration: float, groove: Groove, tempo: float
) -> tuple[str, ...]:
    """Return the kind of section that each bar belongs to.

    Most songs go on past `duration`, as an excerpt does; some come to an end before it.
    """
    seconds = groove.beats * 60 / tempo
    length = 2 if seconds > 3.2 else 4 if seconds > 1.3 else 8
    form = _FORMS[int(rng.integers(len(_FORMS)))]
    bars = int(np.ceil(duration / seconds)) + 2
    ending = int((duration - 1 - rng.uniform(0.5, 4.0)) / seconds)
    if rng.random() < 0.2 and ending >= 3:
        bars = ending - 1
        return (*(form[bar // length % len(form)] for bar in range(bars)), "end")
    return tuple(form[bar // length % len(form)] for bar in range(bars))


def _last_bar(home: Groove, tonic: int, mode: str) -> Section:
    """Return the material of a final bar: everybody holds the tonic."""
    hold = "-" * (home.steps - 1)
    drums = {"kick": "X".ljust(home.steps, "."), "crash": "X".ljust(home.steps, ".")}
    groove = Groove(home.beats, home.division, drums, ("r" + hold,), ("X" + hold,))
    final = Chord(tonic, "min" if mode in MINOR_MODES else "maj")
    return Section(groove, ((final,),), "r" + hold, "X" + hold, 0)


def _draw_section(
    rng: np.random.Generator, style: Style, home: Groove, tonic: int, mode: str
) -> Section:
    """Draw the material of one kind of section, in the metre of the home groove."""
    metre = (home.beats, home.division)
    grooves = [g for g in style.grooves if (g.beats, g.division) == metre]
    groove = grooves[int(rng.integers(len(grooves)))]
    progression = str(rng.choice(style.modes[mode]))
    return Section(
        groove=_vary(rng, groove),
        progression=parse_progression(progression, tonic),
        bass=str(rng.choice(groove.bass)),
        chords=str(rng.choice(groove.chords)),
        seed=int(rng.integers(2**31)),
    )


def _vary(rng: np.random.Generator, groove: Groove) -> Groove:
    """Change a few drum steps and sometimes swap or drop a cymbal, so that no two songs agree."""
    drums = {}
    for name, pattern in groove.drums.items():
        steps = list(pattern)
        for step in range(1, len(steps)):
            if rng.random() < 0.04:
                steps[step] = "o" if steps[step] == "." else "."
        drums[name] = "".join(steps)
    swaps = {
        "closed_hihat": ("ride", "shaker"),
        "ride": ("closed_hihat",),
        "snare": ("rimshot", "clap"),
        "shaker": ("cowbell", "closed_hihat"),
        "cowbell": ("shaker",),
    }
    for name in sorted(drums):
        if rng.random() < 0.15 and name in swaps:
            other = str(rng.choice(swaps[name]))
            if other not in drums:
                drums[other] = drums.pop(name)
    return Groove(groove.beats, groove.division, drums, groove.bass, groove.chords)
