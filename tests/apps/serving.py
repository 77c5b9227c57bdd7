"""Parts of the server's tests: a classifier that waits, pictures, a real server in a thread, raw requests."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from PIL import Image

import posthue
from posthue.apps.server import create_app
from posthue.apps.service.settings import ServeSettings
from posthue.posts import Post, Prediction
from posthue.runtime.classifier import PostClassifier


def png(colour: str = "red", size: tuple[int, int] = (50, 40)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")
    return stream.getvalue()


class HeldEngine:
    """An engine that answers only when it is let go; it notes the sizes of its batches."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.bundle = engine.bundle
        self.go = threading.Event()
        self.at_work = threading.Event()
        self.batches: list[list[str | None]] = []

    def predict(self, posts: Sequence[Post]) -> list[Prediction]:
        if [post.text for post in posts] != ["what a day"]:  # the server's own first post
            self.at_work.set()
            assert self.go.wait(20)
            self.batches.append([post.text for post in posts])
        return list(self._engine.predict(posts))


def held_classifier(bundle: Path) -> tuple[PostClassifier, HeldEngine]:
    classifier = posthue.load(bundle, threads=1)
    engine = HeldEngine(classifier.engine)
    classifier.engine = engine  # type: ignore[assignment]
    return classifier, engine


@contextmanager
def running(classifier: PostClassifier, settings: ServeSettings | None = None, **more: Any) -> Iterator[int]:
    """Serve on a free port of this machine; yields the port."""
    app = create_app(classifier, settings, **more)
    config = uvicorn.Config(app, log_level="critical", ws="none", timeout_graceful_shutdown=20)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                thread.join(0.02)
                assert thread.is_alive()
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(30)


def exchange(port: int, request: bytes, *, then: bytes = b"", seconds: float = 10) -> bytes:
    """Send raw bytes, and return all that comes until the server closes or falls silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        found = b""
        try:
            connection.sendall(request)
            if then:
                connection.sendall(then)
            while chunk := connection.recv(65536):
                found += chunk
                if _is_whole(found):
                    break
        except (ConnectionResetError, BrokenPipeError, TimeoutError):
            pass
    return found


def _is_whole(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length")
    ]
    return bool(separator) and bool(lengths) and len(body) >= lengths[0]


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def json_request(value: object, path: str = "/v1/predict") -> bytes:
    body = json.dumps(value).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: x",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
