"""Kafka: what is committed when, with clients made for the tests and with real ones.

The real clients speak over TCP to the broker that librdkafka brings for tests: partitions, consumer groups
and offsets as Kafka has them, in memory.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from posthue import InputError, PostClassifier
from posthue.runtime.streaming.kafka import KafkaSink, KafkaSource, read_settings
from posthue.runtime.streaming.loop import run_stream


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode()


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
    assert log == ["subscribe ['posts']", "wrote 4", "commit 4", "wrote 3", "commit 7", "close"]


def test_kafka_commits_nothing_that_was_not_written(tiny_classifier: PostClassifier) -> None:
    log: list[str] = []
    records = [FakeRecord(None, line(id=str(n), text="happy")) for n in range(8)]
    consumer = FakeConsumer(log, records)
    with pytest.raises(InputError, match="1 answers were not written to answers: refused"):
        kafka_run(tiny_classifier, consumer, FakeProducer(log, fail=lambda value: b'"id":"5"' in value))
    assert consumer.committed == 4
    kafka_run(tiny_classifier, FakeConsumer(log, records, consumer.committed), FakeProducer(log))
    assert log[-3:] == ["wrote 4", "commit 8", "close"]


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


def test_stopping_leaves_the_group_once() -> None:
    log: list[str] = []
    source = KafkaSource(FakeConsumer(log, []), "t")
    source.stop()
    source.stop()
    assert log == ["subscribe ['t']", "close"]


@dataclass(frozen=True)
class Trouble:
    """The first argument of an error as confluent_kafka raises it."""

    called: str

    def name(self) -> str:
        return self.called


@pytest.mark.parametrize(
    ("troubles", "tries", "fails"),
    [
        (["_WAIT_COORD", "_TRANSPORT"], 3, False),  # passes
        (["ILLEGAL_GENERATION"], 1, False),  # another member has the posts now
        (["_NO_OFFSET"], 1, False),
        (["GROUP_AUTHORIZATION_FAILED"], 1, True),
        (["_WAIT_COORD"] * 9, 5, True),
    ],
)
def test_a_commit_is_tried_again_while_it_may_pass(
    troubles: list[str], tries: int, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posthue.runtime.streaming.kafka._WAITS", (0.0,) * 4)
    consumer, tried = FakeConsumer([], []), []

    def commit(*, asynchronous: bool) -> None:
        tried.append(asynchronous)
        if len(tried) <= len(troubles):
            raise RuntimeError(Trouble(troubles[len(tried) - 1]))

    monkeypatch.setattr(consumer, "commit", commit)
    source = KafkaSource(consumer, "posts")
    if fails:
        with pytest.raises(InputError, match="could not be confirmed"):
            source.commit()
    else:
        source.commit()
    assert len(tried) == tries


def test_settings_are_read_as_kafka_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "client.properties"
    path.write_text(
        "\ufeff# ours\n! and theirs\n\nsecurity.protocol = SASL_SSL\nsasl.password=a=b\n", encoding="utf-8"
    )
    assert read_settings(path) == {"security.protocol": "SASL_SSL", "sasl.password": "a=b"}
    path.write_text("security.protocol\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"client\.properties:1: not 'name=value'"):
        read_settings(path)
    for name in ("enable.auto.commit", "enable.auto.offset.store", "group.id", "acks", "transactional.id"):
        path.write_text(f"{name}=x\n", encoding="utf-8")
        with pytest.raises(InputError, match=f"{name} is set by posthue"):
            read_settings(path)
    with pytest.raises(InputError, match="nowhere"):
        read_settings(tmp_path / "nowhere")


@dataclass
class Broker:
    """A broker on this machine, and clients of its own."""

    servers: str
    kafka: Any
    answered: list[str] = field(default_factory=list)

    def send(self, topic: str, values: list[bytes]) -> None:
        producer = self.kafka.Producer({"bootstrap.servers": self.servers})
        for value in values:
            producer.produce(topic, value=value)
        assert producer.flush(30) == 0

    def reader(self, topic: str) -> Any:
        consumer = self.kafka.Consumer(
            {"bootstrap.servers": self.servers, "group.id": "reader", "auto.offset.reset": "earliest"}
        )
        consumer.subscribe([topic])
        return consumer

    def read(self, reader: Any, until: Callable[[list[str]], bool], seconds: float = 90) -> None:
        """Gather the ids of answers until there are enough."""
        deadline = time.monotonic() + seconds
        while not until(self.answered):
            assert time.monotonic() < deadline, f"{len(self.answered)} answers"
            record = reader.poll(0.2)
            if record is not None and record.error() is None:
                self.answered.append(json.loads(record.value())["id"])


@pytest.fixture
def broker() -> Iterator[Broker]:
    kafka = pytest.importorskip("confluent_kafka", reason="needs the kafka extra")
    holder = kafka.Producer({"bootstrap.servers": "unused", "test.mock.num.brokers": 1, "log_level": 0})
    (node,) = holder.list_topics(timeout=20).brokers.values()
    for topic in ("posts", "hues"):
        holder.list_topics(topic, timeout=20)  # asking makes it
    yield Broker(f"{node.host}:{node.port}", kafka)


@pytest.fixture
def start(broker: Broker, tiny_bundle: Path, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start a predict of posts; every one is stopped in the end."""
    settings = tmp_path / "client.properties"
    settings.write_text("session.timeout.ms=6000\nlog_level=0\n", encoding="utf-8")
    predicts = []

    def begin() -> subprocess.Popen[str]:
        predicts.append(predict(broker, tiny_bundle, settings))
        return predicts[-1]

    yield begin
    for each in predicts:
        each.kill()
        each.communicate()


def predict(broker: Broker, bundle: Path, settings: Path) -> subprocess.Popen[str]:
    names = ["--topic", "posts", "--output-topic", "hues", "--group", "predicts", "--batch", "8"]
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "posthue", "stream", "-m", str(bundle), "--threads", "1"),
            *("--kafka", broker.servers, "--kafka-settings", str(settings), *names),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_killed_predict_loses_nothing(broker: Broker, start: Callable[[], subprocess.Popen[str]]) -> None:
    asked = [str(n) for n in range(400)]
    broker.send("posts", [line(id=n, text="happy") for n in asked[:200]])
    reader = broker.reader("hues")
    first = start()
    broker.read(reader, lambda found: len(found) >= 50)
    first.kill()
    first.wait()
    broker.send("posts", [line(id=n, text="happy") for n in asked[200:]])
    second = start()
    broker.read(reader, lambda found: set(found) >= set(asked))
    second.send_signal(signal.SIGTERM)
    _, said = second.communicate(timeout=30)
    assert second.returncode == 0, said
    assert sorted(set(broker.answered), key=int) == asked
    assert len(broker.answered) <= len(asked) + 8, "more than one batch was answered twice"

    third = start()  # everything was committed, so there is nothing to answer
    broker.send("posts", [line(id="last", text="sad")])
    broker.read(reader, lambda found: "last" in found)
    third.send_signal(signal.SIGTERM)
    _, said = third.communicate(timeout=30)
    assert "1 posts, 0 failed" in said
    reader.close()


@pytest.mark.slow
def test_two_predicts_share_the_posts(broker: Broker, start: Callable[[], subprocess.Popen[str]]) -> None:
    predicts = [start(), start()]
    reader, asked = broker.reader("hues"), [str(n) for n in range(300)]
    for first in range(0, 300, 20):  # over fifteen seconds: joining a group takes some
        broker.send("posts", [line(id=n, text="happy") for n in asked[first : first + 20]])
        time.sleep(1)
    broker.read(reader, lambda found: set(found) >= set(asked))
    for each in predicts:
        each.send_signal(signal.SIGTERM)
    said = [each.communicate(timeout=30)[1] for each in predicts]
    shares = [int(re.search(r"([\d,]+) posts, 0 failed", text)[1]) for text in said]
    assert min(shares) > 0
    assert sum(shares) == len(broker.answered)
    reader.close()
