"""Posts and predictions as JSON lines, and the pipes that they come and go by.

Lines are joined from blocks of bytes, as a pipe gives them, in time and memory that grow with the line only.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, Queue
from time import monotonic
from typing import Any, BinaryIO

from posthue.posts import Post, Prediction

MAX_LINE = 64 << 20  # bytes
TOO_LONG = f"the line is longer than {MAX_LINE >> 20} MiB"
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


class LineJoiner:
    """Joins blocks to lines, without their ends; a line longer than MAX_LINE is None.

    >>> joiner = LineJoiner()
    >>> [*joiner.feed(b"on"), *joiner.feed(b"e\\ntwo\\nth"), *joiner.end()]
    [b'one', b'two', b'th']
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def feed(self, block: bytes) -> Iterator[bytes | None]:
        """Yield the lines that end in ``block``, and None for one that becomes too long in it."""
        *ended, begun = block.split(b"\n")
        for part in ended:
            yield from self._add(part)
            yield from self.end()
        yield from self._add(begun)

    def end(self) -> Iterator[bytes]:
        """Yield the line that was begun: it ends here."""
        if self._length <= MAX_LINE:
            yield b"".join(self._parts)
        self._parts, self._length = [], 0

    def _add(self, part: bytes) -> Iterator[None]:
        was_short = self._length <= MAX_LINE
        self._length += len(part)
        if self._length <= MAX_LINE:
            self._parts.append(part)
        elif was_short:
            self._parts = []
            yield None
