"""Predicting and writing one shard of a scoring job after another, here or in another process.

The rows of a shard depend on nothing but the input, the bundle and the options: the cache of encoded
contents starts empty, and batches never cross from one shard to the next. A shard written again is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from posthue.data.tables.table import PostTable, RowBatch
from posthue.data.tables.writer import TableWriter
from posthue.processes import DoPiece, Progress, WorkSpec
from posthue.runtime.scoring.rows.one_file import scored_batches
from posthue.runtime.scoring.rows.summary import ScoreTally
from posthue.runtime.scoring.shards.folder import shard_name
from posthue.runtime.scoring.shards.job import ShardDone, ShardJob


class ShardScorer:
    """Predicts and writes shards of one job, best in rising order: the input is read forward only."""

    def __init__(self, job: ShardJob) -> None:
        self._job = job
        self._classifier = job.load()
        self._table = job.open_table()
        self._rows = _Cursor(self._table)

    @property
    def schemes(self) -> Mapping[str, Any]:
        """The label schemes of the bundle."""
        return self._classifier.schemes

    def score(self, index: int, progress: Progress = lambda _: None) -> ShardDone:
        """Write one shard, whole or not at all; ``progress`` gets the rows of each batch."""
        self._classifier.engine.forget()
        tally = ScoreTally(self._classifier.schemes)
        path = Path(self._job.folder) / shard_name(index, self._job.ending)
        batches = self._rows.take(index * self._job.shard_rows, self._job.shard_rows)
        written = scored_batches(self._table, batches, self._classifier, tally, header=index == 0)
        first = next(written, None)
        if first is None:
            return ShardDone(index, 0, 0, tally.state())
        with TableWriter(path, overwrite=True) as writer:
            for batch in chain([first], written):
                writer.write(batch)
                progress(batch.num_rows)
        return ShardDone(index, tally.rows, path.stat().st_size, tally.state())


class _Cursor:
    """Reads a table forward, and cuts its batches where a shard begins and ends."""

    def __init__(self, table: PostTable) -> None:
        self._table = table
        self._batches = iter(table)
        self._held: RowBatch | None = None
        self._at = 0  # the row at which the held batch, or the next one, begins

    def take(self, start: int, count: int) -> Iterator[RowBatch]:
        if start < self._at:
            self._batches, self._held, self._at = iter(self._table), None, 0
        end = start + count
        while self._at < end:
            batch = self._held or next(self._batches, None)
            self._held = None
            if batch is None:
                return
            size = len(batch.posts)
            low, high = max(start - self._at, 0), min(end - self._at, size)
            if high < size:
                self._held = _cut(batch, max(high, 0), size)
            self._at += high
            if low < high:
                yield _cut(batch, low, high)


def _cut(batch: RowBatch, low: int, high: int) -> RowBatch:
    if (low, high) == (0, len(batch.posts)):
        return batch
    return RowBatch(batch.posts[low:high], batch.passthrough.slice(low, high - low), batch.errors[low:high])


def work_of(job: ShardJob) -> WorkSpec:
    """Return the shards of a job as work for other processes, which keep to its threads."""
    threads = str(job.threads or 1)
    names = ("OMP_NUM_THREADS", "RAYON_NUM_THREADS")
    environment = {**dict.fromkeys(names, threads), "TOKENIZERS_PARALLELISM": "false"}
    return WorkSpec(__name__, "prepare_shards", asdict(job), environment)


def prepare_shards(job: Mapping[str, Any]) -> DoPiece:
    """Return what writes a shard, in a worker process."""
    scorer = ShardScorer(ShardJob(**job))
    return lambda index, progress: scorer.score(index, progress).to_dict()
