"""Files that several processes may change, and that a crash leaves whole."""

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PATIENCE = 10.0
"""Seconds to wait for others, who need some milliseconds."""

_WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL)
_threads = threading.Lock()


def write_whole(path: Path, data: bytes) -> None:
    """Puts the data into the file: after a crash at any moment it holds either the old or the new. Raises OSError."""
    path = path.resolve()  # a link stays one
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    with suppress(OSError):  # not every system can: then its own time decides when the new name is on the disk
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def locked(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Only one thread of one process at a time is inside with this path; the file is gone afterwards.

    The system lets go of the lock of a process that dies. Where a file system has no locks, only the threads of this
    process wait for each other. Raises TimeoutError after `patience` seconds.
    """
    deadline = time.monotonic() + patience
    if not _threads.acquire(timeout=patience):
        raise _timeout(path)
    try:
        while True:
            with path.open("ab") as file:
                if _lock(file) and _is_still(path, file):
                    try:
                        yield
                    finally:
                        with suppress(OSError):  # Windows removes no file that is open: there it stays, empty
                            path.unlink()
                    return
            if time.monotonic() > deadline:
                raise _timeout(path)
            time.sleep(0.01)
    finally:
        _threads.release()


def _lock(file: IO[bytes]) -> bool:
    """Whether the file is locked for us now, until it is closed."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return os.name != "nt" and error.errno in _WITHOUT_LOCKS
    return True


def _is_still(path: Path, file: IO[bytes]) -> bool:
    """Whether the file has not been removed by whoever had locked it before."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _timeout(path: Path) -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, "another process holds it", str(path))
