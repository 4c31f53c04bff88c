"""The user's folder: every kind is loaded; every bad line is reported and the run goes on."""

import json

import numpy as np
import pytest

from umir.annotations import F0, Events, Intervals, Labels, Notes, Stems
from umir.audio import read_audio, write_audio
from umir.data.manifest import ManifestError, manifest_kinds, read_manifest
from umir.data.problems import Problem, describe

_RATE = 8000


@pytest.fixture
def folder(tmp_path):
    """Return a folder with audio files a.wav to e.wav, a second of noise each."""
    for n, name in enumerate("abcde"):
        rng = np.random.default_rng(n)
        wave = rng.uniform(-0.5, 0.5, (_RATE, 2)).astype(np.float32)
        write_audio(tmp_path / f"{name}.wav", wave, _RATE)
    return tmp_path


def _manifest(folder, *items):
    """Write a manifest; strings are written as they are."""
    lines = [item if isinstance(item, str) else json.dumps(item) for item in items]
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def _write(folder, name, text):
    (folder / name).write_text(text)
    return name


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("events", "0.5,kick\n", Events(np.array([0.5]), ("kick",))),
        ("intervals", "0,0.5,verse\n", Intervals(np.array([[0.0, 0.5]]), ("verse",), 1.0)),
        ("f0", "0,220\n", F0(np.array([0.0]), np.array([220.0]))),
        ("notes", "0,0.5,220\n", Notes(np.array([[0.0, 0.5]]), np.array([220.0]))),
    ],
)
def test_annotation_files_of_every_kind(folder, kind, text, expected):
    _write(folder, "a.csv", text)
    manifest = read_manifest(_manifest(folder, {"audio": "a.wav", kind: "a.csv"}))
    assert manifest.kind == kind and manifest.problems == []
    (example,) = manifest.examples("train", 4000, 1)
    assert example.waveform.shape == (4000, 1) and example.rate == 4000
    assert (example.group, example.name) == ("a.wav", "a.wav")
    for name, value in vars(expected).items():
        np.testing.assert_array_equal(getattr(example.annotation, name), value)


def test_label_and_labels(folder):
    manifest = read_manifest(_manifest(folder, {"audio": "a.wav", "label": 1990, "title": "x"}))
    assert manifest.examples(None, _RATE, 1)[0].annotation == Labels(("1990",))
    manifest = read_manifest(_manifest(folder, {"audio": "a.wav", "label": 120.5}))
    assert manifest.examples(None, _RATE, 1)[0].annotation == Labels(("120.5",))
    labels = {"audio": "a.wav", "labels": ["piano", "bass", "piano"]}
    manifest = read_manifest(_manifest(folder, labels, {"audio": "b.wav", "labels": []}))
    examples = manifest.examples(None, _RATE, 1)
    assert [e.annotation.names for e in examples] == [("piano", "bass"), ()]


def test_stems_have_the_length_and_channels_of_the_mixture(folder, rng):
    short, long = (rng.uniform(-0.5, 0.5, (n, 1)).astype(np.float32) for n in (7900, 8100))
    write_audio(folder / "short.wav", short, _RATE)
    write_audio(folder / "long.wav", long, _RATE)
    write_audio(folder / "sum.wav", np.pad(short, ((0, 100), (0, 0))) + long[:8000], _RATE)
    stems = {"voice": "short.wav", "rest": "long.wav"}
    manifest = read_manifest(_manifest(folder, {"audio": "sum.wav", "stems": stems}))
    (example,) = manifest.examples("train", _RATE, 2)
    assert isinstance(example.annotation, Stems)
    assert list(example.annotation.waveforms) == ["voice", "rest"]
    waveforms = example.annotation.waveforms
    np.testing.assert_array_equal(waveforms["voice"][:7900], np.repeat(short, 2, axis=1))
    np.testing.assert_array_equal(waveforms["voice"][7900:], 0)
    np.testing.assert_array_equal(waveforms["rest"], np.repeat(long[:8000], 2, axis=1))


@pytest.mark.parametrize(("name", "rest"), [("voice", "rest"), ("rest", "other")])
def test_of_a_single_stem_the_rest_is_what_remains(folder, name, rest):
    manifest = read_manifest(_manifest(folder, {"audio": "a.wav", "stems": {name: "b.wav"}}))
    (example,) = manifest.examples("train", _RATE, 1)
    waveforms = example.annotation.waveforms
    assert list(waveforms) == [name, rest]
    np.testing.assert_allclose(waveforms[name] + waveforms[rest], example.waveform, atol=1e-7)
    own = read_audio(folder / "b.wav", _RATE, 1)[0]
    np.testing.assert_array_equal(waveforms[name][: len(own)], own[: len(example.waveform)])


def test_stems_that_leave_much_of_the_mixture_out_are_reported(folder):
    stems = {"voice": "b.wav", "bass": "c.wav"}
    whole = sum(read_audio(folder / f"{name}.wav")[0] for name in "bcd")
    write_audio(folder / "mix.wav", whole, _RATE)
    write_audio(folder / "mastered.wav", 1.2 * (whole - read_audio(folder / "d.wav")[0]), _RATE)
    rows = [{"audio": f"{name}.wav", "stems": stems} for name in ("mix", "mastered")]
    manifest = read_manifest(_manifest(folder, *rows))
    (example,) = manifest.examples(None, _RATE, 2)
    assert example.name == "mastered.wav"
    (problem,) = manifest.problems
    assert problem.line == 1
    assert "do not add up to the mixture: what is missing is at -4.7 dB of it" in problem.reason
    assert problem.recording == folder / "mix.wav"


def test_unfit_stems_are_reported(folder):
    write_audio(folder / "half.wav", np.zeros((4000, 1), np.float32), _RATE)
    for name, parts in {"a": "bc", "c": "cd"}.items():
        total = sum(read_audio(folder / f"{part}.wav")[0] for part in parts)
        write_audio(folder / f"{name}_mix.wav", total, _RATE)
    good = {"voice": "b.wav", "rest": "c.wav"}
    manifest = read_manifest(
        _manifest(
            folder,
            {"audio": "a_mix.wav", "stems": good},
            {"audio": "b.wav", "stems": {"voice": "half.wav", "rest": "c.wav"}},
            {"audio": "c_mix.wav", "stems": {"rest": "c.wav", "voice": "d.wav"}},
            {"audio": "d.wav", "stems": {"voice": "b.wav"}},
            {"audio": "e.wav", "stems": {"../voice": "b.wav"}},
            {"audio": "e.wav", "stems": ["b.wav"]},
            {"audio": "e.wav", "stems": {"voice": "none.wav"}},
        )
    )
    examples = manifest.examples(None, _RATE, 1)
    assert [list(e.annotation.waveforms) for e in examples] == [["voice", "rest"]] * 2
    reasons = {problem.line: problem.reason for problem in manifest.problems}
    assert reasons.keys() == {2, 4, 5, 6, 7}
    assert "half.wav: stem 'voice' is 0.50 s shorter than the mixture" in reasons[2]
    assert reasons[4] == "has stems voice; others have rest, voice"
    assert "'../voice' cannot be a file name" in reasons[5]
    assert "stems must be an object" in reasons[6]
    assert reasons[7] == "stem voice: none.wav: no such file"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"audio": "a.wav", "label"', "is not JSON"),
        ('["a.wav"]', "is not a JSON object"),
        ('{"label": "x"}', "audio: must be a path, not null"),
        ('{"audio": 5, "label": "x"}', "audio: must be a path, not 5"),
        ('{"audio": "none.wav", "label": "x"}', "audio: none.wav: no such file"),
        ('{"audio": ".", "label": "x"}', "audio: .: is a folder, not a file"),
        ('{"audio": "b.wav"}', "has no annotation; add one of label, labels, events"),
        ('{"audio": "b.wav", "label": ["x"]}', 'label: ["x"] is not a name'),
        ('{"audio": "b.wav", "label": " "}', 'label: " " is not a name'),
        ('{"audio": "b.wav", "label": true}', "label: true is not a name"),
        ('{"audio": "b.wav", "label": NaN}', "label: NaN is not a name"),
        (json.dumps({"audio": "0.51 " * 99, "label": "x"}), "[Errno "),  # no name is so long
        ('{"audio": "b.wav", "label": "x", "split": "dev"}', "split 'dev': must be one of train"),
        ('{"audio": "b.wav", "label": "x", "group": ["g"]}', "group ['g']: must be a name"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_kept(folder, line, reason):
    manifest = read_manifest(_manifest(folder, {"audio": "a.wav", "label": "x"}, "", line))
    assert [entry.line for entry in manifest.entries] == [1]
    (problem,) = manifest.problems
    assert str(problem).startswith(f"{folder / 'manifest.jsonl'}:3: {reason}")


def test_unusable_files_are_reported_once_and_skipped(folder):
    _write(folder, "good.csv", "0.25\n5.0\nx\n")
    _write(folder, "empty.csv", "")
    (folder / "b.wav").write_bytes((folder / "b.wav").read_bytes()[:1000])
    (folder / "c.wav").write_bytes(b"no audio")
    items = [{"audio": f"{name}.wav", "events": "good.csv"} for name in "abc"]
    items.append({"audio": "d.wav", "events": "empty.csv"})
    manifest = read_manifest(_manifest(folder, *items))
    for _ in range(2):
        (example,) = manifest.examples(None, _RATE, 1)
        assert example.annotation.times.tolist() == [0.25]
        described = [str(problem).removeprefix(f"{folder}/") for problem in manifest.problems]
        assert len(described) == 5
    assert described[1].startswith("good.csv:3: 'x' is not a number")
    assert described[0].startswith("good.csv:2: 5 s is past the end of the audio (1.00 s)")
    for line, found in zip((2, 3, 4), described[2:], strict=True):
        assert found.startswith(f"manifest.jsonl:{line}: {folder}/")


def test_nothing_left(folder):
    with pytest.raises(ManifestError, match=r"manifest\.jsonl: no such file; write one JSON"):
        read_manifest(folder)
    with pytest.raises(ManifestError, match="holds no line"):
        read_manifest(_manifest(folder, ""))
    with pytest.raises(ManifestError, match="no usable line:\n.*:1: is not JSON"):
        read_manifest(_manifest(folder, "x"))
    with pytest.raises(ManifestError, match=r"no usable line:\n.*:1: has no annotation"):
        read_manifest(_manifest(folder, {"audio": "a.wav"}))
    none = [{"audio": f"{n}.wav", "label": "x"} for n in range(12)]
    with pytest.raises(ManifestError, match=r"(?s)kind label:.*no such file.*12 problems in all"):
        read_manifest(_manifest(folder, *none))
    (folder / "a.wav").write_bytes(b"")
    manifest = read_manifest(_manifest(folder, {"audio": "a.wav", "label": "x"}))
    with pytest.raises(ManifestError, match=r"(?s)none of the 1 entries of split train .*is empty"):
        manifest.examples("train", _RATE, 1)
    assert manifest.examples("test", _RATE, 1) == []


@pytest.mark.parametrize("coding", ["utf-16", "utf-8-sig"])
def test_a_manifest_with_a_byte_order_mark_is_read_to_its_end(folder, coding):
    rows = [{"audio": f"{name}.wav", "label": "Mélodie"} for name in "abc"]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\r\n" for row in rows)
    (folder / "manifest.jsonl").write_bytes(text.encode(coding))
    manifest = read_manifest(folder)
    assert [entry.line for entry in manifest.entries] == [1, 2, 3] and manifest.problems == []
    assert {entry.labels for entry in manifest.entries} == {("Mélodie",)}


@pytest.mark.parametrize(
    ("cut", "reason"),
    [(slice(0, -1), "is not UTF-16 text"), (slice(2, None), "is not a text file")],
)
def test_a_manifest_in_utf_16_that_is_cut_or_not_marked_as_such(folder, cut, reason):
    text = json.dumps({"audio": "a.wav", "label": "x"}) + "\r\n"
    (folder / "manifest.jsonl").write_bytes((text * 2).encode("utf-16")[cut])
    for read in (read_manifest, manifest_kinds):
        with pytest.raises(ManifestError, match=rf"manifest\.jsonl: {reason}.*; save it as UTF-8"):
            read(folder)


def test_kinds_are_not_mixed_unless_one_is_chosen(folder):
    _write(folder, "a.csv", "0.5,kick\n")
    _manifest(
        folder,
        {"audio": "a.wav", "label": "rock", "events": "a.csv"},
        {"audio": "b.wav", "label": "jazz"},
        {"audio": "c.wav", "events": "a.csv"},
        {"audio": "d.wav"},
    )
    with pytest.raises(ManifestError, match=r"label \(line 1\), events \(line 1\); choose one"):
        read_manifest(folder)
    for kind, lines in (("label", [1, 2]), ("events", [1, 3])):
        manifest = read_manifest(folder / "manifest.jsonl", kind)
        assert manifest.kind == kind and [e.line for e in manifest.entries] == lines
        assert [p.line for p in manifest.problems] == [4]
    with pytest.raises(ManifestError, match="no usable line of kind f0"):
        read_manifest(folder, "f0")
    with pytest.raises(ManifestError, match="no kind 'melody'; choose from label"):
        read_manifest(folder, "melody")


def test_groups_hold_together_however_paths_are_spelled(folder):
    (folder / "sub").mkdir()
    paths = ["a.wav", "./a.wav", "sub/../a.wav", str(folder / "a.wav"), "b.wav"]
    manifest = read_manifest(_manifest(folder, *({"audio": p, "label": "x"} for p in paths)))
    assert [entry.group for entry in manifest.entries] == ["a.wav"] * 4 + ["b.wav"]
    assert manifest.problems == []


def test_a_group_in_two_splits_is_an_error(folder):
    _manifest(
        folder,
        {"audio": "a.wav", "label": "x", "group": "band", "split": "train"},
        {"audio": "b.wav", "label": "x", "group": "band"},
        {"audio": "c.wav", "label": "x", "group": "band", "split": "test"},
    )
    with pytest.raises(
        ManifestError, match=r"group 'band' is in split train \(line 1\) and in test \(line 3\)"
    ):
        read_manifest(folder)


def test_one_audio_file_in_two_groups_is_reported(folder):
    _manifest(
        folder,
        {"audio": "a.wav", "label": "x", "group": "one", "split": "train"},
        {"audio": "./a.wav", "label": "y", "group": "two", "split": "test"},
    )
    manifest = read_manifest(folder)
    assert [e.group for e in manifest.entries] == ["one"]
    assert str(manifest.problems[0]).endswith(":2: ./a.wav is already in group 'one' (line 1)")


def test_splits_are_assigned_stored_and_taken_up_again(folder):
    items = [{"audio": f"{name}.wav", "label": name} for name in "abcde"]
    manifest = read_manifest(_manifest(folder, *items))
    assert {e.split for e in manifest.entries} == {"train", "valid", "test"}
    assert manifest.assignment == {e.group: e.split for e in manifest.entries}
    total = [len(manifest.examples(split, _RATE, 1)) for split in ("train", "valid", "test")]
    assert sum(total) == 5 and min(total) >= 1
    stored = json.loads(json.dumps(manifest.assignment))
    swapped = {group: {"test": "train", "train": "test"}.get(s, s) for group, s in stored.items()}
    assert read_manifest(folder, assignment=swapped).assignment == swapped


def test_songs_that_are_left_out_are_told_before_single_lines(folder):
    names = [f"song {n}" for n in range(12)]
    for name in names:
        write_audio(folder / f"{name}.wav", np.full((_RATE, 1), 0.5, np.float32), _RATE)
        late = [f"{time / 8},kick" for time in range(16)]
        _write(folder, f"{name}.csv", "\n".join(late))
    (folder / "song 11.wav").write_bytes(b"no audio")
    items = [{"audio": f"{name}.wav", "events": f"{name}.csv"} for name in names]
    manifest = read_manifest(_manifest(folder, *items, {"audio": "none.wav", "events": "x"}))
    manifest.examples(None, _RATE, 1)
    assert len(manifest.problems) == 13
    told = describe(manifest.problems).splitlines()
    assert "manifest.jsonl:13: audio: none.wav: no such file" in told[0]
    assert f"manifest.jsonl:12: {folder}/song 11.wav: " in told[1]
    assert "song 0.csv:9: 1 s is past the end of the audio (1.00 s) (and 7 more" in told[2]


def test_description_of_problems(tmp_path):
    problems = [Problem(tmp_path, n, "is bad") for n in range(12)]
    assert describe([]) == "no problems"
    assert describe(problems[:1]) == f"{tmp_path}: is bad\n1 problem in all"
    lines = describe(problems, 3).splitlines()
    assert lines[1:] == [
        f"{tmp_path}:1: is bad",
        f"{tmp_path}:2: is bad",
        "... and 9 more",
        "12 problems in all",
    ]
