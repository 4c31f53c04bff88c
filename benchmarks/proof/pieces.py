"""All runs of the comparison, in the order in which they say most: what is stopped goes on there.

First come the bodies, rates and runs of the first pair of seeds, family by family, then those of
the next pairs: a table is complete, if coarse, after the first.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from recordings.results import Results

from proof.bodies import Training
from proof.materials import Material, Songs
from proof.runs import CEILING_STEPS, SEARCH_SEED, Run, Scores, chance, shown
from proof.starts import Start
from umir.files import LockedError, locked, write_json
from umir.wave_unet import PRESETS

# Seeds of meta-training and of adaptation. Three pairs have three seeds of the one and two of the
# other; six have all.
PAIRS = ((0, 11), (1, 12), (0, 13), (1, 11), (0, 12), (1, 13))
MINUTES = (5.0, 1.0)
SHORTEST = 100  # steps with the fewest minutes: longer curves belong to the most
FRESH = "-"  # instead of the family that a body has not seen


@dataclass(frozen=True)
class Settings:
    """What all results of a folder have in common.

    Attributes:
        preset: size of the network.
        evaluations: gradient evaluations of each meta-training.
        songs: number of songs that each is trained on.
        ceiling_steps: of the long training.
    """

    preset: str = "nano"
    evaluations: int = 8000
    songs: int = 512
    ceiling_steps: int = CEILING_STEPS

    def keep(self, out: Path) -> None:
        """Write the settings, or check that they are those of the results that are there.

        Raises:
            ValueError: they are others.
        """
        path = out / "settings.json"
        out.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_json(path, asdict(self))
        elif json.loads(path.read_text()) != asdict(self):
            raise ValueError(f"{path}: has results of other settings; give another --out")


class OutOfTime(Exception):
    """The hours are over; what is missing is for the next call."""


class Comparison:
    """What is compared, and what was found so far.

    Args:
        folders: of recordings (`benchmarks/real_folders.py`); those that are not there are left
            out.
        out: where bodies and results are kept.
        settings: what all results have in common.
        hours: after which no further piece is begun.
    """

    def __init__(self, folders: Path, out: Path, settings: Settings, hours: float = np.inf):
        settings.keep(out)
        self.folders, self.out, self.settings = folders, out, settings
        self.config = PRESETS[settings.preset]
        self._end = monotonic() + 3600 * hours
        self._songs: dict[str, Songs] = {}

    def results(self, material: Material) -> Results:
        """Return what was found on a material."""
        return Results(self.out / "rows" / f"{material.name}.json")

    def run(
        self,
        starts: Sequence[Start],
        materials: Sequence[Material],
        families: Sequence[str],
        pairs: Sequence[tuple[int, int]],
        minutes: Sequence[float],
    ) -> None:
        """Do what is missing, until the hours are over."""
        for number, pair in enumerate(pairs):
            for family in families:
                for material in materials:
                    if family in material.families and self.is_there(material):
                        own = [s for s in starts if _is_wanted(s, family, material, number)]
                        try:
                            self._run_material(own, material, family, pair, minutes)
                        except LockedError:
                            print(f"{material.name}: another process is at it: call again for it")
                        except OutOfTime:
                            print("the hours are over: call again to go on")
                            return

    def is_there(self, material: Material) -> bool:
        """Return whether a material's audio is at hand."""
        return material.studio or (self.folders / material.name).is_dir()

    def _run_material(
        self,
        starts: Sequence[Start],
        material: Material,
        family: str,
        pair: tuple[int, int],
        minutes: Sequence[float],
    ) -> None:
        (self.out / "rows" / material.name).mkdir(parents=True, exist_ok=True)
        with locked(self.out / "rows" / material.name):
            results = self.results(material)
            self._once_for_all_starts(material, results)
            for start in starts:
                for amount in minutes:
                    self._run_start(start, material, family, pair, amount, results)
            scratch = next((start for start in starts if start.name == "scratch"), None)
            if scratch is not None:
                self._ceiling(scratch, material, results)

    def _once_for_all_starts(self, material: Material, results: Results) -> None:
        part = results.part()
        for key, find, show in (
            ("facts", self._facts, lambda facts: f"{len(facts['groups'])} test groups"),
            ("chance", self._chance, lambda scores: f"{np.nanmean(scores):.3f}"),
        ):
            self._once(results, part, key, partial(find, material), key, show)

    def _run_start(
        self,
        start: Start,
        material: Material,
        family: str,
        pair: tuple[int, int],
        amount: float,
        results: Results,
    ) -> None:
        meta_seed, seed = pair
        seen = family if start.algorithm else FRESH
        name = start.name if start.algorithm == "" else f"{start.name} without {family}"
        rate = self._rate(start, material, family, results)
        part = results.part("runs", seen, start.name, f"{amount:g}")

        def measure() -> dict[str, Any]:
            run = self._run(start, material, family, meta_seed, seed, amount, rate)
            songs = self.songs(material)
            steps = [s for s in run.looks(songs) if amount == max(MINUTES) or s <= SHORTEST]
            return {"rate": rate, **run.measure(songs, self.config, steps)}

        key = f"{meta_seed if start.algorithm else FRESH}/{seed}"
        what = f"{name}, {amount:g} min, seeds {key}"
        self._once(results, part, key, measure, what, shown, counts=_at_the(rate))

    def _rate(self, start: Start, material: Material, family: str, results: Results) -> float:
        """Return the rate with the best mean validation score, with the most minutes.

        Every start has as many rates to choose from; the same rate serves all amounts and seeds.
        """
        if len(start.rates) == 1:
            return start.rates[0]
        part = results.part("search", family if start.algorithm else FRESH, start.name)

        def validate(rate: float) -> dict[str, float]:
            run = self._run(start, material, family, 0, SEARCH_SEED, max(MINUTES), rate)
            return run.validated(self.songs(material), self.config)

        for rate in start.rates:
            what = f"{start.name}, validation, rate {rate:g}"
            self._once(results, part, f"{rate:g}", partial(validate, rate), what)
        return best_rate(start.rates, part)

    def _ceiling(self, scratch: Start, material: Material, results: Results) -> None:
        rate = self._rate(scratch, material, FRESH, results)

        def measure() -> dict[str, Any]:
            run = Run(scratch, None, material, PAIRS[0][1], np.inf, rate)
            steps = self.settings.ceiling_steps
            return {"rate": rate, **run.ceiling(self.songs(material), self.config, steps)}

        part, counts = results.part(), _at_the(rate)
        self._once(results, part, "ceiling", measure, "ceiling", shown, counts=counts)

    def _chance(self, material: Material) -> Scores:
        return chance(self.songs(material), material)

    def _run(
        self,
        start: Start,
        material: Material,
        family: str,
        meta_seed: int,
        seed: int,
        amount: float,
        rate: float,
    ) -> Run:
        directory = self._body(start, family, meta_seed) if start.algorithm else None
        return Run(start, directory, material, seed, amount, rate)

    def _body(self, start: Start, family: str, seed: int) -> Path:
        """Return the model directory of a start, trained if it is not there yet."""
        settings = self.settings
        training = Training(
            start.algorithm, family, seed, settings.preset, settings.evaluations, settings.songs
        )
        if not training.is_done(self.out / "bodies"):
            self._look_at_the_clock()
        return training.run(self.out / "bodies")

    def songs(self, material: Material) -> Songs:
        """Return a material's audio, which is kept until another one's is wanted."""
        if material.name not in self._songs:
            self._songs = {material.name: material.songs(self.folders, self.config)}
        return self._songs[material.name]

    def _facts(self, material: Material) -> dict[str, Any]:
        """Return the name of the score, and those of the test groups."""
        songs = self.songs(material)
        own = material.experiment.headline if material.experiment else ()
        groups = sorted({example.group for example in songs.test})
        return {"headline": ", ".join(own) or songs.task.headline, "groups": groups}

    def _once(
        self,
        results: Results,
        part: dict,
        key: str,
        measure: Callable,
        what: str,
        *show: Callable,
        counts: Callable[[Any], bool] = lambda found: True,
    ) -> Any:
        """Return what is known and counts, or measure it unless the hours are over."""
        if key not in part or not counts(part[key]):
            self._look_at_the_clock()
        return results.once(part, key, measure, what, *show, counts=counts)

    def _look_at_the_clock(self) -> None:
        if monotonic() > self._end:
            raise OutOfTime


def best_rate(rates: Sequence[float], found: Mapping[str, Mapping[str, float]]) -> float:
    """Return the rate with the best mean validation score; a rate that diverged has none."""

    def mean(rate: float) -> float:
        scores = list(found[f"{rate:g}"].values())
        return float(np.mean(scores)) if scores and not np.isnan(scores).any() else -np.inf

    return max(rates, key=mean)


def _at_the(rate: float) -> Callable[[Mapping[str, Any]], bool]:
    """Return whether a run had this rate: another may have been chosen since."""
    return lambda run: run["rate"] == rate


def _is_wanted(start: Start, family: str, material: Material, number: int) -> bool:
    """Return whether a start is run on a material with the pair of seeds of that number."""
    if start.pairs and number >= start.pairs:
        return False
    if start.families and family not in start.families:
        return False
    return start.separates or not material.separation
