"""JSON lines: one object per line.

The file is read twice, first for the columns and their types: a key may appear for the first time anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from posthue.data.tables.readers.base import Chunk, group, string_array
from posthue.data.tables.readers.lines import Line, check_text_file, text_lines
from posthue.errors import TableError

MAX_COLUMNS = 2_000
_Object: TypeAlias = "dict[str, object]"
_EXACT = 2**53  # a float holds every whole number up to this one
_TYPES = {
    "bool": pa.bool_(),
    "int": pa.int64(),
    "long": pa.int64(),
    "float": pa.float64(),
    "text": pa.string(),
}
_JOINED = {frozenset(("int", "long")): "long", frozenset(("int", "float")): "float"}


class JsonLinesReader:
    """A file of JSON objects. Nested values become JSON text; a column of mixed types becomes text.

    So does one of fractions and whole numbers that a float would change. NaN beside whole numbers is null.
    """

    def __init__(self, path: Path, encoding: str | None) -> None:
        check_text_file(path, encoding)
        self._path, self._encoding = path, encoding
        self._refuse_array()
        self._rows = 0
        self._kinds: dict[str, str | None] = {}
        for _, row, _ in self._objects():
            self._rows += 1
            self._note(row or {})
        if not self._kinds:
            raise TableError(f"{path}: no line is a JSON object; JSON lines has one {{...}} on each line")

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return pa.schema([(name, _TYPES[kind or "text"]) for name, kind in self._kinds.items()])

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the table start from."""
        return self._path.parent

    def count_rows(self) -> int | None:
        """Return the number of rows, exactly."""
        return self._rows

    def chunks(self, batch_rows: int) -> Iterator[Chunk]:
        """Yield the rows in order."""
        sized = (((row or {}, error), size) for size, row, error in self._objects())
        for some in group(sized, batch_rows):
            columns = [
                _column([row.get(name) for row, _ in some], kind or "text")
                for name, kind in self._kinds.items()
            ]
            batch = pa.RecordBatch.from_arrays(columns, schema=self.schema)
            yield Chunk(batch, [error for _, error in some])

    def _refuse_array(self) -> None:
        start = next((line.text for line in text_lines(self._path, self._encoding) if line.text.strip()), "")
        if start.strip() == "[" or "".join(start[:200].split()).startswith("[{"):
            raise TableError(
                f"{self._path} is one JSON array, and JSON lines has one {{...}} on each line: convert it "
                "with `jq -c '.[]' posts.json > posts.jsonl`"
            )

    def _objects(self) -> Iterator[tuple[int, _Object | None, str | None]]:
        for number, line in enumerate(text_lines(self._path, self._encoding), 1):
            if line.text.strip():
                row, error = _parse(line)
                yield len(line.text), row, error and f"line {number}: {error}"

    def _note(self, row: _Object) -> None:
        for name, value in row.items():
            self._kinds[name] = _join(self._kinds.get(name), _kind(value))
        if len(self._kinds) > MAX_COLUMNS:
            raise TableError(
                f"{self._path}: more than {MAX_COLUMNS:,} different keys; is it one object per post?"
            )


def _parse(line: Line) -> tuple[_Object | None, str | None]:
    if line.error:
        return None, line.error
    try:
        row = json.loads(line.text, strict=False)
    except ValueError as error:
        return None, f"not JSON ({error})"
    except RecursionError:
        return None, "not JSON that can be read (nested too deep)"
    if not isinstance(row, dict):
        return None, "not a JSON object"
    return {key.encode("utf-8", "replace").decode(): value for key, value in row.items()}, None


def _kind(value: object) -> str | None:
    if _is_null(value):
        return None
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return _int_kind(value)
    return "float" if isinstance(value, float) else "text"


def _int_kind(value: int) -> str:
    if abs(value) <= _EXACT:
        return "int"
    return "long" if -(2**63) <= value < 2**63 else "text"


def _is_null(value: object) -> bool:
    return value is None or (isinstance(value, float) and not isfinite(value))


def _join(one: str | None, other: str | None) -> str | None:
    if one is None or other is None or one == other:
        return one or other
    return _JOINED.get(frozenset((one, other)), "text")


def _column(values: list[object], kind: str) -> pa.Array:
    if kind == "text":
        return string_array([_as_text(value) for value in values])
    if kind == "float":
        return pa.array([None if value is None else float(str(value)) for value in values], pa.float64())
    return pa.array([None if _is_null(value) else value for value in values], _TYPES[kind])


def _as_text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return None if _is_null(value) else json.dumps(value, ensure_ascii=False)
