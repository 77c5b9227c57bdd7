"""``score``: predict every post of a table, in one file, shards, several processes or a Ray cluster.

>>> score("posts.csv", "scored.csv").rows                                        # doctest: +SKIP
1000
>>> score("posts.parquet", "scored", ScoreSettings(shard_rows=100_000, workers=8))   # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from posthue.data.tables.columns import Columns
from posthue.errors import InputError
from posthue.runtime.classifier import load
from posthue.runtime.inference.engine import OnBadImage
from posthue.runtime.scoring.rows.one_file import BATCH_ROWS, score_file
from posthue.runtime.scoring.rows.summary import ScoreSummary
from posthue.runtime.scoring.shards.job import ShardJob
from posthue.runtime.scoring.shards.run import score_shards, score_with_workers

_WORKER_ROWS = 8192  # rows of a hidden shard, where the output is one file
_FORMATS = ("parquet", "csv", "tsv", "jsonl")


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """How a table is scored.

    model: folder of a bundle, or ``default``. columns: of id, text and image; found by their usual names.
    encoding: of a text file; None: detected. batch_rows: rows in memory at a time. threads: None: all cores.
    shard_rows: write shards of so many rows into a folder, which a job that was killed resumes; None: one
    file. shard_format: parquet, csv, tsv or jsonl. workers: processes, with one thread each if above 1.
    engine: ``ray`` scores on a Ray cluster, into a folder of parquet files. overwrite: replace the output.
    on_bad_image: ``text`` predicts a post whose image is broken from its text, with a warning.
    """

    model: str | Path = "default"
    columns: Columns = field(default_factory=Columns)
    encoding: str | None = None
    batch_rows: int = BATCH_ROWS
    threads: int | None = None
    shard_rows: int | None = None
    shard_format: str = "parquet"
    workers: int = 1
    engine: Literal["local", "ray"] = "local"
    overwrite: bool = False
    on_bad_image: OnBadImage = "error"


def score(
    source: str | Path,
    output: str | Path,
    settings: ScoreSettings | None = None,
    *,
    progress: Callable[[int, int | None], None] | None = None,
) -> ScoreSummary:
    """Predict every post of the table ``source`` into ``output``, one row per row; return what came of it.

    source: a csv, tsv, jsonl or parquet file, or a folder or zip of images. output: a file, whose ending is
    its format; with ``shard_rows`` or on Ray a folder. progress: called with the rows done and the rows in
    all (None when unknown); not on Ray.

    Raises InputError where settings do not go together, TableError where the table cannot be read or the
    output exists, BundleError where the model fails. A row that cannot be predicted gets a message in its
    ``error`` column.
    """
    settings = settings or ScoreSettings()
    if settings.shard_format not in _FORMATS:
        raise InputError(f"--shard-format is one of {', '.join(_FORMATS)}, not {settings.shard_format}")
    workers, overwrite = settings.workers, settings.overwrite
    if settings.engine == "ray":
        from posthue.runtime.scoring.shards.ray import score_on_ray  # noqa: PLC0415  (pyarrow.compute)

        return score_on_ray(shard_job(source, output, settings), workers=workers, overwrite=overwrite)
    if settings.shard_rows is not None:
        job = shard_job(source, output, settings)
        return score_shards(job, workers=workers, overwrite=overwrite, progress=progress)
    if workers > 1:
        job = shard_job(source, output, settings)
        return score_with_workers(job, output, workers=workers, overwrite=overwrite, progress=progress)
    if Path(output).is_dir():
        raise InputError(f"{output} is a folder: give --shard-rows to write shards into it")
    return score_file(
        source,
        output,
        load(settings.model, threads=settings.threads, on_bad_image=settings.on_bad_image),
        columns=settings.columns,
        encoding=settings.encoding,
        batch_rows=settings.batch_rows,
        overwrite=overwrite,
        progress=progress,
    )


def shard_job(source: str | Path, output: str | Path, settings: ScoreSettings) -> ShardJob:
    """Return the job of scoring into shards in the folder ``output``."""
    model, columns = settings.model, settings.columns
    return ShardJob(
        source=str(source),
        folder=str(output),
        model=model if isinstance(model, str) else str(model.absolute()),
        id_column=columns.id,
        text_column=columns.text,
        image_column=columns.image,
        encoding=settings.encoding,
        shard_rows=settings.shard_rows or _WORKER_ROWS,
        batch_rows=settings.batch_rows,
        ending=f".{settings.shard_format}",
        on_bad_image=settings.on_bad_image,
        threads=settings.threads,
    )
