"""What there is to know of a picture before anybody trains on it: that it can be decoded, and its hash.

A picture is decoded at reduced scale, in threads, once: the facts of a file are kept by its path, size and
time of change, those of bytes by their content. A broken picture is looked at again each time: it may have
been mended, or only been out of reach.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posthue.data.duplicates.images import image_hash
from posthue.data.images.decode import decode_image
from posthue.data.images.opening import open_source
from posthue.data.images.spec import ImageSpec
from posthue.errors import ImageError

if TYPE_CHECKING:
    from posthue.posts import ImageSource

_log = logging.getLogger(__name__)
_CHUNK = 1000
#: Part of the file's name: a change of the hash makes new facts.
_FORMAT = 1
_TABLE = "create table if not exists facts (key blob primary key, hash text, side integer)"


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """hash: perceptual, 64 bits (posthue.data.duplicates.images). side: the longer one, in pixels.

    error: why the picture cannot be decoded; then it has no hash.
    """

    hash: int | None
    side: int = 0
    error: str | None = None


def picture_facts(
    sources: Sequence[ImageSource | None],
    *,
    cache: str | Path | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[PictureFacts | None]:
    """Return the facts of each picture, in order; None where there is none.

    cache: a folder in which facts are kept, for several processes at a time. workers: threads, by default the
    cores, at most four. progress: called with the pictures done and all that there are.
    """
    there = [source for source in sources if source is not None]
    found = iter(_all_facts(there, cache, workers, progress) if there else ())
    return [None if source is None else next(found) for source in sources]


def _all_facts(
    sources: Sequence[ImageSource],
    cache: str | Path | None,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> list[PictureFacts]:
    store = _Store(Path(cache) / f"picture-facts-v{_FORMAT}.sqlite3") if cache is not None else None
    found: list[PictureFacts] = []
    with ThreadPoolExecutor(workers or min(4, os.cpu_count() or 1)) as pool:
        for start in range(0, len(sources), _CHUNK):
            part = sources[start : start + _CHUNK]
            keys = list(pool.map(_key, part)) if store else [None] * len(part)
            known = store.get(keys) if store else [None] * len(part)
            facts = list(pool.map(lambda known, source: known or _facts(source), known, part))
            if store:
                store.put(_new(keys, known, facts))
            found += facts
            if progress:
                progress(len(found), len(sources))
    return found


def _facts(source: ImageSource) -> PictureFacts:
    """Hash a picture; what cannot be hashed as it is may still be decoded as a model would (16 bits, say)."""
    try:
        with open_source(source) as (image, _):
            side = max(image.size)
        return PictureFacts(_hash(source), side)
    except ImageError as error:
        return PictureFacts(None, error=str(error))


def _hash(source: ImageSource) -> int:
    try:
        return image_hash(source)
    except ImageError:
        return image_hash(decode_image(source, ImageSpec()))


def _key(source: ImageSource) -> bytes | None:
    """Name a picture for the cache; None for what is not kept."""
    if isinstance(source, bytes):
        return blake2b(source, digest_size=16, person=b"bytes").digest()
    if not isinstance(source, str | Path):
        return None
    try:
        status = os.stat(source)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    name = f"{os.path.abspath(source)}\0{status.st_size}\0{status.st_mtime_ns}"  # noqa: PTH100
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16, person=b"path").digest()


def _new(
    keys: Sequence[bytes | None],
    known: Sequence[PictureFacts | None],
    facts: Sequence[PictureFacts],
) -> dict[bytes, PictureFacts]:
    """Return what is not in the cache yet, by its key."""
    rows = zip(keys, known, facts, strict=True)
    return {key: fact for key, before, fact in rows if key and not fact.error and not before}


class _Store:
    """Facts in one SQLite file; one that cannot be used is done without."""

    def __init__(self, path: Path) -> None:
        self._path: Path | None = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._run(_TABLE)
        except OSError as error:
            self._give_up(error)

    def get(self, keys: Sequence[bytes | None]) -> list[PictureFacts | None]:
        """Return the facts of each key, None for those that are not known."""
        rows = self._run("select * from facts where key = ?", [(key,) for key in keys if key])
        facts = {key: PictureFacts(int(value, 16), side) for key, value, side in rows}
        return [facts.get(key) if key else None for key in keys]

    def put(self, facts: dict[bytes, PictureFacts]) -> None:
        """Keep facts."""
        rows = [(key, f"{fact.hash:016x}", fact.side) for key, fact in facts.items()]
        self._run("insert or replace into facts values (?, ?, ?)", rows)

    def _run(self, command: str, rows: Sequence[tuple[object, ...]] = ((),)) -> list[tuple[Any, ...]]:
        if self._path is None:
            return []
        try:
            with closing(sqlite3.connect(self._path, timeout=60)) as connection, connection:
                return [found for row in rows for found in connection.execute(command, row)]
        except sqlite3.Error as error:
            self._give_up(error)
            return []

    def _give_up(self, error: Exception) -> None:
        _log.warning("%s: pictures are looked at anew each time (%s)", self._path, error)
        self._path = None
