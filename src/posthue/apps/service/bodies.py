"""Reading the bodies of requests, none larger than its limit and all of them together within a budget.

Bodies stay in memory: nothing that a client sends is written to disk here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from posthue.apps.service.problems import ApiError, busy, too_large, unreadable

_FIELDS = 16


@dataclass(slots=True)
class ByteBudget:
    """How many bytes of bodies are in memory together. Used from the event loop only."""

    limit: int
    used: int = 0

    def take(self, count: int) -> None:
        """Reserve room; raise ApiError 503 where there is none."""
        if self.used + count > self.limit:
            raise busy("the server holds as many bytes of requests as it can; try again soon")
        self.used += count

    def release(self, count: int) -> None:
        """Return room."""
        self.used -= count


@asynccontextmanager
async def read_body(
    request: Request, *, limit: int, seconds: float, budget: ByteBudget
) -> AsyncIterator[bytes]:
    """Yield the whole body; raise ApiError.

    413 above ``limit`` bytes, also without a content-length; 408 when it comes too slowly; 503 without room.
    """
    chunks: list[bytes] = []
    size = 0
    try:
        async with aclosing(limited_stream(request, limit=limit, seconds=seconds)) as stream:
            async for chunk in stream:
                budget.take(len(chunk))
                size += len(chunk)
                chunks.append(chunk)
        yield b"".join(chunks)
    finally:
        budget.release(size)


async def limited_stream(request: Request, *, limit: int, seconds: float) -> AsyncGenerator[bytes, None]:
    """Yield the body in chunks; raise ApiError 413 or 408 as soon as that is known."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise _more_than(limit)
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise _more_than(limit)
                yield chunk
    except TimeoutError:
        raise ApiError(
            408, "too_slow", f"the body did not come within {seconds:g} s", {"Connection": "close"}
        ) from None


def _more_than(limit: int) -> ApiError:
    return too_large(f"the request has more than {limit:,} bytes, which is the limit")


class _InMemoryParser(MultiPartParser):
    """Starlette's parser writes parts above 1 MB to temporary files; here the body's limit bounds memory."""

    spool_max_size = 1 << 40


async def form_fields(headers: Headers, body: bytes) -> dict[str, str | bytes]:
    """Return the fields of a multipart form: str for fields, bytes for files; raise ApiError 422."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = _InMemoryParser(
        headers, stream(), max_files=4, max_fields=_FIELDS, max_part_size=max(1, len(body))
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise unreadable(f"the form cannot be read: {error.message}") from None
    fields: dict[str, str | bytes] = {}
    try:
        for name, value in form.multi_items():
            if name in fields:
                raise unreadable(f"the form has the field {name[:60]!r} more than once")
            fields[name] = await value.read() if isinstance(value, UploadFile) else value
    finally:
        await form.close()
    return fields
