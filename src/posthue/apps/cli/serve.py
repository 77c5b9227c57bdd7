"""``posthue serve``: the REST API and the web page, on this machine."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING, Annotated

import typer

import posthue
from posthue.apps.cli.options import Model, Threads
from posthue.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import uvicorn

    from posthue.apps.service.settings import ServeSettings

KEY_VARIABLE = "POSTHUE_API_KEY"
_GRACE = 5  # seconds beside the time-out of a request, until what was accepted must be answered


def serve(
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0: every address of this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one.")] = 8000,
    model: Model = "default",
    threads: Threads = None,
    parallel_batches: Annotated[int, typer.Option(min=1, help="Batches that run at the same time.")] = 1,
    max_queue: Annotated[
        int, typer.Option(min=128, help="Most posts that wait; further ones get status 503.")
    ] = 512,
    timeout: Annotated[float, typer.Option(min=0.1, help="Time limit of a request in seconds.")] = 30.0,
    max_upload_mb: Annotated[
        int, typer.Option(min=1, help="Size limit of an uploaded table in megabytes.")
    ] = 200,
    cors: Annotated[
        list[str] | None, typer.Option(help="Origin whose pages may call the API; repeatable.")
    ] = None,
    fetch_urls: Annotated[
        bool, typer.Option("--fetch-urls", help="Fetch image_url from public addresses.")
    ] = False,
    web: Annotated[bool, typer.Option(help="Serve the web page beside the API.")] = True,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Log every request, never its body.")
    ] = False,
    proxy: Annotated[
        str | None, typer.Option(help="Address of the reverse proxy whose X-Forwarded headers are trusted.")
    ] = None,
) -> None:
    """Serve the REST API and the web page.

    Set POSTHUE_API_KEY to require an API key.
    """
    try:
        from posthue.apps.server import create_app
        from posthue.apps.service.settings import MEGABYTE, ServeSettings
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "fastapi", "serve") from None
    settings = ServeSettings(
        workers=parallel_batches,
        max_queue=max_queue,
        timeout=timeout,
        max_upload=max_upload_mb * MEGABYTE,
        api_key=_api_key(),
        cors_origins=_origins(cors or []),
        fetch_urls=fetch_urls,
        web=web,
    )
    app = create_app(posthue.load(model, threads=threads), settings)
    server = _server(app, settings, access_log=access_log, proxy=proxy)
    with _listen(host, port) as listening:
        typer.echo(_greeting(host, listening.getsockname()[1], settings), err=True)
        _end_quietly()
        server.run(sockets=[listening])


def _api_key() -> str | None:
    """Return the key without white space around it, which no header can carry; None: there is none."""
    key = os.environ.get(KEY_VARIABLE)
    return None if key is None else key.strip()


def _end_quietly() -> None:
    """Exit with 0 after a signal: uvicorn stops in order, then raises it again for the handler before."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 is any free one. Raises InputError where that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host}:{port} ({error.strerror}); choose another --port"
        ) from None


def _server(app: object, settings: ServeSettings, *, access_log: bool, proxy: str | None) -> uvicorn.Server:
    import uvicorn

    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        access_log=access_log,
        log_level="info" if access_log else "warning",
        server_header=False,
        ws="none",
        proxy_headers=proxy is not None,
        forwarded_allow_ips=proxy,
        timeout_graceful_shutdown=int(settings.timeout) + _GRACE,
        h11_max_incomplete_event_size=64 * 1024,
    )
    return uvicorn.Server(config)


def _origins(given: list[str]) -> tuple[str, ...]:
    for origin in given:
        if origin != "*" and not origin.startswith(("http://", "https://")):
            raise InputError(f"--cors {origin}: an origin begins with http:// or https://")
    return tuple(origin.rstrip("/") for origin in given)


def _greeting(host: str, port: int, settings: ServeSettings) -> str:
    shown = f"[{host}]" if ":" in host else host
    what = "page and API" if settings.web else "API"
    key = "asks for the API key" if settings.api_key else "open to everybody who reaches it"
    return f"posthue serves {what} at http://{shown}:{port}/ ({key}); Ctrl+C stops it"
