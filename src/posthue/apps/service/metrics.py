"""Counters of the server, in the text format that Prometheus reads (exposition format 0.0.4).

Labels are route templates and status codes only: never a path, a text, or anything else that a client chose.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)


class Histogram:
    """Counts of values below each bound, and their sum."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str, labels: str = "") -> Iterator[str]:
        """Yield the lines of the text format."""
        before = f"{labels}," if labels else ""
        total = 0
        for bound, count in zip((*self._bounds, "+Inf"), self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{{before}le="{bound}"}} {total}'
        shown = f"{{{labels}}}" if labels else ""
        yield f"{name}_sum{shown} {self._sum:.6f}"
        yield f"{name}_count{shown} {total}"


class Metrics:
    """What one server counts; safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: dict[str, Histogram] = {}
        self._batches = Histogram(_ROWS)
        self._posts: Counter[str] = Counter()

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        with self._lock:
            self._requests[route, status] += 1
            self._seconds.setdefault(route, Histogram(_SECONDS)).add(seconds)

    def batch(self, rows: int) -> None:
        """Count one batch of the model."""
        with self._lock:
            self._batches.add(rows)

    def posts(self, *, predicted: int, failed: int) -> None:
        """Count posts that were answered."""
        with self._lock:
            self._posts["predicted"] += predicted
            self._posts["failed"] += failed

    def text(self, *, queued: int) -> str:
        """Return everything in the text format."""
        with self._lock:
            return "\n".join([*self._lines(queued), ""])

    def _lines(self, queued: int) -> Iterator[str]:
        yield from _head("posthue_requests_total", "counter", "Answered requests.")
        for (route, status), count in sorted(self._requests.items()):
            yield f'posthue_requests_total{{route="{route}",status="{status}"}} {count}'
        yield from _head("posthue_request_seconds", "histogram", "Time to answer a request.")
        for route, histogram in sorted(self._seconds.items()):
            yield from histogram.lines("posthue_request_seconds", f'route="{route}"')
        yield from _head("posthue_posts_total", "counter", "Posts that were answered.")
        for outcome in ("predicted", "failed"):
            yield f'posthue_posts_total{{outcome="{outcome}"}} {self._posts[outcome]}'
        yield from _head("posthue_batch_posts", "histogram", "Posts that the model took at once.")
        yield from self._batches.lines("posthue_batch_posts")
        yield from _head("posthue_queue_posts", "gauge", "Posts that wait for the model.")
        yield f"posthue_queue_posts {queued}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
