"""Small files, written whole or not at all: to a hidden neighbour that then takes the name.

Tables that grow with the data are written by :class:`posthue.data.tables.table.TableWriter` instead.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from posthue.errors import InputError

#: What a spreadsheet would compute; a negative number is none.
_FORMULA = re.compile(r"[=+@\t\r]|-(?!\d+(\.\d+)?(e-?\d+)?$)")


def for_arrow(path: str | Path) -> Path:
    """Return a path as pyarrow takes it: it would read a relative one such as run:1/x as a URI."""
    return Path(path).absolute()


def write_file(path: str | Path, content: str | bytes) -> Path:
    """Write a file, making its folder. Raises InputError if that is impossible.

    Text is UTF-8; half an emoji, which UTF-8 cannot hold, is written as its escape.
    """
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


def write_csv(
    path: str | Path, names: Sequence[str], rows: Iterable[Sequence[object]], *, for_people: bool
) -> Path:
    """Write a small table as csv (UTF-8, one line of names); see ``csv_lines``."""
    return write_file(path, csv_lines([names, *rows], for_people=for_people))


def csv_lines(rows: Iterable[Sequence[object]], *, for_people: bool) -> str:
    """Return rows as lines of csv; None is an empty cell.

    for_people: as a spreadsheet may open it. Text that it would take as a formula gets a quote before it, and
    fractions have six digits. False: for what posthue reads again; every cell as it is.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([_for_spreadsheet(cell) for cell in row] if for_people else row for row in rows)
    return stream.getvalue()


def _for_spreadsheet(cell: object) -> object:
    if isinstance(cell, float):
        return f"{cell:.6g}"
    if isinstance(cell, str) and _FORMULA.match(cell):
        return f"'{cell}"
    return cell


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
