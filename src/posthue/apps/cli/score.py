"""``posthue score``: every post of a table."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posthue.apps.cli.options import (
    AsJson,
    BadImage,
    Bar,
    Encoding,
    IdColumn,
    ImageColumn,
    Model,
    OnBadImage,
    TextColumn,
    Threads,
)
from posthue.apps.cli.streams import echo_json
from posthue.progress import progress_bar

if TYPE_CHECKING:
    from posthue.runtime.scoring.rows.summary import ScoreSummary


class ScoreEngine(StrEnum):
    """What runs a scoring job."""

    LOCAL = "local"
    RAY = "ray"


def score(
    source: Annotated[
        Path, typer.Argument(help="A csv, tsv, jsonl or parquet file, or a folder or zip of images.")
    ],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write, whose ending is its format, or a folder.")
    ],
    model: Model = "default",
    text_column: TextColumn = None,
    image_column: ImageColumn = None,
    id_column: IdColumn = None,
    encoding: Encoding = None,
    batch_rows: Annotated[int, typer.Option(min=1, help="Rows in memory at a time.")] = 512,
    threads: Threads = None,
    shard_rows: Annotated[
        int | None,
        typer.Option(
            min=1, help="Write shards of so many rows into a folder; resumes a job that was killed."
        ),
    ] = None,
    shard_format: Annotated[
        str, typer.Option(help="Format of the shards: parquet, csv, tsv or jsonl.")
    ] = "parquet",
    workers: Annotated[
        int, typer.Option(min=1, help="Number of processes, with one thread each if above 1.")
    ] = 1,
    engine: Annotated[
        ScoreEngine, typer.Option(help="local, or a Ray cluster that writes a folder of parquet files.")
    ] = ScoreEngine.LOCAL,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
    on_bad_image: OnBadImage = BadImage.ERROR,
    progress: Bar = None,
    as_json: AsJson = False,
) -> None:
    """Predict every post of a table, one row per row.

    A row that cannot be predicted gets a message in the column "error"; the job continues.
    """
    from posthue.data.tables.columns import Columns
    from posthue.runtime.scoring.run import ScoreSettings
    from posthue.runtime.scoring.run import score as run

    settings = ScoreSettings(
        model=model,
        columns=Columns(id=id_column, text=text_column, image=image_column),
        encoding=encoding,
        batch_rows=batch_rows,
        threads=threads,
        shard_rows=shard_rows,
        shard_format=shard_format,
        workers=workers,
        engine=engine.value,
        overwrite=overwrite,
        on_bad_image=on_bad_image.value,
    )
    with progress_bar("posts", shown=progress) as advance:
        summary = run(source, output, settings, progress=advance)
    if as_json:
        echo_json(summary.to_dict())
    else:
        _print(summary)


def _print(summary: ScoreSummary) -> None:
    rate = summary.rows / summary.seconds if summary.seconds else 0
    typer.echo(
        f"{summary.rows:,} rows in {summary.seconds:,.1f} s ({rate:,.0f} a second), "
        f"{summary.failed:,} failed: {summary.output}"
    )
    for name, counts in summary.labels.items():
        typer.echo(f"  {name}: {', '.join(f'{label} {count:,}' for label, count in counts.items())}")
    if summary.mixed:
        typer.echo(f"  mixed: {summary.mixed:,}")
    for title, reasons in (("failed", summary.errors), ("warning", summary.warnings)):
        for reason, count in reasons.items():
            typer.echo(f"  {title} {count:,}: {reason}")
