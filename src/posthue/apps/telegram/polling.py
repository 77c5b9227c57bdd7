"""Long polling that loses nothing: an update is confirmed to Telegram when its answer is out, not before.

aiogram's own poller confirms updates before their handlers are done, and one update that it cannot read keeps
it from all the others; so updates are fetched raw here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiogram import Bot
from aiogram.exceptions import TelegramNotFound, TelegramRetryAfter, TelegramUnauthorizedError
from aiogram.methods import TelegramMethod

from posthue.apps.telegram.calls import PASSING, waits
from posthue.apps.telegram.incoming import album_of, update_id_of
from posthue.apps.telegram.intake import Intake
from posthue.apps.telegram.scrubbing import log
from posthue.errors import InputError

ALLOWED = ["message", "callback_query"]
_BATCH = 100  # the most that Telegram gives
_LOOK_AGAIN = 0.5  # seconds, while updates are in work
_LONGEST_WAIT = 10.0
_LAST_CALL = 5


class GetRawUpdates(TelegramMethod[list[Any]]):
    """getUpdates, with updates as they came."""

    __returning__ = list[Any]
    __api_method__ = "getUpdates"

    offset: int | None = None
    limit: int = _BATCH
    timeout: int | None = None
    allowed_updates: list[str] | None = None


async def poll(bot: Bot, intake: Intake, stop: asyncio.Event, *, seconds: int) -> None:
    """Take updates until ``stop`` is set; then confirm what is done. Raises InputError for a dead token.

    Telegram gives the earliest unconfirmed updates, at most 100: what is in work comes again with every
    call and is left alone, so there are never more than 100 in work.
    """
    batch: list[Any] = []
    pauses = waits(longest=_LONGEST_WAIT)
    while not stop.is_set():
        request = GetRawUpdates(offset=_confirmed(batch, intake), timeout=seconds, allowed_updates=ALLOWED)
        try:
            updates = await unless(stop, bot(request, request_timeout=seconds + 15))
        except (TelegramUnauthorizedError, TelegramNotFound):
            raise InputError("Telegram does not know the bot's token (any more): ask @BotFather") from None
        except (TelegramRetryAfter, *PASSING) as error:
            pause = getattr(error, "retry_after", None) or next(pauses)
            log.warning("no updates (%s); again in %.1f s", type(error).__name__, pause)
            await unless(stop, asyncio.sleep(pause))
            continue
        if updates is None:
            break
        pauses = waits(longest=_LONGEST_WAIT)
        batch = whole(updates)
        await _take(batch, intake)


async def confirm(bot: Bot, intake: Intake) -> None:
    """Confirm the done updates at the front to Telegram: the next bot need not know this one's journal."""
    try:
        batch = await bot(GetRawUpdates(), request_timeout=_LAST_CALL)
        offset = _confirmed(batch, intake)
        if offset is not None:
            await bot(GetRawUpdates(offset=offset, limit=1), request_timeout=_LAST_CALL)
    except Exception as error:  # the journal knows them
        log.info("the last updates were not confirmed (%s)", type(error).__name__)


def whole(batch: list[Any]) -> list[Any]:
    """Return a batch without the album that a full batch may have cut in two; it comes again, whole."""
    last = album_of(batch[-1]) if len(batch) >= _BATCH else None
    if last is None:
        return batch
    complete = [raw for raw in batch if album_of(raw) != last]
    return complete or batch


async def _take(batch: Sequence[Any], intake: Intake) -> None:
    new = False
    for raw in batch:
        update_id = update_id_of(raw)
        new = new or (update_id is not None and intake.is_new(update_id))
        await intake.accept(raw)
    if batch and not new:
        await (intake.wait_some(_LOOK_AGAIN) if intake.in_work else asyncio.sleep(_LOOK_AGAIN))


def _confirmed(batch: Sequence[Any], intake: Intake) -> int | None:
    """Return the offset that confirms the done updates at the front of a batch; None: there are none.

    The offset is sent for as long as the batch begins so, and never remembered: after a quiet week, Telegram
    may go on with any number, a lower one, too.
    """
    last = None
    for raw in batch:
        update_id = update_id_of(raw)
        if update_id is None:
            continue
        if not intake.is_done(update_id):
            break
        last = update_id
    return None if last is None else last + 1


async def unless(stop: asyncio.Event, work: Any) -> Any:
    """Return what ``work`` returns; None, with the work given up, when ``stop`` is set first."""
    task, stopped = asyncio.ensure_future(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for each in (task, stopped):
            each.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)
