"""The commands that make pages to look at: ``posthue explore``, ``posthue crowd``, ``posthue curves``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posthue.apps.cli.options import (
    Data,
    Encoding,
    IdColumn,
    ImageColumn,
    LabelColumn,
    Page,
    Scheme,
    SplitColumn,
    TextColumn,
    data_folder,
    require_page,
)
from posthue.progress import progress_bar

if TYPE_CHECKING:
    from posthue.insight.page.sections import Cell

_FEW_EPOCHS = 7

Title = Annotated[str | None, typer.Option(help="Title of the page.")]


def explore(
    source: Annotated[
        str,
        typer.Argument(help="Name of a corpus, or a csv, tsv, jsonl or parquet file, or a folder of images."),
    ],
    *,
    output: Page = Path("explore.html"),
    data: Data = None,
    split: Annotated[str | None, typer.Option(help="Split to report on. Default: all.")] = None,
    scheme: Scheme = None,
    label_column: LabelColumn = None,
    split_column: SplitColumn = None,
    text_column: TextColumn = None,
    image_column: ImageColumn = None,
    id_column: IdColumn = None,
    encoding: Encoding = None,
    most_images: Annotated[int, typer.Option(min=0, help="Most pictures to measure.")] = 5000,
    title: Title = None,
) -> None:
    """Report on posts: labels, words, emoji, pictures, duplicates."""
    from posthue.data.corpora.labelled import TableLayout, is_corpus, read_labelled
    from posthue.data.tables.columns import Columns
    from posthue.insight.explore import explore as write_exploration

    require_page(output)
    columns = Columns(id=id_column, text=text_column, image=image_column)
    posts = read_labelled(
        source,
        data=data_folder(data) if is_corpus(source) else None,
        scheme=scheme,
        splits=[split] if split else (),
        table=TableLayout(columns, label_column, split_column, encoding),
    )
    with progress_bar("pictures", unit="pictures") as advance:
        done = write_exploration(posts, output, title=title, most_images=most_images, progress=advance)
    typer.echo(f"{done.posts:,} posts: {done.page}, plots and tables in {done.folder}")


def crowd(
    scored: Annotated[Path, typer.Argument(help="Table that posthue score wrote.")],
    *,
    output: Page = Path("crowd.html"),
    by: Annotated[
        str | None, typer.Option(help="Column whose values are compared: place, topic, source …")
    ] = None,
    time_column: Annotated[
        str | None, typer.Option(help="Column of the time. Default: found by its name.")
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Folder that image paths start from. Default: that of the table.")
    ] = None,
    text_column: TextColumn = None,
    image_column: ImageColumn = None,
    id_column: IdColumn = None,
    encoding: Encoding = None,
    title: Title = None,
) -> None:
    """Report on scored posts: labels over time, by place or topic.

    Shows the share of each label with its interval, and the clearest posts.
    """
    from posthue.data.tables.columns import Columns
    from posthue.insight.crowd import read_crowd, write_crowd

    require_page(output)
    with progress_bar("posts") as advance:
        found = read_crowd(
            scored,
            by=by,
            time_column=time_column,
            columns=Columns(id=id_column, text=text_column, image=image_column),
            pictures=pictures,
            encoding=encoding,
            progress=advance,
        )
    folder = write_crowd(found, output, title=title)
    predicted = found.rows - found.failed
    if found.time and 2 * found.without_time > predicted:
        unread = f"{found.without_time:,} of {predicted:,} times in the column {found.time!r} cannot be read"
        typer.echo(f"warning: {unread}; they are not in the course over time", err=True)
    typer.echo(f"{found.rows:,} posts: {output}, plots and tables in {folder}")


def curves(
    run: Annotated[Path, typer.Argument(help="Run folder of posthue train.")],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Page to write (html). Default: RUN/curves.html.")
    ] = None,
) -> None:
    """Show the learning curves of a training run."""
    from posthue.insight.runs.curves import curve_rows, read_run, write_curves

    target = output or run / "curves.html"
    require_page(target)
    stages = read_run(run)
    for stage in stages:
        names, rows = curve_rows([stage])
        _print_table(stage.name, names[1:], [row[1:] for row in rows])
    folder = write_curves(run, target, stages)
    typer.echo(f"page: {target}, plots and table in {folder}")


def _print_table(title: str, names: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    from rich.console import Console
    from rich.text import Text

    from posthue.apps.cli.printing import table

    lines = [[_written(cell) for cell in line] for line in (names, *rows)]
    if len(rows) <= _FEW_EPOCHS:  # as columns, they leave room for the names
        lines = [list(line) for line in zip(*lines, strict=True)]
    made = table(title, lines[0])
    for column in made.columns[1:]:
        column.no_wrap = True
    for line in lines[1:]:
        made.add_row(*map(Text, line))
    Console().print(made)


def _written(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.4g}"
    return "" if cell is None else str(cell).replace("/", " ")
