"""What single cells of a table mean: an id, a text, the source of a picture."""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import isnan
from pathlib import Path

import pyarrow as pa

from posthue.data.tables.readers.lines import decode_bytes


class TablePath(str):
    """The path of a picture that a table names. written: how the table has it."""

    __slots__ = ("written",)
    written: str

    def __new__(cls, found: str, written: str) -> TablePath:
        """Return the path ``found``, which the table has as ``written``."""
        path = super().__new__(cls, found)
        path.written = written
        return path

    def __reduce__(self) -> tuple[type[TablePath], tuple[str, str]]:
        return TablePath, (str(self), self.written)


def values_of(column: pa.Array | pa.ChunkedArray) -> list[object]:
    """Return the values as Python objects; strings that are not UTF-8 are read as Windows-1252.

    What Python has no value for (a nested string that is no UTF-8, a date in the year 5,000,000) is Arrow's
    own text of it, or None.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):  # UnicodeDecodeError is a ValueError
        pass
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        held = column.cast(pa.large_binary()).to_pylist()
        return [None if value is None else decode_bytes(value) for value in held]
    return [_value(scalar) for scalar in column]


def _value(scalar: pa.Scalar) -> object:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        pass
    try:
        return scalar.cast(pa.string()).as_py()
    except (ValueError, pa.ArrowException):
        return None


def id_of(value: object) -> str | None:
    """Return an id as text; numbers that pandas made floats of (17.0) are whole again."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return text_of(value)


def text_of(value: object) -> str | None:
    """Return a text; None for nothing: null, NaN, or an empty string."""
    if value is None or (isinstance(value, float) and isnan(value)):
        return None
    return (decode_bytes(value) if isinstance(value, bytes) else str(value)) or None


def image_of(value: object, folder: Path) -> str | bytes | None:
    """Return a picture's bytes or TablePath, of a Hugging Face image {bytes, path} too; None for nothing."""
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return value or None
    written = text_of(value) or ""
    path = written.strip()
    return TablePath(resolve_image_path(path, folder), written) if path else None


def resolve_image_path(path: str, folder: str | Path) -> str:
    """Return where a table in ``folder`` means ``path`` to be; a missing file shows when it is decoded.

    Links stay as they are. Backslashes are separators where the name as it is leads nowhere.
    """
    if path.startswith(("http://", "https://")):
        return path
    found = os.path.join(folder, path)  # noqa: PTH118
    if "\\" in path and not os.path.lexists(found.replace("\0", "")):
        found = os.path.join(folder, path.replace("\\", "/"))  # noqa: PTH118
    return found
