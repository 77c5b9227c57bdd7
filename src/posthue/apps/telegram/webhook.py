"""Updates that Telegram sends: each request is answered when its update is answered, or else comes again."""

from __future__ import annotations

import asyncio
import json
import secrets

from aiohttp import web

from posthue.apps.telegram.incoming import update_id_of
from posthue.apps.telegram.intake import Intake
from posthue.apps.telegram.settings import BotSettings
from posthue.errors import InputError

HEADER = "X-Telegram-Bot-Api-Secret-Token"
_MOST_BYTES = 2**20
_HOLD = 45.0  # seconds; Telegram waits about a minute, then sends the update again


class Webhook:
    """Listens for Telegram, behind a proxy that speaks TLS."""

    def __init__(self, intake: Intake, settings: BotSettings, secret: str) -> None:
        self._intake = intake
        self._settings = settings
        self._secret = secret.encode()
        self._refusing = False
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_post(settings.webhook_path, self._receive)
        app.router.add_get("/healthz", self._healthy)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=5.0)

    async def start(self) -> int:
        """Listen; return the port. Raises InputError where that cannot be."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port)
        try:
            await site.start()
        except OSError as error:
            where = f"{self._settings.host}:{self._settings.port}"
            raise InputError(f"cannot listen on {where} ({error.strerror}); choose another --port") from None
        return int(self._runner.addresses[0][1])

    def refuse(self) -> None:
        """Take no more updates: Telegram sends them again later."""
        self._refusing = True

    async def close(self) -> None:
        """Stop listening, when the requests in work are answered."""
        await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        secret = request.headers.get(HEADER, "").encode("utf-8", "surrogateescape")
        if not secrets.compare_digest(secret, self._secret):
            return web.Response(status=401)
        try:
            raw = json.loads(await request.read())
        except (ValueError, RecursionError):
            return web.Response(status=400)
        update_id = update_id_of(raw)
        if update_id is None:
            return web.Response(status=400)
        full = self._refusing or self._intake.in_work >= self._settings.max_waiting
        if full and self._intake.is_new(update_id):
            return web.Response(status=503, headers={"Retry-After": "3"})
        done = await self._intake.accept(raw)
        return web.Response(status=200 if done is None or await _answered_in_time(done) else 503)

    async def _healthy(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")


async def _answered_in_time(done: asyncio.Future[bool]) -> bool:
    """Return whether the update was answered while the request was held."""
    try:
        return await asyncio.wait_for(asyncio.shield(done), _HOLD)
    except TimeoutError:
        return False
