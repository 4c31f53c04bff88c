"""The arranger: writes out who plays what, from the material of the sections.

What is repeated in music is repeated here: a section that comes back has its progression, its bass
and chord patterns and its melodic motifs again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from umir.studio.styles.style import Groove, Style
from umir.studio.voices.singer import REGISTERS
from umir.studio.writing.backing import compose_backing
from umir.studio.writing.drummer import Drummer
from umir.studio.writing.harmony import Chord, nearest, voicing
from umir.studio.writing.lyrics import set_lyrics
from umir.studio.writing.melody import compose_phrase, compose_rhythm, draw_moves
from umir.studio.writing.players import (
    ACCENTS,
    CHORDAL,
    CHORDLESS,
    GUESTS,
    PLAYERS,
    RANGES,
    Section,
    events,
    power_chord,
    struck_again,
)
from umir.studio.writing.score import ScoreChord, ScoreHit, ScoreNote, ScorePart

# Probability of backing vocals behind a lead voice, and where they sing.
_BACKING = 0.45
_BACKED = ("chorus", "break")


@dataclass(frozen=True)
class Plan:
    """What happens when in a song.

    Attributes:
        groove: the home groove, for the metre.
        kinds: the kind of section that each bar belongs to.
        keys: tonic and mode of each bar.
        materials: the material of each kind of section.
        restruck: whether held notes are struck again where the chord changes under them.
    """

    groove: Groove
    kinds: tuple[str, ...]
    keys: tuple[tuple[int, str], ...]
    materials: Mapping[str, Section]
    restruck: bool = False


class Arranger:
    """Writes the parts of one song, bar by bar.

    Args:
        rng: where chance comes from.
        style: the style of the song.
        plan: what happens when.
    """

    def __init__(self, rng: np.random.Generator, style: Style, plan: Plan):
        self._rng, self._style, self._plan = rng, style, plan
        self._groove, self._kinds, self._materials = plan.groove, plan.kinds, plan.materials
        kinds = plan.kinds
        self._active = {kind: self._draw_players(kind) for kind in sorted(set(kinds))}
        self._first = tuple(  # the bar that each bar's section starts with
            max(b for b in range(bar + 1) if b == 0 or kinds[b - 1] != kinds[bar])
            for bar in range(len(kinds))
        )

    def _draw_players(self, kind: str) -> set[str]:
        """Return who plays in a kind of section: its usual players, less some by chance."""
        fixed = ("drums",) if kind in CHORDLESS else ("chords",)
        return {role for role in PLAYERS[kind] if role in fixed or self._rng.random() < 0.9}

    def place(self, bar: int) -> int:
        """Return how many bars of its section come before a bar."""
        return bar - self._first[bar]

    def bar_chords(self, bar: int) -> tuple[Chord, ...]:
        """Return the chords of a bar, in equal parts of it."""
        section = self._materials[self._kinds[bar]]
        chords = section.progression[(bar - self._first[bar]) % len(section.progression)]
        tonic = self._plan.keys[bar][0]
        shift = 0 if section.tonic is None else (tonic - section.tonic) % 12
        return tuple(chord.transposed(shift) for chord in chords) if shift else chords

    def step_chords(self, bar: int) -> list[Chord]:
        """Return the chord at each step of a bar."""
        chords, steps = self.bar_chords(bar), self._groove.steps
        return [chords[step * len(chords) // steps] for step in range(steps)]

    def chords(self) -> tuple[ScoreChord, ...]:
        """Return the harmony of the whole song."""
        result = []
        for bar, key in enumerate(self._plan.keys):
            for start, length, chord in self._changes(bar):
                start += bar * self._groove.beats
                result.append(ScoreChord(start, length, chord, key))
        return tuple(result)

    def _changes(self, bar: int) -> list[tuple[float, float, Chord]]:
        """Return start and length, in beats from the bar line, of each chord of a bar."""
        chords = self.bar_chords(bar)
        starts = [at for at in range(len(chords)) if at == 0 or chords[at] != chords[at - 1]]
        part = self._groove.beats / len(chords)
        ends = [*starts[1:], len(chords)]
        return [
            (at * part, (end - at) * part, chords[at]) for at, end in zip(starts, ends, strict=True)
        ]

    def _events(self, pattern: str, chords: Sequence[Chord]) -> list[tuple[int, int, str]]:
        """Return step, length and symbol of what a pattern has over the chord of each step."""
        found = events(pattern)
        return struck_again(found, chords) if self._plan.restruck else found

    def parts(self) -> tuple[ScorePart, ...]:
        """Write all pitched parts of the song."""
        rng, style = self._rng, self._style
        parts = [ScorePart("bass", str(rng.choice(style.bass)), self._bass())]
        chords = self._draw_player(style.chords, CHORDAL)
        parts.append(ScorePart("chords", chords, self._comping("chords", chords)))
        pads = [name for name in style.pads if name != chords]
        # Distorted guitars play roots and fifths: somebody else has to play the third.
        if pads and (rng.random() < 0.6 or chords == "distorted_guitar"):
            pad = str(rng.choice(pads))
            parts.append(ScorePart("pad", pad, self._pad(everywhere=chords == "distorted_guitar")))
        leads = [name for name in style.leads if name != chords]
        if rng.random() < 0.85:
            lead = self._draw_player(leads, [name for name in sorted(RANGES) if name != chords])
            parts.append(ScorePart("lead", lead, self._melody("lead", RANGES[lead])))
        if rng.random() < style.vocals:
            parts += self._vocals()
        return tuple(part for part in parts if part.notes)

    def _draw_player(self, usual: Sequence[str], others: Sequence[str]) -> str:
        """Return an instrument that is usual in the style, or now and then a guest."""
        choice = others if self._rng.random() < GUESTS or not usual else usual
        return str(self._rng.choice(choice))

    def _bass(self) -> tuple[ScoreNote, ...]:
        """Write the bass line."""
        notes = []
        for bar, kind in enumerate(self._kinds):
            if "bass" not in self._active[kind]:
                continue
            section = self._materials[kind]
            chords = self.step_chords(bar)
            after = self.bar_chords(min(bar + 1, len(self._kinds) - 1))[0]
            for step, length, symbol in self._events(section.bass, chords):
                later = chords[step + length] if step + length < len(chords) else after
                pitch = self._bass_pitch(symbol, chords[step], later)
                accent = (0.9 if step == 0 else 0.75) + self._rng.uniform(-0.08, 0.08)
                notes.append(self._note(bar, step, length * 0.95, pitch, accent))
        return tuple(notes)

    def _bass_pitch(self, symbol: str, chord: Chord, later: Chord) -> int:
        """Return the pitch that a symbol of a bass pattern stands for."""
        lowest = chord.root if chord.bass is None else chord.bass
        root = 28 + (lowest - 28) % 12  # from the low E of a bass guitar upwards
        if symbol == "a":
            target = nearest(later.root if later.bass is None else later.bass, root)
            return max(target + int(self._rng.choice([-2, -1, 1, 2])), 27)
        if symbol == "s":
            return root + int(self._rng.choice([(t - lowest) % 12 for t in chord.tones]))
        if symbol in "35":
            step = chord.third if symbol == "3" else chord.fifth
            return root + (chord.root + step - lowest) % 12
        return root + {"r": 0, "8": 12}[symbol]

    def _comping(self, role: str, instrument: str) -> tuple[ScoreNote, ...]:
        """Write the part that plays the chords in rhythm."""
        power = instrument == "distorted_guitar"
        centre = 47.0 if power else float(self._rng.uniform(57, 67))
        notes = []
        for bar, kind in enumerate(self._kinds):
            if role not in self._active[kind]:
                continue
            chords = self.step_chords(bar)
            for step, length, symbol in self._events(self._materials[kind].chords, chords):
                pitches = power_chord(chords[step]) if power else voicing(chords[step], centre)
                if symbol.isdigit():
                    ladder = (*pitches, pitches[0] + 12, pitches[1] + 12)
                    pitches, symbol = (ladder[(int(symbol) - 1) % len(ladder)],), "x"
                accent = ACCENTS[symbol] + self._rng.uniform(-0.06, 0.05)
                notes += [self._note(bar, step, length * 0.92, p, accent) for p in pitches]
        return tuple(notes)

    def _pad(self, everywhere: bool) -> tuple[ScoreNote, ...]:
        """Write long chords under the rest."""
        centre = float(self._rng.uniform(58, 70))
        notes = []
        for bar, kind in enumerate(self._kinds):
            resting = not everywhere or kind in CHORDLESS
            if "pad" not in self._active[kind] and resting:
                continue
            for start, length, chord in self._changes(bar):
                accent = 0.6 + self._rng.uniform(-0.1, 0.1)
                first, held = (beats * self._groove.division for beats in (start, length))
                notes += [
                    self._note(bar, first, held * 0.97, pitch, accent)
                    for pitch in voicing(chord, centre)
                ]
        return tuple(notes)

    def _melody(self, role: str, range_: tuple[int, int]) -> tuple[ScoreNote, ...]:
        """Write a melody: phrases of two bars, motif A twice, then B, in each section.

        Where the voice sings, the lead fills only every second phrase.
        """
        density = float(self._rng.uniform(*self._style.density))
        notes: list[ScoreNote] = []
        for bar, kind in enumerate(self._kinds):
            if (bar - self._first[bar]) % 2:
                continue
            phrase = (bar - self._first[bar]) // 2
            shy = role == "lead" and "vocals" in self._active[kind] and phrase % 2 == 0
            if role not in self._active[kind] or shy:
                continue
            motif = np.random.default_rng([self._materials[kind].seed, phrase % 4 == 3, len(role)])
            steps = self._groove.steps * 2
            rhythm = compose_rhythm(motif, steps, self._groove.division, density)
            moves = draw_moves(motif, len(rhythm))
            # Half a phrase, where the section ends in the middle of it.
            whole = bar + 1 < len(self._kinds) and self._kinds[bar + 1] == kind
            chords = self.step_chords(bar) + (self.step_chords(bar + 1) if whole else [])
            rhythm = tuple(event for event in rhythm if event[0] < len(chords))
            written = compose_phrase(
                self._rng,
                rhythm,
                moves,
                chords,
                self._groove.division,
                self._plan.keys[bar],
                range_,
            )
            written = self._lyrics(bar, written) if role == "vocals" else written
            beat = bar * self._groove.beats
            notes += [replace(note, start=beat + note.start) for note in written]
        return tuple(notes)

    def _vocals(self) -> list[ScorePart]:
        """Write the lead voice with its lyrics, and the voices behind it."""
        register = sorted(REGISTERS)[int(self._rng.integers(len(REGISTERS)))]
        range_ = (REGISTERS[register].low, REGISTERS[register].high)
        lead = ScorePart("vocals", "voice", self._melody("vocals", range_), register)
        chance = self._rng.spawn(1)[0]
        if chance.random() > _BACKING:
            return [lead]
        beats = float(self._groove.beats)
        spans = [
            (bar * beats, (bar + 1) * beats)
            for bar, kind in enumerate(self._kinds)
            if kind in _BACKED and "vocals" in self._active[kind]
        ]
        backing = compose_backing(
            chance, lead.notes, self.chords(), self._plan.keys[0], register, spans
        )
        return [lead, *backing]

    def _lyrics(self, bar: int, notes: list[ScoreNote]) -> list[ScoreNote]:
        """Set words to a phrase: those of a chorus come back, those of a verse do not."""
        kind = self._kinds[bar]
        place = bar - self._first[bar] if kind == "chorus" else bar
        return set_lyrics(np.random.default_rng([self._materials[kind].seed, place]), notes)

    def drums(self, variety: np.random.Generator | None = None) -> tuple[ScoreHit, ...]:
        """Write the drums; with a generator, with fills of many kinds."""
        playing = {kind for kind, players in self._active.items() if "drums" in players}
        first, materials = self._first, self._materials
        drummer = Drummer(self._rng, self._groove, self._kinds, first, materials, playing, variety)
        return drummer.write()

    def _note(
        self, bar: int, step: int | float, length: float, pitch: int, accent: float
    ) -> ScoreNote:
        """Write one note; step and length in steps."""
        start = bar * self._groove.beats + step / self._groove.division
        return ScoreNote(start, length / self._groove.division, pitch, float(accent))
