"""The bot as a whole: from its start to the last answer after the signal to stop."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramAPIError, TelegramNotFound, TelegramUnauthorizedError
from aiogram.methods import DeleteWebhook, GetMe, SetMyCommands, SetWebhook
from aiogram.types import BotCommand

from posthue.apps.telegram.answering import Answering
from posthue.apps.telegram.calls import PASSING, Calls
from posthue.apps.telegram.feedback import FeedbackFile
from posthue.apps.telegram.intake import Intake
from posthue.apps.telegram.journal import Journal
from posthue.apps.telegram.polling import ALLOWED, confirm, poll, unless
from posthue.apps.telegram.predictor import Predictor
from posthue.apps.telegram.scrubbing import log
from posthue.apps.telegram.settings import BotSettings, default_journal
from posthue.apps.telegram.texts import LANGUAGES, say
from posthue.apps.telegram.verdicts import Verdicts
from posthue.apps.telegram.webhook import Webhook
from posthue.errors import InputError
from posthue.runtime.classifier import PostClassifier

_SHORT_CALL = 10

#: Called with a line for the operator when the bot is ready.
Ready = Callable[[str], None]
#: Takes updates until the bot is stopped, and finishes them.
Serve = Callable[[Calls, Intake, BotSettings, Ready, asyncio.Event], Awaitable[None]]


async def run(
    token: str, classifier: PostClassifier, settings: BotSettings, *, secret: str | None, ready: Ready
) -> None:
    """Run until SIGTERM or SIGINT, then finish what was accepted.

    Raises InputError for a token that Telegram does not know, or a file or port that cannot be used.
    """
    asyncio.get_running_loop().set_exception_handler(_note_error)
    stop = _stopping()
    file = None
    if settings.feedback is not None:
        model = classifier.info.name
        file = FeedbackFile(settings.feedback, model=model, keep_posts=settings.keep_posts)
    predictor = Predictor(classifier, explain=settings.explain)
    session = AiohttpSession(api=TelegramAPIServer.from_base(settings.api_url))
    try:
        with Journal(settings.journal or default_journal(token)) as journal:
            async with Bot(token, session=session) as bot:
                calls = Calls(bot, patience=settings.patience)
                verdicts = Verdicts(calls, classifier.schemes, settings, file)
                answering = Answering(calls, predictor, settings, verdicts)
                intake = Intake(journal, answering.answer, album_seconds=settings.album_seconds)
                serve = _by_polling if settings.webhook_url is None else _by_webhook(settings, secret)
                await _serve(calls, intake, settings, serve, ready, stop)
    finally:
        predictor.close()


async def _serve(
    calls: Calls, intake: Intake, settings: BotSettings, serve: Serve, ready: Ready, stop: asyncio.Event
) -> None:
    try:
        name = await unless(stop, _introduce(calls))
        if name is not None:
            await serve(calls, intake, settings, lambda how: ready(f"@{name} answers ({how})"), stop)
    except (TelegramUnauthorizedError, TelegramNotFound):
        raise InputError("Telegram does not know the bot's token: ask @BotFather") from None
    except (TelegramAPIError, *PASSING) as error:
        raise InputError(f"the Bot API does not answer as expected ({type(error).__name__})") from None


async def _by_polling(
    calls: Calls, intake: Intake, settings: BotSettings, ready: Ready, stop: asyncio.Event
) -> None:
    if await unless(stop, calls.call(DeleteWebhook(drop_pending_updates=False))) is None:
        return
    ready("long polling")
    try:
        await poll(calls.bot, intake, stop, seconds=settings.poll_seconds)
    finally:
        _tell_left(await intake.finish(settings.grace))
    await confirm(calls.bot, intake)


def _by_webhook(settings: BotSettings, secret: str | None) -> Serve:
    chosen = secret or secrets.token_urlsafe(32)

    async def serve(calls: Calls, intake: Intake, _: BotSettings, ready: Ready, stop: asyncio.Event) -> None:
        webhook = Webhook(intake, settings, chosen)
        port = await webhook.start()
        try:
            registration = SetWebhook(
                url=settings.webhook_url or "", secret_token=chosen, allowed_updates=ALLOWED
            )
            if await unless(stop, calls.call(registration)) is not None:
                ready(f"webhook, port {port}")
                await stop.wait()
        finally:
            webhook.refuse()
            _tell_left(await intake.finish(settings.grace))
            await webhook.close()

    return serve


async def _introduce(calls: Calls) -> str:
    """Return the bot's name, and tell Telegram its commands, where that works at once."""
    me = await calls.call(GetMe(), seconds=_SHORT_CALL)
    calls.own_name = me.username
    for language in LANGUAGES:
        code = None if language == "en" else language
        commands = [
            BotCommand(command=name, description=say(language, f"command_{name}"))
            for name in ("help", "privacy")
        ]
        try:
            await calls.bot(SetMyCommands(commands=commands, language_code=code), request_timeout=_SHORT_CALL)
        except (TelegramUnauthorizedError, TelegramNotFound):
            raise
        except (TelegramAPIError, *PASSING) as error:
            log.info("the menu of commands was not set (%s)", type(error).__name__)
    return me.username or str(me.id)


def _note_error(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody waited for, by its kind: its words could be somebody's post."""
    log.error("%s (%s)", context.get("message"), type(context.get("exception")).__name__)


def _tell_left(left: int) -> None:
    if left:
        log.warning("%d updates are left for the next start: they were not answered in time", left)


def _stopping() -> asyncio.Event:
    """Return what is set by a signal to stop."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
