"""Writing tables: the file appears complete, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

import pyarrow as pa

from posthue.atomic import atomic_file, reason
from posthue.data.tables.sinks import SINKS, TableSink
from posthue.errors import TableError


class TableWriter:
    """Writes csv, tsv, jsonl or parquet, by the ending of ``path``, batch by batch.

    Rows go to a hidden neighbour of ``path``, which takes its name at the end and is removed if anything
    fails; what a killed process left of the same table is removed by the next one.
    The first batch sets the columns. Missing parent folders are made. Raises TableError: the file exists and
    ``overwrite`` is false, the ending is unknown, the disk is full, a batch has other columns.

    >>> with TableWriter("scores.csv", overwrite=True) as writer:  # doctest: +SKIP
    ...     writer.write(batch)
    """

    def __init__(self, path: str | Path, *, overwrite: bool) -> None:
        self.path = Path(path)
        self.rows = 0
        self._overwrite = overwrite
        ending = self.path.suffix.lower()
        if ending not in SINKS:
            raise TableError(f"{path}: tables are written as {', '.join(SINKS)}; the ending says which")
        self._make_sink = SINKS[ending]
        self._sink: TableSink | None = None
        self._schema: pa.Schema | None = None
        self._check_target()

    def __enter__(self) -> TableWriter:
        self._writing = self._written()
        self._writing.__enter__()
        return self

    def write(self, table: pa.Table | pa.RecordBatch) -> None:
        """Append rows; every call has the same columns as the first, types are cast to its types."""
        if isinstance(table, pa.RecordBatch):
            table = pa.Table.from_batches([table])
        with self._explained():
            if self._schema is None or self._sink is None:
                self._schema = _settled(table.schema)
                self._sink = self._make_sink(self._file, self._schema)
            self._sink.write(self._fitted(table, self._schema))
        self.rows += table.num_rows

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writing.__exit__(kind, error, trace)

    @contextmanager
    def _written(self) -> Iterator[None]:
        with ExitStack() as stack:
            with self._explained():
                self._file = stack.enter_context(atomic_file(self.path, sync=True))
            stack.callback(self._abandon)
            yield
            with self._explained():
                self._finish()
                stack.close()

    def _finish(self) -> None:
        if self._sink is None:
            self.write(pa.table({}))
        assert self._sink is not None
        self._sink.close()
        self._check_target()

    def _abandon(self) -> None:
        if self._sink is not None:
            self._sink.abandon()

    def _fitted(self, table: pa.Table, schema: pa.Schema) -> pa.Table:
        if table.schema.names != schema.names:
            raise TableError(f"{self.path}: a batch has the columns {table.schema.names}, not {schema.names}")
        return table if table.schema.equals(schema) else table.cast(schema)

    def _check_target(self) -> None:
        if self.path.is_dir():
            raise TableError(f"{self.path} is a folder; name a file")
        if not self._overwrite and os.path.lexists(self.path):
            raise TableError(f"{self.path} exists already; choose another name or pass --overwrite")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TableError(
                f"{self.path}: cannot be written: {reason(error)}; nothing was left behind"
            ) from error
        except pa.ArrowException as error:
            raise TableError(f"{self.path}: cannot be written: {error}") from error


def _settled(schema: pa.Schema) -> pa.Schema:
    """A column of nulls only may hold text in a later batch."""
    fields = [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in schema]
    return pa.schema(fields, metadata=schema.metadata)
