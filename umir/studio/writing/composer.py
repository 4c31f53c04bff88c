"""The composer: draws a style and writes a score in it.

A song is a chain of sections (intro, verse, chorus, break), each with its own harmony, groove and
choice of players, which `umir.studio.writing.arranger` writes out. Two groups of features make it
richer, each by chance of its own: *harmony* (`reharmony`, `key_changes`) and *metre* (`metres`,
`forms`, `beats`, `tempo_curves`); `timeline` and `sounding` see to it that the labels are what is
played.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from umir.studio.styles import DANCES, FIRST_STYLES, SOLO_PIANO, STYLES
from umir.studio.styles.style import Groove, Style
from umir.studio.writing.arranger import Arranger, Plan
from umir.studio.writing.beats import sticks, varied_drums
from umir.studio.writing.forms import draw_form
from umir.studio.writing.harmony import MINOR_MODES, Chord, parse_progression
from umir.studio.writing.key_changes import Key, draw_keys, main_key
from umir.studio.writing.metres import Metre, draw_metre
from umir.studio.writing.piano import PianoBar, compose_piano
from umir.studio.writing.players import CHORDLESS, Section
from umir.studio.writing.reharmony import draw_taste, reharmonise
from umir.studio.writing.score import Score, ScorePart
from umir.studio.writing.sounding import as_sounding
from umir.studio.writing.tempo_curves import draw_pace, draw_swing
from umir.studio.writing.timeline import cut_bars, push_chords

_FORMS = (
    ("intro", "verse", "chorus", "solo"),
    ("verse", "chorus", "verse", "chorus"),
    ("chorus", "verse", "break", "chorus"),
    ("intro", "verse", "verse", "chorus"),
    ("verse", "break", "chorus", "solo"),
    ("solo", "verse", "chorus", "break"),
)
# Part of the songs, with the group *metre*, in a style that only they have; of these, piano alone.
_OTHER_STYLES, _PIANO = 0.42, 0.15
_FREE_PIANO = 0.65  # part of the piano pieces with strong rubato
_FREE = ("ambient", "chamber")  # styles whose players follow each other freely

Chance = np.random.Generator | None


def compose(
    rng: np.random.Generator,
    duration: float,
    style: str | None = None,
    *,
    harmony: Chance = None,
    metre: Chance = None,
) -> Score:
    """Write a song that lasts at least `duration` seconds, unless it comes to an end before.

    Args:
        rng: where chance comes from.
        duration: seconds.
        style: name of one of `STYLES`; None draws one.
        harmony: where the chance of that group of features comes from; None: without it.
        metre: the same.

    Returns:
        The score.

    Raises:
        ValueError: the style is unknown.
    """
    if style is not None and style not in STYLES:
        raise ValueError(f"unknown style {style!r}: choose one of {', '.join(STYLES)}")
    chosen = STYLES[style or str(rng.choice(sorted(FIRST_STYLES)))]
    if style is None and metre is not None:
        chosen = _other_style(metre, chosen)
    tempo = float(np.exp(rng.uniform(*np.log(chosen.tempo))))
    home = chosen.grooves[int(rng.integers(len(chosen.grooves)))]
    key = int(rng.integers(12)), _draw_mode(rng, sorted(chosen.modes))
    moving = Metre(chosen, home, tempo, tuple(range(1, home.beats + 1)))
    if metre is not None:
        moving = draw_metre(metre, chosen, home, tempo, _keeps_metre(chosen))
    chosen, home, tempo = moving.style, moving.home, moving.tempo
    kinds = _form(rng, duration, home, tempo)
    if metre is not None:
        kinds = draw_form(metre, duration, home.beats * 60 / tempo)
    plan = _plan(rng, chosen, home, key, kinds, harmony, metre)
    writer = Arranger(rng, chosen, plan)
    swing = float(rng.uniform(*chosen.swing))
    chords, parts = writer.chords(), writer.parts()
    score = Score(
        style=chosen,
        tempo=tempo,
        beats_per_bar=home.beats,
        division=home.division,
        swing=swing,
        bars=len(kinds),
        tonic=key[0],
        mode=key[1],
        chords=chords,
        parts=parts,
        hits=writer.drums(metre) if rng.random() < chosen.drums_probability else (),
    )
    if chosen.name == SOLO_PIANO.name:
        score = replace(score, parts=(_piano(metre or rng, plan, writer),))
    return _finished(score, plan, moving, harmony, metre)


def _other_style(metre: np.random.Generator, chosen: Style) -> Style:
    """Return a style of those that only songs with the group *metre* have, or the one chosen."""
    chances, others = metre.random(2), sorted(set(STYLES) - set(FIRST_STYLES) - {SOLO_PIANO.name})
    other = STYLES[str(metre.choice(others))]
    if chances[0] >= _OTHER_STYLES:
        return chosen
    return SOLO_PIANO if chances[1] < _PIANO else other


def _draw_mode(rng: np.random.Generator, modes: Sequence[str]) -> str:
    """Return one of a style's modes: a major key as often as a minor one, where it has both."""
    minor = [mode for mode in modes if mode in MINOR_MODES]
    major = [mode for mode in modes if mode not in MINOR_MODES]
    chosen = minor if not major or (minor and rng.random() < 0.5) else major
    return str(rng.choice(chosen))


def _keeps_metre(style: Style) -> bool:
    return style.name in DANCES or style.name == SOLO_PIANO.name


def _plan(
    rng: np.random.Generator,
    style: Style,
    home: Groove,
    key: Key,
    kinds: tuple[str, ...],
    harmony: Chance,
    metre: Chance,
) -> Plan:
    """Draw the material of all kinds of sections, and the key of each bar."""
    keys: tuple[Key, ...] = (key,) * len(kinds)
    if harmony is not None:
        keys = draw_keys(harmony, key, kinds, sorted(style.modes))
    materials = {}
    for kind in sorted(set(kinds)):
        own = keys[kinds.index(kind)]
        if own[1] not in style.modes:
            own = own[0], key[1]
        materials[kind] = _draw_section(rng, style, home, *own)
    if "end" in materials:
        materials["end"] = _last_bar(home, *keys[kinds.index("end")])
    if harmony is not None:
        taste = draw_taste(harmony, style.name)
        for kind in sorted(set(materials) - {"end", "stop", *CHORDLESS}):
            bars, own = materials[kind].progression, keys[kinds.index(kind)]
            bars = reharmonise(harmony, taste, bars, own, home.beats)
            materials[kind] = replace(materials[kind], progression=bars)
    if metre is not None:
        materials = varied_drums(metre, _with_stops(metre, materials, home))
    tonics = {kind: keys[kinds.index(kind)][0] for kind in materials}
    materials = {kind: replace(each, tonic=tonics[kind]) for kind, each in materials.items()}
    return Plan(home, kinds, keys, materials, restruck=harmony is not None)


def _with_stops(
    metre: np.random.Generator, materials: Mapping[str, Section], home: Groove
) -> dict[str, Section]:
    """Return the sections with those in which next to nothing happens."""
    result = dict(materials)
    rest, hit = "." * home.steps, "X".ljust(home.steps, ".")
    if "stop" in result:
        groove = Groove(home.beats, home.division, {"kick": hit, "crash": hit}, (hit,), (hit,))
        result["stop"] = replace(
            result["stop"], groove=groove, bass="r".ljust(home.steps, "."), chords=hit
        )
    for kind in CHORDLESS:
        if kind in result:
            result[kind] = replace(result[kind], bass=rest, chords=rest)
    if "count" in result:
        result["count"] = replace(result["count"], groove=sticks(metre, home))
    return result


def _piano(rng: np.random.Generator, plan: Plan, writer: Arranger) -> ScorePart:
    """Write both hands of a piano piece."""
    bars = [
        PianoBar(
            kind,
            writer.place(bar),
            plan.materials[kind].seed,
            writer.step_chords(bar),
            plan.keys[bar],
        )
        for bar, kind in enumerate(plan.kinds)
    ]
    return compose_piano(rng, bars, plan.groove.beats, plan.groove.division)


def _finished(score: Score, plan: Plan, moving: Metre, harmony: Chance, metre: Chance) -> Score:
    """Shape the time of a score and name its chords by what is played."""
    if harmony is not None:
        score = push_chords(harmony, score)
    if metre is not None:
        alone = score.style.name == SOLO_PIANO.name
        free = score.style.name in _FREE or (alone and metre.random() < _FREE_PIANO)
        machine = score.style.drift[1] == 0
        pace = draw_pace(metre, plan.kinds, score.beats_per_bar, machine=machine, free=free)
        swing, warp = draw_swing(metre, score.style, score.division, score.tempo, score.swing)
        count = moving.count * score.bars
        score = replace(score, positions=count, pace=pace, swing=swing, warp=warp)
        score = cut_bars(metre, score)
    if harmony is None and metre is None:
        return score
    tonic, mode = main_key(plan.keys)
    return as_sounding(replace(score, tonic=tonic, mode=mode))


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
