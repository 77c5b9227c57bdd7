"""The formats that tables are written in."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from math import isfinite
from types import MappingProxyType
from typing import BinaryIO, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from posthue.data.tables.cells import values_of

_GROUP_ROWS, _GROUP_BYTES = 16_384, 16 << 20


class TableSink(Protocol):
    """Takes tables of one schema and turns them into bytes of a file."""

    def write(self, table: pa.Table) -> None:
        """Append rows."""

    def close(self) -> None:
        """Write what is still held. The file stays open."""

    def abandon(self) -> None:
        """Let go of the file, which is about to be removed; never raises."""


class DelimitedSink:
    """csv or tsv (RFC 4180, UTF-8, \\n). Bytes become base64, nested values JSON text, nulls empty cells."""

    def __init__(self, file: BinaryIO, schema: pa.Schema, *, delimiter: str) -> None:
        self._file, self._delimiter = file, delimiter
        self._special = re.compile(f'[{delimiter}"\r\n]')
        self._write_rows([tuple(schema.names)] if schema.names else [])

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        columns = [_text_column(column) for column in table.columns]
        self._write_rows(list(zip(*columns, strict=True)))

    def close(self) -> None:
        """Nothing is held."""

    def abandon(self) -> None:
        """Nothing is held."""

    def _write_rows(self, rows: list[tuple[str, ...]]) -> None:
        lines = (self._delimiter.join(map(self._quoted, row)) or '""' for row in rows)
        self._file.write("".join(f"{line}\n" for line in lines).encode())

    def _quoted(self, cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if self._special.search(cell) else cell


class JsonLinesSink:
    """JSON lines (UTF-8). NaN and infinities, which JSON does not have, become null; bytes become base64."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self._file, self._names = file, schema.names

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        columns = [_json_column(column) for column in table.columns]
        rows = (dict(zip(self._names, row, strict=True)) for row in zip(*columns, strict=True))
        lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
        self._file.write("".join(f"{line}\n" for line in lines).encode())

    def close(self) -> None:
        """Nothing is held."""

    def abandon(self) -> None:
        """Nothing is held."""


class ParquetSink:
    """Parquet with zstd, in row groups of about 16,000 rows."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(file, schema, compression="zstd")
        self._held: list[pa.Table] = []

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        self._held.append(table)
        rows = sum(held.num_rows for held in self._held)
        if rows >= _GROUP_ROWS or sum(held.nbytes for held in self._held) >= _GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write the last row group and the footer."""
        self._flush()
        self._writer.close()

    def abandon(self) -> None:
        """Close Arrow's writer, which would else try to when it is collected, on a file that is gone."""
        with suppress(Exception):
            self._writer.close()
        self._writer.is_open = False

    def _flush(self) -> None:
        if self._held:
            self._writer.write_table(pa.concat_tables(self._held))
            self._held = []


#: Maker of a sink, by ending.
SINKS: Mapping[str, Callable[[BinaryIO, pa.Schema], TableSink]] = MappingProxyType(
    {
        ".csv": partial(DelimitedSink, delimiter=","),
        ".tsv": partial(DelimitedSink, delimiter="\t"),
        ".jsonl": JsonLinesSink,
        ".ndjson": JsonLinesSink,
        ".parquet": ParquetSink,
    }
)


def _text_column(column: pa.ChunkedArray) -> list[str]:
    if not _is_structured(column.type):
        with suppress(pa.ArrowNotImplementedError):  # durations, say, have no text of Arrow's
            column = _decoded(column).cast(pa.string())  # the shortest digits that a float needs
    return ["" if value is None else _dump(value) for value in values_of(column)]


def _json_column(column: pa.ChunkedArray) -> list[object]:
    column = _decoded(column)
    if pa.types.is_float16(column.type) or pa.types.is_float32(column.type):
        column = pc.cast(pc.cast(column, pa.string()), pa.float64())
    return [_plain(value) for value in values_of(column)]


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _is_structured(kind: pa.DataType) -> bool:
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return bool(binary or pa.types.is_nested(kind))


def _dump(value: object) -> str:
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, allow_nan=False)


def _plain(value: object) -> object:
    """Return what JSON can hold."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | bool | int) else str(value)
