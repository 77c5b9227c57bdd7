"""The routes of version 1 of the API, and those for the people who run the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from posthue.apps.service.metrics import CONTENT_TYPE
from posthue.apps.service.problems import json_response
from posthue.apps.service.requests import body_of, explain_body, predict_body, service_of
from posthue.apps.service.schemas import (
    BatchIn,
    BatchOut,
    ExplainForm,
    ExplainIn,
    PostForm,
    PostIn,
    PredictionOut,
    ProblemOut,
)
from posthue.posts import Post, Prediction
from posthue.runtime.bundle.facts import bundle_facts

router = APIRouter()

_WHY = {
    401: "The API key is missing or wrong.",
    408: "The body came too slowly.",
    413: "More than a limit of the server.",
    415: "Neither JSON nor a form.",
    422: "The request cannot be read, is not a picture, or the post cannot be predicted.",
    503: "Too much to do now; Retry-After says when to come again.",
}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemOut, "description": text} for status, text in _WHY.items()
}


def _takes(*, json: type, form: type | None = None) -> dict[str, Any]:
    content = {"application/json": {"schema": _inlined(json)}}
    if form is not None:
        content["multipart/form-data"] = {"schema": _inlined(form)}
    return {"requestBody": {"required": True, "content": content}}


def _inlined(model: Any) -> dict[str, Any]:
    """Return the model's schema without references, which FastAPI would look for elsewhere."""
    schema: dict[str, Any] = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    if "posts" in schema.get("properties", {}):
        schema["properties"]["posts"]["items"] = definitions["PostIn"]
    return schema


@router.post(
    "/v1/predict",
    response_model=PredictionOut,
    responses=_PROBLEMS,
    openapi_extra=_takes(json=PostIn, form=PostForm),
    summary="Predict one post",
)
async def predict(request: Request) -> Response:
    """Return the emotion that a post expresses: labels, probabilities, and the shares of text and image."""
    async with body_of(request) as body:
        return json_response((await predict_body(request, body)).to_dict())


@router.post(
    "/v1/predict/batch",
    response_model=BatchOut,
    responses=_PROBLEMS,
    openapi_extra=_takes(json=BatchIn),
    summary="Predict many posts",
)
async def predict_batch(request: Request) -> Response:
    """Return one prediction per post, in order. A post that cannot be predicted has its ``error`` said."""
    service = service_of(request)
    async with body_of(request) as body:
        items = await service.incoming.batch(request.headers, body)
        posts = [post for post in items if isinstance(post, Post)]
        predictions = iter(await service.predict(posts, bulk=True))
        service.count([item for item in items if isinstance(item, Prediction)])
    return json_response(
        {"predictions": [(next(predictions) if isinstance(item, Post) else item).to_dict() for item in items]}
    )


@router.post(
    "/v1/explain",
    responses=_PROBLEMS,
    openapi_extra=_takes(json=ExplainIn, form=ExplainForm),
    summary="Say why",
)
async def explain(request: Request) -> Response:
    """Return which words and which parts of the picture speak for a label, and what each modality says."""
    async with body_of(request) as body:
        return json_response((await explain_body(request, body)).to_dict())


@router.get("/v1/model", summary="What the model is")
async def model(request: Request) -> Response:
    """Return the facts of the bundle, without the paths of the machine, and the limits of this server."""
    service = service_of(request)
    facts = bundle_facts(service.classifier.engine.bundle)
    public = {name: value for name, value in facts.items() if name not in ("folder", "model card")}
    settings = service.settings
    names: Sequence[str] = ("max_text", "max_image", "max_pixels", "max_batch", "max_body", "timeout")
    limits = {name: getattr(settings, name) for name in names}
    return json_response({**public, "limits": limits, "fetches_urls": settings.fetch_urls})


@router.get("/healthz", summary="Is the process alive?", response_class=PlainTextResponse)
async def healthz() -> PlainTextResponse:
    """Return 200 as long as the process answers."""
    return PlainTextResponse("alive\n")


@router.get(
    "/readyz",
    summary="Can it take work?",
    response_class=PlainTextResponse,
    responses={503: {"description": "Starting or stopping.", "content": {"text/plain": {}}}},
)
async def readyz(request: Request) -> PlainTextResponse:
    """Return 200 when the model is loaded and the server is not stopping; else 503."""
    ready = service_of(request).ready
    return PlainTextResponse("ready\n" if ready else "not ready\n", status_code=200 if ready else 503)


@router.get("/metrics", summary="Counters for Prometheus", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Return counters: requests by route and status, times, posts, batch sizes, posts that wait."""
    service = service_of(request)
    return Response(service.metrics.text(queued=service.batcher.depth), media_type=CONTENT_TYPE)
