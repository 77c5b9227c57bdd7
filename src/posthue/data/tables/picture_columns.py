"""Whether a column with a name such as ``file`` holds pictures: its values decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import TypeAlias

import pyarrow as pa

from posthue.data.tables.cells import text_of, values_of
from posthue.data.tables.readers import Reader
from posthue.data.tables.readers.pictures import ENDINGS

#: Says of a column, by its name, whether it may hold pictures.
HoldsPictures: TypeAlias = Callable[[str], bool]

_LOOKED_AT = 1024  # rows


def pictures_in(rows: pa.RecordBatch | pa.Table) -> HoldsPictures:
    """Return what asks the cells of ``rows``: one of a column looks like a picture, or all are empty."""

    def holds_pictures(name: str) -> bool:
        cells = values_of(rows.column(rows.schema.names.index(name)))
        looks = {_looks_like_picture(cell) for cell in cells} - {None}
        return not looks or True in looks

    return holds_pictures


def pictures_of(reader: Reader) -> HoldsPictures:
    """Return what asks the first rows of a table; nothing is read before it is asked. Raises TableError."""

    def holds_pictures(name: str) -> bool:
        chunk = next(reader.chunks(_LOOKED_AT), None)
        return chunk is None or pictures_in(chunk.batch)(name)

    return holds_pictures


def _looks_like_picture(value: object) -> bool | None:
    """Bytes do, and a path that ends like a picture; None for an empty cell."""
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return True if value else None
    path = (text_of(value) or "").strip()
    return PurePath(path).suffix.lower() in ENDINGS if path else None
