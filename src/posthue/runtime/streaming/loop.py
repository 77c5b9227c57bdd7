"""Posts as they come, answers as soon as they may: json lines in, json lines out, with bounded delay.

    source.poll → up to ``batch`` messages, or what came within ``max_delay`` of the first → predicted
    together → sink.write → source.commit

A message is confirmed after its answer is written: what a crash in between loses is answered again, never
left out (at least once). A line that is no post becomes an answer with an ``error``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from posthue.posts import Post
from posthue.runtime.classifier import PostClassifier
from posthue.runtime.streaming.lines import Message, parse_post, to_line

_IDLE = 0.1  # seconds between looks at whether to stop


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
