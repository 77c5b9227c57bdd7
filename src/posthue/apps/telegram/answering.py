"""From the updates of one message or album to one reply."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramNotFound,
    TelegramUnauthorizedError,
)
from aiogram.methods import SendMessage, SendPhoto
from aiogram.types import (
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    ReplyParameters,
    Update,
)

from posthue.apps.telegram.calls import PASSING, Calls, FileGoneError, FileTooLargeError
from posthue.apps.telegram.feedback import button_data
from posthue.apps.telegram.incoming import Ask, Kind, read_message
from posthue.apps.telegram.predictor import BotAnswer, Predictor
from posthue.apps.telegram.replies import MOST_CAPTION, MOST_TEXT, Reply, album_text, fitting, post_text
from posthue.apps.telegram.scrubbing import log
from posthue.apps.telegram.settings import BotSettings
from posthue.apps.telegram.texts import say
from posthue.apps.telegram.verdicts import Verdicts
from posthue.posts import Post

_MEGABYTE = 2**20


class Answering:
    """Answers messages, one after the other in each chat, several chats at the same time."""

    def __init__(self, calls: Calls, predictor: Predictor, settings: BotSettings, verdicts: Verdicts) -> None:
        self._calls = calls
        self._predictor = predictor
        self._settings = settings
        self._verdicts = verdicts
        self._turns = _Turns()
        self._places = asyncio.Semaphore(settings.at_once)

    async def answer(self, updates: Sequence[Update]) -> None:
        """Answer one message, the messages of one album, or one pressed button."""
        query = updates[0].callback_query
        if query is not None:
            await self._verdicts.take(query)
            return
        messages = [update.message for update in updates if update.message is not None]
        read = [
            read_message(message, max_image=self._settings.max_image, name=self._calls.own_name)
            for message in messages
        ]
        asks = sorted((ask for ask in read if ask is not None), key=lambda ask: ask.message_id)
        if not asks:
            return
        async with self._turns.of(asks[0].chat_id):
            await self._send(asks[0], await self._reply(asks))

    async def _reply(self, asks: Sequence[Ask]) -> Reply:
        try:
            if len(asks) > 1:
                return await self._album(asks)
            return await self._single(asks[0])
        except (TelegramNotFound, TelegramUnauthorizedError):
            raise
        except Exception as error:
            log.error("a message was answered with an apology (%s)", type(error).__name__)
            return Reply(say(asks[0].language, "failed"))

    async def _single(self, ask: Ask) -> Reply:
        if ask.kind is not Kind.POST:
            return Reply(self._phrase(ask))
        async with self._places:
            post, problem = await self._post(ask, ask.text)
            answer = await self._predictor.predict([post], ask.language) if problem is None else BotAnswer(())
        if problem is not None:
            return Reply(problem)
        prediction = answer.predictions[0]
        if not prediction.ok:
            return Reply(self._not_predicted(ask))
        main = self._predictor.main
        text = post_text(prediction, main, ask.language, answer.explanation)
        return Reply(text, answer.picture, (main, prediction[main].label))

    async def _album(self, asks: Sequence[Ask]) -> Reply:
        language, caption = asks[0].language, next((ask.text for ask in asks if ask.text), "")
        problems: dict[int, str] = {}
        posts: list[Post] = []
        async with self._places:
            for number, ask in enumerate(asks):
                post, problem = await self._post(ask, ask.text or caption)
                posts.append(post)
                if problem is not None:
                    problems[number] = problem
            answer = await self._predictor.predict(posts, language)
        for number, prediction in enumerate(answer.predictions):
            if not prediction.ok:
                problems.setdefault(number, self._not_predicted(asks[number]))
        text = album_text(
            answer.predictions, self._predictor.main, language, caption=bool(caption), problems=problems
        )
        return Reply(text, answer.picture)

    async def _post(self, ask: Ask, text: str) -> tuple[Post, str | None]:
        """Return the post, and what to say where there is none (the post is blank then)."""
        if ask.kind is not Kind.POST:
            return Post(), self._phrase(ask)
        if ask.file_id is None:
            return Post(text=text), None
        try:
            picture = await self._calls.download(ask.file_id, most=self._settings.max_image)
        except FileTooLargeError:
            return Post(), self._phrase(ask, "too_large")
        except (FileGoneError, *PASSING):
            return Post(), self._phrase(ask, "gone")
        return Post(text=text or None, image=picture), None

    def _phrase(self, ask: Ask, key: str | None = None) -> str:
        """Return what is said of a message that is no post."""
        phrase = say(ask.language, key or ask.kind.value, most=self._settings.max_image // _MEGABYTE)
        if ask.kind is Kind.PRIVACY and self._settings.feedback is not None:
            more = "privacy_keep" if self._settings.keep_posts else "privacy_feedback"
            phrase += "\n\n" + say(ask.language, more)
        return phrase

    def _not_predicted(self, ask: Ask) -> str:
        reads_pictures = self._predictor.classifier.info.image is not None
        return say(ask.language, "broken" if ask.file_id is not None and reads_pictures else "unreadable")

    async def _send(self, ask: Ask, reply: Reply) -> None:
        """Send a reply, in one message: it is there or not. A refusal for good is noted, and that is it."""
        to = ReplyParameters(message_id=ask.message_id, allow_sending_without_reply=True)
        buttons, text = self._buttons(ask.language, reply), reply.text
        if buttons is not None and self._settings.keep_posts:
            text += "\n\n" + say(ask.language, "keeps")
        if reply.picture is not None:
            photo = BufferedInputFile(reply.picture, "posthue.jpg")
            caption = fitting(text, MOST_CAPTION)
            try:
                await self._calls.call(
                    SendPhoto(
                        chat_id=ask.chat_id,
                        photo=photo,
                        caption=caption,
                        reply_parameters=to,
                        reply_markup=buttons,
                    )
                )
                return
            except (TelegramBadRequest, TelegramEntityTooLarge):
                log.info("a picture was refused; its words are sent alone")
            except TelegramForbiddenError:
                log.info("a reply was refused for good")
                return
        try:
            words = fitting(text, MOST_TEXT)
            await self._calls.call(
                SendMessage(chat_id=ask.chat_id, text=words, reply_parameters=to, reply_markup=buttons)
            )
        except (TelegramBadRequest, TelegramForbiddenError) as error:
            log.info("a reply was refused for good (%s)", type(error).__name__)

    def _buttons(self, language: str, reply: Reply) -> InlineKeyboardMarkup | None:
        if self._settings.feedback is None or reply.verdict_on is None:
            return None
        data = {key: button_data(key[0], *reply.verdict_on) for key in ("right", "wrong")}
        row = [
            InlineKeyboardButton(text=say(language, key), callback_data=value)
            for key, value in data.items()
            if value is not None
        ]
        return InlineKeyboardMarkup(inline_keyboard=[row]) if row else None


class _Turns:
    """One lock per chat, for as long as somebody wants it."""

    def __init__(self) -> None:
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._wanted: Counter[int] = Counter()

    @asynccontextmanager
    async def of(self, chat_id: int) -> AsyncIterator[None]:
        """Wait for the chat's turn."""
        self._wanted[chat_id] += 1
        try:
            async with self._locks[chat_id]:
                yield
        finally:
            self._wanted[chat_id] -= 1
            if not self._wanted[chat_id]:
                del self._wanted[chat_id], self._locks[chat_id]
