"""What the readers share: lines, rows and labels of the files that corpora come in."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from posthue.data.corpora.base import Labels
from posthue.errors import CorpusError, LabelError, choices
from posthue.labels import scheme

#: Common names of emotions, among them those of FER2013, AffectNet and RAF-DB, to Ekman's.
EMOTION_NAMES: Mapping[str, str] = {
    **{label: label for label in scheme("emotion").labels},
    "angry": "anger",
    "disgusted": "disgust",
    "afraid": "fear",
    "fearful": "fear",
    "happy": "joy",
    "happiness": "joy",
    "sad": "sadness",
    "surprised": "surprise",
}

_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


def read_text(path: Path, *encodings: str) -> str:
    """Return the text of ``path``: utf-8, else in the encodings given, the last of them with replacements."""
    data = path.read_bytes()
    for encoding in ("utf-8-sig", *encodings):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode(encodings[-1] if encodings else "utf-8", errors="replace")


def read_lines(path: Path) -> list[str]:
    r"""Return the lines of ``path``, split at ``\n`` only.

    ``str.splitlines`` would also split at U+2028, U+0085 and form feeds, which tweets contain.
    """
    lines = [line.removesuffix("\r") for line in read_text(path).split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def read_rows(
    path: Path, *, columns: Sequence[str], delimiter: str = ","
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line number and the named columns of each row of a table with a header.

    Names in the header are matched without case and surrounding space. Raises CorpusError when a column is
    missing or a row is too short.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.reader(file, delimiter=delimiter)
        try:
            yield from _named(path, rows, columns)
        except csv.Error as error:
            raise CorpusError(f"{path}, line {rows.line_num}: {error}") from None


def _named(path: Path, rows: Any, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    header = [name.strip().lower() for name in next(rows, [])]
    where = [_position(path, header, column) for column in columns]
    for row in rows:
        if not row:
            continue
        if len(row) <= max(where):
            raise CorpusError(f"{path}, line {rows.line_num}: {len(row)} fields, expected {len(header)}")
        yield rows.line_num, {column: row[i] for column, i in zip(columns, where, strict=True)}


def _position(path: Path, header: list[str], column: str) -> int:
    try:
        return header.index(column.lower())
    except ValueError:
        found = ", ".join(header) or "nothing"
        raise CorpusError(f"{path} has no column {column!r}; its columns are {found}") from None


def one_label(scheme_name: str, label: str, path: Path, line: int) -> Labels:
    """Return ``label`` as the only one of its scheme; raise LabelError, with file and line, for another."""
    if label not in scheme(scheme_name).labels:
        raise unknown_label(label, scheme(scheme_name).labels, path, line)
    return {scheme_name: (label,)}


def mapped_label(names: Mapping[str, str], label: str, path: Path, line: int) -> str:
    """Return what ``names`` has for ``label``; raise LabelError with file and line if it has nothing."""
    try:
        return names[label.strip().lower()]
    except KeyError:
        raise unknown_label(label, tuple(names), path, line) from None


def unknown_label(label: str, known: Sequence[str], path: Path, line: int) -> LabelError:
    """Return the error for a label that the file should not hold."""
    return LabelError(f"{path}, line {line}: {label!r} is not one of {choices(label, known)}")


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in ``folder`` by name, without hidden ones."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def pictures_in(folder: Path) -> list[Path]:
    """Return the image files in ``folder``, numbered ones in their order; none if there is no such folder."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if path.suffix.lower() in _PICTURES]
    return sorted(found, key=lambda path: (path.stem.zfill(20), path.name))
