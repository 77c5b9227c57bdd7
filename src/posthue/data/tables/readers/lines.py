"""Text files as lines, in whatever encoding they are.

Without an explicit encoding: a byte order mark decides; else each line is UTF-8, and a line that is not is
read as Windows-1252, with the five bytes that it leaves undefined as Latin-1, so that nothing is lost.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, FileIO, RawIOBase, TextIOWrapper
from pathlib import Path
from typing import NamedTuple, cast

from posthue.data.tables.readers.base import join_surrogates
from posthue.errors import TableError

#: The rest of a longer line is skipped, and the row says so.
MAX_LINE = 8 << 20
_PREFIX, _BUFFER = 1 << 16, 1 << 18
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SIGNATURES = ((b"PK\x03\x04", "a zip archive or Excel workbook"), (b"PAR1", "a Parquet file"))
_WINDOWS = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xA0)}


class Line(NamedTuple):
    """One physical line with its line end, and what was wrong with its bytes."""

    text: str
    error: str | None = None


def text_lines(path: Path, encoding: str | None = None) -> Iterator[Line]:
    """Yield the lines of ``path`` (``.gz``: unpacked); raise TableError if it cannot be read."""
    with open_binary(path) as stream:
        prefix = stream.peek(_PREFIX)[:_PREFIX]
        name = encoding or next((name for mark, name in _MARKS if prefix.startswith(mark)), None)
        if name is not None and codecs.lookup(name).name.startswith(("utf-16", "utf-32")):
            yield from _wide_lines(stream, path, codecs.lookup(name).name)
            return
        if prefix.startswith(codecs.BOM_UTF8):
            stream.read(len(codecs.BOM_UTF8))
        utf8 = name is None or codecs.lookup(name).name in ("utf-8", "utf-8-sig")
        for raw, error in _raw_lines(stream, carriage_returns=b"\r" in prefix and b"\n" not in prefix):
            line = Line(decode_bytes(raw)) if utf8 else _decode_as(raw, cast("str", name))
            yield line._replace(error=error) if error else line


@contextmanager
def open_binary(path: Path) -> Iterator[BufferedReader]:
    """Open ``path`` for reading bytes, unpacked if it ends in ``.gz``; whatever fails is a TableError."""
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as packed, BufferedReader(cast("RawIOBase", packed), _BUFFER) as unpacked:
                yield cast("BufferedReader", unpacked)
        else:
            with BufferedReader(FileIO(path), _BUFFER) as stream:
                yield cast("BufferedReader", stream)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TableError(f"{path}: the gzip data is damaged or cut off ({error})") from None
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror or error})") from None


def check_text_file(path: Path, encoding: str | None) -> None:
    """Raise TableError if the file is empty or is no text, or if nobody knows the encoding."""
    try:
        b"ab".decode(encoding or "utf-8", "replace")
    except (LookupError, ValueError):
        raise TableError(f"no encoding is called {encoding!r}; try utf-8, cp1252 or gb18030") from None
    with open_binary(path) as stream:
        prefix = stream.read(_PREFIX)
    if not prefix.strip():
        raise TableError(f"{path} is empty: it needs a header line or at least one post")
    for signature, kind in _SIGNATURES:
        if prefix.startswith(signature):
            raise TableError(f"{path} is {kind}, whatever its ending says")


def estimate_lines(path: Path) -> int | None:
    """Return the number of lines: exact up to 64 MiB, then estimated from the start; None for ``.gz``."""
    if path.suffix.lower() == ".gz":
        return None
    size = path.stat().st_size
    with open_binary(path) as stream:
        seen = lines = 0
        while seen < 64 << 20 and (block := stream.read(1 << 20)):
            seen += len(block)
            lines += block.count(b"\n")
            last = block[-1:]
    if seen < size:
        return round(lines * size / seen)
    return lines + (seen > 0 and last != b"\n")


def _raw_lines(stream: BufferedReader, *, carriage_returns: bool) -> Iterator[tuple[bytes, str | None]]:
    if carriage_returns:  # the line ends of old Macs
        with TextIOWrapper(stream, encoding="latin-1", newline="\r") as text:
            yield from ((line.encode("latin-1"), None) for line in text)
        return
    while raw := stream.readline(MAX_LINE):
        error = None
        if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
            error = f"the line is longer than {MAX_LINE >> 20} MiB"
            while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
        yield raw, error


def _wide_lines(stream: BufferedReader, path: Path, name: str) -> Iterator[Line]:
    with TextIOWrapper(stream, encoding=name, errors="replace", newline="\n") as text:
        try:
            while line := text.readline(MAX_LINE):
                yield Line(line.removeprefix("\ufeff"))
        except UnicodeError:  # with errors="replace": no byte order mark
            raise TableError(
                f"{path}: no byte order mark says which {name} it is: name {name}-le or {name}-be"
            ) from None


def decode_bytes(raw: bytes) -> str:
    """Return ``raw`` read as UTF-8, or as Windows-1252 where it is not; never fails."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    try:  # lone surrogates, as careless programs write them
        return join_surrogates(raw.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        return raw.decode("latin-1").translate(_WINDOWS)


def _decode_as(raw: bytes, encoding: str) -> Line:
    try:
        return Line(raw.decode(encoding))
    except UnicodeDecodeError as error:
        return Line(raw.decode(encoding, "replace"), f"the bytes are not {encoding} ({error.reason})")
