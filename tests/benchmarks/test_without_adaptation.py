"""The table of models that were never adapted: tiny folders, pooled tasks, who is ahead."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
import soundfile
from benchmark_scripts import benchmark_module
from folders import RATE, clicks, write_rows
from tiny import TINY

from umir.annotations import Notes, Stems
from umir.checkpoint import Model, load_model, save_model
from umir.studio.features import ALL_FEATURES
from umir.task_model import INITIALISATION, TaskModel, heads_to_config
from umir.tasks import get_task
from umir.wave_unet import Network, init_body

pytest.importorskip("librosa")
TRIALS = benchmark_module("recordings.trials")
TRANSFER = benchmark_module("recordings.transfer")
RESULTS = benchmark_module("recordings.results").Results
SCRIPT = benchmark_module("without_adaptation")
EXCERPTS = benchmark_module("recordings.excerpts")
MUSIC_DELTA = benchmark_module("recordings.music_delta")


def groups(values, metric="headline"):
    return {"groups": {name: {metric: value} for name, value in values.items()}, "all": {}}


def measured(model, chance, studio, real):
    return {
        "headline": "F",
        "models": {f"m{n}": groups(values) for n, values in enumerate(model)},
        "chance": groups(chance),
        "classical": {
            name: {"studio": groups(studio[name]), "real": groups(real[name])} for name in studio
        },
    }


def trial(task="onset_detection", **options):
    return TRIALS.Trial(task, {"a": None, "b": None}, None, **options)


def test_best_method_counts_and_models_are_averaged():
    found = measured(
        [{"x": 0.4, "y": 0.6}, {"x": 0.6, "y": 0.8}],
        {"x": 0.1, "y": 0.1},
        {"a": {"x": 0.2, "y": 0.2}, "b": {"x": 0.3, "y": 0.5}},
        {"a": {"x": 0.9, "y": 0.9}, "b": {"x": 0.4, "y": 0.5}},
    )
    shown = TRANSFER.summary({"onsets": found}, {"onsets": trial()}, ["m0", "m1"])
    row = shown.splitlines()[2].split(" | ")
    assert row[:2] == ["| onset_detection", "2"]
    assert row[2].startswith("0.60 ")  # (0.5 + 0.7) / 2
    assert row[4].startswith("0.40 ") and row[4].endswith("(b)")
    assert row[5].startswith("+0.20 [+0.20, +0.20]")
    assert row[6].endswith("(a)") and row[7].startswith("-0.30 ")
    assert "fitted in the studio on 1 of 1, of the one fitted on these very songs on 0" in shown
    *_, all_of_them, first, second = shown.rstrip().splitlines()
    assert all_of_them.endswith("of chance on 1 of 1, of all three on 0 of 1")
    assert first == "m0 alone, ahead on 1: onset_detection 0.50"
    assert second == "m1 alone, ahead on 1: onset_detection 0.70"


def test_scores_for_a_card_are_those_of_the_table():
    found = measured([{"x": 0.4, "y": 0.6}], {"x": 0.1}, {"a": {"x": 0.2}}, {"a": {"x": 0.9}})
    scores = TRANSFER.for_a_card({"onsets": found}, {"onsets": trial()}, ["m0"])
    row = scores["onset_detection"]
    assert row["model"] == pytest.approx(0.5)
    assert (row["chance"], row["classical"], row["groups"]) == (0.1, 0.2, 2)


def test_tables_of_models_alone():
    found = {"onsets": {"headline": "F", "models": {"m0": groups({"x": 0.4, "y": 0.6})}}}
    found["onsets"]["models"]["m0"]["all"] = {"F": 0.5}
    row = TRANSFER.summary(found, {"onsets": trial()}, ["m0"]).splitlines()[2].split(" | ")
    assert row[1] == "2" and row[2].startswith("0.50 ") and row[3:5] == ["-", "-"]
    scores = TRANSFER.for_a_card(found, {"onsets": trial()}, ["m0"])
    assert scores == {"onset_detection": {"model": 0.5, "groups": 2}}
    assert TRANSFER.apart(found, {"onsets": trial()}, ["m0"]) == "onsets, model: F 0.500\n"


def test_tasks_without_results_are_not_counted():
    trials = {"onsets": trial(), "beats": trial("beat_tracking"), "melody": trial("melody")}
    own, others = ({"headline": "F", "models": {m: groups({"x": 0.4})}} for m in ("m0", "m1"))
    shown = TRANSFER.summary({"onsets": own, "beats": others}, trials, ["m0", "m2"]).splitlines()
    assert shown[2].startswith("| onset_detection | 1 |") and not shown[3]
    assert "on 0 of 1" in shown[4]
    assert shown[5:] == [
        "m0 alone, ahead on 0: onset_detection 0.40",
        "m2 alone, ahead on 0: ",
    ]


def test_folders_of_a_task_are_pooled_by_group():
    one = measured([{"x": 1.0}], {"x": 0.0}, {"a": {"x": 0.0}}, {"a": {"x": 0.0}})
    three = {"x": 0.0, "y": 0.0, "z": 0.0}
    other = measured([three], three, {"a": three}, {"a": three})
    pair = {"onsets": trial(), "onset_excerpts": trial()}
    shown = TRANSFER.summary({"onsets": one, "onset_excerpts": other}, pair, ["m0"])
    row = shown.splitlines()[2].split(" | ")
    assert row[1] == "4" and row[2].startswith("0.25 ")
    assert len(TRANSFER.per_trial({"onsets": one}, pair, ["m0"]).splitlines()) == 3


def test_groups_without_a_score_and_tasks_without_a_head():
    found = measured([], {"x": 0.1}, {"a": {"x": np.nan, "y": 0.2}}, {"a": {"y": 0.2}})
    shown = TRANSFER.summary({"onsets": found}, {"onsets": trial()}, [])
    assert shown.splitlines()[2].split(" | ")[2] == "-"
    assert "studio on 0 of 1" in shown
    assert "no head" in TRANSFER.apart({"onsets": found}, {"onsets": trial()}, [])


def test_trials_that_count_are_of_eight_tasks():
    counting = [trial for trial in TRIALS.TRIALS.values() if trial.counts]
    assert len({trial.answers for trial in counting}) == 8
    assert set(TRIALS.TRIALS) <= set(benchmark_module("real_folders").FOLDERS)
    for of_trial in TRIALS.TRIALS.values():
        metrics = type(get_task(of_trial.task)).headline
        assert metrics and of_trial.methods


def test_two_stems_of_four(rng):
    waveforms = {name: rng.normal(size=(8, 1)) for name in ("bass", "drums", "vocals", "other")}
    model = type("Four", (), {"task": get_task("source_separation")})()
    model.predict = lambda waveform, rate: Stems(waveforms, rate)
    song = type("Song", (), {"waveform": np.zeros((8, 1)), "rate": RATE})()
    (found,) = TRIALS.answers_of(model, get_task("vocal_separation"), [song])
    np.testing.assert_allclose(found.waveforms["vocals"], waveforms["vocals"])
    rest = waveforms["bass"] + waveforms["drums"] + waveforms["other"]
    np.testing.assert_allclose(found.waveforms["accompaniment"], rest)


@pytest.fixture
def model_folder(tmp_path):
    """A directory as the multi-task training writes it, of an untrained network."""
    tasks = [get_task(name) for name in ("onset_detection", "source_separation")]
    body, models = init_body(TINY, jax.random.key(0)), []
    for task in tasks:
        network = Network(TINY, task.head)
        params = {"body": body, "head": network.init_head(jax.random.key(1), None)}
        models.append(TaskModel(network, task, params, task.default_settings(RATE)))
    config = {
        "format": INITIALISATION,
        "network": {**vars(TINY)},
        "tasks": [model.task.name for model in models],
        "heads": heads_to_config(models),
    }
    heads = {model.task.name: model.params["head"] for model in models}
    save_model(tmp_path / "model", Model(config, {"body": body, "heads": heads}), "# card\n")
    return tmp_path / "model"


@pytest.fixture
def onsets(tmp_path, rng):
    folder, rows = tmp_path / "folders" / "onsets", []
    folder.mkdir(parents=True)
    for index in range(2):
        waveform, times = clicks(rng)
        soundfile.write(folder / f"{index}.wav", waveform, RATE)
        (folder / f"{index}.txt").write_text("".join(f"{time:.4f}\n" for time in times))
        rows.append({"audio": f"{index}.wav", "group": f"song {index}", "events": f"{index}.txt"})
    write_rows(folder, rows)
    return folder.parent


def test_a_run_measures_everything_once(onsets, model_folder, tmp_path, monkeypatch, capsys):
    # As if the studio had one song: rendering sixteen is the business of other tests.
    trials = {name: TRIALS.TRIALS[name] for name in ("onsets", "melody")}
    fitting = TRIALS.songs_of(onsets / "onsets", trials["onsets"], get_task("onset_detection"))
    features, asked = ALL_FEATURES.without("metre"), []
    monkeypatch.setattr(SCRIPT, "studio_songs", lambda task, own: asked.append(own) or fitting)
    name, heads = SCRIPT.load(model_folder, trials)
    assert set(heads) == {"onset_detection"}
    path = tmp_path / "results.json"
    found = SCRIPT.run(onsets, {name: heads}, trials, RESULTS(path), features=features)
    assert set(asked) == {features}
    shown = capsys.readouterr().out
    assert "melody: left out" in shown
    assert set(found) == {"onsets"}
    assert set(found["onsets"]["models"][name]["groups"]) == {"song 0", "song 1"}
    classical = found["onsets"]["classical"]["onset_detect"]
    assert classical["studio"]["all"]["F-measure"] > 0.9
    assert found["onsets"]["chance"]["all"]["F-measure"] < classical["real"]["all"]["F-measure"]
    again = SCRIPT.run(onsets, {name: heads}, trials, RESULTS(path))
    assert capsys.readouterr().out.count("onsets") == 0
    assert json.dumps(again) == json.dumps(found)
    assert SCRIPT.measured_models(again) == [name]
    assert "| onset_detection | 2 |" in TRANSFER.summary(again, trials, [name])


def test_a_model_with_other_weights_is_another_model(model_folder):
    first, _ = SCRIPT.load(model_folder, {})
    model = load_model(model_folder)
    model.params["heads"] = jax.tree.map(lambda values: values + 1, model.params["heads"])
    save_model(model_folder, model, "card")
    assert SCRIPT.load(model_folder, {})[0] != first


def test_notes_of_a_pitch_curve():
    times = np.arange(60) / 100
    curve = np.zeros(60)
    curve[5:25], curve[25:27], curve[27:50] = 440.0, 466.2, 493.9  # a glide of 20 ms between
    found = EXCERPTS.notes_of_curve(times, curve)
    assert isinstance(found, Notes)
    np.testing.assert_allclose(found.intervals, [[0.05, 0.25], [0.27, 0.5]])
    np.testing.assert_allclose(found.frequencies, [440, 493.88], rtol=1e-4)


def test_stems_of_a_multitrack_folder(tmp_path, rng):
    song = tmp_path / "Song"
    (song / "Song_RAW").mkdir(parents=True)
    players = {"01": "drum set", "02": "electric bass", "03": "male singer", "04": "piano"}
    lines, sounds = ["stems:"], {}
    for number, player in {**players, "05": "clean electric guitar"}.items():
        sounds[number] = 0.1 * rng.normal(size=1600)
        soundfile.write(song / "Song_RAW" / f"{number}.flac", sounds[number], RATE)
        lines += [f"  S{number}:", f"    raw: {{R01: {{filename: {number}.wav, "]
        lines[-1] += f"instrument: {player}}}}}"
    (song / "Song_METADATA.yaml").write_text("\n".join(lines) + "\n")
    found = MUSIC_DELTA.stems_of(song)
    np.testing.assert_allclose(found["drums"][:, 0], sounds["01"], atol=1e-4)
    np.testing.assert_allclose(found["vocals"][:, 0], sounds["03"], atol=1e-4)
    np.testing.assert_allclose(found["other"][:, 0], sounds["04"] + sounds["05"], atol=1e-4)


def test_models_with_other_classes_are_not_compared():
    drums = get_task("drum_transcription")
    others = replace(drums, vocabulary=(*drums.vocabulary, "tom"))
    pair = [type("M", (), {"task": task})() for task in (drums, others)]
    with pytest.raises(ValueError, match="different classes"):
        TRIALS.scored_task(trial("drum_transcription"), pair)
    assert TRIALS.scored_task(trial("drum_transcription"), pair[:1]) == drums
