"""The arranger: writes out who plays what, from the material of the sections.

What is repeated in music is repeated here: a section that comes back has its progression, its bass
and chord patterns and its melodic motifs again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from umir.studio.backing import compose_backing
from umir.studio.harmony import Chord, nearest, voicing
from umir.studio.lyrics import set_lyrics
from umir.studio.melody import compose_phrase, compose_rhythm, draw_moves
from umir.studio.score import ScoreChord, ScoreHit, ScoreNote, ScorePart
from umir.studio.singer import REGISTERS
from umir.studio.style import Groove, Style

# Who plays in which kind of section. Drums and bass rest in some sections by chance.
_PLAYERS = {
    "intro": ("bass", "chords", "lead", "drums"),
    "verse": ("bass", "chords", "vocals", "drums"),
    "chorus": ("bass", "chords", "pad", "vocals", "lead", "drums"),
    "solo": ("bass", "chords", "pad", "lead", "drums"),
    "break": ("chords", "pad", "vocals"),
    "end": ("bass", "chords", "pad", "drums"),
}
_ACCENTS = {"X": 0.95, "x": 0.72, "o": 0.42}
# Instruments that can play chords; those that can lead have a range.
_CHORDAL = (
    "accordion",
    "acoustic_guitar",
    "electric_guitar",
    "electric_piano",
    "harp",
    "mallet",
    "organ",
    "piano",
    "strings",
    "synth_pad",
)
# Part of the players who come from another style, so that styles do not give instruments away.
_GUESTS = 0.3
_RANGES = {
    "accordion": (60, 86),
    "brass": (55, 79),
    "clarinet": (55, 84),
    "distorted_guitar": (55, 84),
    "electric_guitar": (55, 84),
    "flute": (65, 91),
    "harp": (60, 88),
    "mallet": (60, 88),
    "organ": (60, 84),
    "piano": (62, 90),
    "saxophone": (53, 77),
    "strings": (57, 88),
    "synth_lead": (57, 86),
}
# Probability of backing vocals behind a lead voice, and where they sing.
_BACKING = 0.45
_BACKED = ("chorus", "break")


@dataclass(frozen=True)
class Section:
    """The material of a section: what comes back when the section comes back.

    Attributes:
        groove: its rhythm.
        progression: the chords of each bar.
        bass: the pattern of the bass.
        chords: the pattern of the chords.
        seed: decides the motifs of its melodies.
    """

    groove: Groove
    progression: tuple[tuple[Chord, ...], ...]
    bass: str
    chords: str
    seed: int


class Arranger:
    """Writes the parts of one song, bar by bar.

    Args:
        rng: where chance comes from.
        style: the style of the song.
        groove: the home groove, for the metre.
        key: tonic and mode.
        kinds: the kind of section that each bar belongs to.
        materials: the material of each kind of section.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        style: Style,
        groove: Groove,
        key: tuple[int, str],
        kinds: tuple[str, ...],
        materials: Mapping[str, Section],
    ):
        self._rng, self._style, self._groove, self._key = rng, style, groove, key
        self._kinds, self._materials = kinds, materials
        self._active = {kind: self._draw_players(kind) for kind in sorted(set(kinds))}
        self._first = tuple(  # the bar that each bar's section starts with
            max(b for b in range(bar + 1) if b == 0 or kinds[b - 1] != kinds[bar])
            for bar in range(len(kinds))
        )

    def _draw_players(self, kind: str) -> set[str]:
        """Return who plays in a kind of section: its usual players, less some by chance."""
        return {role for role in _PLAYERS[kind] if role == "chords" or self._rng.random() < 0.9}

    def _bar_chords(self, bar: int) -> tuple[Chord, ...]:
        """Return the chords of a bar."""
        progression = self._materials[self._kinds[bar]].progression
        return progression[(bar - self._first[bar]) % len(progression)]

    def _step_chords(self, bar: int) -> list[Chord]:
        """Return the chord at each step of a bar."""
        chords, steps = self._bar_chords(bar), self._groove.steps
        return [chords[step * len(chords) // steps] for step in range(steps)]

    def chords(self) -> tuple[ScoreChord, ...]:
        """Return the harmony of the whole song."""
        result = []
        for bar in range(len(self._kinds)):
            chords = self._bar_chords(bar)
            length = self._groove.beats / len(chords)
            for index, chord in enumerate(chords):
                start = bar * self._groove.beats + index * length
                result.append(ScoreChord(start, length, chord))
        return tuple(result)

    def parts(self) -> tuple[ScorePart, ...]:
        """Write all pitched parts of the song."""
        rng, style = self._rng, self._style
        parts = [ScorePart("bass", str(rng.choice(style.bass)), self._bass())]
        chords = self._draw_player(style.chords, _CHORDAL)
        parts.append(ScorePart("chords", chords, self._comping("chords", chords)))
        pads = [name for name in style.pads if name != chords]
        # Distorted guitars play roots and fifths: somebody else has to play the third.
        if pads and (rng.random() < 0.6 or chords == "distorted_guitar"):
            pad = str(rng.choice(pads))
            parts.append(ScorePart("pad", pad, self._pad(everywhere=chords == "distorted_guitar")))
        leads = [name for name in style.leads if name != chords]
        if rng.random() < 0.85:
            lead = self._draw_player(leads, [name for name in sorted(_RANGES) if name != chords])
            parts.append(ScorePart("lead", lead, self._melody("lead", _RANGES[lead])))
        if rng.random() < style.vocals:
            parts += self._vocals()
        return tuple(part for part in parts if part.notes)

    def _draw_player(self, usual: Sequence[str], others: Sequence[str]) -> str:
        """Return an instrument that is usual in the style, or now and then a guest."""
        choice = others if self._rng.random() < _GUESTS or not usual else usual
        return str(self._rng.choice(choice))

    def _bass(self) -> tuple[ScoreNote, ...]:
        """Write the bass line."""
        notes = []
        for bar, kind in enumerate(self._kinds):
            if "bass" not in self._active[kind]:
                continue
            section = self._materials[kind]
            chords = self._step_chords(bar)
            after = self._bar_chords(min(bar + 1, len(self._kinds) - 1))[0]
            for step, length, symbol in _events(section.bass):
                later = chords[step + length] if step + length < len(chords) else after
                pitch = self._bass_pitch(symbol, chords[step], later)
                accent = (0.9 if step == 0 else 0.75) + self._rng.uniform(-0.08, 0.08)
                notes.append(self._note(bar, step, length * 0.95, pitch, accent))
        return tuple(notes)

    def _bass_pitch(self, symbol: str, chord: Chord, later: Chord) -> int:
        """Return the pitch that a symbol of a bass pattern stands for."""
        root = 28 + (chord.root - 28) % 12  # from the low E of a bass guitar upwards
        if symbol == "a":
            target = nearest(later.root, root)
            return max(target + int(self._rng.choice([-2, -1, 1, 2])), 27)
        if symbol == "s":
            return root + int(self._rng.choice([(t - chord.root) % 12 for t in chord.tones]))
        third = (chord.tones[1] - chord.root) % 12
        fifth = (chord.tones[2] - chord.root) % 12
        return root + {"r": 0, "3": third, "5": fifth, "8": 12}[symbol]

    def _comping(self, role: str, instrument: str) -> tuple[ScoreNote, ...]:
        """Write the part that plays the chords in rhythm."""
        power = instrument == "distorted_guitar"
        centre = 47.0 if power else float(self._rng.uniform(57, 67))
        notes = []
        for bar, kind in enumerate(self._kinds):
            if role not in self._active[kind]:
                continue
            chords = self._step_chords(bar)
            for step, length, symbol in _events(self._materials[kind].chords):
                pitches = _power_chord(chords[step]) if power else voicing(chords[step], centre)
                if symbol.isdigit():
                    ladder = (*pitches, pitches[0] + 12, pitches[1] + 12)
                    pitches, symbol = (ladder[(int(symbol) - 1) % len(ladder)],), "x"
                accent = _ACCENTS[symbol] + self._rng.uniform(-0.06, 0.05)
                notes += [self._note(bar, step, length * 0.92, p, accent) for p in pitches]
        return tuple(notes)

    def _pad(self, everywhere: bool) -> tuple[ScoreNote, ...]:
        """Write long chords under the rest."""
        centre = float(self._rng.uniform(58, 70))
        notes = []
        for bar, kind in enumerate(self._kinds):
            if "pad" not in self._active[kind] and not everywhere:
                continue
            chords = self._bar_chords(bar)
            length = self._groove.steps / len(chords)
            for index, chord in enumerate(chords):
                accent = 0.6 + self._rng.uniform(-0.1, 0.1)
                notes += [
                    self._note(bar, index * length, length * 0.97, pitch, accent)
                    for pitch in voicing(chord, centre)
                ]
        return tuple(notes)

    def _melody(self, role: str, range_: tuple[int, int]) -> tuple[ScoreNote, ...]:
        """Write a melody: phrases of two bars, motif A twice, then B, in each section.

        Where the voice sings, the lead fills only every second phrase.
        """
        density = float(self._rng.uniform(*self._style.density))
        notes: list[ScoreNote] = []
        for bar in range(0, len(self._kinds), 2):
            kind = self._kinds[bar]
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
            chords = self._step_chords(bar) + (self._step_chords(bar + 1) if whole else [])
            rhythm = tuple(event for event in rhythm if event[0] < len(chords))
            written = compose_phrase(
                self._rng, rhythm, moves, chords, self._groove.division, self._key, range_
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
        backing = compose_backing(chance, lead.notes, self.chords(), self._key, register, spans)
        return [lead, *backing]

    def _lyrics(self, bar: int, notes: list[ScoreNote]) -> list[ScoreNote]:
        """Set words to a phrase: those of a chorus come back, those of a verse do not."""
        kind = self._kinds[bar]
        place = bar - self._first[bar] if kind == "chorus" else bar
        return set_lyrics(np.random.default_rng([self._materials[kind].seed, place]), notes)

    def drums(self) -> tuple[ScoreHit, ...]:
        """Write the drums, with a fill at the end and a crash at the start of most sections."""
        hits: list[ScoreHit] = []
        for bar, kind in enumerate(self._kinds):
            if "drums" not in self._active[kind]:
                continue
            last = bar + 1 == len(self._kinds) or self._first[bar + 1] == bar + 1
            fill = self._groove.division if last and self._rng.random() < 0.7 else 0
            fill = 0 if kind == "end" else fill
            patterns = self._materials[kind].groove.drums
            for drum, pattern in sorted(patterns.items()):
                for step in range(self._groove.steps - fill):
                    if pattern[step] != ".":
                        hits.append(self._hit(bar, step, drum, _ACCENTS[pattern[step]]))
            hits += self._fill(bar, fill)
            if bar == self._first[bar] and self._rng.random() < 0.6:
                hits.append(self._hit(bar, 0, "crash", 0.9))
        return tuple(sorted(hits, key=lambda hit: (hit.start, hit.drum)))

    def _fill(self, bar: int, steps: int) -> list[ScoreHit]:
        """Write a run over snare and toms on the last `steps` steps of a bar."""
        first = self._groove.steps - steps
        drum = str(self._rng.choice(["snare", "tom"]))
        hits = []
        for step in range(first, self._groove.steps):
            if self._rng.random() < 0.8:
                drum = drum if self._rng.random() < 0.7 else "tom"
                accent = 0.6 + 0.3 * (step - first + 1) / steps
                hits.append(self._hit(bar, step, drum, accent))
        return hits

    def _hit(self, bar: int, step: int, drum: str, accent: float) -> ScoreHit:
        """Write one drum hit."""
        accent = float(np.clip(accent + self._rng.uniform(-0.06, 0.05), 0.05, 1.0))
        return ScoreHit(bar * self._groove.beats + step / self._groove.division, drum, accent)

    def _note(
        self, bar: int, step: int | float, length: float, pitch: int, accent: float
    ) -> ScoreNote:
        """Write one note; step and length in steps."""
        start = bar * self._groove.beats + step / self._groove.division
        return ScoreNote(start, length / self._groove.division, pitch, float(accent))


def _power_chord(chord: Chord) -> tuple[int, ...]:
    """Return root, fifth and octave in the register of a rhythm guitar."""
    root = 40 + (chord.root - 40) % 12
    return root, root + (chord.tones[2] - chord.root) % 12, root + 12


def _events(pattern: str) -> list[tuple[int, int, str]]:
    """Return `(step, length, symbol)` of each event of a pattern; `-` holds, `.` rests."""
    events = []
    for step, symbol in enumerate(pattern):
        if symbol in "-.":
            continue
        held = len(pattern[step + 1 :]) - len(pattern[step + 1 :].lstrip("-"))
        events.append((step, held + 1, symbol))
    return events
