"""The application: API and page around one classifier.

>>> from posthue.apps.server import create_app                     # doctest: +SKIP
>>> app = create_app(posthue.load())                                # doctest: +SKIP
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from posthue._version import __version__
from posthue.apps.api import routes
from posthue.apps.service.fetch import Fetcher
from posthue.apps.service.gate import Gate
from posthue.apps.service.problems import ApiError, problem_response
from posthue.apps.service.service import Service
from posthue.apps.service.settings import ServeSettings
from posthue.runtime.classifier import PostClassifier

_log = logging.getLogger("posthue.serve")
_DESCRIPTION = (
    "The emotion that a social-media post expresses, from its text, its picture, or both. "
    "Nothing that is sent is kept."
)


def create_app(
    classifier: PostClassifier, settings: ServeSettings | None = None, *, fetcher: Fetcher | None = None
) -> FastAPI:
    """Return the application; fetcher replaces the one that ``fetch_urls`` turns on."""
    settings = settings or ServeSettings()
    service = Service(classifier, settings, fetcher=fetcher)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await to_thread.run_sync(service.start)
        try:
            yield
        finally:
            await to_thread.run_sync(service.close)

    app = FastAPI(
        title="posthue",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        middleware=_middleware(service),
        redirect_slashes=False,
    )
    app.state.service = service
    app.include_router(routes.router)
    if settings.web:
        from posthue.apps.web.routes import add_pages  # noqa: PLC0415

        add_pages(app, service)
    app.add_exception_handler(ApiError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_error)
    return app


def _middleware(service: Service) -> list[Middleware]:
    settings = service.settings
    gate = Middleware(Gate, metrics=service.metrics, api_key=settings.api_key)
    if not settings.cors_origins:
        return [gate]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(settings.cors_origins),
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-API-Key"],
    )
    return [cors, gate]  # outside the gate, so that a page can read a 401


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return problem_response(error)


async def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "wrong_method"}.get(error.status_code, "refused")
    return problem_response(ApiError(error.status_code, code, str(error.detail), error.headers))


async def _on_disconnect(_: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # nobody reads it


async def _on_error(_: Request, error: Exception) -> Response:
    _log.error("a request failed: %s", type(error).__name__)  # the message may quote what was sent
    return problem_response(ApiError(500, "failed", "the server failed to answer; its log says more"))
