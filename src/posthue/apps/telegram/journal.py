"""The ids of answered updates on disk, so that a bot that was killed does not answer twice.

One id per line, and nothing else: no chat, no name, no text. An id is written as soon as the reply is out,
and is on the disk (fsync) before the bot takes the update as done. What is left is one window: a bot that
dies after Telegram took the reply and before the id is written answers again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from types import TracebackType

from posthue.errors import InputError

KEPT = 20_000


class Journal:
    """Remembers the last ``kept`` ids or more. One process at a time; raises InputError for a second."""

    def __init__(self, path: Path, *, kept: int = KEPT) -> None:
        self._path = path
        self._kept = kept
        self._ids: dict[int, None] = {}
        self._changing = Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
            self._take_lock()
            self._ids = dict.fromkeys(_read(path)[-kept:])
            self._file = self._rewritten()
        except OSError as error:
            raise InputError(f"{path}: cannot be the bot's journal ({error.strerror or error})") from None

    def __contains__(self, update_id: int) -> bool:
        return update_id in self._ids

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)
        os.close(self._lock)

    def add(self, update_ids: Iterable[int]) -> None:
        """Write the ids: from here on they outlive a kill; raise OSError where that fails.

        They are remembered even then: a full disk must not make the bot repeat itself.
        """
        with self._changing:
            new = dict.fromkeys(update_id for update_id in update_ids if update_id not in self._ids)
            self._ids.update(new)
            os.write(self._file, "".join(f"{update_id}\n" for update_id in new).encode())

    def sync(self) -> None:
        """Return when what was added outlives a power failure, too. One thread at a time; raises OSError."""
        os.fsync(self._file)
        if len(self._ids) > 2 * self._kept:
            with self._changing:
                self._ids = dict.fromkeys(list(self._ids)[-self._kept :])
                os.close(self._file)
                self._file = self._rewritten()

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise InputError(
                f"{self._path} is in use: another posthue bot runs with this journal; stop it first"
            ) from None

    def _rewritten(self) -> int:
        """Write the ids to a neighbour that takes the name, and return it, open for more."""
        part = self._path.with_name(f".{self._path.name}.part")
        file = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND, 0o600)
        os.write(file, "".join(f"{update_id}\n" for update_id in self._ids).encode())
        os.fsync(file)
        part.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        return file


def _read(path: Path) -> list[int]:
    """Return the ids; a last line that was cut off by a power failure is none."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return list(dict.fromkeys(int(line) for line in lines if line.isdigit()))
