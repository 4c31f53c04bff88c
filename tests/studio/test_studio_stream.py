"""The endless stream of songs and the rolling pool: order, position, and who ends whom."""

import os
import pickle
import signal
import subprocess
import sys
import time
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.studio import render_song
from umir.studio.features import Features
from umir.studio.song_pool import SongPool
from umir.studio.stream import SongStream

SHORT = {"duration": 1.0, "rate": 8000}


def _first(count, **options):
    with SongStream(5, **SHORT, **options) as songs:
        return list(islice(songs, count))


def tempo_and_name(song):
    return song.tempo, song.name


@pytest.mark.parametrize(("workers", "ahead"), [(0, 0), (1, 0), (2, 0), (1, 3), (2, 9)])
def test_songs_and_order_do_not_depend_on_the_workers(workers, ahead):
    songs = _first(5, workers=workers, ahead=ahead)
    assert [song.seed for song in songs] == [5, 6, 7, 8, 9]
    for song in songs:
        assert pickle.dumps(song.parts) == pickle.dumps(render_song(song.seed, **SHORT).parts)
        assert type(song.mixture) is np.ndarray


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_goes_on_where_another_stopped(workers):
    with SongStream(5, **SHORT) as songs:
        assert [next(songs).seed for _ in range(3)] == [5, 6, 7]
        assert songs.given == 3
        with SongStream(5, given=songs.given, workers=workers, **SHORT) as others:
            assert [next(others).seed for _ in range(3)] == [8, 9, 10]
            assert others.given == 6


def test_workers_render_ahead_of_use():
    """While nobody asks for songs, as many are made ready; what is asked for then is there."""
    with SongStream(5, **SHORT, workers=1, ahead=4) as songs:
        next(songs)
        buffer, until = songs._songs[0]._buffer, time.monotonic() + 60
        while buffer.qsize() < 4 and time.monotonic() < until:
            time.sleep(0.05)
        assert buffer.qsize() == 4
        assert songs.given == 1
        assert [next(songs).seed for _ in range(4)] == [6, 7, 8, 9]


def test_features_and_channels_reach_the_songs():
    plain = Features().without("production", "timbre", "singing", "metre", "harmony")
    (song,) = _first(1, features=plain, channels=2)
    expected = render_song(5, features=plain, channels=2, **SHORT)
    np.testing.assert_array_equal(song.mixture, expected.mixture)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_view_is_what_is_handed_over(workers):
    expected = [tempo_and_name(render_song(seed, **SHORT)) for seed in (5, 6)]
    assert _first(2, workers=workers, view=tempo_and_name) == expected


def test_a_closed_stream_gives_nothing():
    songs = SongStream(5, **SHORT)
    next(songs)
    songs.close()
    songs.close()
    assert list(songs) == []


def test_an_error_in_a_worker_comes_out():
    with SongStream(5, workers=1, duration=0.1) as songs, pytest.raises(ValueError, match="0.1 s"):
        next(songs)


def test_too_little_shared_memory_says_so(monkeypatch):
    """As in a container, which has 64 MB unless it is given more."""
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=64_000_000))
    with pytest.raises(ValueError, match="64 MB free and 2 workers may need 111 MB; take fewer"):
        SongStream(workers=2)


def test_nothing_may_be_negative():
    for wrong in ({"first_seed": -1}, {"given": -1}, {"workers": -1}, {"ahead": -1}):
        with pytest.raises(ValueError, match="none may be negative"):
            SongStream(**wrong)


PROGRAM = """
import multiprocessing, sys
from umir.studio.stream import SongStream

if __name__ == "__main__":
    songs = SongStream(workers=2, ahead=3, rate=8000, duration=1.0)
    print(next(songs).seed, next(songs).seed, flush=True)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    if sys.argv[1] == "wait":
        sys.stdin.read()
"""


def _running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("way", ["end", "interrupt", "kill"])
def test_workers_end_with_their_parent(tmp_path, way):
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "program.py", "end" if way == "end" else "wait"]
    pipe = subprocess.PIPE
    parent = subprocess.Popen(
        command, cwd=tmp_path, stdin=pipe, stdout=pipe, stderr=pipe, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert parent.stdout.readline() == "0 1\n"
    workers = [int(word) for word in parent.stdout.readline().split()]
    assert len(workers) == 2
    if way == "interrupt":
        os.killpg(parent.pid, signal.SIGINT)  # as a terminal does, to all of them
    elif way == "kill":
        parent.kill()
    _, errors = parent.communicate(timeout=120)
    until = time.monotonic() + 30
    while any(map(_running, workers)):
        assert time.monotonic() < until
        time.sleep(0.05)
    # Of a killed parent, Python's own tracker removes what is left in shared memory, and says so.
    assert errors.count("Traceback") == (way == "interrupt"), errors


class CountedSongs(SongStream):
    """Songs of no length: their seeds, to see what a pool asks for."""

    made = 0

    def __init__(self, given):
        super().__init__(given=given)

    def __next__(self):
        CountedSongs.made += 1
        self.given += 1
        return self.given - 1


def _numbers(step, size, rate):
    first = int(np.floor(step * rate))
    return list(range(first, first + size))


@given(
    steps=st.lists(st.integers(0, 60), min_size=1, max_size=8),
    size=st.integers(1, 7),
    rate=st.sampled_from([0.0, 0.05, 1 / 3, 1.0, 2.5]),
)
def test_the_pool_depends_on_the_step_alone(steps, size, rate):
    with SongPool(CountedSongs, size, rate) as pool:
        for step in steps:
            assert pool.at(step) == _numbers(step, size, rate)


def test_going_on_costs_only_the_new_songs():
    CountedSongs.made = 0
    pool = SongPool(CountedSongs, 4, 0.25)
    for step in range(41):
        pool.at(step)
    assert CountedSongs.made == 4 + 10


def test_a_small_pool_that_rolls_fast_keeps_its_stream():
    """What its workers render ahead is not thrown away when songs are passed over."""
    streams = []

    def stream(given):
        streams.append(given)
        return CountedSongs(given)

    pool = SongPool(stream, 4, 1.5)
    for step in range(0, 40, 4):  # six new songs each time, of which two are passed over
        assert pool.at(step) == _numbers(step, 4, 1.5)
    assert streams == [0]
    pool.at(400)  # far away, it starts anew
    assert streams == [0, 600]


def test_a_resumed_run_sees_the_same_songs():
    def stream(given):
        return SongStream(7, given=given, **SHORT)

    with SongPool(stream, 3, 0.5) as whole, SongPool(stream, 3, 0.5) as resumed:
        for step in range(5):
            songs = whole.at(step)
        for song, other in zip(songs, resumed.at(4), strict=True):
            assert song.seed == other.seed
            np.testing.assert_array_equal(song.mixture, other.mixture)


def test_bad_pools_say_so():
    for size, rate in ((0, 1.0), (3, -0.1), (3, float("nan"))):
        with pytest.raises(ValueError, match="must be above 0, the second not negative"):
            SongPool(CountedSongs, size, rate)
    with pytest.raises(ValueError, match="step -1"):
        SongPool(CountedSongs, 3, 1.0).at(-1)
