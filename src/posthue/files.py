"""Files and folders that appear whole or not at all.

What is written goes to a hidden neighbour, which takes the name at the end and is removed if anything fails.
A process that is killed leaves the neighbour behind. Its name says of which output it is, and a lock that
goes with the process says whether somebody still writes: the next writer of that output removes what nobody
holds. Where files cannot be locked (some network drives) nothing is removed.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from errno import EDQUOT, EFBIG, ENOSPC
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from posthue.errors import InputError
from posthue.locks import hold

_NEW = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0)

#: What a spreadsheet would compute; a negative number is none.
_FORMULA = re.compile(r"[=+@\t\r]|-(?!\d+(\.\d+)?(e-?\d+)?$)")


def for_arrow(path: str | Path) -> Path:
    """Return a path as pyarrow takes it: it would read a relative one such as run:1/x as a URI."""
    return Path(path).absolute()


@contextmanager
def whole_file(path: Path, *, sync: bool = False, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Yield a new binary file that takes the name ``path`` at the end of the block; makes its folder.

    sync: it outlives a power failure, where the file system can. mode: its permissions, less the umask.
    Raises OSError.
    """
    part, handle = _new_part(path, lambda part: os.open(part, _NEW, mode))
    file = os.fdopen(handle, "wb")
    try:
        yield file
        file.flush()
        if sync:
            os.fsync(handle)
        file.close()
        part.replace(path)
        if sync:
            sync_folder(path.parent)
    finally:
        with suppress(OSError):  # a full disk may refuse even the close
            file.close()
        part.unlink(missing_ok=True)


@contextmanager
def hidden_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside ``path`` for what is in work, removed at the end; raise OSError."""
    part, handle = _new_part(path, _made_folder)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        with suppress(OSError):
            os.close(handle)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder that takes the name ``path`` at the end of the block, in place of what is there.

    Makes the folder above it. Raises OSError.
    """
    with hidden_folder(path) as part:
        yield part
        with hidden_folder(path) as old:
            if path.exists():
                path.replace(old / path.name)
            part.replace(path)


def write_file(path: str | Path, content: str | bytes, *, sync: bool = False, mode: int = 0o666) -> Path:
    """Write a small file, making its folder. Raises InputError if that is impossible.

    Text is UTF-8; half an emoji, which UTF-8 cannot hold, is written as its escape. sync, mode: as of ``whole_file``.
    """
    path = Path(path)
    _refuse_folder(path)
    try:
        with whole_file(path, sync=sync, mode=mode) as file:
            file.write(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)
    except OSError as error:
        raise _unwritable(path, error) from None
    return path


def write_json(path: str | Path, value: object) -> Path:
    """Write plain data as JSON."""
    return write_file(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_csv(
    path: str | Path, names: Sequence[str], rows: Iterable[Sequence[object]], *, for_people: bool
) -> Path:
    """Write a small table as csv (UTF-8, one line of names); see ``csv_lines``."""
    return write_file(path, csv_lines([names, *rows], for_people=for_people))


def csv_lines(rows: Iterable[Sequence[object]], *, for_people: bool) -> str:
    """Return rows as lines of csv; None is an empty cell.

    for_people: as a spreadsheet may open it. Text that it would take as a formula gets a quote before it, and
    fractions have six digits. False: for what posthue reads again; every cell as it is.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([_for_spreadsheet(cell) for cell in row] if for_people else row for row in rows)
    return stream.getvalue()


def _for_spreadsheet(cell: object) -> object:
    if isinstance(cell, float):
        return f"{cell:.6g}"
    if isinstance(cell, str) and _FORMULA.match(cell):
        return f"'{cell}"
    return cell


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power failure, where the file system can."""
    with suppress(OSError):  # not every file system can
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def require_writable(path: str | Path | None) -> None:
    """Raise InputError now, before long work, if a file could not be written; None asks for nothing.

    Makes the folder of the file.
    """
    if path is None:
        return
    path = Path(path)
    _refuse_folder(path)
    try:
        with hidden_folder(path):
            pass
    except OSError as error:
        raise _unwritable(path, error) from None


def reason(error: OSError) -> str:
    """Return why something cannot be written, for a message."""
    full = error.errno in (ENOSPC, EDQUOT, EFBIG)
    return "the disk is full" if full else error.strerror or str(error)


def _new_part(output: Path, make: Callable[[Path], int]) -> tuple[Path, int]:
    """Return a new hidden neighbour of ``output``, open and locked; remove those of killed writers."""
    output.parent.mkdir(parents=True, exist_ok=True)
    _sweep(output)
    while True:
        part = output.with_name(f"{_prefix(output)}{secrets.token_hex(8)}.part")
        handle = make(part)
        if hold(handle) is not False and os.path.lexists(part):
            return part, handle
        with suppress(OSError):  # another writer swept it before it was locked
            os.close(handle)


def _made_folder(part: Path) -> int:
    part.mkdir()
    try:
        return os.open(part, os.O_RDONLY)
    except OSError:  # swept, or Windows
        return -1


def _prefix(output: Path) -> str:
    """The beginning of the names of an output's parts; short, as the output's own name may be long."""
    return f".posthue-{blake2b(os.fsencode(output.name), digest_size=4).hexdigest()}-"


def _sweep(output: Path) -> None:
    for part in output.parent.glob(f"{_prefix(output)}*.part"):
        with suppress(OSError), ExitStack() as stack:
            handle = os.open(part, os.O_RDONLY if part.is_dir() else os.O_RDWR)
            stack.callback(os.close, handle)
            if hold(handle):
                shutil.rmtree(part) if part.is_dir() else part.unlink()


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file")


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be written ({reason(error)})")
