"""A Bot API server of our own, over real HTTP, with faults. What it takes and gives is kept in memory."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import ClientSession, web

T = TypeVar("T")
TOKEN = "424242:AAfake-Token_of-the-tests0123456789"
SENDING = ("sendMessage", "sendPhoto")


@dataclass(frozen=True)
class Sent:
    """One message that the bot sent, as the fields of its form. picture: the uploaded bytes."""

    method: str
    fields: Mapping[str, str]
    picture: bytes | None = None

    @property
    def chat_id(self) -> int:
        return int(self.fields["chat_id"])

    @property
    def text(self) -> str:
        return self.fields.get("caption") or self.fields.get("text", "")

    @property
    def replied_to(self) -> int:
        return int(json.loads(self.fields["reply_parameters"])["message_id"])

    @property
    def buttons(self) -> list[dict[str, str]]:
        markup = json.loads(self.fields.get("reply_markup") or "{}")
        return [button for row in markup.get("inline_keyboard", []) for button in row]


#: Given (method, number of its calls so far), says what goes wrong; None: nothing.
#: ("flood", seconds), ("error", status), ("garbage",), ("drop",): before anything is done;
#: ("lost",): done, but the answer never arrives. ("refuse", status): for good.
Faults = Callable[[str, int], tuple[Any, ...] | None]


@dataclass
class FakeBotApi:
    token: str = TOKEN
    updates: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)  # file sizes that getFile tells, if not the true ones
    sent: list[Sent] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    fields: dict[str, dict[str, str]] = field(default_factory=dict)  # of the last call of each method
    faulted: Counter[str] = field(default_factory=Counter)
    faults: Faults = lambda method, number: None
    confirmed: int = 0
    port: int = 0
    on_sent: Callable[[Sent], None] = lambda sent: None

    def __enter__(self) -> FakeBotApi:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._news = asyncio.Event()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._run(self._start())

    def stop(self) -> None:
        """Answer what came, and refuse new connections."""
        self._run(self._stop())

    def put(self, *updates: dict[str, Any]) -> None:
        """Give updates to the bot; those without a number get the next ones."""

        def add() -> None:
            for update in updates:
                self.updates.append({"update_id": 1000 + self.confirmed + len(self.updates)} | update)
            self._news.set()

        self._loop.call_soon_threadsafe(add)

    def wait(self, true: Callable[[], object], seconds: float = 150) -> None:
        """Wait until something is true."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"in vain; sent {[one.text[:60] for one in self.sent]}"
            time.sleep(0.02)

    def push(self, url: str, update: object, secret: str | None) -> int:
        """Send an update to the bot's webhook; return the status."""

        async def post() -> int:
            headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
            data = update if isinstance(update, bytes) else json.dumps(update)
            async with ClientSession() as session, session.post(url, data=data, headers=headers) as answer:
                return answer.status

        return self._run(post())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _stop(self) -> None:
        self._stopping = True
        self._news.set()
        await self._runner.cleanup()

    async def _start(self) -> None:
        self._stopping = False
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{path:.*}", self._file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=3.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        if request.match_info["token"] != self.token:
            return _refusal(401, "Unauthorized")
        form, picture = await _form(request)
        self.calls[method] += 1
        fault = self.faults(method, self.calls[method])
        if fault is not None:
            self.faulted[fault[0]] += 1
            if fault[0] != "lost":
                return _broken(request, fault)
        self.fields[method] = form
        result = await self._result(method, form, picture)
        if isinstance(result, web.Response):
            return result
        if fault is not None:
            return _broken(request, ("drop",))
        return web.json_response({"ok": True, "result": result})

    async def _result(self, method: str, form: dict[str, str], picture: bytes | None) -> Any:
        if method == "getMe":
            return {"id": 424242, "is_bot": True, "first_name": "hue", "username": "hue_bot"}
        if method == "getUpdates":
            return await self._updates(form)
        if method == "getFile":
            return self._found(form["file_id"])
        if method in SENDING:
            sent = Sent(method, form, picture)
            self.sent.append(sent)
            self.on_sent(sent)
            chat = {"id": sent.chat_id, "type": "private"}
            return {"message_id": 50_000 + len(self.sent), "date": 1, "chat": chat, "text": "…"}
        return True

    async def _updates(self, form: dict[str, str]) -> list[dict[str, Any]]:
        offset = int(form.get("offset") or 0)
        before = len(self.updates)
        self.updates[:] = [
            u for u in self.updates if not isinstance(u["update_id"], int) or u["update_id"] >= offset
        ]
        self.confirmed += before - len(self.updates)
        end = time.monotonic() + int(form.get("timeout") or 0)
        while not self.updates and not self._stopping and time.monotonic() < end:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), max(0.01, end - time.monotonic()))
            except TimeoutError:
                break
        return self.updates[: int(form.get("limit") or 100)]

    def _found(self, file_id: str) -> Any:
        if file_id not in self.files:
            return _refusal(400, "Bad Request: wrong file_id")
        size = self.sizes.get(file_id, len(self.files[file_id]))
        if size > 20 * 2**20:
            return _refusal(400, "Bad Request: file is too big")
        return {
            "file_id": file_id,
            "file_unique_id": file_id,
            "file_size": size,
            "file_path": f"photos/{file_id}",
        }

    async def _file(self, request: web.Request) -> web.StreamResponse:
        self.calls["file"] += 1
        fault = self.faults("file", self.calls["file"])
        if fault is not None:
            self.faulted[f"file {fault[0]}"] += 1
            return _broken(request, fault)
        return web.Response(body=self.files[request.match_info["path"].removeprefix("photos/")])


async def _form(request: web.Request) -> tuple[dict[str, str], bytes | None]:
    form, picture = {}, None
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            picture = value.file.read()
        else:
            form[name] = str(value)
    return form, picture


def _refusal(status: int, said: str, **more: Any) -> web.Response:
    return web.json_response({"ok": False, "error_code": status, "description": said} | more, status=status)


def _broken(request: web.Request, fault: tuple[Any, ...]) -> web.StreamResponse:
    if fault[0] == "flood":
        said = f"Too Many Requests: retry after {fault[1]}"
        return _refusal(429, said, parameters={"retry_after": fault[1]})
    if fault[0] in ("error", "refuse"):
        return _refusal(
            fault[1], "Internal Server Error" if fault[0] == "error" else "Forbidden: bot was blocked"
        )
    if fault[0] == "garbage":
        return web.Response(
            text="<html><h1>502 Bad Gateway</h1></html>", status=502, content_type="text/html"
        )
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
