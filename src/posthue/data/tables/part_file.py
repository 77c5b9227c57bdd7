"""The hidden file that a table is written to before it takes its name.

A process that is killed leaves it behind. Its name says of which output it is, and a lock that goes with the
process says whether somebody still writes: the next writer of that output removes what nobody holds. Where
files cannot be locked (Windows, some network drives) nothing is removed.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def open_part(output: Path) -> tuple[Path, BinaryIO]:
    """Return a new hidden neighbour of ``output``, open and locked; raise OSError.

    Removes those that killed writers of the same output have left.
    """
    _sweep(output)
    while True:
        part = output.with_name(f"{_prefix(output)}{secrets.token_hex(8)}.part")
        file = part.open("xb")
        held = _lock(file)
        if held is None or (held and os.path.lexists(part)):
            return part, file
        file.close()  # another writer swept it before it was locked


def _prefix(output: Path) -> str:
    """The beginning of the names of an output's parts; short, as the output's own name may be long."""
    return f".posthue-{blake2b(os.fsencode(output.name), digest_size=4).hexdigest()}-"


def _sweep(output: Path) -> None:
    for part in output.parent.glob(f"{_prefix(output)}*.part"):
        with suppress(OSError), part.open("r+b") as file:
            if _lock(file):
                part.unlink()


def _lock(file: BinaryIO) -> bool | None:
    """Lock a file for as long as it is open: whether nobody else holds it; None where that cannot be told."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
