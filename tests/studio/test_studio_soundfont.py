"""The SoundFont reader, on a file built by hand and on the one that pretty_midi brings."""

import struct

import librosa
import numpy as np
import pytest

from umir.studio.sounds.sampler import SampledSound, sample_once
from umir.studio.sounds.soundfont import SoundFont, default_soundfont


def chunk(name, content):
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def generators(*pairs):
    return b"".join(struct.pack("<Hh", kind, amount) for kind, amount in pairs)


def bags(*starts):
    return b"".join(struct.pack("<HH", start, 0) for start in starts)


def small_soundfont(pcm):
    """One preset (bank 1, program 7), an instrument with a global zone and a looped sample."""
    name = b"x".ljust(20, b"\0")
    preset = name + struct.pack("<HHH", 7, 1, 0) + bytes(12)
    end = name + struct.pack("<HHH", 0, 0, 1) + bytes(12)
    sample = name + struct.pack("<IIIII", 10, 500, 110, 310, 32000) + struct.pack("<Bb", 62, -5)
    sample += struct.pack("<HH", 0, 1)
    instrument_zones = (
        (38, 1200),  # global: release of 2 s
        (43, (70 << 8) | 40),  # keys 40 to 70
        (51, 1),  # one semitone up
        (37, 60),  # sustain 6 dB down
        (54, 1),  # loop
        (53, 0),  # the sample
    )
    presets = chunk(b"phdr", preset + end) + chunk(b"pbag", bags(0, 2))
    presets += chunk(b"pgen", generators((48, 100), (41, 0), (0, 0)))
    instruments = chunk(b"inst", name + struct.pack("<H", 0) + name + struct.pack("<H", 2))
    instruments += chunk(b"ibag", bags(0, 1, 6)) + chunk(b"igen", generators(*instrument_zones))
    headers = chunk(b"shdr", sample + bytes(46))
    body = b"sfbk"
    body += chunk(b"LIST", b"sdta" + chunk(b"smpl", pcm.astype("<i2").tobytes()))
    body += chunk(b"LIST", b"pdta" + presets + instruments + headers)
    return chunk(b"RIFF", body)


def test_a_zone_read_by_hand(tmp_path):
    pcm = np.arange(600)
    path = tmp_path / "small.sf2"
    path.write_bytes(small_soundfont(pcm))
    font = SoundFont(path)
    assert font.presets == {(1, 7): "x"}
    (zone,) = font.zones(1, 7)
    np.testing.assert_array_equal(zone.samples, pcm[10:500])
    assert zone.loop == (100, 300) and zone.rate == 32000 and zone.keys == (40, 70)
    # Key 62, a correction of -5 cents and a coarse tuning of one semitone: sounds higher by 95.
    assert zone.root == pytest.approx(62 - 0.95)
    assert zone.release == pytest.approx(2.0)
    assert zone.sustain == pytest.approx(6.0)
    assert zone.attenuation == pytest.approx(4.0)


def test_files_that_are_no_soundfonts(tmp_path):
    path = tmp_path / "bad.sf2"
    path.write_bytes(b"RIFFnot a soundfont")
    with pytest.raises(ValueError, match="bad.sf2: not a SoundFont"):
        SoundFont(path)
    path.write_bytes(small_soundfont(np.arange(600))[:1300])
    with pytest.raises(ValueError, match="cut short"):
        SoundFont(path)
    with pytest.raises(FileNotFoundError):
        SoundFont(tmp_path / "none.sf2")
    path.write_bytes(small_soundfont(np.arange(600)))
    with pytest.raises(ValueError, match="no preset with bank 0 and program 3"):
        SoundFont(path).zones(0, 3)


def test_the_soundfont_of_pretty_midi_has_what_the_sampler_needs():
    font = SoundFont(default_soundfont())
    assert {(0, program) for program in range(128)} <= set(font.presets)
    for program in (0, 24, 32, 56, 73):
        zones = font.zones(0, program)
        assert zones and all(len(zone.samples) > 50 for zone in zones)
        assert all(zone.keys[0] <= zone.keys[1] and 0 < zone.root < 128 for zone in zones)


def test_long_notes_keep_sounding_through_the_loop():
    rate = 16000
    wave = SampledSound(73).body(np.full(6 * rate, 440.0), 0.8, rate)
    second = [np.sqrt(np.mean(wave[n * rate : (n + 1) * rate] ** 2)) for n in range(6)]
    assert min(second) > 0.5 * max(second)


@pytest.mark.parametrize("program", [16, 18, 78, 97, 105])
@pytest.mark.parametrize("key", [48, 60, 72])
def test_presets_sound_at_the_pitch_of_the_key(program, key):
    rate = 16_000
    frequency = 440 * 2 ** ((key - 69) / 12)
    wave = SampledSound(program).body(np.full(rate, frequency), 0.8, rate)[800:12_000]
    bounds = {"fmin": frequency / 5, "fmax": 5 * frequency, "frame_length": 2048}
    heard = np.median(librosa.yin(wave.astype(float), sr=rate, **bounds))
    assert 12 * np.log2(heard / frequency) == pytest.approx(0, abs=0.6)


def test_drum_samples_start_at_their_attack():
    wave = sample_once(128, 0, 36, 16000)
    assert np.abs(wave[:160]).max() > 0.1 * np.abs(wave).max()
