"""Small files, written whole or not at all: to a hidden neighbour that then takes the name.

Tables that grow with the data are written by :class:`posthue.data.tables.table.TableWriter` instead.
"""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from posthue.errors import InputError


def for_arrow(path: str | Path) -> Path:
    """Return a path as pyarrow takes it: it would read a relative one such as run:1/x as a URI."""
    return Path(path).absolute()


def write_file(path: str | Path, content: str | bytes) -> Path:
    """Write a file, making its folder; text is UTF-8. Raises InputError if that is impossible."""
    path = Path(path)
    part = _neighbour(path)
    try:
        part.write_bytes(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)
        part.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        part.unlink(missing_ok=True)
    return path


def write_json(path: str | Path, value: object) -> Path:
    """Write plain data as JSON."""
    return write_file(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_csv(path: str | Path, names: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a small table as csv (UTF-8, one line of names); None is an empty cell."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return write_file(path, stream.getvalue())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power failure, where the file system can."""
    with suppress(OSError):  # not every file system can
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def require_writable(path: str | Path | None) -> None:
    """Raise InputError now, before long work, if a file could not be written; None asks for nothing.

    Makes the folder of the file.
    """
    if path is None:
        return
    part = _neighbour(Path(path))
    try:
        part.touch()
    except OSError as error:
        raise _unwritable(Path(path), error) from None
    finally:
        part.unlink(missing_ok=True)


def _neighbour(path: Path) -> Path:
    """Return a hidden name beside ``path``, in a folder that is there."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from None
    return path.with_name(f".posthue-{secrets.token_hex(8)}.part")


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be written ({error.strerror or error})")
