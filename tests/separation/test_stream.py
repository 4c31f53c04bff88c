"""Separation as a stream: a file in blocks is the array as a whole, whatever its form."""

import os
import subprocess
import sys
from dataclasses import replace

import jax
import numpy as np
import pytest
import soundfile
from tiny import TINY

from umir.audio import normalise_level, read_audio, resample
from umir.audio_stream import AudioError
from umir.inference import Windows, run_window
from umir.results import NOTES
from umir.separation.stem_files import StemFiles, StemFormat
from umir.separation.stream import Separator, separate_file, two_stems
from umir.task_model import TaskModel
from umir.tasks import get_task
from umir.wave_unet import Network

TASK = get_task("source_separation")
RATE = TINY.rate


def _model(channels=1):
    network = Network(replace(TINY, channels=channels), TASK.head)
    return TaskModel(network, TASK, network.init(jax.random.key(channels)), {"rate": RATE})


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks and windows so short that even short songs have several, of awkward lengths."""
    monkeypatch.setattr("umir.audio_stream.BLOCK_SIZE", 4321)
    monkeypatch.setattr("umir.separation.stem_files.BLOCK_SIZE", 1234)
    exact = Windows.exact
    monkeypatch.setattr(Windows, "exact", lambda network: exact(network, 0.4))


def _song(n_samples, channels=1, level=0.1):
    rng = np.random.default_rng(n_samples)
    return (level * rng.normal(size=(n_samples, channels))).astype(np.float32)


def _separated(model, path, folder, **options):
    """Separate a file; return what came of it and the stems that were written."""
    done = separate_file(model.separator, path, folder, **options)
    return done, {file.stem: read_audio(file)[0] for file in done.folder.iterdir()}


@pytest.mark.parametrize("rate", [8000, RATE, 44_100, 192_000])
@pytest.mark.parametrize("n_samples", [1, 100, 20_011])
def test_a_file_is_separated_as_the_array_is(tmp_path, rate, n_samples):
    song = _song(n_samples, 2)
    soundfile.write(tmp_path / "a.wav", song, rate, subtype="FLOAT")
    done, stems = _separated(_model(), tmp_path / "a.wav", tmp_path / "a")
    expected = _model().predict(song, rate).waveforms
    assert list(expected) == ["bass", "drums", "vocals", "other"] and set(stems) == set(expected)
    assert done.seconds == n_samples / rate
    for name, stem in stems.items():
        assert stem.shape == song.shape
        np.testing.assert_allclose(stem, expected[name], atol=1e-5)
    np.testing.assert_allclose(sum(stems.values()), song, atol=1e-6)


def test_an_array_is_separated_as_by_hand():
    """At the network's rate: level, one run of the network between two silences, level undone."""
    model, song = _model(), _song(6000, level=0.01)
    scaled, gain = normalise_level(song)
    around = np.pad(scaled, ((6400, 19_200 - 12_400), (0, 0)))
    output = run_window(model.network, model.params, around)[6400:12_400] / gain
    stems = model.predict(song, RATE).waveforms
    for index, name in enumerate(TASK.vocabulary):
        np.testing.assert_allclose(stems[name], output[:, index], atol=1e-6)


def test_at_another_rate_the_stems_are_those_of_the_resampled_song():
    model, song = _model(), _song(30_000)
    own = model.predict(resample(song, 48_000, RATE), RATE).waveforms
    stems = model.predict(song, 48_000).waveforms
    for name in ("bass", "drums", "vocals"):
        np.testing.assert_allclose(stems[name], resample(own[name], RATE, 48_000), atol=1e-5)


@pytest.mark.parametrize(("model_channels", "channels"), [(1, 1), (1, 8), (2, 1), (2, 2), (2, 5)])
def test_channels(model_channels, channels):
    """One by one where the model takes another number, together where it takes as many."""
    model, song = _model(model_channels), _song(3000, channels)
    stems = model.predict(song, RATE).waveforms
    assert all(stem.shape == song.shape for stem in stems.values())
    np.testing.assert_allclose(sum(stems.values()), song, atol=1e-6)
    if channels != model_channels:
        for index in range(channels):
            alone = model.predict(song[:, [index]], RATE).waveforms
            for name, stem in stems.items():
                np.testing.assert_allclose(stem[:, [index]], alone[name], atol=1e-5)


def test_each_channel_has_its_level_where_the_model_is_mono():
    song = _song(4000, 2) * np.array([1, 1e-3], np.float32)
    loud, quiet = _model().separator.measure([song], RATE).gains
    assert quiet / loud == pytest.approx(1000, rel=0.1)
    (together,) = _model(2).separator.measure([song], RATE).gains
    assert together == pytest.approx(normalise_level(song)[1])


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_is_separated_into_silence_without_a_fuss(tmp_path, channels):
    soundfile.write(tmp_path / "a.wav", np.zeros((3000, channels)), 22_050)
    _, stems = _separated(_model(), tmp_path / "a.wav", tmp_path / "a")
    assert all(np.isfinite(stem).all() for stem in stems.values())
    np.testing.assert_allclose(sum(stems.values()), 0, atol=1e-6)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_32", "DOUBLE"])
def test_any_samples_in(tmp_path, subtype):
    soundfile.write(tmp_path / "a.wav", _song(5000, 2), 44_100, subtype=subtype)
    _, stems = _separated(_model(), tmp_path / "a.wav", tmp_path / "a")
    np.testing.assert_allclose(sum(stems.values()), read_audio(tmp_path / "a.wav")[0], atol=1e-6)


@pytest.mark.parametrize(
    ("suffix", "subtype", "written", "tolerance"),
    [
        (".wav", None, "FLOAT", 1e-7),
        (".wav", "PCM_16", "PCM_16", 2**-15),
        (".wav", "PCM_24", "PCM_24", 2**-23),
        (".flac", None, "PCM_24", 2**-23),
        (".flac", "PCM_16", "PCM_16", 2**-15),
    ],
)
def test_formats_out(tmp_path, suffix, subtype, written, tolerance):
    song = _song(9000, 2, level=0.02)
    soundfile.write(tmp_path / "a.wav", song, 44_100, subtype="FLOAT")
    stem_format = StemFormat(suffix, subtype)
    done, stems = _separated(_model(), tmp_path / "a.wav", tmp_path / "a", stem_format=stem_format)
    expected = _model().predict(song, 44_100).waveforms
    assert done.gain == 1
    assert {file.name for file in done.folder.iterdir()} == {f"{n}{suffix}" for n in expected}
    for name, stem in stems.items():
        assert soundfile.info(done.folder / f"{name}{suffix}").subtype == written
        np.testing.assert_allclose(stem, expected[name], atol=1e-5 + 1.01 * tolerance)


def test_integers_that_would_clip_are_scaled_together(tmp_path):
    song = _song(9000, level=1.5)
    soundfile.write(tmp_path / "a.wav", song, RATE, subtype="FLOAT")
    stem_format = StemFormat(".flac")
    done, stems = _separated(_model(), tmp_path / "a.wav", tmp_path / "a", stem_format=stem_format)
    expected = _model().predict(song, RATE).waveforms
    peak = max(np.abs(stem).max() for stem in expected.values())
    assert peak > 1 and done.gain == pytest.approx(0.99 / peak, rel=1e-4)
    np.testing.assert_allclose(sum(stems.values()), done.gain * song, atol=1e-5)


def test_two_stems_add_up_and_hold_the_stem(tmp_path):
    song = _song(9000, 2)
    soundfile.write(tmp_path / "a.wav", song, 44_100, subtype="FLOAT")
    expected = _model().predict(song, 44_100).waveforms
    for name in ("vocals", "other"):
        _, stems = _separated(_model(), tmp_path / "a.wav", tmp_path / name, only=name)
        assert set(stems) == {name, f"no_{name}"}
        np.testing.assert_allclose(stems[name], expected[name], atol=1e-5)
        np.testing.assert_allclose(sum(stems.values()), song, atol=1e-6)


def test_two_stems_by_hand():
    blocks = {"a": np.ones((3, 1)), "b": np.full((3, 1), 2.0), "c": np.full((3, 1), 4.0)}
    found = two_stems(blocks, "b")
    assert list(found) == ["b", "no_b"]
    np.testing.assert_array_equal(found["no_b"], np.full((3, 1), 5.0))


def test_the_same_song_gives_the_same_bytes(tmp_path):
    soundfile.write(tmp_path / "a.wav", _song(9000), 44_100)
    for folder in ("x", "y"):
        separate_file(_model().separator, tmp_path / "a.wav", tmp_path / folder)
    for file in (tmp_path / "x").iterdir():
        assert file.read_bytes() == (tmp_path / "y" / file.name).read_bytes()


def test_progress_goes_from_nothing_to_all(tmp_path):
    soundfile.write(tmp_path / "a.wav", _song(40_000), RATE)
    seen = []
    separate_file(
        _model().separator,
        tmp_path / "a.wav",
        tmp_path / "a",
        progress=lambda done, total: seen.append((done, total)),
    )
    done = [seconds for seconds, _ in seen]
    assert done == sorted(done) and len(set(done)) > 3
    assert done[0] == 0 and done[-1] == 2.5 == seen[0][1]


def _cut_off(path):
    path.write_bytes(path.read_bytes()[:-9000])


def _with_nan(path):
    song, rate = soundfile.read(path)
    song[-1] = np.nan
    soundfile.write(path, song, rate, subtype="FLOAT")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(_cut_off, "is cut off"), (_with_nan, "NaN"), (lambda path: path.unlink(), "no such file")],
)
def test_bad_files_fail_before_anything_is_written(tmp_path, spoil, message):
    """The last sample is the bad one: the first pass has gone all the way to it."""
    (tmp_path / "songs").mkdir()
    soundfile.write(tmp_path / "songs" / "a.wav", _song(20_000), RATE)
    spoil(tmp_path / "songs" / "a.wav")
    with pytest.raises(AudioError, match=message):
        separate_file(_model().separator, tmp_path / "songs" / "a.wav", tmp_path / "out" / "a")
    assert not (tmp_path / "out").exists()


def test_ten_hours_that_are_not_there(tmp_path):
    """A header that promises ten hours, of which a second exists."""
    soundfile.write(tmp_path / "a.flac", _song(RATE), RATE)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    # STREAMINFO: the lower 32 of 36 bits of the number of samples are at bytes 22 to 25.
    content[22:26] = (36_000 * RATE).to_bytes(4, "big")
    (tmp_path / "a.flac").write_bytes(content)
    with pytest.raises(AudioError, match="is cut off"):
        separate_file(_model().separator, tmp_path / "a.flac", tmp_path / "out" / "a")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_what_is_interrupted_leaves_nothing(tmp_path, error):
    def stop(done, total):
        if done > 1:
            raise error("stop")

    soundfile.write(tmp_path / "a.wav", _song(40_000), RATE)
    with pytest.raises(error):
        separate_file(_model().separator, tmp_path / "a.wav", tmp_path / "out" / "a", progress=stop)
    assert list((tmp_path / "out").iterdir()) == []


def test_older_stems_stay_until_the_new_ones_are_whole(tmp_path):
    soundfile.write(tmp_path / "a.wav", _song(8000), RATE)
    separate_file(_model().separator, tmp_path / "a.wav", tmp_path / "a")
    soundfile.write(tmp_path / "a.wav", _song(9000), RATE)
    (tmp_path / "a" / "notes.txt").write_text("mine")

    def look(done, total):
        assert len(read_audio(tmp_path / "a" / "vocals.wav")[0]) == 8000

    separate_file(_model().separator, tmp_path / "a.wav", tmp_path / "a", progress=look)
    assert (tmp_path / "a" / "notes.txt").read_text() == "mine"
    assert len(read_audio(tmp_path / "a" / "vocals.wav")[0]) == 9000
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [NOTES]


def _files(folder, names=("a", "b"), channels=1, suffix=".wav"):
    return StemFiles(folder, names, 8000, channels, 10, StemFormat(suffix))


def test_stem_files_refuse_what_is_not_finite(tmp_path):
    with pytest.raises(AudioError, match="b holds NaN"), _files(tmp_path / "t") as files:
        files.write({"a": _song(10), "b": np.full((10, 1), np.nan, np.float32)})
    assert list(tmp_path.iterdir()) == []


def test_stem_files_say_at_once_what_a_container_cannot_hold(tmp_path):
    with pytest.raises(OSError, match=r"t: could not be written"):
        _files(tmp_path / "t", channels=9, suffix=".flac").__enter__()
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_the_folder(tmp_path):
    (tmp_path / "t").write_text("mine")
    with pytest.raises(ValueError, match="a file is where a folder is needed"):
        _files(tmp_path / "t").__enter__()
    assert (tmp_path / "t").read_text() == "mine"


def test_stems_cannot_leave_their_folder(tmp_path):
    """Names come with models, which come from anywhere."""
    names = ["../up", "/etc/x", "other/piano", ".."]
    with _files(tmp_path / "t", names) as files:
        files.write(dict.fromkeys(names, _song(10)))
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
    assert {path.name for path in (tmp_path / "t").iterdir()} == {
        ".._up.wav",
        "_etc_x.wav",
        "other_piano.wav",
        "...wav",
    }


_SMALL_DISK = """
import resource, sys
import numpy as np
from umir.separation.stem_files import StemFiles, StemFormat
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
for suffix in (".wav", ".flac"):
    try:
        with StemFiles(__import__("pathlib").Path(sys.argv[1]) / "t", ["a", "b"], 8000, 1,
                       200000, StemFormat(suffix)) as files:
            noise = np.random.default_rng(0).uniform(-0.5, 0.5, (100000, 1)).astype(np.float32)
            for _ in range(2):
                files.write({"a": noise, "b": noise})
    except OSError as error:
        print(error)
"""


def test_full_disk_leaves_nothing(tmp_path):
    command = [sys.executable, "-c", _SMALL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert len(lines) == 2, done.stderr
    assert all(line.startswith(str(tmp_path / "t")) for line in lines)
    assert os.listdir(tmp_path) == []


def test_long_stems_use_64_bit_lengths(tmp_path, monkeypatch):
    monkeypatch.setattr("umir.audio_stream._WAV_BYTES", 30_000)
    song = _song(9000)
    soundfile.write(tmp_path / "a.wav", song, RATE, subtype="FLOAT")
    done, stems = _separated(_model(), tmp_path / "a.wav", tmp_path / "a")
    assert (done.folder / "vocals.wav").read_bytes()[:4] == b"RF64"
    np.testing.assert_allclose(sum(stems.values()), song, atol=1e-6)


def test_a_model_of_another_task_has_no_separator():
    task = get_task("drum_transcription")
    network = Network(TINY, task.head)
    with pytest.raises(ValueError, match="not for separation"):
        _ = TaskModel(network, task, {}).separator
    assert isinstance(_model().separator, Separator)
