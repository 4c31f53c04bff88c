"""A model that has only heard the studio, on real recordings, without any adaptation.

    python benchmarks/without_adaptation.py FOLDERS --models SEED0 SEED1 SEED2

FOLDERS is what `benchmarks/real_folders.py` builds; SEEDN are directories of `python -m
umir.meta_train --algorithm multitask --preset small --seed N`: one body, and for each task a head
and a decoder fitted on songs of the studio. A model for one task, as `umir finetune` makes it, or
the name of a released one will do as well. All songs of a folder are test songs.
`recordings.trials` says which folders count and what is put beside them:

* chance: the best answer that does not listen (events at equal distances, always a voice, ...);
* the classical method, its threshold fitted on the songs of the studio that the decoders were
  fitted on (if those of one model lack features, and those of another do not, on songs with them),
  and once more on the very songs that it is scored on: nobody can do that, but nobody can say
  either that it was given the wrong threshold. Of several methods the best one counts.

Scores are those of groups (songs, singers, recordings), their mean over models; intervals are 95%
bootstrap intervals over groups, differences are paired. Results go to `--out` after each
measurement, the models under a hash of their weights, and a second call does what is missing;
delete the file after a change of the studio, of the decoders or of the classical methods, and take
another one for models whose songs had other features. Without `--models`, the tables are of all
models in that file; `--table` prints what is there, and opens no folder. What we measured:

    python benchmarks/without_adaptation.py FOLDERS --table \\
        --out benchmarks/results/without_adaptation.json
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from recordings.held_out_songs import features_of
from recordings.results import Results, add_table_argument, scores_of_groups
from recordings.start_names import model_name
from recordings.tables import HEADLINE
from recordings.transfer import REAL, STUDIO, apart, for_a_card, per_trial, summary
from recordings.trials import TRIALS, Trial, answers_of, scored_task, songs_of, studio_songs

from umir.annotations import Annotation
from umir.checkpoint import load_model
from umir.data.example import Example
from umir.files import write_json
from umir.program import use_compilation_cache
from umir.released_models import find_model
from umir.releasing import models_in
from umir.studio.features import ALL_FEATURES, Features
from umir.task_model import TaskModel
from umir.tasks import Task

Found = dict[str, dict]  # `groups` and `all`


def run(
    folders: Path,
    models: Mapping[str, Mapping[str, TaskModel]],
    trials: Mapping[str, Trial],
    results: Results,
    *,
    beside: bool = True,
    features: Features = ALL_FEATURES,
) -> dict:
    """Run what is not yet in the results and return all of them.

    Args:
        folders: where the folders of the trials are; those that are not there are left out.
        models: name of a model -> task -> model.
        trials: folder -> trial.
        results: what was measured before.
        beside: whether to run chance and the classical methods, too.
        features: of the songs of the studio that these are fitted on.
    """
    for name, trial in trials.items():
        if not (folders / name).is_dir():
            print(f"{name}: left out: there is no folder {folders / name}")
            continue
        heads = [heads[trial.answers] for heads in models.values() if trial.answers in heads]
        task = scored_task(trial, heads)
        results.part(name)["headline"] = task.headline
        songs = cache(partial(songs_of, folders / name, trial, task))
        if beside:
            _run_methods(name, trial, task, songs, partial(studio_songs, task, features), results)
        part = results.part(name, "models")
        for model, heads_of in models.items():
            if trial.answers in heads_of:
                measure = partial(scores_of_model, heads_of[trial.answers], task, songs)
                results.once(part, model, measure, f"{name}, {model}", _shown)
    return results.values


def _run_methods(
    name: str,
    trial: Trial,
    task: Task,
    songs: Callable[[], list[Example]],
    studio: Callable[[], list[Example]],
    results: Results,
) -> None:
    """Run chance and the classical methods of one trial, fitted on songs of the studio."""

    def scores(method: Callable, fitting: Callable[[], Sequence[Example]]) -> Found:
        predict = method(task, fitting())
        return scored(task, [predict(song.waveform, song.rate) for song in songs()], songs())

    measure = partial(scores, trial.chance, studio)
    results.once(results.part(name), "chance", measure, f"{name}, chance", _shown)
    sources = {STUDIO: studio} | ({REAL: songs} if trial.refitted else {})
    for label, method in trial.methods.items():
        part = results.part(name, "classical", label)
        for source, fitting in sources.items():
            measure = partial(scores, method, fitting)
            results.once(part, source, measure, f"{name}, {label}, {source}", _shown)


def scores_of_model(model: TaskModel, task: Task, songs: Callable[[], list[Example]]) -> Found:
    """Return the metrics of a model, with the decoder settings that it came with."""
    return scored(task, answers_of(model, task, songs()), songs())


def scored(task: Task, estimates: Sequence[Annotation], songs: Sequence[Example]) -> Found:
    """Return the metrics of each group, and of all songs pooled."""
    pooled, _ = task.evaluate_all([song.annotation for song in songs], estimates)
    return {"groups": scores_of_groups(task, estimates, songs), "all": pooled}


def load(directory: Path, trials: Mapping[str, Trial]) -> tuple[str, dict[str, TaskModel]]:
    """Return a name for a model directory, and its model for each task that trials ask for."""
    asked = {trial.answers for trial in trials.values()}
    models = models_in(directory, load_model(directory))
    return model_name(directory), {task: models[task] for task in asked & set(models)}


def measured_models(found: Mapping[str, Mapping]) -> list[str]:
    """Return the names of all models that there are results of."""
    return list(dict.fromkeys(name for trial in found.values() for name in trial["models"]))


def _shown(found: Found) -> str:
    scores = [metrics[HEADLINE] for metrics in found["groups"].values()]
    known = [score for score in scores if score == score]  # not NaN
    return f"{sum(known) / max(len(known), 1):.3f}"


def main() -> None:
    """Run the trials and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, metavar="FOLDERS")
    parser.add_argument("--models", nargs="*", default=[], metavar="MODEL")
    parser.add_argument(
        "--out", type=Path, help="results; default FOLDERS/without_adaptation.json", metavar="FILE"
    )
    parser.add_argument(
        "--card", type=Path, help="write the scores for `umir release --scores`", metavar="FILE"
    )
    parser.add_argument(
        "--models-alone", action="store_true", help="without chance and the classical methods"
    )
    parser.add_argument("--only", nargs="+", default=list(TRIALS), choices=TRIALS, metavar="FOLDER")
    add_table_argument(parser)
    args = parser.parse_args()
    use_compilation_cache()
    trials = {name: TRIALS[name] for name in args.only}
    directories = [find_model(name) for name in args.models]
    models = dict(load(directory, trials) for directory in directories)
    features = features_of(*map(load_model, directories))
    results = Results(args.out or args.folders / "without_adaptation.json")
    beside = not args.models_alone
    if not args.table:
        run(args.folders, models, trials, results, beside=beside, features=features)
    elif not results.values:
        parser.error(results.lacks("any folder", "--out"))
    found = results.values
    shown = list(models) or measured_models(found)
    print(apart(found, trials, shown))
    print(per_trial(found, trials, shown))
    print(summary(found, trials, shown))
    if args.card:
        write_json(args.card, for_a_card(found, trials, shown))


if __name__ == "__main__":
    main()
