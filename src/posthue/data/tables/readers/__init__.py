"""Readers of tables, one per format, chosen by the file's ending."""

from __future__ import annotations

from pathlib import Path

from posthue.data.tables.readers.base import Chunk, Reader
from posthue.data.tables.readers.delimited import DelimitedReader
from posthue.data.tables.readers.jsonlines import JsonLinesReader
from posthue.data.tables.readers.parquet import ParquetReader
from posthue.data.tables.readers.pictures import FolderReader, ZipReader
from posthue.errors import TableError

__all__ = ["Chunk", "Reader", "open_reader"]

_KNOWN = "csv, tsv, jsonl, ndjson (each also as .gz), parquet, zip, or a folder of pictures"


def open_reader(path: Path, encoding: str | None = None) -> Reader:
    """Open ``path`` with the reader for its ending; raise TableError."""
    if path.is_dir():
        return FolderReader(path)
    if not path.exists():
        raise TableError(f"{path}: no such file")
    if not path.is_file():
        raise TableError(f"{path}: not a regular file")
    packed = path.suffix.lower() == ".gz"
    ending = (Path(path.stem) if packed else path).suffix.lower()
    if ending in (".csv", ".tsv", ".tab"):
        return DelimitedReader(path, encoding, None if ending == ".csv" else "\t")
    if ending in (".jsonl", ".ndjson", ".json"):
        return JsonLinesReader(path, encoding)
    if path.stat().st_size == 0:
        raise TableError(f"{path} is empty")
    if ending in (".parquet", ".pq") and not packed:
        return ParquetReader(path)
    if ending == ".zip" and not packed:
        return ZipReader(path)
    raise TableError(f"{path}: tables of this kind are not read; known are {_KNOWN}")
