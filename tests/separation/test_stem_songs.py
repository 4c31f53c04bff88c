"""Songs with stems on disk: stored once, windows of them, mixtures with all that is in them."""

import numpy as np
import pytest
import soundfile
from folders import RATE, read_rows, songs_in, write_rows

from umir.annotations import Stems
from umir.data_specification import open_data
from umir.separation.stem_songs import (
    random_windows,
    stored_songs,
    windows_in_turn,
)
from umir.tasks.source_separation import separation_of
from umir.wave_unet.separators import Sizes

VOICE = ("accompaniment", "vocals")


def test_windows_reach_beyond_the_song(tmp_path, rng):
    (song,), (sound,) = songs_in(tmp_path, rng, [100])
    padded = np.pad(sound, ((50, 60), (0, 0), (0, 0)))
    for start in (-50, -10, 0, 80, 120):
        np.testing.assert_array_equal(song.window(start, 40), padded[start + 50 :][:40])


def test_random_windows_are_sums_of_louder_and_softer_sources(tmp_path, rng):
    songs, sounds = songs_in(tmp_path, rng)
    sizes = Sizes(130, 100, 1)
    draw = lambda: random_windows(songs, sizes, 50, (0.7, 1.0), np.random.default_rng(4))  # noqa: E731
    mixtures, targets = draw()
    assert mixtures.shape == (50, 130, 1) and targets.shape == (50, 100, 2, 1)
    np.testing.assert_allclose(targets.sum(2), mixtures[:, 15:115], atol=1e-6)
    np.testing.assert_array_equal(mixtures, draw()[0])
    gains = []
    for n in range(2):  # each source is some part of some song, times a number
        cuts = [np.lib.stride_tricks.sliding_window_view(s[:, n, 0], 100) for s in sounds]
        parts = np.concatenate(cuts).astype(float)
        for target in targets[:, :, n, 0]:
            best = parts @ target / np.square(parts).sum(axis=1)  # least squares
            off = np.abs(best[:, None] * parts - target).max(axis=1)
            assert off.min() < 1e-6
            gains.append(best[np.argmin(off)])
    assert len(gains) == 100 and 0.7 <= min(gains) < 0.75 and 0.95 < max(gains) <= 1


def test_windows_in_turn_cover_each_song_once(tmp_path, rng):
    songs, sounds = songs_in(tmp_path, rng)
    batches = list(windows_in_turn(songs, Sizes(130, 100, 1), 4))
    assert [known.sum() for *_, known in batches] == [4, 4, 4, 2]
    targets = np.concatenate([target[known] for _, target, known in batches])
    whole = np.concatenate(sounds)  # of 500 and 900 samples: 5 and 9 windows
    np.testing.assert_array_equal(np.concatenate(targets), whole)


def test_accompaniment_is_all_that_is_no_other_source():
    stems = {name: np.full((5, 1), n, np.float32) for n, name in enumerate("abc", 1)}
    task = separation_of(("accompaniment", "b"))
    assert task.mix(Stems(stems, RATE))[:, 0, 0].tolist() == [4, 2]


@pytest.mark.parametrize("sources", [("b",), ("b", "c")])
def test_stems_that_are_no_source_are_in_the_mixture(sources, stems_folder, tmp_path, rng):
    """A network for some of the stems is to find them in songs, not in what they add up to."""
    sounds = {name: rng.uniform(-0.2, 0.2, RATE).astype(np.float32) for name in "abcd"}
    for name, sound in sounds.items():
        soundfile.write(stems_folder / f"{name}.wav", sound, RATE, subtype="FLOAT")
    soundfile.write(stems_folder / "all.wav", sum(sounds.values()), RATE, subtype="FLOAT")
    stems = {name: f"{name}.wav" for name in sounds}
    write_rows(stems_folder, [{"audio": "all.wav", "stems": stems, "split": "train"}])
    (song,) = stored_songs(open_data(stems_folder), "train", sources, RATE, 1, tmp_path / "one")
    sizes = Sizes(200, 100, 1)
    whole = np.pad(sum(sounds.values()), 50)
    for mixtures, targets, _ in windows_in_turn([song], sizes, 2):
        assert targets.shape == (2, 100, len(sources), 1)
        places = np.lib.stride_tricks.sliding_window_view(whole, 200)[::100]
        for mixture, target in zip(mixtures, targets, strict=True):
            place = int(np.argmin(np.abs(places - mixture[:, 0]).sum(1)))
            np.testing.assert_allclose(mixture[:, 0], places[place], atol=1e-6)
            own = [sounds[name][100 * place :][:100] for name in sources]
            np.testing.assert_array_equal(target[:, :, 0], np.stack(own, axis=1))
    # Each louder and softer by itself, what is no source as well.
    mixtures, targets = random_windows([song], Sizes(100, 100, 1), 200, (0.0, 2.0), rng)
    left = mixtures - targets.sum(axis=2)
    rest = whole[50:-50] - sum(sounds[name] for name in sources)
    gains = np.sqrt(np.square(left).mean(axis=(1, 2)) / np.square(rest).mean())
    assert 0 < gains.min() < 0.2 and gains.max() > 1.6


def test_songs_are_stored_once(stems_folder, tmp_path):
    where = tmp_path / "stored"
    load = lambda rate=RATE: stored_songs(  # noqa: E731
        open_data(stems_folder), "train", VOICE, rate, 1, where
    )
    songs = load()
    song = songs[0]
    stems = open_data(stems_folder).examples("train", RATE, 1)[0].annotation
    np.testing.assert_array_equal(song.window(0, song.length)[:, 1], stems.waveforms["vocals"])
    written = song.path.stat().st_mtime_ns
    assert load() == songs and song.path.stat().st_mtime_ns == written
    other = load(RATE // 2)[0]
    assert other.length == pytest.approx(song.length / 2, abs=1)


def test_songs_whose_reading_was_stopped_are_read_again(stems_folder, tmp_path):
    """Of a folder that is written anew nothing counts until all of it is there."""
    where, rows = tmp_path / "stored", read_rows(stems_folder)
    load = lambda **more: stored_songs(  # noqa: E731
        open_data(stems_folder), "train", VOICE, RATE, 1, where, **more
    )
    before = [song.window(0, song.length) for song in load()]

    def stopped(examples):
        yield next(iter(examples))
        raise KeyboardInterrupt

    first = next(row for row in rows if row["split"] == "train")
    write_rows(stems_folder, [row | {"split": "test"} if row is first else row for row in rows])
    with pytest.raises(KeyboardInterrupt):
        load(progress=stopped)
    write_rows(stems_folder, rows)
    for song, sound in zip(load(), before, strict=True):
        np.testing.assert_array_equal(song.window(0, song.length), sound)


def test_songs_that_were_mended_are_read_again(stems_folder, tmp_path, capsys):
    rows = read_rows(stems_folder)
    broken = next(stems_folder / row["audio"] for row in rows if row["split"] == "train")
    whole = broken.read_bytes()
    broken.write_bytes(b"RIFF")
    load = lambda: stored_songs(  # noqa: E731
        open_data(stems_folder), "train", VOICE, RATE, 1, tmp_path / "stored"
    )
    some = len(load())
    broken.write_bytes(whole)
    assert len(load()) == some + 1
    assert "files changed: all is read again" in capsys.readouterr().err
