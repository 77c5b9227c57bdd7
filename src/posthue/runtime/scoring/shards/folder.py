"""The folder of a job in shards: which names in it are posthue's own, and who may write there.

    part-00000.parquet · … · manifest.json · .lock · .posthue-….part (half written)

Nothing else in a folder is ever removed; ``check_target`` refuses a folder before any work.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from posthue.atomic import reason
from posthue.errors import TableError
from posthue.locks import lock

MANIFEST, LOCK = "manifest.json", ".lock"
_KEPT = re.compile(r"manifest\.json|\.lock")
_SHARD = re.compile(r"part-\d{5,}\.(parquet|csv|tsv|jsonl)")
_HALF = re.compile(r"\.posthue-.+\.part")


def shard_name(index: int, ending: str) -> str:
    """Return the name of a shard's file.

    >>> shard_name(7, ".parquet")
    'part-00007.parquet'
    """
    return f"part-{index:05}{ending}"


def check_target(folder: Path, source: Path, *, overwrite: bool) -> None:
    """Raise TableError if ``folder`` is a file, holds ``source``, or is to be begun among foreign files."""
    if os.path.lexists(folder) and not folder.is_dir():
        raise TableError(f"{folder} is a file; name a folder for the shards")
    if source.resolve().is_relative_to(folder.resolve()):
        raise TableError(f"{source} lies inside {folder}; choose another folder for the shards")
    if overwrite or not (folder / MANIFEST).is_file():
        _refuse_foreign(folder)


def holds_shards(folder: Path) -> bool:
    """Whether there are shards in the folder, be they named by a manifest or not."""
    return any(_is_ours(path, _SHARD) for path in _listed(folder))


def sweep(folder: Path) -> None:
    """Remove what a killed process left half written."""
    _remove(folder, _HALF)


def clear(folder: Path) -> None:
    """Remove the manifest, every shard of whatever format, and what is half written; the lock stays."""
    (folder / MANIFEST).unlink(missing_ok=True)
    _remove(folder, _SHARD)
    sweep(folder)


def remove(folder: Path) -> None:
    """Remove what is posthue's, and the folder itself if nothing else is in it."""
    clear(folder)
    (folder / LOCK).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a second job out of the folder; the lock goes with the process, however that ends."""
    with ExitStack() as stack:
        try:
            stack.enter_context(lock(folder / LOCK))
        except BlockingIOError:
            raise TableError(f"another job is writing into {folder}; wait for it or stop it") from None
        except OSError as error:
            raise TableError(f"{folder}: cannot be written: {reason(error)}") from error
        yield


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise TableError(f"{folder}: cannot be listed: {error.strerror or error}") from error


def _refuse_foreign(folder: Path) -> None:
    for path in _listed(folder):
        if not any(_is_ours(path, names) for names in (_KEPT, _SHARD, _HALF)):
            raise TableError(
                f"{folder} is not empty: {path.name} is not of a job in shards; choose another folder"
            )


def _is_ours(path: Path, names: re.Pattern[str]) -> bool:
    return bool(names.fullmatch(path.name)) and (path.is_symlink() or not path.is_dir())


def _remove(folder: Path, names: re.Pattern[str]) -> None:
    for path in _listed(folder):
        if _is_ours(path, names):
            path.unlink(missing_ok=True)
