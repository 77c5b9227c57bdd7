"""Scoring into shards: any number of rows and processes, and a kill costs at most the shards in work.

    DIR/part-00000.parquet · part-00001.parquet · … · manifest.json

Every shard appears whole or not at all, and the manifest says which ones are whole (manifest.py). The same
command again goes on where the job stopped. A worker is a process of its own that reads the input forward by
itself and holds one batch at a time; nobody waits for a queue, and no row travels between processes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from posthue.data.tables.table import read_table
from posthue.data.tables.writer import TableWriter
from posthue.errors import InputError, PosthueError, TableError
from posthue.processes import Progress, WorkerDiedError, WorkerProcess
from posthue.runtime.backends.devices import choose_threads
from posthue.runtime.bundle.folder import Bundle
from posthue.runtime.scoring.rows.summary import ScoreSummary, ScoreTally
from posthue.runtime.scoring.shards.folder import check_target, locked, remove, sweep
from posthue.runtime.scoring.shards.job import ShardDone, ShardJob
from posthue.runtime.scoring.shards.manifest import Manifest, open_manifest, open_own_manifest
from posthue.runtime.scoring.shards.scorer import ShardScorer, work_of

__all__ = ["ShardJob", "score_shards", "score_with_workers"]

_ATTEMPTS = 3  # of one shard, where its worker was killed

Shown = Callable[[int, int | None], None]


#: Writes the shard with this number.
_Score: TypeAlias = Callable[[int, Progress], ShardDone]


def score_shards(
    job: ShardJob, *, workers: int = 1, overwrite: bool = False, progress: Shown | None = None
) -> ScoreSummary:
    """Predict every post of ``job.source`` into shards in ``job.folder``; go on with a job begun there.

    workers: processes; with more than one, each has one thread unless the job says otherwise.
    progress: called with the rows done and the rows in all (None when unknown).

    Raises TableError when the input cannot be read, the folder holds another job or foreign files, or the
    disk is full (whole shards stay); BundleError when the model fails.
    """
    _check(job, workers)
    started = time.monotonic()
    folder = Path(job.folder)
    check_target(folder, Path(job.source), overwrite=overwrite)
    with locked(folder):
        manifest = open_manifest(folder, job.identity(), ending=job.ending, overwrite=overwrite)
        tally = _make(job, manifest, workers, progress)
    return tally.summary(folder, time.monotonic() - started)


def score_with_workers(
    job: ShardJob, output: str | Path, *, workers: int, overwrite: bool = False, progress: Shown | None = None
) -> ScoreSummary:
    """Predict every post into one file, by several processes; rows keep their order.

    The shards are made in a hidden folder beside the output, from which a killed job goes on; another job,
    or ``overwrite``, starts there anew. Raises as ``score_shards`` does.
    """
    _check(job, workers)
    started = time.monotonic()
    output = Path(output)
    folder = output.with_name(f".{output.name}.posthue-shards")
    job = replace(job, folder=str(folder), ending=".parquet")
    writer = TableWriter(output, overwrite=overwrite)
    with locked(folder):
        with writer:
            manifest = open_own_manifest(folder, job.identity(), ending=job.ending, overwrite=overwrite)
            tally = _make(job, manifest, workers, progress)
            for batch in _merged(folder):
                writer.write(batch)
        remove(folder)
    return tally.summary(output, time.monotonic() - started)


def _make(job: ShardJob, manifest: Manifest, workers: int, progress: Shown | None) -> ScoreTally:
    """Make every shard that is missing; return what all of them say together."""
    if not manifest.complete:
        _Run(manifest, progress, job.open_table().count_rows() if progress else None).work(job, workers)
        sweep(manifest.folder)
    tally = ScoreTally(Bundle.open(job.model).config.schemes)
    for shard in manifest.shards.values():
        tally.merge(shard["tally"])
    return tally


def _merged(folder: Path) -> Iterator[object]:
    for path in sorted(folder.glob("part-*.parquet"), key=lambda path: (len(path.name), path.name)):
        yield from read_table(path)


def _check(job: ShardJob, workers: int) -> None:
    if workers < 1 or job.shard_rows < 1:
        raise InputError("workers and shard_rows must be 1 or more")
    if not Path(job.source).exists():
        raise TableError(f"{job.source}: there is no such file or folder")


class _Run:
    """The shards that are still to be made, dealt to whoever is free."""

    def __init__(self, manifest: Manifest, progress: Shown | None, total: int | None) -> None:
        self._manifest = manifest
        self._progress, self._total = progress, total
        self._rows = manifest.rows
        self._next = 0
        self._lock = threading.Lock()
        self._error: Exception | None = None

    def work(self, job: ShardJob, workers: int) -> None:
        """Make every shard that is missing."""
        self._count(0)
        if workers == 1:
            self._deal(lambda _: ShardScorer(job).score)
        else:
            alone = replace(job, threads=choose_threads(job.threads or 1))
            threads = [
                threading.Thread(target=self._deal, args=(partial(_apart, alone),), daemon=True)
                for _ in range(workers)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        if self._error is not None:
            raise self._error

    def _deal(self, prepare: Callable[[ExitStack], _Score]) -> None:
        with ExitStack() as stack:
            score: _Score | None = None
            while (index := self._take()) is not None:
                for attempt in range(1, _ATTEMPTS + 1):
                    try:
                        score = score or prepare(stack)
                        self._keep(score(index, self._count))
                        break
                    except WorkerDiedError as error:
                        score = None
                        if attempt == _ATTEMPTS:
                            self._fail(error)
                    except Exception as error:  # raised again by the thread that waits
                        self._fail(error)
                        break

    def _take(self) -> int | None:
        with self._lock:
            while self._next in self._manifest.shards:
                self._next += 1
            end = self._manifest.end
            if self._error is not None or (end is not None and self._next >= end):
                return None
            self._next += 1
            return self._next - 1

    def _keep(self, done: ShardDone) -> None:
        """Write down a shard that is whole; one without rows lies behind the end."""
        with self._lock:
            manifest = self._manifest
            ended = done.index + bool(done.bytes)
            last = done.rows < _shard_rows(manifest)
            if last:
                manifest.end = ended if manifest.end is None else min(ended, manifest.end)
            if done.bytes:
                manifest.shards[done.index] = {"rows": done.rows, "bytes": done.bytes, "tally": done.tally}
            if done.bytes or last:
                manifest.save()

    def _count(self, rows: int) -> None:
        with self._lock:
            self._rows += rows
            if self._progress:
                self._progress(self._rows, self._total)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, PosthueError):
            error = TableError(
                f"{error}. Whole shards are kept in {self._manifest.folder}: "
                "mend it and give the same command again"
            )
        with self._lock:
            self._error = self._error or error


def _shard_rows(manifest: Manifest) -> int:
    return int(str(manifest.job["shard_rows"]))


def _apart(job: ShardJob, stack: ExitStack) -> _Score:
    """Start a process that writes shards, and ends with the stack."""
    worker = stack.enter_context(WorkerProcess(work_of(job)))
    return lambda index, progress: ShardDone(**worker.do(index, progress))
