"""What single cells of a table mean: an id, a text, the source of a picture."""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import isnan
from pathlib import Path

import pyarrow as pa

from posthue.data.readers.lines import decode_bytes


def values_of(column: pa.Array) -> list[object]:
    """Return the values as Python objects; strings that are not UTF-8 come as bytes."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return list(
            column.cast(
                pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()
            ).to_pylist()
        )


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
    """Return a picture's path or bytes, also from a Hugging Face image {bytes, path}; None for nothing."""
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return value or None
    path = (text_of(value) or "").strip()
    return resolve_image_path(path, folder) if path else None


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
