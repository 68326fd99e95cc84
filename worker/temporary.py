"""Folders for recordings that lie in a bucket while they are worked on: gone with the work, however that ends.

Each is locked by the process that made it. What a killed process left is unlocked, and deleted by the next that comes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "transcriber-work-"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """It lives as long as the block, or at most until `discard_abandoned` after this process was killed."""
    discard_abandoned()
    path, lock = _made()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def discard_abandoned() -> int:
    """Delete the folders of processes that are gone; returns how many."""
    discarded = 0
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # deleted meanwhile, or another user's
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
            discarded += not path.exists()
        except BlockingIOError:
            continue
        finally:
            os.close(lock)
    return discarded


def _made() -> tuple[Path, int]:
    """A new folder and its lock; made anew where another process discarded it before it was locked."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return path, lock
        os.close(lock)
