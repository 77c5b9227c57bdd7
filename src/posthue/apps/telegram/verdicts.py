"""What is done when somebody presses a button under a reply."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.methods import AnswerCallbackQuery, EditMessageReplyMarkup, TelegramMethod
from aiogram.types import CallbackQuery, Message

from posthue.apps.telegram.calls import PASSING, Calls, FileGoneError, FileTooLargeError
from posthue.apps.telegram.feedback import FeedbackFile, Verdict, read_button
from posthue.apps.telegram.incoming import language_of, read_message
from posthue.apps.telegram.scrubbing import log
from posthue.apps.telegram.settings import BotSettings
from posthue.apps.telegram.texts import say
from posthue.errors import InputError
from posthue.labels import LabelScheme

_REMEMBERED = 10_000


class Verdicts:
    """Writes verdicts to the operator's file, one per reply. file: None where the operator wants none."""

    def __init__(
        self,
        calls: Calls,
        schemes: Mapping[str, LabelScheme],
        settings: BotSettings,
        file: FeedbackFile | None,
    ) -> None:
        self._calls = calls
        self._schemes = schemes
        self._settings = settings
        self._file = file
        self._taken: dict[tuple[int, int], None] = {}

    async def take(self, query: CallbackQuery) -> None:
        """Write the verdict down, say thank you, and take the buttons away."""
        phrase = await self._write(query)
        thanks = AnswerCallbackQuery(callback_query_id=query.id, text=say(language_of(query), phrase))
        await self._try(thanks)
        if phrase == "thanks" and query.message is not None:
            place = (query.message.chat.id, query.message.message_id)
            await self._try(EditMessageReplyMarkup(chat_id=place[0], message_id=place[1]))

    async def _write(self, query: CallbackQuery) -> str:
        verdict = read_button(query.data)
        if self._file is None or verdict is None or query.message is None or not self._known(verdict):
            return "old"
        place = (query.message.chat.id, query.message.message_id)
        if place in self._taken:
            return "thanks"
        self._taken[place] = None
        if len(self._taken) > _REMEMBERED:
            del self._taken[next(iter(self._taken))]
        saved = False
        try:
            text, picture = await self._post_of(query) if self._settings.keep_posts else ("", None)
            await asyncio.to_thread(self._file.add, verdict, text=text, picture=picture)
            saved = True
        except (OSError, InputError) as error:
            log.error("a verdict could not be written (%s)", type(error).__name__)
            return "not_saved"
        finally:
            if not saved:
                self._taken.pop(place, None)
        return "thanks"

    def _known(self, verdict: Verdict) -> bool:
        scheme = self._schemes.get(verdict.scheme)
        return scheme is not None and verdict.label in scheme.labels

    async def _post_of(self, query: CallbackQuery) -> tuple[str, bytes | None]:
        """Return the post that the reply answered, as Telegram still has it."""
        reply = query.message
        original = reply.reply_to_message if isinstance(reply, Message) else None
        ask = read_message(original, max_image=self._settings.max_image) if original else None
        if ask is None:
            return "", None
        if ask.file_id is None:
            return ask.text, None
        try:
            return ask.text, await self._calls.download(ask.file_id, most=self._settings.max_image)
        except (FileGoneError, FileTooLargeError, *PASSING):
            return ask.text, None

    async def _try(self, method: TelegramMethod[Any]) -> None:
        try:
            await self._calls.call(method)
        except (TelegramBadRequest, TelegramForbiddenError):
            log.info("%s was refused", method.__api_method__)  # the button is too old, or the reply is gone
