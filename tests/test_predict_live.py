"""`umir predict --live`: a causal model on files and pipes, and what it says of bad input."""

import io
import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import jax
import numpy as np
import pytest
import soundfile
from folders import clicks, fails, finetune
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import TINY

from umir.audio import resample
from umir.audio_stream import AudioError
from umir.checkpoint import load_model
from umir.cli import main
from umir.inference import Windows, whole_song
from umir.live_input import PipedAudio, SampleFormat
from umir.live_prediction import LivePrediction
from umir.predict_live import resampling_delay
from umir.task_model import TaskModel
from umir.tasks import get_task
from umir.tasks.event_detection import EventDetection
from umir.tasks.live import live_decoder
from umir.wave_unet import Network
from umir.wave_unet.presets import with_body

CAUSAL = with_body(TINY, "seq_unet")
RATE = TINY.rate
RAW = SampleFormat(RATE, 1)


def model_for(task, config=CAUSAL):
    network = Network(config, task.head)
    params = jax.tree.map(lambda x: x + 0.02, network.init(jax.random.key(0)))
    return TaskModel(network, task, params, task.default_settings(RATE))


@pytest.fixture(scope="module")
def model():
    settings = {"peaks": {"click": [0.01, 0.02]}}
    return replace(model_for(EventDetection("events", ("click",))), settings=settings)


@pytest.fixture
def directory(model, tmp_path):
    model.save(tmp_path / "model", "# live\n")
    return str(tmp_path / "model")


@pytest.fixture
def song(rng):
    return clicks(rng, 2.0)[0][:, None]


def found_in(model, song, lengths):
    prediction, found, first = LivePrediction(model), [], 0
    for length in [*lengths, len(song)]:
        found += prediction.push(song[first : first + length])
        first += length
    return found + prediction.finish()


def piped(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def pcm(song):
    return np.round(song * 2**15).astype("<i2").tobytes()


@settings(max_examples=4)
@given(lengths=st.lists(st.integers(0, 9000), max_size=6))
def test_findings_are_those_of_the_whole_output(lengths):
    task = EventDetection("events", ("click",))
    settings = {"peaks": {"click": [0.01, 0.02]}}
    model = replace(model_for(task), settings=settings)
    song = clicks(np.random.default_rng(0), 2.0)[0][:, None]
    output = whole_song(model.network, model.params, [song], Windows.exact(model.network, 1.0))
    decoder = live_decoder(task, settings, 0.0)
    expected = decoder.push(output) + decoder.finish()
    found = found_in(model, song, lengths)
    assert len(found) == len(expected) > 5
    times, heights = (
        [[f.time for f in side], [dict(f.values)["probability"] for f in side]]
        for side in (found, expected)
    )
    np.testing.assert_allclose(times, heights, atol=1e-3)


def test_a_clip_has_a_running_label(song):
    found = found_in(model_for(get_task("instrument_recognition")), song, [])
    assert [f.time for f in found][:2] == [0.0, 1.0] or len(found) > 2
    assert all(0 < dict(f.values)["probability"] <= 1 for f in found)


def test_a_stream_refuses_what_it_cannot_hear_and_goes_on(model, song):
    prediction = LivePrediction(model)
    found = prediction.push(song[:8000])
    assert prediction.push(song[:0]) == []
    with pytest.raises(
        ValueError, match=r"2 channel\(s\) at 0.50 s, in a stream that began with 1"
    ):
        prediction.push(np.zeros((100, 2), np.float32))
    with pytest.raises(ValueError, match="NaN or infinite samples at 0.50 s"):
        prediction.push(np.full((100, 1), np.nan, np.float32))
    found += prediction.push(song[8000:]) + prediction.finish()
    assert found == found_in(model, song, [8000])
    assert prediction.seconds == pytest.approx(2.0)


def test_the_latency_is_the_sum_of_its_parts(model):
    parts = LivePrediction(model).latency
    assert (parts.network, parts.decoder) == (pytest.approx(20.0), pytest.approx(10.0))
    assert parts.total == pytest.approx(20 + 10 + 1000 * 319 / RATE)


def test_an_event_is_said_no_later_than_the_latency(model, song):
    """Fed in small blocks, each is known within the stated time of its own."""
    prediction, step = LivePrediction(model), 40
    late = []
    for first in range(0, len(song), step):
        for finding in prediction.push(song[first : first + step]):
            late.append((first + step) / RATE - finding.time)
    # Parabolas move an event by half a frame at most; a block of the caller's comes on top.
    assert len(late) > 10
    assert max(late) <= prediction.latency.total / 1000 + 0.005 + step / RATE


def test_a_file_and_pipes_of_it_give_the_same_lines(directory, song, tmp_path, monkeypatch, capsys):
    soundfile.write(tmp_path / "song.wav", song, RATE, subtype="PCM_16")
    said = []
    for source, data in (
        (str(tmp_path / "song.wav"), None),
        ("-", (tmp_path / "song.wav").read_bytes()),
        ("-", pcm(soundfile.read(tmp_path / "song.wav", always_2d=True)[0])),
    ):
        if data is not None:
            piped(monkeypatch, data)
        assert main(["predict", "--live", source, "--model", directory]) == 0
        out, err = capsys.readouterr()
        said.append(out)
        assert err.startswith("algorithmic latency 49.9 ms: network 20.0, decoder 10.0, blocks")
        assert "2.00 s in" in err and "real-time factor" in err and "--gain" in err
    assert said[0] == said[1] == said[2] != ""
    time, label, probability = said[0].splitlines()[0].split("\t")
    assert 0 <= float(time) < 2 and label == "click" and 0 < float(probability) <= 1
    assert (
        main(["predict", "--live", str(tmp_path / "song.wav"), "--model", directory, "--json"]) == 0
    )
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == len(said[0].splitlines())
    assert set(rows[0]) == {"time", "label", "probability"}


def test_other_rates_and_channels_are_converted(directory, song, tmp_path, capsys):
    stereo = np.repeat(resample(song, RATE, 44_100), 2, axis=1)
    soundfile.write(tmp_path / "song.wav", stereo, 44_100)
    assert main(["predict", "--live", str(tmp_path / "song.wav"), "--model", directory]) == 0
    out, err = capsys.readouterr()
    assert out and f"resampling {resampling_delay(44_100, RATE):.1f}" in err
    assert 0 < resampling_delay(44_100, RATE) < 100


def test_bad_input_has_one_line(directory, song, tmp_path, monkeypatch, capsys):
    live = ["predict", "--model", directory, "--live"]
    piped(monkeypatch, b"")
    assert "standard input: is empty" in fails(capsys, *live, "-")
    assert "no such file" in fails(capsys, *live, str(tmp_path / "none.wav"))
    piped(monkeypatch, b"RIFF\0\0\0\0WAVEdata\0\0\0\0")
    assert "a WAV whose header cannot be read" in fails(capsys, *live, "-")
    for wrong, said in (
        ([*live, "-", "a.wav"], "leave out files and --out"),
        (["predict", "--model", directory], "give audio files and --out FOLDER"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(wrong)
        assert said in capsys.readouterr().err
    # Half a sample at the end: a note, and the rest is heard.
    piped(monkeypatch, pcm(song) + b"\1")
    assert main([*live, "-"]) == 0
    assert "its last 1 byte(s) are left out" in capsys.readouterr().err
    # NaN: what was heard before is said.
    broken = song.copy()
    broken[len(song) // 2 :] = np.nan
    soundfile.write(tmp_path / "nan.wav", broken, RATE, subtype="FLOAT")
    piped(monkeypatch, (tmp_path / "nan.wav").read_bytes())
    assert main([*live, "-"]) == 1
    out, err = capsys.readouterr()
    assert out and err.splitlines()[-1].startswith("umir predict: NaN or infinite samples at ")


def test_models_that_look_ahead_are_refused(tmp_path, monkeypatch, capsys):
    task = EventDetection("events", ("click",))
    model_for(task, TINY).save(tmp_path / "ahead", "# not live\n")
    piped(monkeypatch, b"\0" * 100)
    line = fails(capsys, "predict", "--live", "-", "--model", str(tmp_path / "ahead"))
    assert "looks ahead and cannot run live; train or adapt one with `--body seq_unet`" in line
    stems = replace(get_task("vocal_separation"), masks=False)
    model_for(stems).save(tmp_path / "stems", "# stems\n")
    line = fails(capsys, "predict", "--live", "-", "--model", str(tmp_path / "stems"))
    assert "use `umir separate`" in line


def test_ctrl_c_says_what_was_heard(directory, song, monkeypatch, capsys):
    class Interrupted(io.BytesIO):
        def read1(self, size=-1):
            data = super().read1(size)
            if not data:
                raise KeyboardInterrupt
            return data

    buffer = Interrupted(pcm(song))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer))
    assert main(["predict", "--live", "-", "--model", directory]) == 130
    out, err = capsys.readouterr()
    assert out and "real-time factor" in err and err.rstrip().endswith("interrupted")


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("extensible", [False, True])
def test_a_piped_wav_is_what_soundfile_reads(subtype, extensible, song, tmp_path):
    path = tmp_path / "a.wav"
    stereo = np.concatenate([song, -song], axis=1)[:1001]
    container = "WAVEX" if extensible else "WAV"
    soundfile.write(path, stereo, 22_050, subtype=subtype, format=container)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    expected = soundfile.read(path, dtype="float32", always_2d=True)[0]
    # Known; not known yet, as FFmpeg and as SoX write it.
    for length in (data[at : at + 4], b"\xff" * 4, b"\x00\xf0\xff\x7f"):
        data[at : at + 4] = length
        audio = PipedAudio(io.BytesIO(bytes(data)), RAW)
        found = np.concatenate(list(audio.blocks()))
        assert (audio.format.rate, found.shape[1]) == (22_050, 2)
        np.testing.assert_allclose(found[:1001], expected, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        *(("FLAC", "FLAC"), ("RF64", "64-bit"), ("AIFF", "AIFF"), ("AU", "AU"), ("CAF", "CAF")),
        *(("W64", "Sony"), ("MP3", "MP3 or AAC")),
    ],
)
def test_a_piped_file_of_another_format_is_no_noise(name, told, song):
    subtype = "MPEG_LAYER_III" if name == "MP3" else "PCM_16"
    soundfile.write(file := io.BytesIO(), song, 22_050, format=name, subtype=subtype)
    with pytest.raises(AudioError, match=f"is .*{told}.*not WAV or raw samples"):
        PipedAudio(io.BytesIO(file.getvalue()), RAW)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"RIFF\0\0\0\0AVI LIST", "AVI"),
        (b"\0\0\0\x20ftypM4A ", "MP4"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81", "Matroska"),
        (b"\xff\xf1\x50\x80\x02\x1f\xfc\xde\x02\x00\x4c\x61", "MP3 or AAC"),
        (b"\xff\xfd\xa4\x04\x22\x22\x22\x22\x22\x22\x22\x22", "MP3 or AAC"),
    ],
)
def test_a_piped_container_is_no_noise(head, told):
    with pytest.raises(AudioError, match=f"is {told}"):
        PipedAudio(io.BytesIO(head + bytes(100)), RAW)


@pytest.mark.parametrize("first", [0, -1, -2, -3, 1, 255, -256, 32_767])
@pytest.mark.parametrize("second", [0, -1, 1, 16, 100, -100, 1000])
def test_piped_samples_are_samples(first, second):
    data = np.array([first, second, 0, 1, -1, 0], "<i2").tobytes()
    assert PipedAudio(io.BytesIO(data), RAW).format == RAW


def test_finetune_makes_a_model_that_runs_live(events_folder, tiny_preset, capsys):
    """From a folder to a causal model, its scores, its predictions and a stream of them."""
    assert finetune(events_folder, "--body", "seq_unet", "--steps", "4") == 0
    network = load_model("model").config["network"]
    assert (network["body"], network["lookahead"]) == ("seq_unet", 320)
    assert main(["evaluate", "--model", "model", "--data", str(events_folder)]) == 0
    song = str(events_folder / "3.wav")
    assert main(["predict", "--model", "model", song, "--out", "found"]) == 0
    assert main(["predict", "--model", "model", "--live", song]) == 0
    # A start of another kind of body is not mistaken for this one.
    capsys.readouterr()
    options = ["--data", str(events_folder), "--out", "other", "--init", "model"]
    line = fails(capsys, "finetune", *options, "--body", "wave_unet")
    assert "its body is a seq_unet, not a wave_unet" in line
    assert main(["finetune", *options, "--steps", "2"]) == 0
    assert load_model("other").config["network"]["body"] == "seq_unet"


def test_stems_of_a_causal_model_come_sample_by_sample(stems_folder, tiny_preset):
    assert finetune(stems_folder, "--body", "seq_unet", "--steps", "2") == 0
    assert load_model("model").config["task"]["masks"] is False
    song = str(stems_folder / "3.wav")
    assert main(["separate", song, "--model", "model", "--out", "out"]) == 0


def test_options_of_a_stream_are_refused_for_files(capsys):
    arguments = ["predict", "a.wav", "--model", "m", "--out", "o", "--json", "--rate", "8000"]
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "--json, --rate: only with --live" in capsys.readouterr().err
    for options, told in (
        (["--rate", "8000"], "of raw samples on standard input"),
        (["--gain", "nan"], "must be from -200 to 200 dB"),
        (["--gain", "9999"], "must be from -200 to 200 dB"),
    ):
        with pytest.raises(SystemExit):
            main(["predict", "--model", "m", "--live", "a.wav", *options])
        assert told in capsys.readouterr().err
