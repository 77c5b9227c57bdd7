"""Small files, written whole or not at all (see :mod:`posthue.atomic`)."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from posthue.atomic import atomic_file, reason, scratch_folder
from posthue.errors import InputError

#: What a spreadsheet would compute; a negative number is none.
_FORMULA = re.compile(r"[=+@\t\r]|-(?!\d+(\.\d+)?(e-?\d+)?$)")


def for_arrow(path: str | Path) -> Path:
    """Return a path as pyarrow takes it: it would read a relative one such as run:1/x as a URI."""
    return Path(path).absolute()


def write_file(path: str | Path, content: str | bytes) -> Path:
    """Write a small file, making its folder. Raises InputError if that is impossible.

    Text is UTF-8; half an emoji, which UTF-8 cannot hold, is written as its escape.
    """
    path = Path(path)
    _refuse_folder(path)
    try:
        with atomic_file(path) as file:
            file.write(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)
    except OSError as error:
        raise _unwritable(path, error) from None
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


def require_writable(path: str | Path | None) -> None:
    """Raise InputError now, before long work, if a file could not be written; None asks for nothing.

    Makes the folder of the file.
    """
    if path is None:
        return
    path = Path(path)
    _refuse_folder(path)
    try:
        with scratch_folder(path):
            pass
    except OSError as error:
        raise _unwritable(path, error) from None


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file")


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be written ({reason(error)})")
