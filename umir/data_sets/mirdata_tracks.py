"""Tracks and downloads of the data sets that `mirdata` has a loader for.

mirdata's indexes, which say what files a data set has, are not in its wheel: its own download
fetches them. An index that lies in the folder of a set, under the name that mirdata gives it
(`ballroom_full_index_1.0.json`), is used instead: for machines without a network, and for excerpts.
mirdata is imported late, since it takes seconds.
"""

import importlib
import logging
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from umir.data_sets.data_set import DataSetError, Track

INSTALL = "pip install 'umir[datasets]'"


@dataclass(frozen=True)
class MirdataLoader:
    """A loader of mirdata: its tracks, its download and its index.

    Attributes:
        name: mirdata's name of the data set.
        version: of its index.
        parts: what to download, as mirdata calls it; empty: everything.
        multitracks: whether songs are mirdata's multitracks, not its tracks.
    """

    name: str
    version: str = "default"
    parts: tuple[str, ...] = ()
    multitracks: bool = False

    def tracks(self, home: Path, index: Path | None = None) -> Sequence[Track]:
        """Return the tracks of a data set that lies in a folder.

        Args:
            home: the folder.
            index: another index than the one in the folder, or else the one that mirdata
                downloads; for excerpts of a set.

        Raises:
            DataSetError: mirdata is not installed, or its index is missing or of another set.
        """
        dataset = self._dataset(home, index or self._index_in(home))
        if not Path(dataset.index_path).is_file():
            raise DataSetError(
                f"{self.name}: mirdata's list of its files is not on this machine; "
                f"fetch it with: umir data get {self.name} --index-only "
                f"(or put it into {home} as {Path(dataset.index_path).name})"
            )
        try:
            if self.multitracks:
                return [dataset.multitrack(name) for name in dataset.mtrack_ids]
            return [dataset.track(name) for name in dataset.track_ids]
        except (ValueError, LookupError, AttributeError) as error:
            raise DataSetError(
                f"{dataset.index_path}: is no index of {self.name} ({error}); fetch it again"
            ) from error

    def download(self, home: Path | None) -> Path:
        """Download data set and index with mirdata's own download, and return the folder.

        Raises:
            DataSetError: mirdata is not installed, or the download failed.
        """
        dataset = self._dataset(home, None)
        with _downloading(self.name):
            dataset.download(partial_download=list(self.parts) or None)
        return Path(dataset.data_home)

    def fetch_index(self) -> None:
        """Download nothing but the index: enough for who has the data set already.

        Raises:
            DataSetError: mirdata is not installed, or the download failed.
        """
        index = self._dataset(None, None)._index_data
        download_utils = needed("mirdata.download_utils")
        with _downloading(self.name):
            download_utils.downloader(index.indexes_dir, {}, index, partial_download=["index"])

    def _index_in(self, home: Path) -> Path | None:
        """Return the index that lies in the folder of the set itself, if there is one."""
        found = sorted(home.glob(f"{self.name}*index*.json"))
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise DataSetError(f"{home}: holds several lists of its files: {names}; leave one")
        return found[0] if found else None

    def _dataset(self, home: Path | None, index: Path | None) -> Any:
        version = self.version if index is None else "test"
        mirdata = needed("mirdata")
        dataset = mirdata.initialize(self.name, home and str(home), version=version)
        if index is not None:
            dataset.index_path = str(index)
        return dataset


@contextmanager
def _downloading(name: str) -> Iterator[None]:
    """Say in one line what goes wrong in a download, which mirdata both logs and raises."""

    def is_news(record: logging.LogRecord) -> bool:
        return record.levelno < logging.ERROR

    logger = logging.getLogger()
    logger.addFilter(is_news)
    try:
        yield
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
        reason = getattr(error, "reason", None) or error
        raise DataSetError(
            f"{name}: the download failed ({reason}); see to the network and the space on the "
            "disk, and try again"
        ) from error
    finally:
        logger.removeFilter(is_news)


def needed(package: str) -> Any:
    """Return a package of the extra `datasets`.

    Raises:
        DataSetError: it is not installed; says how to install it.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise DataSetError(f"public data sets need {error.name}: {INSTALL}") from None
