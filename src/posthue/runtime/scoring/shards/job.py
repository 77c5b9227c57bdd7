"""One shard of a scoring job: which rows it has, how they are predicted, and where they are written.

The rows of a shard depend on nothing but the input, the bundle and the options: the cache of encoded
contents starts empty, and batches never cross from one shard to the next. A shard written again is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posthue._version import __version__
from posthue.data.tables.columns import Columns
from posthue.data.tables.table import PostTable, RowBatch, open_table
from posthue.data.tables.writer import TableWriter
from posthue.processes import DoPiece, Progress, WorkSpec
from posthue.runtime.backends.devices import Device
from posthue.runtime.bundle.folder import Bundle
from posthue.runtime.classifier import PostClassifier
from posthue.runtime.inference.engine import Engine, OnBadImage
from posthue.runtime.scoring.one_file import scored_batches
from posthue.runtime.scoring.shards.digests import bundle_digest, input_digest
from posthue.runtime.scoring.shards.folder import shard_name
from posthue.runtime.scoring.summary import ScoreTally

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class ShardJob:
    """What is asked for; plain data, so that it can be sent to another process as JSON.

    source, folder: the table, and the folder of the shards. model: a bundle's folder; None: the shipped one.
    shard_rows: rows of a shard. batch_rows: rows predicted together. ending: the format of the shards.
    threads: of each worker; None: all cores.
    """

    source: str
    folder: str
    model: str | None = None
    id_column: str | None = None
    text_column: str | None = None
    image_column: str | None = None
    encoding: str | None = None
    shard_rows: int = 50_000
    batch_rows: int = 512
    ending: str = ".parquet"
    on_bad_image: OnBadImage = "error"
    device: Device = "auto"
    threads: int | None = None

    @property
    def columns(self) -> Columns:
        """Which columns are id, text and image."""
        return Columns(id=self.id_column, text=self.text_column, image=self.image_column)

    def open_table(self) -> PostTable:
        """Open the input; raise TableError."""
        return open_table(
            self.source, columns=self.columns, batch_rows=self.batch_rows, encoding=self.encoding
        )

    def load(self) -> PostClassifier:
        """Load the bundle; raise BundleError."""
        bundle = Bundle.open(self.model)
        return PostClassifier(
            Engine(bundle, threads=self.threads, device=self.device, on_bad_image=self.on_bad_image)
        )

    def asked(self) -> dict[str, object]:
        """What the output depends on, by name: see manifest.Manifest."""

        known = asdict(self)
        for name in ("source", "folder", "model", "threads", "device"):
            del known[name]
        return {
            "input": input_digest(Path(self.source)),
            "bundle": bundle_digest(Bundle.open(self.model)),
            "posthue": __version__,
            **known,
        }


@dataclass(frozen=True, slots=True)
class ShardDone:
    """A written shard; without rows it lies behind the end of the input, and there is no file."""

    index: int
    rows: int
    bytes: int
    tally: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


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
            for batch in _with_first(first, written):
                writer.write(batch)
                progress(batch.num_rows)
        return ShardDone(index, tally.rows, path.stat().st_size, tally.state())


def _with_first(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


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
