"""csv and tsv (RFC 4180), one broken row at a time.

A quote that is never closed would swallow the rest of the file. So a record that spans lines and then turns
out to be broken, too long, or of the wrong width costs only its first line: reading goes on at the second.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa

from posthue.data.tables.readers.base import Chunk, group, string_array
from posthue.data.tables.readers.lines import Line, check_text_file, estimate_lines, text_lines
from posthue.errors import TableError

#: Characters of one record that may span lines; a longer one has an unclosed quote.
MAX_RECORD = 4 << 20
_NEVER_CLOSED = "a quote is never closed"
_DELIMITERS = ",;\t|"
_LOOKED_AT = 20  # rows that may tell which delimiter it is
_ANNOUNCED = re.compile(r'"?sep=([^\w\s"]|\t)"?', re.IGNORECASE)  # Excel's own first line


@dataclass(slots=True)
class DelimitedRow:
    """One row: its cells (those before the damage, if it is broken) and its first line, counted from 1."""

    cells: list[str]
    line: int
    error: str | None = None


class DelimitedReader:
    """A csv or tsv file. Every column is text."""

    def __init__(self, path: Path, encoding: str | None, delimiter: str | None) -> None:
        check_text_file(path, encoding)
        self._path, self._encoding = path, encoding
        self._delimiter = _announced(self._first_line()) or delimiter or self._find_delimiter()
        header = next(records(self._lines(), self._delimiter, None), None)
        if header is None:
            raise TableError(f"{path} is empty: it needs a header line")
        if header.error:
            raise TableError(f"{path}: the header line cannot be read: {header.error}")
        self._names = unique_names(header.cells)

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return pa.schema([(name, pa.string()) for name in self._names])

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the table start from."""
        return self._path.parent

    def count_rows(self) -> int | None:
        """Return the number of lines after the header."""
        lines = estimate_lines(self._path)
        return None if lines is None else max(0, lines - 1)

    def chunks(self, batch_rows: int) -> Iterator[Chunk]:
        """Yield the rows in order."""
        rows = records(self._lines(), self._delimiter, len(self._names))
        next(rows, None)
        sized = ((row, sum(map(len, row.cells))) for row in rows)
        for some in group(sized, batch_rows):
            columns = [[_cell(row, index) for row in some] for index in range(len(self._names))]
            batch = pa.RecordBatch.from_arrays(list(map(string_array, columns)), schema=self.schema)
            yield Chunk(batch, [row.error and f"line {row.line}: {row.error}" for row in some])

    def _find_delimiter(self) -> str:
        header = _unquoted(self._first_line())
        found = [delimiter for delimiter in _DELIMITERS if delimiter in header]
        if len(found) < 2:
            return found[0] if found else ","
        return max(found, key=lambda delimiter: (self._rows_that_fit(delimiter), header.count(delimiter)))

    def _rows_that_fit(self, delimiter: str) -> int:
        """How many of the first rows have as many cells as the header, if this is the delimiter."""
        header = next(records(self._lines(), delimiter, None))
        rows = islice(records(self._lines(), delimiter, len(header.cells)), 1, 1 + _LOOKED_AT)
        return sum(row.error is None for row in rows)

    def _first_line(self) -> str:
        lines = (line.text for line in text_lines(self._path, self._encoding))
        return next((line for line in lines if not _is_blank(line)), "")

    def _lines(self) -> Iterator[Line]:
        """The lines of the file; one that only says the delimiter is blank."""
        lines = text_lines(self._path, self._encoding)
        for line in lines:
            yield Line("") if _announced(line.text) else line
            if not _is_blank(line.text):
                break
        yield from lines


def records(lines: Iterator[Line], delimiter: str, width: int | None) -> Iterator[DelimitedRow]:
    """Yield one record per row of ``width`` cells (None: any); blank lines are no rows."""
    again: deque[Line] = deque()
    number = 0
    while (line := _pull(again, lines)) is not None:
        number += 1
        if _is_blank(line.text):
            continue
        taken, row = [line], _Row(delimiter, width)
        row.feed(line.text)
        sure = list(row.cells)
        while row.unfinished and (line := _pull(again, lines)) is not None:
            taken.append(line)
            row.feed(line.text)
        if (problem := row.problem()) is None:
            yield DelimitedRow(row.cells, number, next((line.error for line in taken if line.error), None))
            number += len(taken) - 1
        else:
            again.extendleft(reversed(taken[1:]))
            yield _plain_tsv(taken[0], number, row) or DelimitedRow(sure, number, taken[0].error or problem)


def unique_names(names: list[str]) -> list[str]:
    """Return the names of a header, each once: a second ``text`` becomes ``text_2``, a blank ``column_3``."""
    result: dict[str, None] = {}
    counts: dict[str, int] = {}  # where to go on: a header may say the same name ten thousand times
    for position, name in enumerate(names, 1):
        unique = base = name.strip() or f"column_{position}"
        while unique in result:
            counts[base] = counts.get(base, 1) + 1
            unique = f"{base}_{counts[base]}"
        result[unique] = None
    return list(result)


@dataclass(slots=True)
class _Row:
    """The state of reading one row."""

    delimiter: str
    width: int | None
    cells: list[str] = field(default_factory=list)
    _open: list[str] | None = None
    _broken: str | None = None
    _length: int = 0

    @property
    def unfinished(self) -> bool:
        fits = self.width is None or len(self.cells) < self.width
        return self._open is not None and self._broken is None and fits and self._length < MAX_RECORD

    def problem(self) -> str | None:
        if self._broken:
            return self._broken
        if self._open is not None:
            return _NEVER_CLOSED
        while self.width is not None and len(self.cells) > self.width and not self.cells[-1]:
            self.cells.pop()  # spreadsheets leave empty cells at the end
        if self.width is not None and len(self.cells) != self.width:
            return f"{len(self.cells)} cells where the header has {self.width}"
        return None

    def feed(self, line: str) -> None:
        self._length += len(line)
        end = len(line.rstrip("\r\n"))
        if self._open is None and '"' not in line:
            self.cells = line[:end].split(self.delimiter)
            return
        position: int | None = 0
        while position is not None:
            if self._open is not None:
                position = self._quoted(line, position, end)
            elif line.startswith('"', position):
                self._open, position = [], position + 1
            else:
                position = self._plain(line, position, end)

    def _plain(self, line: str, start: int, end: int) -> int | None:
        cut = line.find(self.delimiter, start, end)
        self.cells.append(line[start : end if cut < 0 else cut])
        return None if cut < 0 else cut + 1

    def _quoted(self, line: str, start: int, end: int) -> int | None:
        assert self._open is not None
        close = line.find('"', start)
        while close >= 0 and line.startswith('"', close + 1):
            close = line.find('"', close + 2)
        if close < 0:
            self._open.append(line[start:])
            return None
        self._open.append(line[start:close])
        self.cells.append("".join(self._open).replace('""', '"'))
        self._open = None
        if close + 1 < end and line[close + 1] != self.delimiter:
            self._broken = "text follows a closing quote"
        return close + 2 if close + 1 < end and not self._broken else None


def _is_blank(line: str) -> bool:
    return not line.strip("\r\n")


def _announced(line: str) -> str | None:
    found = _ANNOUNCED.fullmatch(line.strip("\r\n"))
    return found and found[1]


def _unquoted(line: str) -> str:
    return re.sub('"[^"]*("|$)', "", line)


def _pull(again: deque[Line], lines: Iterator[Line]) -> Line | None:
    return again.popleft() if again else next(lines, None)


def _plain_tsv(line: Line, number: int, row: _Row) -> DelimitedRow | None:
    """Many tsv files know no quoting: there, a plain split may give the right number of cells."""
    cells = line.text.rstrip("\r\n").split("\t")
    return (
        DelimitedRow(cells, number, line.error) if row.delimiter == "\t" and len(cells) == row.width else None
    )


def _cell(row: DelimitedRow, index: int) -> str | None:
    return row.cells[index] if index < len(row.cells) else None
