"""Scoring on a Ray cluster: Ray Data reads, a pool of actors predicts batches, Ray Data writes.

    input → staged parquet (the driver) → map_batches(BatchScorer) → parquet → DIR/part-00000.parquet …

Every row carries its number through the cluster. At the end the driver puts the parts in order and checks
that no row is missing and none is there twice, whatever died on the way; only then does the folder appear.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from posthue.atomic import scratch_folder
from posthue.data.tables.writer import TableWriter
from posthue.errors import InputError, MissingExtraError, TableError
from posthue.files import for_arrow
from posthue.runtime.bundle.folder import Bundle
from posthue.runtime.scoring.rows.batches import ROW, BatchScorer, staged
from posthue.runtime.scoring.rows.columns import input_columns
from posthue.runtime.scoring.rows.summary import ScoreSummary, ScoreTally
from posthue.runtime.scoring.shards.folder import LOCK, check_target, clear, locked, shard_name
from posthue.runtime.scoring.shards.job import ShardJob

_STAGE_ROWS = 2048  # of a staged file, which is what Ray deals out
_STORE_BYTES = 256 << 20  # of a local Ray's object store


def score_on_ray(
    job: ShardJob, *, workers: int = 1, overwrite: bool = False, address: str | None = None
) -> ScoreSummary:
    """Predict every post of ``job.source`` into parquet files in ``job.folder``, on a Ray cluster.

    workers: actors, each with ``job.threads`` threads (1 where None). address: of the cluster; None: what
    RAY_ADDRESS names, or else a local one. Every node must see the pictures, the bundle and the folder under
    the same paths. overwrite: replace a job in the folder; what is not posthue's is refused before any work.

    Raises MissingExtraError without Ray; TableError as ``score_shards`` does.
    """
    folder = Path(job.folder)
    _check(job, folder, overwrite=overwrite)
    ray = _ray()
    started = time.monotonic()
    with scratch_folder(folder.absolute()) as scratch, locked(folder) if folder.exists() else nullcontext():
        files = _stage(job, scratch / "in")
        if not files:
            raise TableError(f"{job.source} has no rows; nothing to do for a cluster")
        ours = _connect(ray, address, workers)
        try:
            _predict(ray, job, files, scratch / "out", workers)
        finally:
            if ours:
                ray.shutdown()
        tally = _collect(job, scratch / "out", scratch / "done")
        _put(scratch / "done", folder)
    return tally.summary(folder, time.monotonic() - started)


def _check(job: ShardJob, folder: Path, *, overwrite: bool) -> None:
    if job.ending != ".parquet":
        raise InputError("--engine ray writes parquet")
    if folder.exists() and not overwrite:
        raise TableError(f"{folder} exists already; choose another name or pass --overwrite")
    check_target(folder, Path(job.source), overwrite=overwrite)


def _put(done: Path, folder: Path) -> None:
    """Give the finished folder its name; one that is there loses posthue's own files, and nothing else."""
    if not folder.exists():
        done.replace(folder)
        return
    clear(folder)
    (folder / LOCK).unlink(missing_ok=True)
    for path in sorted(done.iterdir()):
        shutil.move(path, folder / path.name)


def _ray() -> Any:
    try:
        import ray  # noqa: PLC0415
        import ray.data  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("ray", "ray") from None
    return ray


def _connect(ray: Any, address: str | None, workers: int) -> bool:
    """Join a cluster, or start one; return whether it is ours to stop."""
    if ray.is_initialized():
        return False
    address = address or os.environ.get("RAY_ADDRESS")
    if address:
        ray.init(address=address, log_to_driver=False)
    else:  # one processor beside the actors, for reading and writing
        ray.init(
            num_cpus=workers + 1,
            object_store_memory=_STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
        )
    return True


def _stage(job: ShardJob, folder: Path) -> list[str]:
    """Write the input, read by our tolerant readers, as parquet files that Ray can deal out."""
    table = job.open_table()
    start = 0
    with _Parts(folder, _STAGE_ROWS) as parts:
        for batch in table:
            parts.write(pa.Table.from_batches([staged(batch, input_columns(table, batch), table, start)]))
            start += len(batch.posts)
    return [str(path) for path in parts.paths]


def _predict(ray: Any, job: ShardJob, files: list[str], out: Path, workers: int) -> None:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    threads = job.threads or 1
    settings = {
        "model": job.model if job.model == "default" else str(Path(job.model).absolute()),
        "on_bad_image": job.on_bad_image,
        "threads": threads,
        "device": job.device,
        "text_column": job.text_column,
        "image_column": job.image_column,
        "id_column": job.id_column,
    }
    context.execution_options.preserve_order = True  # a shard holds rows that follow one another
    # Small files are read as one block, which one actor would predict alone.
    rows = ray.data.read_parquet(files).repartition(target_num_rows_per_block=_STAGE_ROWS)
    scored = rows.map_batches(
        BatchScorer,
        fn_constructor_kwargs=settings,
        batch_size=job.batch_rows,
        batch_format="pyarrow",
        # One at a time, or the actor that is up first takes all of a short job.
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
        num_cpus=threads,
    )
    scored.write_parquet(str(out))


def _collect(job: ShardJob, out: Path, done: Path) -> ScoreTally:
    """Write the shards in order; raise TableError if a row is missing or there twice."""
    tally = ScoreTally(Bundle.open(job.model).config.schemes)
    with _Parts(done, job.shard_rows) as parts:
        for piece in _in_order(out):
            numbers = piece[ROW].to_pylist()
            if numbers != list(range(tally.rows, tally.rows + len(numbers))):
                raise TableError(f"the cluster gave other rows than it got, near row {tally.rows}")
            parts.write(piece.drop_columns([ROW]))
            tally.merge(tally_of(piece, tally))
    return tally


class _Parts:
    """Writes tables into parquet files of equally many rows."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.paths: list[Path] = []
        self._folder, self._rows = folder, rows
        self._writer: TableWriter | None = None

    def __enter__(self) -> _Parts:
        return self

    def __exit__(self, *raised: Any) -> None:
        if self._writer is not None:
            self._writer.__exit__(*raised)

    def write(self, table: pa.Table) -> None:
        while table.num_rows:
            if self._writer is None or self._writer.rows >= self._rows:
                self._begin()
            assert self._writer is not None
            room = self._rows - self._writer.rows
            self._writer.write(table.slice(0, room))
            table = table.slice(room)

    def _begin(self) -> None:
        if self._writer is not None:
            self._writer.__exit__(None, None, None)
        self.paths.append(self._folder / shard_name(len(self.paths), ".parquet"))
        self._writer = TableWriter(self.paths[-1], overwrite=True).__enter__()


def _in_order(out: Path) -> Iterator[pa.Table]:
    firsts = sorted(
        (pc.min(pq.read_table(path, columns=[ROW])[ROW]).as_py(), path)
        for path in for_arrow(out).glob("*.parquet")
    )
    for _, path in firsts:
        yield pq.read_table(path).sort_by(ROW)


def tally_of(piece: pa.Table, like: ScoreTally) -> dict[str, Any]:
    """Return the state of a tally of written rows."""
    errors = _counts(piece["error"])
    return {
        "rows": piece.num_rows,
        "failed": sum(errors.values()),
        "mixed": pc.sum(piece["mixed"].cast("int64")).as_py() or 0,
        "labels": {name: _counts(piece[name]) for name in like.schemes},
        "errors": like.reasons(errors),
        "warnings": {},
    }


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(column.drop_null()).to_pylist()}
