"""What every request passes: the key, the clock, and the headers that browsers heed."""

from __future__ import annotations

import base64
import binascii
import hmac
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from posthue.apps.service.metrics import Metrics
from posthue.apps.service.problems import ApiError, problem_response

OPEN_PATHS = ("/healthz", "/readyz")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "geolocation=(), microphone=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Gate:
    """ASGI middleware: asks for the key, counts, sets headers, and answers what nobody else caught.

    The key comes as ``Authorization: Bearer KEY`` or ``X-API-Key: KEY``; a browser is asked for it as the
    password of HTTP basic authentication, with any user name.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, api_key: str | None) -> None:
        self._app = app
        self._metrics = metrics
        self._key = api_key.encode() if api_key is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _set_headers(MutableHeaders(scope=message))
            await send(message)

        try:
            if self._may_pass(scope):
                await self._app(scope, receive, send_on)
            else:
                await _ask_for_key()(scope, receive, send_on)
        finally:
            self._metrics.request(_route(scope), status or 499, perf_counter() - started)

    def _may_pass(self, scope: Scope) -> bool:
        if self._key is None or scope["path"] in OPEN_PATHS or scope["method"] == "OPTIONS":
            return True
        key = _key_of(Headers(scope=scope))
        return key is not None and hmac.compare_digest(key, self._key)


def _set_headers(headers: MutableHeaders) -> None:
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("Cache-Control", "no-store")


def _key_of(headers: Headers) -> bytes | None:
    if (key := headers.get("x-api-key")) is not None:
        return key.encode("latin-1", "replace")
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip().encode("latin-1", "replace")
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return None
    return None


def _ask_for_key() -> ASGIApp:
    challenge = {"WWW-Authenticate": 'Basic realm="posthue", charset="UTF-8"', "Connection": "close"}
    return problem_response(
        ApiError(401, "no_key", "the API key is missing or wrong: Authorization: Bearer KEY", challenge)
    )


def _route(scope: Scope) -> str:
    """The template of the route, never the path: paths are chosen by clients, and there is no end of them."""
    return getattr(scope.get("route"), "path", None) or "other"
