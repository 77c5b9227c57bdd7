"""Atomic writes: files and folders that appear whole or not at all.

What is written goes to a hidden neighbour, which takes the name at the end and is removed if anything fails.
A process that is killed leaves the neighbour behind. Its name says of which output it is, and a lock that
goes with the process says whether somebody still writes: the next writer of that output removes what nobody
holds. Where files cannot be locked (some network drives) nothing is removed.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from errno import EDQUOT, EFBIG, ENOSPC
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from posthue.locks import hold

_NEW = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0)


@contextmanager
def atomic_file(path: Path, *, sync: bool = False, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Yield a new binary file that takes the name ``path`` at the end of the block; makes its folder.

    sync: it outlives a power failure, where the file system can. mode: its permissions, less the umask.
    Raises OSError.
    """
    part, handle = _new_part(path, lambda part: os.open(part, _NEW, mode))
    file = os.fdopen(handle, "wb")
    try:
        yield file
        file.flush()
        if sync:
            os.fsync(handle)
        file.close()
        part.replace(path)
        if sync:
            sync_folder(path.parent)
    finally:
        with suppress(OSError):  # a full disk may refuse even the close
            file.close()
        part.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder that takes the name ``path`` at the end of the block, in place of what is there.

    Makes the folder above it. Raises OSError.
    """
    with scratch_folder(path) as part:
        yield part
        with scratch_folder(path) as old:
            if path.exists():
                path.replace(old / path.name)
            part.replace(path)


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside ``path`` for what is in work, removed at the end; raise OSError."""
    part, handle = _new_part(path, _made_folder)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        with suppress(OSError):
            os.close(handle)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power failure, where the file system can."""
    with suppress(OSError):  # not every file system can
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def reason(error: OSError) -> str:
    """Return why something cannot be written, for a message."""
    full = error.errno in (ENOSPC, EDQUOT, EFBIG)
    return "the disk is full" if full else error.strerror or str(error)


def _new_part(output: Path, make: Callable[[Path], int]) -> tuple[Path, int]:
    """Return a new hidden neighbour of ``output``, open and locked; remove those of killed writers."""
    output.parent.mkdir(parents=True, exist_ok=True)
    _sweep(output)
    while True:
        part = output.with_name(f"{_prefix(output)}{secrets.token_hex(8)}.part")
        handle = make(part)
        if hold(handle) is not False and os.path.lexists(part):
            return part, handle
        with suppress(OSError):  # another writer swept it before it was locked
            os.close(handle)


def _made_folder(part: Path) -> int:
    part.mkdir()
    try:
        return os.open(part, os.O_RDONLY)
    except OSError:  # swept, or Windows
        return -1


def _prefix(output: Path) -> str:
    """The beginning of the names of an output's parts; short, as the output's own name may be long."""
    return f".posthue-{blake2b(os.fsencode(output.name), digest_size=4).hexdigest()}-"


def _sweep(output: Path) -> None:
    for part in output.parent.glob(f"{_prefix(output)}*.part"):
        with suppress(OSError), ExitStack() as stack:
            handle = os.open(part, os.O_RDONLY if part.is_dir() else os.O_RDWR)
            stack.callback(os.close, handle)
            if hold(handle):
                shutil.rmtree(part) if part.is_dir() else part.unlink()
