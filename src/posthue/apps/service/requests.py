"""From a request to its answer, for API and pages alike: the service, the body, what the model says."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from posthue.apps.service.bodies import read_body
from posthue.apps.service.problems import ApiError
from posthue.apps.service.service import Service
from posthue.posts import Prediction

if TYPE_CHECKING:
    from posthue.runtime.explain import Explanation

Result = TypeVar("Result")


def service_of(request: Request) -> Service:
    """Return the service of the app that got the request."""
    service: Service = request.app.state.service
    return service


def body_of(request: Request) -> AbstractAsyncContextManager[bytes]:
    """Return the body of a request, within the limits."""
    service = service_of(request)
    settings = service.settings
    return read_body(request, limit=settings.max_body, seconds=settings.body_timeout, budget=service.budget)


async def predict_body(request: Request, body: bytes) -> Prediction:
    """Return the prediction of the post in the body; raise ApiError, 422 where it cannot be predicted."""
    service = service_of(request)
    post = await service.incoming.post(request.headers, body)
    (prediction,) = await service.predict([post])
    if prediction.error is not None:
        raise ApiError(422, "not_predicted", prediction.error)
    return prediction


async def explain_body(request: Request, body: bytes) -> Explanation:
    """Return the explanation of the post in the body; raise ApiError, ClientDisconnect."""
    service = service_of(request)
    post, scheme, label = await service.incoming.explain(request.headers, body)
    return await while_connected(request, service.explain(post, scheme=scheme, label=label))


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Return what ``work`` returns; cancel it and raise ClientDisconnect when the client goes away.

    The body of the request must have been read.
    """
    running = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait((running, gone), return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            raise ClientDisconnect
        return await running
    finally:
        running.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
