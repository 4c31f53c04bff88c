"""Writing files so that nothing half-written is ever left under its final name.

Every result that is one file goes through `write_beside`: the bytes go to a temporary file in the
same folder, which takes the final name only when it is complete. A full disk, an error or Ctrl-C
leave what was there before. `locked` keeps two programs from writing into the same folder.
"""

import contextlib
import json
import math
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows has no flock: two writers are not told apart there.
    fcntl = None  # type: ignore[assignment]

LOCK_NAME = ".lock"
_LONGEST_STEM = 40  # characters of a temporary name: what is added may not make it too long


class LockedError(ValueError):
    """Another running program is writing to the same folder."""


@contextlib.contextmanager
def write_beside(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path to write to, which becomes `path` when the block ends well.

    The folder of `path` is made if needed. The temporary name keeps the suffix of `path`, because
    audio writers choose the format by it. Whatever ends the block early removes the temporary
    file and leaves an older `path` as it was. A link stays one, and what it points to is written;
    a device or a pipe, such as `/dev/stdout`, is written to as it is.

    Args:
        path: the file to write; may exist already.

    Yields:
        The temporary path, in the same folder.

    Raises:
        ValueError: `path` is a folder, or its parent is a file.
        OSError: the disk is full or the folder cannot be written to; names `path`.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path}: is a folder, and a file is to be written; give a file name")
    if path.exists() and not path.is_file():
        yield path
        return
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    make_folder(target.parent)
    temporary = _temporary(target)
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        # The user knows `path`, not the temporary name that the system's message would show.
        raise _renamed(error, temporary, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def version(path: str | os.PathLike) -> tuple[int, int]:
    """Return what changes when a file does: its size in bytes and its time; zeros without one."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Write plain data as JSON; NaN and infinities, which JSON does not have, become null.

    Args:
        path: the file.
        value: dictionaries, lists, text, numbers.

    Raises:
        OSError: as `write_beside`.
    """
    with write_beside(path) as temporary:
        temporary.write_text(json.dumps(_without_nan(value), indent=2) + "\n", encoding="utf-8")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def make_folder(path: str | os.PathLike) -> Path:
    """Make a folder and those above it, unless it is there already.

    Raises:
        ValueError: a file is in the way.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        if isinstance(error, FileExistsError) and not os.path.lexists(error.filename):
            return make_folder(path)  # another process has removed it meanwhile
        raise ValueError(f"{path}: a file is where a folder is needed; give another name") from None
    return path


@contextlib.contextmanager
def locked(directory: str | os.PathLike) -> Iterator[None]:
    """Hold a folder for this program alone while the block runs.

    The lock belongs to the process: it is gone when the process ends, however it ends, so a
    killed run never blocks the next one.

    Args:
        directory: the folder to hold; made if needed, and gone afterwards if nothing was written.

    Raises:
        LockedError: another running program holds it.
    """
    path = Path(directory) / LOCK_NAME
    made = not path.parent.exists()
    lock = _acquire(path)
    try:
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
    finally:
        # Removed while still held: a waiting process notices that its file has lost its name.
        # Without locks there is none that waits, and Windows removes no file that is open.
        if fcntl is None:
            lock.close()
        path.unlink(missing_ok=True)
        if made:
            with contextlib.suppress(OSError):  # it holds something
                path.parent.rmdir()
        lock.close()


def _acquire(path: Path) -> IO[str]:
    """Open and lock the lock file, again if its holder removed it in between."""
    while True:
        make_folder(path.parent)
        try:
            lock = path.open("a+", encoding="utf-8")
        except FileNotFoundError:  # its holder has removed the folder, too
            continue
        if fcntl is None:
            return lock
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            lock.close()
            who = f"process {holder}" if holder else "another process"
            raise LockedError(
                f"{path.parent}: {who} is writing there; wait for it or give another folder"
            ) from None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                return lock
        lock.close()


def _temporary(path: Path) -> Path:
    """Return a hidden name beside `path` that nothing else uses, with the same suffix."""
    short = path.stem[:_LONGEST_STEM]
    return path.with_name(f".{short}-{secrets.token_hex(4)}{path.suffix}")


def _renamed(error: OSError, temporary: Path, path: Path) -> OSError:
    """Return the error with the final name in place of the temporary one, or of none."""
    if error.errno is None:
        return OSError(f"{path}: {error}")
    if error.filename is None or temporary.name in str(error.filename):
        return OSError(error.errno, error.strerror, str(path))
    return error
