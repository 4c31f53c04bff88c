"""Tracks and downloads of the data sets that `mirdata` has a loader for.

mirdata's indexes, which say what files a data set has, are not in its wheel: its own download
fetches them. mirdata is imported late, since it takes seconds.
"""

import importlib
from collections.abc import Sequence
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
            index: another index than the one that mirdata downloads; for excerpts of a set.

        Raises:
            DataSetError: mirdata is not installed, or its index is missing or of another set.
        """
        dataset = self._dataset(home, index)
        if not Path(dataset.index_path).is_file():
            raise DataSetError(
                f"{self.name}: mirdata's list of its files is not on this machine; "
                f"fetch it with: umir data get {self.name} --index-only"
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
        """Download data set and index with mirdata's own download, and return the folder."""
        dataset = self._dataset(home, None)
        dataset.download(partial_download=list(self.parts) or None)
        return Path(dataset.data_home)

    def fetch_index(self) -> None:
        """Download nothing but the index: enough for who has the data set already."""
        index = self._dataset(None, None)._index_data
        download_utils = needed("mirdata.download_utils")
        download_utils.downloader(index.indexes_dir, {}, index, partial_download=["index"])

    def _dataset(self, home: Path | None, index: Path | None) -> Any:
        version = self.version if index is None else "test"
        mirdata = needed("mirdata")
        dataset = mirdata.initialize(self.name, home and str(home), version=version)
        if index is not None:
            dataset.index_path = str(index)
        return dataset


def needed(package: str) -> Any:
    """Return a package of the extra `datasets`.

    Raises:
        DataSetError: it is not installed; says how to install it.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise DataSetError(f"public data sets need {error.name}: {INSTALL}") from None
