"""What goes over the wire, as pydantic models.

They check requests, and describe requests and answers in the OpenAPI document.
"""

from __future__ import annotations

import json
from typing import Annotated, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from posthue.apps.service.problems import ApiError, unreadable
from posthue.data.tables.readers.base import join_surrogates

Model = TypeVar("Model", bound=BaseModel)
_LONGEST_ID = 200
_MOST_IN_BATCH = 4096  # the server's own limit is lower, and says so
Text = Annotated[str, Field(description="The text of the post.", examples=["what a day"])]
Base64 = Annotated[str, Field(description="The picture, base64; a data: URI is taken too.")]
Url = Annotated[str, Field(max_length=2048, description="Where the picture is; only if the server fetches.")]
Id = Annotated[str, Field(max_length=_LONGEST_ID, description="Comes back in the answer.")]


class PostIn(BaseModel):
    """A post: a text, a picture, or both."""

    model_config = ConfigDict(extra="forbid")

    text: Text | None = None
    image: Base64 | None = None
    image_url: Url | None = None
    id: Id | None = None


class RefusedPost(PostIn):
    """In the place of a post of a batch that is not one. problem: why."""

    problem: str


def _or_refused(item: object, check: ValidatorFunctionWrapHandler) -> object:
    try:
        return check(item)
    except ValidationError as error:
        if not isinstance(item, dict):
            raise
        identity = item.get("id")
        usable = identity if isinstance(identity, str) and len(identity) <= _LONGEST_ID else None
        return RefusedPost(id=usable, problem=_problem(error).message)


class BatchIn(BaseModel):
    """Many posts, each checked by itself."""

    model_config = ConfigDict(extra="forbid")

    posts: Annotated[
        list[Annotated[PostIn, WrapValidator(_or_refused)]],
        Field(min_length=1, max_length=_MOST_IN_BATCH),
    ]


class ExplainIn(PostIn):
    """A post, and what is to be explained; the main scheme and the found label where left out."""

    scheme: Annotated[str, Field(max_length=100)] | None = None
    label: Annotated[str, Field(max_length=100)] | None = None


class PostForm(BaseModel):
    """A post as a multipart form."""

    text: Text | None = None
    image: Annotated[bytes, Field(json_schema_extra={"format": "binary"})] | None = None
    id: Id | None = None


class ExplainForm(PostForm):
    """A post to explain as a multipart form."""

    scheme: str | None = None
    label: str | None = None


class SchemeResultOut(BaseModel):
    """What one label scheme says of the post.

    by_modality: what text and image say alone. shares: how much of the decision each made. mixed: the two
    are confident of different labels.
    """

    label: str
    probabilities: dict[str, float]
    by_modality: dict[str, dict[str, float]]
    contributions: dict[str, float]
    shares: dict[str, float]
    mixed: bool


class PredictionOut(BaseModel):
    """One entry per label scheme of the model, beside these; none for a post that was not predicted."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, SchemeResultOut]

    id: str | None
    warnings: list[str]
    error: str | None


class BatchOut(BaseModel):
    """The predictions of a batch, in the order of its posts; a post that was not predicted has its error."""

    predictions: list[PredictionOut]


class ProblemOut(BaseModel):
    """Why there is no answer: a code for programs, a sentence for people."""

    error: str
    message: str


def parse(model: type[Model], body: bytes) -> Model:
    """Return the body as ``model``; raise ApiError, which does not repeat what was sent.

    Half an emoji, an escape such as \\ud83d where a program cut a text, becomes U+FFFD.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        mended = _mended(body) if error.errors(include_input=False)[0]["type"] == "json_invalid" else None
        if mended is None:
            raise _problem(error) from None
    try:
        return model.model_validate_json(mended)
    except ValidationError as error:
        raise _problem(error) from None


def _mended(body: bytes) -> bytes | None:
    """Return JSON without half characters; None where that is not all that is wrong with it."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return None
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    return join_surrogates(text).encode()


def _problem(error: ValidationError) -> ApiError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part)[:60] for part in first["loc"][:6])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return unreadable(f"{where}: {first['msg']}{more}" if where else f"{first['msg']}{more}")
