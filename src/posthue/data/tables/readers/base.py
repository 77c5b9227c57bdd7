"""What every reader of tables gives: columns, and chunks of rows, with an error for each broken row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import pyarrow as pa

#: A chunk is closed early when its cells hold this much, so that memory stays bounded.
CHUNK_BYTES = 32 << 20

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a table.

    errors: per row, None or what is broken in it.
    images: the picture of each row (path or bytes) where the batch cannot hold it; None: take the column.
    """

    batch: pa.RecordBatch
    errors: list[str | None]
    images: list[str | bytes | None] | None = None


class Reader(Protocol):
    """An opened table. It can be read any number of times."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the table start from."""

    def count_rows(self) -> int | None:
        """Return the number of rows, exact or estimated; None where that would cost a full read."""

    def chunks(self, batch_rows: int) -> Iterator[Chunk]:
        """Yield the rows in order, at most ``batch_rows`` at a time; raise TableError."""


def group(rows: Iterable[tuple[_Row, int]], batch_rows: int) -> Iterator[list[_Row]]:
    """Group (row, size in bytes) into lists of at most ``batch_rows`` rows and about CHUNK_BYTES."""
    pending: list[_Row] = []
    held = 0
    for row, size in rows:
        pending.append(row)
        held += size
        if len(pending) >= batch_rows or held >= CHUNK_BYTES:
            yield pending
            pending, held = [], 0
    if pending:
        yield pending


def string_array(values: Sequence[str | None]) -> pa.Array:
    """Return an Arrow string array; lone surrogates, which UTF-8 cannot hold, become U+FFFD."""
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([None if value is None else join_surrogates(value) for value in values], pa.string())


def join_surrogates(text: str) -> str:
    """Return ``text`` with surrogate pairs joined and lone surrogates replaced by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
