"""Counters of the server, in the text format that Prometheus reads (exposition format 0.0.4).

Labels are route templates and status codes only: never a path, a text, or anything else that a client chose.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)


class _Registry(CollectorRegistry):
    """The metrics of one server, without the time at which each series began: it would double them."""

    def collect(self) -> Iterable[Metric]:
        for metric in super().collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric


class Metrics:
    """What one server counts, apart from every other in the process; safe for several threads."""

    def __init__(self) -> None:
        self._registry = own = _Registry()
        self._requests = Counter("posthue_requests", "Answered requests.", ("route", "status"), registry=own)
        self._seconds = Histogram(
            "posthue_request_seconds", "Time to answer a request.", ("route",), registry=own, buckets=_SECONDS
        )
        self._posts = Counter("posthue_posts", "Posts that were answered.", ("outcome",), registry=own)
        self._batches = Histogram(
            "posthue_batch_posts", "Posts that the model took at once.", registry=own, buckets=_ROWS
        )
        self._queued = Gauge("posthue_queue_posts", "Posts that wait for the model.", registry=own)
        self.posts(predicted=0, failed=0)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def batch(self, rows: int) -> None:
        """Count one batch of the model."""
        self._batches.observe(rows)

    def posts(self, *, predicted: int, failed: int) -> None:
        """Count posts that were answered."""
        self._posts.labels("predicted").inc(predicted)
        self._posts.labels("failed").inc(failed)

    def text(self, *, queued: int) -> bytes:
        """Return everything in the text format."""
        self._queued.set(queued)
        return generate_latest(self._registry)
