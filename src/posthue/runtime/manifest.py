"""The manifest of a job in shards: what was asked, and which shards are whole. It survives a kill.

``manifest.json`` is replaced as a whole and synced to the disk after every shard, never edited. A shard
counts when the manifest names it; one written a moment before the kill and not named is written again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from typing import Any

from posthue.errors import TableError
from posthue.files import sync_folder
from posthue.runtime.bundle import Bundle

NAME = "manifest.json"
FORMAT = 1
_WHOLE_BYTES = 256 << 20  # a larger input is known by its size, its time and samples of it
_SAMPLES, _SAMPLE_BYTES = 64, 1 << 18


@dataclass(slots=True)
class Manifest:
    """What a job is and how far it is.

    asked: input, bundle and options, by name; a job goes on only if all of them are the same.
    shards: index → what is known of a whole shard (rows, bytes, tally).
    end: the number of shards; None until the last one is found.
    """

    folder: Path
    asked: Mapping[str, object]
    shards: dict[int, dict[str, Any]] = field(default_factory=dict)
    end: int | None = None

    @property
    def complete(self) -> bool:
        """Whether every shard is whole."""
        return self.end is not None and all(index in self.shards for index in range(self.end))

    @property
    def rows(self) -> int:
        """The rows of the whole shards."""
        return sum(shard["rows"] for shard in self.shards.values())

    def save(self) -> None:
        """Replace the file by what is known now; raise TableError where the disk does not take it."""
        known = {"format": FORMAT, "complete": self.complete, "end": self.end, "asked": self.asked}
        shards = {str(index): self.shards[index] for index in sorted(self.shards)}
        write_synced(self.folder / NAME, json.dumps(known | {"shards": shards}, indent=1))


def open_manifest(folder: Path, asked: Mapping[str, object], *, ending: str, overwrite: bool) -> Manifest:
    """Return the manifest of ``folder``: of the job that was begun there, or of a new one.

    Raises TableError when the folder holds another job, or files that are nobody's, and is not to be
    overwritten.
    """
    begun = _read(folder)
    if begun is not None and not overwrite:
        _refuse_another(folder, begun.get("asked"), asked)
        found = Manifest(folder, asked, _whole_shards(folder, begun, ending), begun.get("end"))
        _sweep(folder)
        return found
    if overwrite:
        _clear(folder, ending)
    if folder.is_dir() and any(path.name != LOCK for path in folder.iterdir()):
        raise TableError(f"{folder} is not empty; choose another folder for the shards")
    new = Manifest(folder, asked)
    new.save()
    return new


def shard_name(index: int, ending: str) -> str:
    """Return the name of a shard's file.

    >>> shard_name(7, ".parquet")
    'part-00007.parquet'
    """
    return f"part-{index:05}{ending}"


def write_synced(path: Path, text: str) -> None:
    """Write a small file so that it is there whole, or as it was before; raise TableError, saying why."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        full = error.errno in (ENOSPC, EDQUOT, EFBIG)
        raise TableError(
            f"{path}: cannot be written: {'the disk is full' if full else error.strerror or error}"
        ) from error


LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a second job out of the folder; the lock goes with the process, however that ends."""
    if folder.exists() and not folder.is_dir():
        raise TableError(f"{folder} is a file; name a folder for the shards")
    try:
        import fcntl  # noqa: PLC0415
    except ImportError:  # Windows
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / LOCK).open("w")
    except OSError as error:
        raise TableError(f"{folder}: cannot be written: {error.strerror or error}") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TableError(f"another job is writing into {folder}; wait for it or stop it") from None
        yield


def input_digest(source: Path) -> str:
    """Return what tells one input from another: of a file its content, of a folder names and times."""
    digest = hashlib.blake2b(digest_size=16)
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            known = path.stat()
            digest.update(
                f"{path.relative_to(source)}\0{known.st_size}\0{known.st_mtime_ns}\n".encode(
                    "utf-8", "replace"
                )
            )
        return digest.hexdigest()
    known = source.stat()
    digest.update(str(known.st_size).encode())
    with source.open("rb") as file:
        if known.st_size <= _WHOLE_BYTES:
            _update(digest, file)
        else:
            digest.update(str(known.st_mtime_ns).encode())
            for number in range(_SAMPLES):
                file.seek((known.st_size - _SAMPLE_BYTES) * number // (_SAMPLES - 1))
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def bundle_digest(bundle: Bundle) -> str:
    """Return the digest of the files that the answers of a bundle depend on."""
    digest = hashlib.blake2b(digest_size=16)
    for name in ("config.json", *bundle.config.files):
        digest.update(name.encode())
        with bundle.file(name).open("rb") as file:
            _update(digest, file)
    return digest.hexdigest()


def _update(digest: Any, file: Any) -> None:
    while block := file.read(1 << 20):
        digest.update(block)


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise TableError(
            f"{folder / NAME} cannot be read ({error}); pass --overwrite to start anew"
        ) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise TableError(f"{folder / NAME} is of another version of posthue; pass --overwrite to start anew")
    return found


def _refuse_another(folder: Path, begun: object, asked: Mapping[str, object]) -> None:
    before = begun if isinstance(begun, dict) else {}
    changed = [name for name in asked if before.get(name) != asked[name]]
    if changed:
        raise TableError(
            f"{folder} holds another job ({', '.join(changed)} changed since it was begun); "
            "choose another folder or pass --overwrite"
        )


def _whole_shards(folder: Path, begun: Mapping[str, Any], ending: str) -> dict[int, dict[str, Any]]:
    """The shards that the manifest names and that are still as long as it says."""
    found = {}
    for key, shard in begun.get("shards", {}).items():
        path = folder / shard_name(int(key), ending)
        if path.is_file() and path.stat().st_size == shard["bytes"]:
            found[int(key)] = shard
    return found


def _sweep(folder: Path) -> None:
    """Remove what a killed job left half-written."""
    for path in folder.glob(".posthue-*.part"):
        path.unlink(missing_ok=True)


def _clear(folder: Path, ending: str) -> None:
    (folder / NAME).unlink(missing_ok=True)
    for path in folder.glob(f"part-*{ending}"):
        path.unlink(missing_ok=True)
    if folder.is_dir():
        _sweep(folder)
