"""One line in, one answer out: lines that are long, half, or have blank fields."""

from __future__ import annotations

import io
import json
import os
import threading
from time import monotonic, sleep

import pytest

from posthue import Post, PostClassifier
from posthue.runtime.streaming.lines import MAX_LINE, LineJoiner, LineSink, LineSource, Message, parse_post
from posthue.runtime.streaming.loop import run_stream


def lines_of(content: bytes, size: int) -> list[bytes | None]:
    joiner = LineJoiner()
    blocks = [content[start : start + size] for start in range(0, len(content), size)]
    return [*(line for block in blocks for line in joiner.feed(block)), *joiner.end()]


def answers(content: bytes, classifier: PostClassifier) -> list[dict[str, object]]:
    reading, writing = os.pipe()
    held = io.BytesIO()

    def write() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(content)

    threading.Thread(target=write).start()
    with os.fdopen(reading, "rb") as file:
        run_stream(LineSource(file), LineSink(held), classifier)
    return [json.loads(line) for line in held.getvalue().splitlines()]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_blocks_of_any_size_give_the_same_lines(size: int) -> None:
    content = b"one\n\ntwo\r\nth ree\nrest"
    assert lines_of(content, size) == content.split(b"\n")
    assert lines_of(content + b"\n", size) == [*content.split(b"\n"), b""]


@pytest.mark.parametrize("size", [1, 4, 100])
def test_a_line_that_is_too_long_is_told_once(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posthue.runtime.streaming.lines.MAX_LINE", 8)
    assert lines_of(b"12345678\n" + b"x" * 30 + b"\nafter\n", size) == [b"12345678", None, b"after", b""]
    assert lines_of(b"x" * 30, size) == [None]


def test_a_long_line_takes_no_quadratic_time() -> None:
    started = monotonic()
    assert lines_of(b"x" * (MAX_LINE + (6 << 20)) + b"\nafter", 1 << 16) == [None, b"after"]
    assert monotonic() - started < 20


def test_an_endless_line_has_one_answer(
    tiny_classifier: PostClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posthue.runtime.streaming.lines.MAX_LINE", 100_000)
    long = b'{"text": "' + b"x" * 400_000 + b'"}'
    content = b"\n".join([b'{"id": 1, "text": "happy"}', long, b'{"id": 2, "text": "sad"}'])
    found = answers(content, tiny_classifier)
    assert [row["id"] for row in found] == ["1", None, "2"]
    assert [row["error"] for row in found] == [None, "the line is longer than 64 MiB", None]


def test_a_stop_leaves_the_half_line_alone(tiny_classifier: PostClassifier) -> None:
    reading, writing = os.pipe()
    held, stop = io.BytesIO(), threading.Event()
    with os.fdopen(reading, "rb") as file:
        source = LineSource(file)
        os.write(writing, b'{"id": 1, "text": "happy"}\n{"id": 2, "te')
        while (first := source.poll(1)) is None:
            pass
        assert json.loads(first.value)["id"] == 1
        source.stop()
        os.write(writing, b"xt")  # the thread comes back from its read, and ends
        sleep(0.2)
        summary = run_stream(source, LineSink(held), tiny_classifier, stopped=stop.is_set)
        os.close(writing)
    assert (summary.posts, held.getvalue()) == (0, b"")


@pytest.mark.parametrize("field", ["image", "image_base64"])
@pytest.mark.parametrize("blank", ["", " ", None])
def test_a_blank_picture_is_none(field: str, blank: str | None) -> None:
    post = parse_post(Message(json.dumps({"text": "happy", field: blank}).encode(), 0.0))
    assert post == Post("happy")


def test_a_blank_field_does_not_hide_the_other() -> None:
    post = parse_post(Message(b'{"image": "a.jpg", "image_base64": ""}', 0.0))
    assert post == Post(image="a.jpg")
    post = parse_post(Message(b'{"image": "", "image_base64": "aGk="}', 0.0))
    assert post == Post(image=b"hi")
