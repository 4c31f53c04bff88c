"""A folder that `umir studio render` made, as a fixture, and what tests do with it."""

import shutil

import pytest

from umir.cli import main

SECONDS = 4.0
SONGS = 7  # with these, every split has songs
# `--without` alone: songs with all features, as `render_song` makes them.
OPTIONS = ["--seed", "0", "--song-seconds", str(SECONDS), "--rate", "8000", "--without"]
HOURS = ["--hours", str(SONGS * SECONDS / 3600)]


def tree(root):
    """Return file name -> bytes of everything below a folder."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    root = tmp_path_factory.mktemp("songs") / "library"
    assert main(["studio", "render", *HOURS, *OPTIONS, "--out", str(root)]) == 0
    return root


@pytest.fixture
def copied_library(library, tmp_path):
    return shutil.copytree(library, tmp_path / "copy")


def go_on(root, *options):
    return main(["studio", "render", *HOURS, *OPTIONS, "--out", str(root), *options])
