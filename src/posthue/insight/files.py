"""Files of a report: complete or not there."""

from __future__ import annotations

import csv
import io
import re
import secrets
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from posthue.errors import InputError


def write_file(path: Path, content: str | bytes) -> Path:
    """Write a file to a hidden neighbour that then takes its name; makes its folder; raise InputError."""
    part = path.with_name(f".posthue-{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content.encode("utf-8", "replace") if isinstance(content, str) else content)
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        part.unlink(missing_ok=True)
    return path


def write_csv(path: Path, names: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a small table as csv (UTF-8); a cell that a spreadsheet would take as a formula gets a quote."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return write_file(path, stream.getvalue())


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


def file_name(label: str) -> str:
    """Return a label as part of a file's name.

    >>> file_name("joy & fun/1")
    'joy-fun-1'
    """
    words = re.findall(r"\w+", label)
    return "-".join(words)[:60] or f"label-{zlib.crc32(label.encode('utf-8', 'replace')):08x}"
