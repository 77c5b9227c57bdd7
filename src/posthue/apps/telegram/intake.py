"""Updates in work: each is answered once, whatever comes again, and journalled when it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiogram.exceptions import TelegramNotFound, TelegramUnauthorizedError
from aiogram.types import Update

from posthue.apps.telegram.albums import Albums
from posthue.apps.telegram.incoming import album_of, read_update, update_id_of
from posthue.apps.telegram.journal import Journal
from posthue.apps.telegram.scrubbing import log

#: Answers the updates of one message, or of one album.
Answer = Callable[[Sequence[Update]], Awaitable[None]]


class Intake:
    """Takes raw updates, from polling or the webhook. One event loop.

    An update that is in work is not begun again, one that is done is not answered again, and a broken one is
    noted and done with.
    """

    def __init__(self, journal: Journal, answer: Answer, *, album_seconds: float) -> None:
        self._journal = journal
        self._answer = answer
        self._albums: Albums[Update] = Albums(quiet=album_seconds)
        self._work: dict[int, asyncio.Future[bool]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._syncing = asyncio.Lock()
        self._written = self._synced = 0

    @property
    def in_work(self) -> int:
        """How many updates are not done."""
        return len(self._work)

    def is_done(self, update_id: int) -> bool:
        """Whether the update is answered, and that is on disk."""
        return update_id in self._journal and update_id not in self._work

    def is_new(self, update_id: int) -> bool:
        """Whether the update is neither done nor in work."""
        return update_id not in self._journal and update_id not in self._work

    async def accept(self, raw: object) -> asyncio.Future[bool] | None:
        """Begin an update; return what says when it is done. None: it has no id, or is done already."""
        update_id = update_id_of(raw)
        if update_id is None:
            log.warning("an update without an id was left out")
            return None
        if update_id in self._work:
            return self._work[update_id]
        if update_id in self._journal:
            return None
        try:
            update = read_update(raw)
        except ValueError as error:
            log.warning("update %d was left out: %s", update_id, error)
            await self._note([update_id])
            return None
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._work[update_id] = done
        self._begin(update, album_of(raw))
        return done

    async def wait_some(self, seconds: float) -> None:
        """Return when something is done, or after some seconds."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def finish(self, seconds: float) -> int:
        """Finish what was accepted; return how many updates are left for another time."""
        self._albums.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        left = self.in_work
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return left

    def _begin(self, update: Update, album: tuple[Any, str] | None) -> None:
        if album is not None and not self._albums.add(album, update):
            return
        task = asyncio.create_task(self._run(update, album))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, update: Update, album: tuple[Any, str] | None) -> None:
        updates = [update] if album is None else await self._albums.gather(album)
        ids = [one.update_id for one in updates]
        done = False
        try:
            await self._answer(updates)
            await self._note(ids)
            done = True
        except (TelegramNotFound, TelegramUnauthorizedError):
            log.error("Telegram no longer takes the token")
        except Exception as error:
            log.error("updates %s: not answered (%s)", ids, type(error).__name__)
            await self._note(ids)
            done = True
        finally:
            for update_id in ids:
                self._work.pop(update_id).set_result(done)

    async def _note(self, ids: Sequence[int]) -> None:
        """Write ids at once, and put them on disk beside the event loop, together with those of others."""
        try:
            self._journal.add(ids)
            self._written += 1
            mine = self._written
            async with self._syncing:
                if self._synced < mine:
                    upto = self._written
                    await asyncio.to_thread(self._journal.sync)
                    self._synced = upto
        except OSError as error:
            log.error("the journal cannot be written (%s): a restart may repeat replies", error.strerror)
