"""Files of a report: complete or not there, and safe to open in a browser or a spreadsheet."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from posthue import files


def write_file(path: Path, content: str | bytes) -> Path:
    """Write a file of a report; a lone surrogate in it becomes a question mark. Raises InputError."""
    return files.write_file(path, content.encode("utf-8", "replace") if isinstance(content, str) else content)


def write_csv(path: Path, names: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a small table as csv (UTF-8); a cell that a spreadsheet would take as a formula gets a quote."""
    return files.write_csv(path, names, ([_cell(value) for value in row] for row in rows))


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
