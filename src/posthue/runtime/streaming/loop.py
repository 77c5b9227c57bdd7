"""Posts as they come, answers as soon as they may: json lines in, json lines out, with bounded delay.

    source.poll → up to ``batch`` messages, or what came within ``max_delay`` of the first → predicted
    together → sink.write → source.commit

A message is confirmed after its answer is written: what a crash in between loses is answered again, never
left out (at least once). A line that is no post becomes an answer with an ``error``.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from queue import Empty, Queue
from time import monotonic
from typing import Any, BinaryIO, Protocol

from posthue.posts import Post, Prediction
from posthue.runtime.classifier import PostClassifier
from posthue.runtime.streaming.lines import TOO_LONG, LineJoiner

_IDLE = 0.1  # seconds between looks at whether to stop
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Message:
    """One line as it came, and when (monotonic seconds).

    key: what a queue calls it by; becomes the id. error: why the line could not be taken in.
    """

    value: bytes
    at: float
    key: str | None = None
    error: str | None = None


class MessageSource(Protocol):
    """Where messages come from."""

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more."""

    def poll(self, timeout: float) -> Message | None:
        """Return the next message, waiting at most ``timeout`` seconds for it."""

    def commit(self) -> None:
        """Confirm every message that was polled."""

    def stop(self) -> None:
        """Take in nothing new; what was taken in is still polled."""


class MessageSink(Protocol):
    """Where answers go."""

    def write(self, lines: Sequence[str]) -> None:
        """Write the answers so that they are there when this returns."""


@dataclass(slots=True)
class StreamSummary:
    """What came through. slowest: seconds that an answer took from its arrival, at most."""

    posts: int = 0
    failed: int = 0
    slowest: float = 0.0


def run_stream(
    source: MessageSource,
    sink: MessageSink,
    classifier: PostClassifier,
    *,
    batch: int = 32,
    max_delay: float = 0.05,
    stopped: Callable[[], bool] = lambda: False,
) -> StreamSummary:
    """Answer messages in their order until the source ends, or until ``stopped`` and all read is answered.

    batch: messages predicted together at most. max_delay: seconds that a message waits for others, at most.
    """
    summary = StreamSummary()
    while True:
        if stopped():
            source.stop()
        messages = _gather(source, batch, max_delay)
        if messages:
            _answer(messages, sink, classifier, summary)
            source.commit()
        elif source.ended:
            return summary


def _gather(source: MessageSource, batch: int, max_delay: float) -> list[Message]:
    first = source.poll(_IDLE)
    if first is None:
        return []
    found, deadline = [first], first.at + max_delay
    while len(found) < batch:
        message = source.poll(max(0.0, deadline - monotonic()))  # late already: only what is there
        if message is None:
            break
        found.append(message)
    return found


def _answer(
    messages: Sequence[Message], sink: MessageSink, classifier: PostClassifier, summary: StreamSummary
) -> None:
    parsed = [parse_post(message) for message in messages]
    predicted = classifier.predict_many([post for post in parsed if isinstance(post, Post)])
    predictions = [next(predicted) if isinstance(post, Post) else post for post in parsed]
    sink.write([to_line(prediction) for prediction in predictions])
    now = monotonic()
    summary.posts += len(messages)
    summary.failed += sum(not prediction.ok for prediction in predictions)
    summary.slowest = max(summary.slowest, *(now - message.at for message in messages))


def parse_post(message: Message) -> Post | Prediction:
    """Return the post of a line, or a prediction that says what is wrong with the line.

    {"id": …, "text": …, "image": path, "image_base64": …}; what else the object holds is not read. A blank
    field is no text or no picture.
    """
    if message.error is not None:
        return Prediction(id=message.key, error=message.error)
    try:
        found = json.loads(message.value)
    except (ValueError, RecursionError) as error:
        return Prediction(id=message.key, error=f"the line is not JSON ({str(error)[:120]})")
    if not isinstance(found, dict):
        return Prediction(id=message.key, error='the line is not a JSON object such as {"text": "…"}')
    key = message.key if found.get("id") is None else str(found["id"])
    wrong = [n for n in ("text", "image", "image_base64") if not isinstance(found.get(n), str | None)]
    if wrong:
        return Prediction(id=key, error=f"{wrong[0]} is not a text")
    try:
        return Post(text=found.get("text"), image=_image(found), id=key)
    except (ValueError, binascii.Error):
        return Prediction(id=key, error="image_base64 is not base64")


def _image(found: dict[str, Any]) -> str | bytes | None:
    encoded = (found.get("image_base64") or "").strip()
    return base64.b64decode(encoded, validate=True) if encoded else found.get("image")


def to_line(prediction: Prediction) -> str:
    """Return the answer as one line of JSON, without its end."""
    return json.dumps(prediction.to_dict(), ensure_ascii=True, allow_nan=False, separators=(",", ":"))


class LineSource:
    """Lines of a file descriptor, read by a thread that runs at most ``ahead`` lines ahead."""

    def __init__(self, file: BinaryIO, *, ahead: int = 256) -> None:
        self._fd = file.fileno()
        self._lines: Queue[Message] = Queue(ahead)
        self._stop = threading.Event()
        self._done = threading.Event()
        self._handing_over = threading.Event()  # lines were read that are not all in the queue yet
        threading.Thread(target=self._read, name="posthue-stdin", daemon=True).start()

    @property
    def ended(self) -> bool:
        """Whether everything that was read has been polled, and nothing more will be read."""
        quiet = self._done.is_set() or (self._stop.is_set() and not self._handing_over.is_set())
        return quiet and self._lines.empty()

    def poll(self, timeout: float) -> Message | None:
        """Return the next line that is not blank, or None."""
        try:
            return self._lines.get(timeout=timeout) if timeout > 0 else self._lines.get_nowait()
        except Empty:
            return None

    def commit(self) -> None:
        """Nothing to do: a pipe cannot give a line twice."""

    def stop(self) -> None:
        """Read no more."""
        self._stop.set()

    def _read(self) -> None:
        lines = LineJoiner()
        try:
            while not self._stop.is_set():
                block = os.read(self._fd, _BLOCK)
                self._handing_over.set()
                self._put(lines.feed(block) if block else lines.end())
                self._handing_over.clear()
                if not block:
                    break
        except OSError:
            pass
        finally:
            self._done.set()

    def _put(self, lines: Iterable[bytes | None]) -> None:
        for line in lines:
            if line is None:
                self._lines.put(Message(b"", monotonic(), error=TOO_LONG))
            elif line.strip():
                self._lines.put(Message(line, monotonic()))


class LineSink:
    """Lines into a binary file, flushed after each batch."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, lines: Sequence[str]) -> None:
        """Write and flush; raise BrokenPipeError where nobody reads any more."""
        self._file.write("".join(f"{line}\n" for line in lines).encode())
        self._file.flush()
