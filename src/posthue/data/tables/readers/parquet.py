"""Parquet files, a row group's pages at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from posthue.data.tables.readers.base import CHUNK_BYTES, Chunk
from posthue.errors import TableError
from posthue.files import for_arrow


class ParquetReader:
    """A Parquet file; its types are kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with pq.ParquetFile(for_arrow(path)) as file:
                self._schema: pa.Schema = file.schema_arrow
                self._rows: int = file.metadata.num_rows
                groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
                self._bytes: int = sum(group.total_byte_size for group in groups)
        except (pa.ArrowException, OSError) as error:
            raise TableError(f"{path}: not a readable Parquet file ({error})") from None

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return self._schema

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the table start from."""
        return self._path.parent

    def count_rows(self) -> int | None:
        """Return the number of rows, exactly."""
        return self._rows

    def chunks(self, batch_rows: int) -> Iterator[Chunk]:
        """Yield the rows in order; fewer at a time where rows are large, as embedded pictures are."""
        size = max(1, self._bytes // max(1, self._rows))
        rows = max(1, min(batch_rows, CHUNK_BYTES // size))
        try:
            with pq.ParquetFile(for_arrow(self._path), buffer_size=1 << 20, pre_buffer=False) as file:
                for batch in file.iter_batches(batch_size=rows):
                    yield Chunk(batch, [None] * batch.num_rows)
        except (pa.ArrowException, OSError) as error:
            raise TableError(f"{self._path}: the Parquet file is damaged ({error})") from None
