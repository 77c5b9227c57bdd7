"""Calls to the Bot API that come through: flood limits are waited for, passing failures tried again."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any, TypeVar

from aiogram import Bot
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramEntityTooLarge,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.methods import GetFile, TelegramMethod
from aiohttp import ClientError, ClientResponseError

from posthue.apps.telegram.scrubbing import log

T = TypeVar("T")

#: What passes by itself: the network, a server that restarts, a proxy's page in place of an answer.
PASSING = (
    TelegramNetworkError,
    TelegramServerError,
    TelegramConflictError,
    ClientDecodeError,
    ClientError,
    OSError,
    TimeoutError,
)
_LONGEST_WAIT = 30.0
_SEND_SECONDS = 60
#: Calls at the same time. Telegram takes 30 messages a second; and what is under way when a bot is killed is
#: what may be sent twice.
_LINES = 4


class FileTooLargeError(Exception):
    """The file has more bytes than the bot takes."""


class FileGoneError(Exception):
    """Telegram does not give the file."""


def waits(first: float = 0.25, longest: float = _LONGEST_WAIT) -> Iterator[float]:
    """Yield the seconds to wait before each new try: twice as long each time, and a little different."""
    for number in itertools.count():
        yield min(longest, first * 2.0 ** min(number, 20)) * random.uniform(0.8, 1.2)


class Calls:
    """The Bot API, for one bot. patience: seconds until a call that does not come through is given up.

    own_name: the bot's, without the "@"; None until Telegram has told it.
    """

    def __init__(self, bot: Bot, *, patience: float) -> None:
        self.bot = bot
        self.own_name: str | None = None
        self._patience = patience
        self._lines = asyncio.Semaphore(_LINES)

    async def call(self, method: TelegramMethod[T], *, seconds: int = _SEND_SECONDS) -> T:
        """Return what Telegram answers. Raises aiogram's errors for what no new try would change.

        A connection that breaks after the request went out leaves open whether Telegram took it; it is tried
        again, since a second reply is better than none.
        """
        pauses, clock = waits(), asyncio.get_running_loop().time
        end = clock() + self._patience
        while True:
            try:
                async with self._lines:
                    return await self.bot(method, request_timeout=seconds)
            except TelegramEntityTooLarge:
                raise
            except TelegramMigrateToChat as error:
                method = method.model_copy(update={"chat_id": error.migrate_to_chat_id})
                failure: Exception = error
                pause = 0.1
            except TelegramRetryAfter as error:
                failure, pause = error, error.retry_after + random.uniform(0.05, 0.3)
                end += pause  # Telegram says when; that is no failure
            except PASSING as error:
                failure, pause = error, next(pauses)
            if clock() + pause > end:
                raise failure
            log.info("%s: %s; again in %.1f s", _name(method), type(failure).__name__, pause)
            await asyncio.sleep(pause)

    async def download(self, file_id: str, *, most: int) -> bytes:
        """Return a file's bytes; raise FileTooLargeError beyond ``most``, FileGoneError for none."""
        pauses, clock = waits(), asyncio.get_running_loop().time
        end = clock() + self._patience
        while True:
            file = await self._find(file_id)
            if file.file_size is not None and file.file_size > most:
                raise FileTooLargeError
            if not file.file_path:
                raise FileGoneError
            try:
                return await self._fetch(file.file_path, most)
            except (ClientError, OSError, TimeoutError) as error:
                if isinstance(error, ClientResponseError) and error.status < 500 and error.status != 429:
                    raise FileGoneError from None  # the error's text holds the address, and so the token
                pause = next(pauses)
                if clock() + pause > end:
                    raise FileGoneError from None
                log.info("download: %s; again in %.1f s", type(error).__name__, pause)
            await asyncio.sleep(pause)

    async def _find(self, file_id: str) -> Any:
        try:
            return await self.call(GetFile(file_id=file_id))
        except TelegramBadRequest as error:
            if "too big" in error.message.lower():
                raise FileTooLargeError from None
            raise FileGoneError from None
        except TelegramNotFound:
            raise FileGoneError from None

    async def _fetch(self, path: str, most: int) -> bytes:
        session, content = self.bot.session, bytearray()
        address = session.api.file_url(self.bot.token, path)
        stream = session.stream_content(address, timeout=_SEND_SECONDS, raise_for_status=True)
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                content += chunk
                if len(content) > most:
                    raise FileTooLargeError
        return bytes(content)


def _name(method: TelegramMethod[Any]) -> str:
    return str(method.__api_method__)
