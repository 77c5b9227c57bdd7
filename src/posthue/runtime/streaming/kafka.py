"""Kafka as source and sink of a stream, at least once: offsets are committed after the answers are there.

The two clients are confluent-kafka's (the ``kafka`` extra), or anything with the same few methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Protocol

from posthue.errors import InputError, MissingExtraError
from posthue.runtime.streaming.lines import Message

_FLUSH_SECONDS = 60.0
#: Seconds between tries to confirm, while the group has no coordinator.
_WAITS = (0.5, 2.0, 5.0, 10.0)
#: What at-least-once and the stream hang on; a file of settings cannot change it.
_OURS = frozenset(
    {
        "bootstrap.servers",
        "group.id",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.partition.eof",
        "acks",
        "enable.idempotence",
        "transactional.id",
    }
)
#: Errors of a commit after the group has dealt its partitions anew.
_MOVED = {
    "ILLEGAL_GENERATION",
    "UNKNOWN_MEMBER_ID",
    "REBALANCE_IN_PROGRESS",
    "_ASSIGNMENT_LOST",
    "_NO_OFFSET",
}
#: Errors of a commit that pass.
_AWAY = {
    "_WAIT_COORD",
    "_TRANSPORT",
    "_ALL_BROKERS_DOWN",
    "_TIMED_OUT",
    "COORDINATOR_NOT_AVAILABLE",
    "COORDINATOR_LOAD_IN_PROGRESS",
    "NOT_COORDINATOR",
    "REQUEST_TIMED_OUT",
}


class KafkaMessage(Protocol):
    """A message as the consumer gives it."""

    def error(self) -> object | None: ...  # noqa: D102
    def key(self) -> bytes | None: ...  # noqa: D102
    def value(self) -> bytes | None: ...  # noqa: D102


class Consumer(Protocol):
    """What is used of confluent_kafka.Consumer."""

    def subscribe(self, topics: list[str]) -> None: ...  # noqa: D102
    def poll(self, timeout: float) -> KafkaMessage | None: ...  # noqa: D102
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
            if _retriable(error):
                return None
            raise InputError(f"kafka: {error}")
        key = record.key()
        return Message(
            record.value() or b"", monotonic(), None if key is None else key.decode("utf-8", "replace")
        )

    def commit(self) -> None:
        """Confirm what was polled, and wait for it.

        Where the partitions went to another member of the group meanwhile, that one answers again what we
        could not confirm.
        """
        for wait in (*_WAITS, None):
            try:
                self._consumer.commit(asynchronous=False)
            except Exception as error:
                if _name(error) in _MOVED:
                    return
                if wait is None or not _passes(error):
                    raise InputError(
                        f"kafka: what was answered could not be confirmed, and is answered again: {error}"
                    ) from error
                sleep(wait)
            else:
                return

    def stop(self) -> None:
        """Poll no more and leave the group, so that whoever is next need not wait for us."""
        if not self._stopped:
            self._stopped = True
            self._consumer.close()


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


def read_settings(path: Path) -> dict[str, str]:
    """Read a file of librdkafka's settings, ``name=value`` in each line, # or ! before remarks.

    Raises InputError for a file that cannot be read, a line that is neither, and what posthue sets itself.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read the settings of Kafka ({error})") from None
    found = {}
    for number, line in enumerate(lines, start=1):
        name, mark, value = (part.strip() for part in line.partition("="))
        if name.startswith(("#", "!")) or not line.strip():
            continue
        if not (name and mark):
            raise InputError(f"{path}:{number}: not 'name=value'")
        if name in _OURS:
            raise InputError(f"{path}:{number}: {name} is set by posthue; take the line out")
        found[name] = value
    return found


def connect(servers: str, group: str, settings: Mapping[str, str] | None = None) -> tuple[Consumer, Producer]:
    """Return a consumer that commits only when told to, and a producer that waits for all replicas.

    settings: more for both, such as security.protocol (read_settings keeps out what at-least-once hangs on).
    auto.offset.reset is earliest unless they say otherwise: a group that is new begins with the oldest post.
    Raises InputError for a setting that librdkafka does not know.
    """
    try:
        import confluent_kafka  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("confluent-kafka", "kafka") from None
    common = {**(settings or {}), "bootstrap.servers": servers}
    reading: dict[str, Any] = {
        "auto.offset.reset": "earliest",
        **common,
        "group.id": group,
        "enable.auto.commit": False,
    }
    writing: dict[str, Any] = {**common, "acks": "all", "enable.idempotence": True}
    try:
        made: tuple[Any, Any] = (confluent_kafka.Consumer(reading), confluent_kafka.Producer(writing))
    except confluent_kafka.KafkaException as error:
        raise InputError(f"kafka: {error.args[0].str() if error.args else error}") from None
    return made


def _passes(error: Exception) -> bool:
    """Whether a failed commit may succeed in a moment: the coordinator is moving, or cannot be reached."""
    return _name(error) in _AWAY or (bool(error.args) and _retriable(error.args[0]))


def _retriable(error: object) -> bool:
    return bool(getattr(error, "retriable", lambda: False)())


def _name(error: Exception) -> str:
    """Return what librdkafka calls an error: its name, such as UNKNOWN_MEMBER_ID."""
    name = getattr(error.args[0], "name", None) if error.args else None
    return str(name()) if callable(name) else ""
