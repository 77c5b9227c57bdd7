"""A folder of pictures, and pictures in a zip archive, as tables with the columns id and image."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pyarrow as pa

from posthue.data.tables.readers.base import Chunk, group, string_array
from posthue.errors import TableError

#: A picture in a zip archive that declares more bytes is refused.
MAX_MEMBER = 128 << 20
#: Of files that are pictures, in lower case.
ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp"),
    *(".tif", ".tiff", ".avif", ".jp2", ".ppm", ".pgm", ".pbm", ".ico"),
)
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")


class FolderReader:
    """The pictures below a folder, sorted by path; the id is the path relative to the folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if next(self._pictures(), None) is None:
            raise TableError(f"{path}: no pictures in this folder, nor below it")

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return pa.schema([("id", pa.string()), ("image", pa.string())])

    @property
    def folder(self) -> Path:
        """The folder itself."""
        return self._path

    def count_rows(self) -> int | None:
        """Return the number of pictures, exactly."""
        return sum(1 for _ in self._pictures())

    def chunks(self, batch_rows: int) -> Iterator[Chunk]:
        """Yield the pictures in order."""
        for some in group(((name, len(name)) for name in self._pictures()), batch_rows):
            ids = string_array([os.fsencode(name).decode("utf-8", "replace") for name in some])
            batch = pa.RecordBatch.from_arrays([ids, ids], schema=self.schema)
            images: list[str | bytes | None] = [os.path.join(self._path, name) for name in some]  # noqa: PTH118
            yield Chunk(batch, [None] * len(some), images)

    def _pictures(self) -> Iterator[str]:
        try:
            yield from _walk(self._path, "")
        except OSError as error:
            raise TableError(f"{error.filename}: cannot be listed ({error.strerror})") from None


class ZipReader:
    """The pictures in a zip archive, sorted by name; the id is the member's name, the image its bytes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self._members = sorted(
                    (info for info in archive.infolist() if _is_picture(archive, info)),
                    key=lambda info: info.filename,
                )
        except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
            raise TableError(f"{path}: not a readable zip archive ({error})") from None
        if not self._members:
            raise TableError(f"{path}: no pictures in this zip archive; a table must be unpacked first")

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return pa.schema([("id", pa.string()), ("image", pa.binary())])

    @property
    def folder(self) -> Path:
        """The folder of the archive."""
        return self._path.parent

    def count_rows(self) -> int | None:
        """Return the number of pictures, exactly."""
        return len(self._members)

    def chunks(self, batch_rows: int) -> Iterator[Chunk]:
        """Yield the pictures in order; their bytes are read chunk by chunk."""
        try:
            with zipfile.ZipFile(self._path) as archive:
                rows = ((_member(archive, info), min(info.file_size, MAX_MEMBER)) for info in self._members)
                for some in group(rows, batch_rows):
                    names, images, errors = (list(column) for column in zip(*some, strict=True))
                    arrays = [string_array(names), pa.array(images, pa.binary())]
                    yield Chunk(pa.RecordBatch.from_arrays(arrays, schema=self.schema), errors)
        except (zipfile.BadZipFile, OSError) as error:
            raise TableError(f"{self._path}: the zip archive is damaged ({error})") from None


def _walk(root: Path, prefix: str) -> Iterator[str]:
    with os.scandir(root / prefix) as entries:
        found = sorted((prefix + entry.name + "/" * entry.is_dir(), entry) for entry in entries)
    for name, entry in found:
        if entry.name.startswith("."):
            continue
        if name.endswith("/"):
            if not entry.is_symlink():
                yield from _walk(root, name)
        elif PurePosixPath(entry.name).suffix.lower() in ENDINGS or _looks_like_picture(entry):
            yield name


def _looks_like_picture(entry: os.DirEntry[str]) -> bool:
    try:
        if not entry.is_file():
            return False
        with Path(entry.path).open("rb") as file:
            return file.read(12).startswith(_MAGIC)
    except OSError:
        return False


def _is_picture(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(info.filename)
    if info.is_dir() or any(part.startswith((".", "__MACOSX")) for part in path.parts):
        return False
    if path.suffix.lower() in ENDINGS:
        return True
    try:
        with archive.open(info) as file:
            return file.read(12).startswith(_MAGIC)
    except Exception:  # encrypted, damaged, … and not called a picture either
        return False


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[str, bytes | None, str | None]:
    if info.file_size > MAX_MEMBER:
        return info.filename, None, f"{info.filename}: {info.file_size:,} bytes are more than {MAX_MEMBER:,}"
    try:
        with archive.open(info) as file:  # never gives more than the declared size
            data = file.read(MAX_MEMBER)
    except Exception as error:  # encrypted, damaged, of an unknown compression, …
        return info.filename, None, f"{info.filename}: cannot be unpacked ({error})"
    return info.filename, data, None if data else f"{info.filename}: the picture is empty (0 bytes)"
