from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image

from posthue import InputError, Post, PostClassifier, Prediction
from posthue.runtime.kafka import KafkaSink, KafkaSource
from posthue.runtime.stream import LineSink, LineSource, Message, parse_post, run_stream


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
    args = [sys.executable, "-m", "posthue.apps.cli", "stream", "-m", str(tiny_bundle), "--threads", "1"]
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
    args = [sys.executable, "-m", "posthue.apps.cli", "stream", "-m", str(tiny_bundle)]
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


class FakeRecord:
    def __init__(self, key: bytes | None, value: bytes | None, error: object | None = None) -> None:
        self._key, self._value, self._error = key, value, error

    def error(self) -> object | None:
        return self._error

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value


class FakeConsumer:
    """A topic with one partition; what is not committed comes again to the next consumer."""

    def __init__(self, log: list[str], records: list[FakeRecord], committed: int = 0) -> None:
        self.log, self.records, self.committed, self.position = log, records, committed, committed

    def subscribe(self, topics: list[str]) -> None:
        self.log.append(f"subscribe {topics}")

    def poll(self, timeout: float) -> FakeRecord | None:
        if self.position == len(self.records):
            time.sleep(min(timeout, 0.01))
            return None
        self.position += 1
        return self.records[self.position - 1]

    def commit(self, *, asynchronous: bool) -> object:
        assert not asynchronous
        self.committed = self.position
        self.log.append(f"commit {self.position}")
        return None

    def close(self) -> None:
        self.log.append("close")


class FakeProducer:
    def __init__(self, log: list[str], fail: Callable[[bytes], bool] = lambda _: False) -> None:
        self.log, self.fail, self.full = log, fail, 1
        self.waiting: list[tuple[bytes, Callable[[object | None, object], None]]] = []

    def produce(
        self, topic: str, *, value: bytes, on_delivery: Callable[[object | None, object], None]
    ) -> None:
        if self.full and len(self.waiting) == 2:
            raise BufferError
        self.waiting.append((value, on_delivery))

    def poll(self, timeout: float) -> object:
        self.full = 0
        return None

    def flush(self, timeout: float) -> int:
        for value, delivered in self.waiting:
            delivered("refused" if self.fail(value) else None, None)
        self.log.append(f"wrote {len(self.waiting)}")
        self.waiting = []
        return 0


def kafka_run(classifier: PostClassifier, consumer: FakeConsumer, producer: FakeProducer) -> None:
    source = KafkaSource(consumer, "posts")
    done = len(consumer.records)
    run_stream(
        source,
        KafkaSink(producer, "answers"),
        classifier,
        batch=4,
        max_delay=0.01,
        stopped=lambda: consumer.committed == done,
    )


def test_kafka_commits_after_the_answers_are_written(tiny_classifier: PostClassifier) -> None:
    log: list[str] = []
    records = [FakeRecord(b"k%d" % n, line(text="happy")) for n in range(6)] + [FakeRecord(None, None)]
    kafka_run(tiny_classifier, FakeConsumer(log, records), FakeProducer(log))
    assert log == ["subscribe ['posts']", "wrote 4", "commit 4", "wrote 3", "commit 7"]


def test_kafka_commits_nothing_that_was_not_written(tiny_classifier: PostClassifier) -> None:
    log: list[str] = []
    records = [FakeRecord(None, line(id=str(n), text="happy")) for n in range(8)]
    consumer = FakeConsumer(log, records)
    with pytest.raises(InputError, match="1 answers were not written to answers: refused"):
        kafka_run(tiny_classifier, consumer, FakeProducer(log, fail=lambda value: b'"id":"5"' in value))
    assert consumer.committed == 4
    kafka_run(tiny_classifier, FakeConsumer(log, records, consumer.committed), FakeProducer(log))
    assert log[-2:] == ["wrote 4", "commit 8"]


def test_kafka_errors_are_said_unless_they_pass() -> None:
    class Passing:
        def retriable(self) -> bool:
            return True

    source = KafkaSource(
        FakeConsumer([], [FakeRecord(None, None, Passing()), FakeRecord(None, None, "no such")]), "t"
    )
    assert source.poll(0) is None
    with pytest.raises(InputError, match="kafka: no such"):
        source.poll(0)


def test_the_key_of_a_message_is_the_id_where_it_has_none() -> None:
    keyed = parse_post(Message(line(text="happy"), 0.0, "k"))
    assert isinstance(keyed, Post)
    assert keyed.id == "k"
    broken = parse_post(Message(b"{", 0.0, "k"))
    assert isinstance(broken, Prediction)
    assert broken.id == "k"
