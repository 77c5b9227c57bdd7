"""Locks between processes: they go with the process, however that ends.

Where files cannot be locked (some network drives) nothing is, and nobody waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def lock(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Keep other processes out of the block.

    path: a file that is made for it, with its folder, and stays. Raises OSError; BlockingIOError if another
    process has the lock and this one is not to ``wait``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        if hold(file.fileno(), wait=wait) is False:
            raise BlockingIOError(f"{path} is locked by another process")
        yield


def is_locked(path: Path) -> bool:
    """Tell whether a living process has ``lock(path)``; False where that cannot be told."""
    try:
        with path.open("r+b") as file:
            return hold(file.fileno()) is False
    except OSError:
        return False


def hold(handle: int, *, wait: bool = False) -> bool | None:
    """Lock an open file for as long as it is open: whether nobody else has it; None: that cannot be told."""
    from filelock import lock_descriptor  # noqa: PLC0415  (slow to import)

    try:
        return lock_descriptor(handle, blocking=wait)
    except OSError:
        return None
