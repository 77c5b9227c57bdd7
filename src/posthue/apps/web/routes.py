"""The routes of the pages. What a script fetches is HTML made here, so there is one way to show a thing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import PurePosixPath

from anyio import open_file, to_thread
from fastapi import APIRouter, FastAPI, Request
from starlette.background import BackgroundTask
from starlette.datastructures import Headers
from starlette.responses import FileResponse, HTMLResponse, Response

from posthue.apps.service.bodies import form_fields, limited_stream
from posthue.apps.service.incoming import content_type
from posthue.apps.service.problems import ApiError, json_response, unreadable
from posthue.apps.service.requests import body_of, explain_body, predict_body, service_of
from posthue.apps.service.service import Service
from posthue.apps.web import about, explore, many, one, shell
from posthue.apps.web.jobs import Jobs, JobState, WebJob
from posthue.apps.web.uploads import check_name
from posthue.insight.page.shell import escaped

_UPLOAD_SECONDS = 900.0
_CACHED = {"Cache-Control": "private, max-age=86400, immutable"}
router = APIRouter(include_in_schema=False)


def add_pages(app: FastAPI, service: Service) -> None:
    """Add the pages to an application."""
    jobs = Jobs(service)
    service.parts.append(jobs)
    app.state.jobs = jobs
    app.include_router(router)


def _jobs(request: Request) -> Jobs:
    jobs: Jobs = request.app.state.jobs
    return jobs


def _from_own_page(request: Request) -> None:
    """Refuse what another site's page makes a browser send (browsers say so: Fetch Metadata)."""
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise ApiError(403, "other_site", "this is for the pages of this server only; programs use /v1")


@router.get("/")
async def one_post(request: Request) -> HTMLResponse:
    """Return the page for one post."""
    return shell.page("/", "One post", one.content(service_of(request).settings))


@router.post("/")
async def one_post_sent(request: Request) -> HTMLResponse:
    """Return the page with the result, for browsers without a script."""
    settings = service_of(request).settings
    text = ""
    try:
        async with _own_body(request) as body:
            text = await _text_of(request.headers, body)
            result = await _result(request, body)
    except ApiError as problem:
        page = one.content(settings, text=text, result=shell.alert(problem.message))
        return shell.page("/", "One post", page, status=problem.status)
    return shell.page("/", "One post", one.content(settings, text=text, result=result))


async def _text_of(headers: Headers, body: bytes) -> str:
    """The text of a form, to be shown in it again; empty where there is none."""
    if content_type(headers) != "multipart/form-data":
        return ""
    text = (await form_fields(headers, body)).get("text")
    return text if isinstance(text, str) else ""


@router.post("/predict")
async def predict_part(request: Request) -> HTMLResponse:
    """Return the result alone, for the script."""
    try:
        async with _own_body(request) as body:
            return HTMLResponse(await _result(request, body))
    except ApiError as problem:
        return _alert(problem)


@router.post("/why")
async def why_part(request: Request) -> HTMLResponse:
    """Return the explanation alone, for the script."""
    try:
        async with _own_body(request) as body:
            explanation = await explain_body(request, body)
        return HTMLResponse(await to_thread.run_sync(one.why, explanation))
    except ApiError as problem:
        return _alert(problem)


@asynccontextmanager
async def _own_body(request: Request) -> AsyncIterator[bytes]:
    """Yield the body of a request that comes from a page of ours; raise ApiError 403 for others."""
    _from_own_page(request)
    async with body_of(request) as body:
        yield body


async def _result(request: Request, body: bytes) -> str:
    return one.result(await predict_body(request, body), service_of(request).classifier.schemes)


def _alert(problem: ApiError) -> HTMLResponse:
    message = problem.message.removeprefix("picture: ")
    return HTMLResponse(shell.alert(message), status_code=problem.status, headers=problem.headers)


@router.get("/posts")
async def many_posts(request: Request) -> HTMLResponse:
    """Return the page for many posts."""
    return shell.page("/posts", "Many posts", many.content(service_of(request).settings))


@router.post("/posts/upload")
async def upload(request: Request) -> Response:
    """Take a file as the raw body; ``name`` and ``as`` are in the query. Returns the id of the job."""
    _from_own_page(request)
    name = PurePosixPath(request.query_params.get("name", "").replace("\\", "/")).name[:120]
    jobs = _jobs(request)
    check_name(name)
    job = jobs.open(name, request.query_params.get("as", "csv"))
    try:
        await _store(request, job, PurePosixPath(name).suffix.lower())
    except BaseException:
        jobs.delete(job.id)
        raise
    return json_response({"id": job.id}, status=202)


async def _store(request: Request, job: WebJob, ending: str) -> None:
    limit = service_of(request).settings.max_upload
    path = job.folder / f"upload{ending}"
    size = 0
    chunks = limited_stream(request, limit=limit, seconds=_UPLOAD_SECONDS)
    async with aclosing(chunks), await open_file(path, "wb") as file:
        async for chunk in chunks:
            size += len(chunk)
            await file.write(chunk)
    if not size:
        raise unreadable("the file is empty")
    _jobs(request).run(job, path)


@router.post("/posts/examples")
async def examples(request: Request) -> Response:
    """Predict the example posts that ship with posthue."""
    from posthue.examples import POSTS  # noqa: PLC0415

    _from_own_page(request)
    jobs = _jobs(request)
    job = jobs.open("example posts", request.query_params.get("as", "csv"))
    jobs.run(job, POSTS, trusted=True)
    return json_response({"id": job.id}, status=202)


@router.get("/posts/jobs/{key}")
async def job_state(request: Request, key: str) -> Response:
    """Return how far a job is, and what came of it when it is done."""
    job = _jobs(request).find(key)
    html = many.outcome(job) if job.state is JobState.DONE else ""
    if job.state is JobState.FAILED:
        html = shell.alert(job.message)
    return json_response(
        {"state": str(job.state), "done": job.done, "total": job.total, "message": job.message, "html": html}
    )


@router.delete("/posts/jobs/{key}")
async def job_delete(request: Request, key: str) -> Response:
    """Stop a job, and delete everything of it."""
    _from_own_page(request)
    jobs = _jobs(request)
    await to_thread.run_sync(jobs.delete, jobs.find(key).id)
    return Response(status_code=204)


@router.get("/posts/jobs/{key}/result")
async def job_result(request: Request, key: str) -> Response:
    """Return the scored rows, whole or a range of them; the file stays until the job is deleted."""
    job = _jobs(request).find(key)
    if job.state is not JobState.DONE or not job.result.is_file():
        raise ApiError(404, "not_found", "there is no result: the upload is not scored yet, or cannot be")
    stem = PurePosixPath(job.name).stem or "posts"
    whole = None if "range" in request.headers else BackgroundTask(_note_fetched, job)
    return FileResponse(job.result, filename=f"{stem}.scored.{job.ending}", background=whole)


async def _note_fetched(job: WebJob) -> None:
    job.fetched = True


@router.get("/explore")
async def explore_page(request: Request) -> HTMLResponse:
    """Return the charts of a job; without one, how to get there."""
    key = request.query_params.get("job")
    if key is None:
        return shell.page("/explore", "Explore", explore.NOTHING)
    try:
        job = _jobs(request).find(key)
    except ApiError as problem:
        return shell.page("/explore", "Explore", shell.alert(problem.message) + explore.NOTHING, status=404)
    if job.state is not JobState.DONE:
        body = f'<p class="lead">{escaped(job.name, 100)} is not scored yet.</p>'
        return shell.page("/explore", "Explore", body, status=409)
    return shell.page("/explore", "Explore", await to_thread.run_sync(explore.content, job))


@router.get("/about")
async def about_page(request: Request) -> HTMLResponse:
    """Return the page about the model and this server."""
    return shell.page("/about", "About", about.content(service_of(request)))


@router.get("/static/style.css")
async def style() -> Response:
    """Return the style sheet of the pages."""
    return Response(shell.style().content, media_type="text/css", headers=_CACHED)


@router.get("/static/app.js")
async def script() -> Response:
    """Return the script of the pages."""
    return Response(shell.script().content, media_type="text/javascript", headers=_CACHED)
