"""Tables of posts, read as streams: csv, tsv, jsonl, parquet, folders and zips of pictures.

    open_table("posts.csv") → PostTable → RowBatch(posts, passthrough, errors) …

Memory does not grow with the table. A row that is broken stays in its place, with an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from posthue.data.tables.cells import id_of, image_of, text_of, values_of
from posthue.data.tables.columns import Columns
from posthue.data.tables.picture_columns import pictures_of
from posthue.data.tables.readers import Chunk, Reader, open_reader
from posthue.errors import TableError
from posthue.posts import Post


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Some rows: their posts, their other columns, and per row None or what is broken in it."""

    posts: list[Post]
    passthrough: pa.RecordBatch
    errors: list[str | None]


class PostTable:
    """An opened table; iterate it, as often as you like, for its rows in batches.

    path: the file or folder.
    columns: which columns hold id, text and image.
    schema: all columns. passthrough_schema: those that are not id, text or image.
    """

    def __init__(self, path: Path, reader: Reader, columns: Columns, batch_rows: int) -> None:
        self.path = path
        self.columns = columns
        self.schema: pa.Schema = reader.schema
        used = (columns.id, columns.text, columns.image)
        self._kept = [index for index, name in enumerate(self.schema.names) if name not in used]
        self.passthrough_schema = pa.schema([self.schema.field(index) for index in self._kept])
        self._reader, self._batch_rows = reader, batch_rows

    @property
    def column_names(self) -> list[str]:
        """The names of all columns."""
        return list(self.schema.names)

    def count_rows(self) -> int | None:
        """Return the number of rows for a progress bar: exact or a good estimate; None if unknown."""
        return self._reader.count_rows()

    def __iter__(self) -> Iterator[RowBatch]:
        start = 0
        for chunk in self._reader.chunks(self._batch_rows):
            yield RowBatch(self._posts(chunk, start), self._passthrough(chunk.batch), chunk.errors)
            start += chunk.batch.num_rows

    def _passthrough(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self._kept:
            return pa.RecordBatch.from_arrays(
                [batch.column(i) for i in self._kept], schema=self.passthrough_schema
            )
        # A batch without columns must still know how many rows it has.
        return batch.select([])

    def _posts(self, chunk: Chunk, start: int) -> list[Post]:
        ids, texts, images = (self._values(chunk.batch, name) for name in self._roles())
        posts = []
        for row, error in enumerate(chunk.errors):
            post = Post(id=id_of(ids[row]) if self.columns.id else str(start + row))
            if error is None:
                image = chunk.images[row] if chunk.images else image_of(images[row], self._reader.folder)
                post = replace(post, text=text_of(texts[row]), image=image)
            posts.append(post)
        return posts

    def _roles(self) -> tuple[str | None, ...]:
        return (self.columns.id, self.columns.text, self.columns.image)

    def _values(self, batch: pa.RecordBatch, name: str | None) -> list[object]:
        if name is None:
            return [None] * batch.num_rows
        return values_of(batch.column(batch.schema.names.index(name)))


def open_table(
    path: str | Path, *, columns: Columns | None = None, batch_rows: int = 1024, encoding: str | None = None
) -> PostTable:
    """Open a table of posts; raise TableError, saying what to do, if it cannot be read as one."""
    reader = _open(path, encoding, batch_rows)
    try:
        found = (columns or Columns()).resolve(list(reader.schema.names), pictures_of(reader))
    except TableError as error:
        raise TableError(f"{path}: {error}") from None
    return PostTable(Path(path), reader, found, batch_rows)


def read_table(
    path: str | Path, *, columns: Columns | None = None, batch_rows: int = 1024, encoding: str | None = None
) -> Iterator[pa.RecordBatch]:
    """Return the table as it is, all columns, as a stream of record batches; raise TableError.

    A column that ``columns`` names must exist. A broken row has the cells before its damage, and nulls.
    """
    reader = _open(path, encoding, batch_rows)
    (columns or Columns()).find(list(reader.schema.names))
    return (chunk.batch for chunk in reader.chunks(batch_rows))


def _open(path: str | Path, encoding: str | None, batch_rows: int) -> Reader:
    if batch_rows < 1:
        raise TableError(f"batch_rows must be at least 1, not {batch_rows}")
    try:
        return open_reader(Path(path), encoding)
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror or error})") from None
