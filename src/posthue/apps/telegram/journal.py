"""The ids of answered updates on disk, so that a bot that was killed does not answer twice.

One id per line, and nothing else: no chat, no name, no text. An id is written as soon as the reply is out,
and is on the disk (fsync) before the bot takes the update as done. What is left is one window: a bot that
dies after Telegram took the reply and before the id is written answers again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from types import TracebackType

from posthue.atomic import atomic_file
from posthue.errors import InputError
from posthue.locks import lock

KEPT = 20_000


class Journal:
    """Remembers the last ``kept`` ids or more. One process at a time; raises InputError for a second."""

    def __init__(self, path: Path, *, kept: int = KEPT) -> None:
        self._path = path
        self._kept = kept
        self._ids: dict[int, None] = {}
        self._changing = Lock()
        try:
            self._lock = ExitStack()
            self._lock.enter_context(lock(path.with_name(path.name + ".lock")))
            self._ids = dict.fromkeys(_read(path)[-kept:])
            self._file = self._rewritten()
        except BlockingIOError:
            raise InputError(
                f"{path} is in use: another posthue bot runs with this journal; stop it first"
            ) from None
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
        self._lock.close()

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

    def _rewritten(self) -> int:
        """Write the file anew and return it, open for more."""
        with atomic_file(self._path, sync=True, mode=0o600) as file:
            file.write("".join(f"{update_id}\n" for update_id in self._ids).encode())
        return os.open(self._path, os.O_WRONLY | os.O_APPEND)


def _read(path: Path) -> list[int]:
    """Return the ids; a last line that was cut off by a power failure is none."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return list(dict.fromkeys(int(line) for line in lines if line.isdigit()))
