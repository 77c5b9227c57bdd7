"""Kafka as source and sink of a stream, at least once: offsets are committed after the answers are there.

The two clients are confluent-kafka's (the ``kafka`` extra), or anything with the same few methods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Protocol

from posthue.errors import InputError, MissingExtraError
from posthue.runtime.stream import Message

_FLUSH_SECONDS = 60.0


class Record(Protocol):
    """A message as the consumer gives it."""

    def error(self) -> object | None: ...  # noqa: D102
    def key(self) -> bytes | None: ...  # noqa: D102
    def value(self) -> bytes | None: ...  # noqa: D102


class Consumer(Protocol):
    """What is used of confluent_kafka.Consumer."""

    def subscribe(self, topics: list[str]) -> None: ...  # noqa: D102
    def poll(self, timeout: float) -> Record | None: ...  # noqa: D102
    def commit(self, *, asynchronous: bool) -> object: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Producer(Protocol):
    """What is used of confluent_kafka.Producer."""

    def produce(  # noqa: D102
        self, topic: str, *, value: bytes, on_delivery: Callable[[object | None, object], None]
    ) -> None: ...
    def poll(self, timeout: float) -> object: ...  # noqa: D102
    def flush(self, timeout: float) -> int: ...  # noqa: D102


class KafkaSource:
    """The messages of a topic, as a member of a consumer group."""

    def __init__(self, consumer: Consumer, topic: str) -> None:
        self._consumer, self._stopped = consumer, False
        consumer.subscribe([topic])

    @property
    def ended(self) -> bool:
        """A topic ends only when we leave it."""
        return self._stopped

    def poll(self, timeout: float) -> Message | None:
        """Return the next message; raise InputError for an error that does not go away by itself."""
        record = None if self._stopped else self._consumer.poll(timeout)
        if record is None:
            return None
        error = record.error()
        if error is not None:
            if getattr(error, "retriable", lambda: False)():
                return None
            raise InputError(f"kafka: {error}")
        key = record.key()
        return Message(
            record.value() or b"", monotonic(), None if key is None else key.decode("utf-8", "replace")
        )

    def commit(self) -> None:
        """Confirm what was polled, and wait for it."""
        self._consumer.commit(asynchronous=False)

    def stop(self) -> None:
        """Poll no more; what was not answered comes again to whoever is next."""
        self._stopped = True


class KafkaSink:
    """Answers into a topic; every one is acknowledged before ``write`` returns."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer, self._topic = producer, topic

    def write(self, lines: Sequence[str]) -> None:
        """Produce and flush; raise InputError unless all of them arrived."""
        failed: list[object] = []

        def delivered(error: object | None, _: object) -> None:
            if error is not None:
                failed.append(error)

        for line in lines:
            self._produce(line.encode(), delivered)
        left = self._producer.flush(_FLUSH_SECONDS)
        if failed or left:
            why = failed[0] if failed else "no answer from the broker"
            raise InputError(f"kafka: {len(failed) + left} answers were not written to {self._topic}: {why}")

    def _produce(self, value: bytes, delivered: Callable[[object | None, object], None]) -> None:
        while True:
            try:
                return self._producer.produce(self._topic, value=value, on_delivery=delivered)
            except BufferError:  # the local queue is full: let it drain
                self._producer.poll(0.1)


def connect(servers: str, group: str) -> tuple[Consumer, Producer]:
    """Return a consumer that commits only when told to, and a producer that waits for all replicas."""
    try:
        import confluent_kafka  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("confluent-kafka", "kafka") from None
    reading: dict[str, Any] = {
        "bootstrap.servers": servers,
        "group.id": group,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
    }
    writing: dict[str, Any] = {"bootstrap.servers": servers, "acks": "all", "enable.idempotence": True}
    made: tuple[Any, Any] = (confluent_kafka.Consumer(reading), confluent_kafka.Producer(writing))
    return made
