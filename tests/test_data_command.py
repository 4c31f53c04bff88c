"""`umir data`: what it lists, and what it says of sets that it cannot download."""

import logging
import subprocess
import sys
import urllib.error

import pytest
from folders import fails

from umir.cli import main
from umir.data_sets import DATA_SETS, DataSet, catalogue
from umir.tasks import OPEN_TASKS, TASKS


def test_list_says_everything_of_every_set(capsys):
    assert main(["data", "list"]) == 0
    shown = capsys.readouterr().out
    for name, data_set in DATA_SETS.items():
        (block,) = [part for part in shown.split("\n\n") if part.startswith(f"{name}\n")]
        for told in (data_set.licence, data_set.size, data_set.splits, data_set.access):
            assert told.strip()
            assert told in block
        assert all(task in block for task in data_set.tasks)


def test_list_of_a_task(capsys):
    assert main(["data", "list", "--task", "chord_recognition"]) == 0
    shown = capsys.readouterr().out
    assert "guitarset\n" in shown
    assert "maestro\n" not in shown
    assert main(["data", "list", "--task", "chord_recognition_sevenths"]) == 0
    assert capsys.readouterr().out == shown
    assert main(["data", "list", "--task", "humming"]) == 1
    assert "no data set serves task 'humming': choose from beat" in capsys.readouterr().err


@pytest.mark.parametrize("data_set", DATA_SETS.values(), ids=list(DATA_SETS))
def test_sets_serve_tasks_that_there_are(data_set):
    assert data_set.tasks
    for name, labelling in data_set.tasks.items():
        assert (TASKS[name].kind if name in TASKS else OPEN_TASKS[name]) == labelling.kind
    # What mirdata loads can be fetched, its index alone as well; nothing else has an index.
    assert data_set.download is None or data_set.access.startswith("umir data get")
    assert data_set.download is None or data_set.fetch_index is not None


def test_get_what_cannot_be_downloaded(capsys):
    assert main(["data", "get", "musdb18hq"]) == 1
    assert "umir cannot download it. To get it: download and unpack https:" in (
        capsys.readouterr().err
    )
    assert main(["data", "get", "musdb18hq", "--index-only"]) == 1
    assert "needs no list of files" in capsys.readouterr().err
    assert main(["data", "get", "nothing"]) == 1
    assert "no data set 'nothing': choose from" in capsys.readouterr().err


def test_get_fetches_what_was_asked_for(capsys, monkeypatch, tmp_path):
    fetched = []

    def download(out):
        fetched.append(out)
        return out

    made = DataSet(
        "made",
        "CC0",
        "1 kB",
        "umir data get made",
        "none",
        lambda home, index: [],
        {},
        download,
        lambda: fetched.append("index"),
    )
    monkeypatch.setitem(catalogue.DATA_SETS, "made", made)
    assert main(["data", "get", "made", "--out", str(tmp_path)]) == 0
    assert f"made: in {tmp_path}; use it with --data made:{tmp_path}" in capsys.readouterr().out
    assert main(["data", "get", "made", "--index-only"]) == 0
    assert fetched == [tmp_path, "index"]


def test_mirdata_downloads_index_and_files(monkeypatch, tmp_path):
    """What is asked of mirdata's own download; the network is not."""
    from mirdata import download_utils

    asked = []

    def downloader(save_dir, remotes=None, index=None, partial_download=None, **options):
        asked.append((save_dir, partial_download, index.filename))

    monkeypatch.setattr(download_utils, "downloader", downloader)
    assert DATA_SETS["guitarset"].download(tmp_path) == tmp_path
    DATA_SETS["guitarset"].fetch_index()
    files, index = asked
    assert files == (str(tmp_path), ["annotations", "audio_mic"], "guitarset_index_1.1.0.json")
    assert index[1:] == (["index"], "guitarset_index_1.1.0.json")


def test_a_failed_download_is_told_in_one_line(capsys, caplog, monkeypatch, tmp_path):
    def downloader(*args, **options):
        logging.error("a paragraph on what to do")
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("mirdata.download_utils.downloader", downloader)
    assert "--out: mirdata keeps" in fails(
        capsys, "data", "get", "ballroom", "--index-only", "--out", str(tmp_path)
    )
    for more in (["--out", str(tmp_path)], ["--index-only"]):
        assert main(["data", "get", "ballroom", *more]) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert line.startswith("umir data: ballroom: the download failed (no network); see to")
    assert not caplog.records
    logging.error("of something else")
    assert len(caplog.records) == 1


def test_without_the_extra_it_says_what_to_install(tmp_path):
    code = (
        "import sys\nsys.modules['mirdata'] = None\nfrom umir.cli import main\n"
        f"main(['data', 'get', 'ballroom', '--out', {str(tmp_path)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "public data sets need mirdata: pip install 'umir[datasets]'" in done.stderr


def test_python_m(tmp_path):
    run = [sys.executable, "-m", "umir.data", "list", "--task", "beat_tracking"]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "ballroom\n" in done.stdout
