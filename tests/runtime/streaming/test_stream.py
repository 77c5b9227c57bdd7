from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from posthue import Post, PostClassifier, Prediction
from posthue.runtime.streaming.lines import LineSink, LineSource, Message, parse_post
from posthue.runtime.streaming.loop import run_stream


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def red_png() -> str:
    held = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(held, "PNG")
    return base64.b64encode(held.getvalue()).decode()


def piped(lines: Sequence[bytes]) -> io.BufferedReader:
    reading, writing = os.pipe()
    threading.Thread(target=lambda: (os.write(writing, b"\n".join(lines)), os.close(writing))).start()
    return os.fdopen(reading, "rb")


def answers(lines: Sequence[bytes], classifier: PostClassifier, **settings: float) -> list[dict[str, object]]:
    held = io.BytesIO()
    with piped(lines) as file:
        run_stream(LineSource(file), LineSink(held), classifier, **settings)  # type: ignore[arg-type]
    return [json.loads(found) for found in held.getvalue().splitlines()]


def test_one_answer_per_line_in_order(tiny_classifier: PostClassifier) -> None:
    lines = [
        line(id="a", text="happy"),
        b"{broken",
        b"[1]",
        b"",
        line(id=4, text=5),
        line(text="sad", image_base64=red_png(), likes=3),
        line(image_base64="?"),
        line(id="z"),
    ]
    found = answers(lines, tiny_classifier, batch=3)
    assert [row["id"] for row in found] == ["a", None, None, "4", None, None, "z"]
    assert found[0]["sentiment"]["label"] == "positive"  # type: ignore[index]
    assert found[4]["sentiment"]["label"] == "negative"  # type: ignore[index]
    assert [bool(row["error"]) for row in found] == [False, True, True, True, False, True, True]


def test_batches_are_bounded(tiny_classifier: PostClassifier) -> None:
    sizes: list[int] = []

    class Counting(LineSink):
        def write(self, lines: Sequence[str]) -> None:
            sizes.append(len(lines))
            super().write(lines)

    with piped([line(text="happy")] * 50) as file:
        summary = run_stream(LineSource(file), Counting(io.BytesIO()), tiny_classifier, batch=8, max_delay=5)
    assert sum(sizes) == summary.posts == 50
    assert max(sizes) == 8


def test_a_lone_post_is_answered_after_the_delay(tiny_classifier: PostClassifier) -> None:
    reading, writing = os.pipe()
    out_reading, out_writing = os.pipe()
    with os.fdopen(reading, "rb") as file, os.fdopen(out_writing, "wb") as out:
        thread = threading.Thread(
            target=run_stream,
            args=(LineSource(file), LineSink(out), tiny_classifier),
            kwargs={"max_delay": 0.05},
        )
        thread.start()
        os.write(writing, line(id="1", text="happy") + b"\n")
        assert json.loads(os.read(out_reading, 1 << 16))["id"] == "1"  # though the pipe stays open
        os.close(writing)
        thread.join(10)
    os.close(out_reading)
    assert not thread.is_alive()


def test_sigterm_answers_what_was_read(tiny_bundle: Path) -> None:
    args = [sys.executable, "-m", "posthue", "stream", "-m", str(tiny_bundle), "--threads", "1"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(args, bufsize=0, **pipes)  # type: ignore[call-overload]
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line(id="1", text="happy") + b"\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["id"] == "1"
    process.stdin.write(b"".join(line(id=str(n), text="sad") + b"\n" for n in range(2, 300)))
    process.stdin.flush()
    while b'"id":"2"' not in (read := process.stdout.readline()):
        pass
    process.send_signal(signal.SIGTERM)
    rest, said = process.communicate(timeout=60)
    ids = [json.loads(found)["id"] for found in (read + rest).splitlines()]
    assert process.returncode == 0, said
    assert ids == [str(n) for n in range(2, 2 + len(ids))]
    assert b"posts, 0 failed" in said


def test_a_reader_that_goes_ends_the_stream_quietly(tiny_bundle: Path) -> None:
    args = [sys.executable, "-m", "posthue", "stream", "-m", str(tiny_bundle)]
    process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.close()
    process.stdin.write(line(text="happy") + b"\n")
    process.stdin.close()
    assert process.wait(60) == 1
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_the_key_of_a_message_is_the_id_where_it_has_none() -> None:
    keyed = parse_post(Message(line(text="happy"), 0.0, "k"))
    assert isinstance(keyed, Post)
    assert keyed.id == "k"
    broken = parse_post(Message(b"{", 0.0, "k"))
    assert isinstance(broken, Prediction)
    assert broken.id == "k"
