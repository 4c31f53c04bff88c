"""What the trials of joint detection and separation came to: a table, differences, and words.

Runs are plain JSON, `[METHOD][SEED]`, as of `adversarial.joint_runs.measured`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from recordings.tables import Bounded, bounded, markdown, over_seeds

from adversarial.joint_runs import ACCURACY, AREA, DETECTION, JOINT, NONVOCAL, SEPARATION
from adversarial.separation_tables import (
    ONE_SEED,
    expected_gain,
    gain,
    groups_in,
    of_one_seed,
)

SILENCE = "silence_rms_db"
FRACTIONS = (AREA, ACCURACY)  # the others are in dB
BETTER, WORSE, UNSURE = "better", "worse", "neither better nor worse"


@dataclass(frozen=True)
class Question:
    """A metric by which the joint training is held against a single one.

    Attributes:
        metric: of songs.
        single: the method that has learnt the task alone.
        lower: whether less is better.
    """

    metric: str
    single: str
    lower: bool = False

    def answer(self, values: Bounded) -> str:
        """Return whether the joint training is better beyond the interval, in words."""
        _, low, high = values
        if self.lower:
            low, high = -high, -low
        if low == high:  # of a single song or singer
            return UNSURE
        return BETTER if low > 0 else WORSE if high < 0 else UNSURE


def questions(stems: Sequence[str]) -> list[Question]:
    """Return what is asked of both tasks, and of silence."""
    return [
        *(Question(f"SDR/{stem}", SEPARATION) for stem in stems),
        Question(AREA, DETECTION),
        Question(SILENCE, SEPARATION, lower=True),
        Question(NONVOCAL, SEPARATION, lower=True),
    ]


def table(runs: Mapping[str, Mapping[str, Any]], stems: Sequence[str]) -> str:
    """Return a row per metric, a column per method: means and intervals over seeds."""
    metrics = [f"{name}/{stem}" for stem in stems for name in ("SDR", "SDR_pooled", "SI-SDR")]
    rows = []
    for metric in (*metrics, SILENCE, NONVOCAL, AREA, ACCURACY):
        cells = []
        for seeds in runs.values():
            found = np.array([run["set"].get(metric, np.nan) for run in seeds.values()], float)
            known = list(found[~np.isnan(found)])
            cells.append(over_seeds(known, digits(metric)) if known else "-")
        if any(text != "-" for text in cells):
            rows.append([metric, *cells])
    return markdown(["metric", *runs], rows)


def digits(metric: str) -> int:
    """Return how many decimals a metric is shown with."""
    return 4 if metric in FRACTIONS else 2


def answers(runs: Mapping[str, Mapping[str, Any]], stems: Sequence[str]) -> dict[Question, str]:
    """Print by how much the joint training is ahead, and return the answers in words.

    Questions of methods that have not run, or of songs that have nothing to say, are left out; one
    seed has no answer.

    Args:
        runs: method -> seed -> run.
        stems: names of the sources.

    Clips of one singer are not independent: it is judged by the interval over seeds and singers,
    where singers have several.
    """
    found = {}
    for question in questions(stems):
        both = [runs.get(method, {}) for method in (JOINT, question.single)]
        singers = groups_in(both[0])
        if (values := gain(*both, question.metric, singers)) is None:
            continue
        show = partial(bounded, digits=digits(question.metric))
        unit = "" if question.metric in FRACTIONS else " dB"
        line = f"{question.metric}, joint minus {question.single}: {show(values)}{unit}"
        if of_one_seed(*both):
            print(f"{line}; {ONE_SEED}")
            continue
        if (values := expected_gain(*both, question.metric, singers)) is None:
            continue
        line += f"; over seeds and {'singers' if singers else 'songs'} {show(values)}"
        found[question] = question.answer(values)
        print(f"{line}: {found[question]}")
    return found


def of_task(words: Sequence[str]) -> str:
    """Return the answer of a task from those of its metrics: the worst, else the best."""
    return next((word for word in (WORSE, BETTER) if word in words), UNSURE)


def verdict(found: Mapping[Question, str]) -> list[str]:
    """Return in words whether joint training pays, a line each."""
    tasks, lines = {}, []
    for single in (SEPARATION, DETECTION):
        words = [w for q, w in found.items() if q.single == single and not q.lower]
        if words:
            tasks[single] = of_task(words)
            lines.append(f"{single}: joint training is {tasks[single]}, beyond the interval")
    if len(tasks) == 2:
        pays = WORSE not in tasks.values() and BETTER in tasks.values()
        lines.append(f"both tasks no worse, and one of them better: {'yes' if pays else 'no'}")
    for question, word in found.items():
        if question.lower:
            lines.append(f"{question.metric} lower: {'yes' if word == BETTER else 'no'}")
    return lines


def report(stems: Sequence[str], runs: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the table, the differences, and what they say."""
    print(table(runs, stems))
    print("\n" + "\n".join(verdict(answers(runs, stems))))
