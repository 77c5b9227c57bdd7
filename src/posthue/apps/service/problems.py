"""What the server answers when it cannot do what was asked: a status, a code for programs, a sentence.

{"error": "too_large", "message": "the picture has 12,000,000 bytes; the limit is 10,485,760"}
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from starlette.responses import Response

JSON = "application/json"


class ApiError(Exception):
    """An answer that is not the one hoped for.

    code: what a program looks at. message: what a person reads. headers: Retry-After, and the like.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def unreadable(message: str) -> ApiError:
    """The request is not what the API takes: 422."""
    return ApiError(422, "unreadable", message)


def too_large(message: str) -> ApiError:
    """More than the limit: 413. The connection is closed, since the rest of the body is not read."""
    return ApiError(413, "too_large", message, {"Connection": "close"})


def busy(message: str, seconds: int = 1) -> ApiError:
    """The server has all the work that it can hold: 503, and when to come again."""
    return ApiError(503, "busy", message, {"Retry-After": str(seconds)})


def problem_response(problem: ApiError) -> Response:
    """Return the problem as JSON."""
    return json_response(
        {"error": problem.code, "message": problem.message}, status=problem.status, headers=problem.headers
    )


def json_response(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return plain data as JSON. Lone surrogates, which UTF-8 cannot hold, become question marks."""
    try:
        body = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        body = orjson.dumps(_encodable(value), option=orjson.OPT_NON_STR_KEYS)
    return Response(body, status_code=status, headers=dict(headers or {}), media_type=JSON)


def _encodable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list | tuple) else value
