"""The commands that make pages to look at: ``posthue explore``, ``posthue crowd``, ``posthue curves``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posthue.apps.cli.train import Data, data_folder
from posthue.errors import InputError

if TYPE_CHECKING:
    from posthue.insight.page.sections import Cell

app = typer.Typer()

_FEW_EPOCHS = 7

Output = Annotated[
    Path, typer.Option("--output", "-o", help="The page to write; files go into a folder beside it.")
]
Title = Annotated[str | None, typer.Option(help="Title of the page.")]
TextColumn = Annotated[str | None, typer.Option(help="Column of the text, of a table.")]
ImageColumn = Annotated[
    str | None, typer.Option(help="Column of the image path or bytes, of a table; '' for none.")
]
IdColumn = Annotated[str | None, typer.Option(help="Column of the id, of a table.")]
Encoding = Annotated[str | None, typer.Option(help="Encoding of a text file; found out if left out.")]


@app.command()
def explore(
    source: Annotated[
        str, typer.Argument(help="Name of a corpus, or a table: csv, tsv, jsonl, parquet, a folder.")
    ],
    *,
    output: Output = Path("explore.html"),
    data: Data = None,
    split: Annotated[str | None, typer.Option(help="One split; all if left out.")] = None,
    scheme: Annotated[
        str | None, typer.Option(help="Labels of a corpus that has several; or what to call a table's.")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="Column of the labels, of a table; found by its usual names.")
    ] = None,
    split_column: Annotated[
        str | None, typer.Option(help="Column of the split, of a table; found by its usual names.")
    ] = None,
    text_column: TextColumn = None,
    image_column: ImageColumn = None,
    id_column: IdColumn = None,
    encoding: Encoding = None,
    most_images: Annotated[int, typer.Option(min=0, help="Pictures to measure at most.")] = 5000,
    title: Title = None,
) -> None:
    """Show what posts there are: labels, lengths, telling words, emoji, pictures, repeats, agreement."""
    from posthue.apps.cli.printing import progress_bar  # noqa: PLC0415
    from posthue.data.corpora.labelled import TableLayout, is_corpus, read_labelled  # noqa: PLC0415
    from posthue.data.tables.columns import Columns  # noqa: PLC0415
    from posthue.insight.explore import explore as write_exploration  # noqa: PLC0415

    _check_page(output)
    columns = Columns(id=id_column, text=text_column, image=image_column)
    posts = read_labelled(
        source,
        data=data_folder(data) if is_corpus(source) else None,
        scheme=scheme,
        splits=[split] if split else (),
        table=TableLayout(columns, label_column, split_column, encoding),
    )
    with progress_bar(shown=sys.stderr.isatty()) as advance:
        done = write_exploration(posts, output, title=title, most_images=most_images, progress=advance)
    typer.echo(f"{done.posts:,} posts: {done.page}, plots and tables in {done.folder}")


def _print_table(title: str, names: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    lines = [[_written(cell) for cell in line] for line in (names, *rows)]
    if len(rows) <= _FEW_EPOCHS:  # as columns, they leave room for the names
        lines = [list(line) for line in zip(*lines, strict=True)]
    table = Table(title=Text(title, "bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(lines[0]):
        table.add_column(Text(name), justify="right" if place else "left", no_wrap=place > 0)
    for line in lines[1:]:
        table.add_row(*map(Text, line))
    Console().print(table)


def _written(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.4g}"
    return "" if cell is None else str(cell).replace("/", " ")


def _check_page(output: Path) -> None:
    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{output}: the page is HTML; let its name end in .html")


@app.command()
def crowd(
    scored: Annotated[Path, typer.Argument(help="A table that posthue score wrote.")],
    *,
    output: Output = Path("crowd.html"),
    by: Annotated[str | None, typer.Option(help="Column to compare: place, topic, source …")] = None,
    time_column: Annotated[
        str | None, typer.Option(help="Column of the time; found by its usual names.")
    ] = None,
    pictures: Annotated[Path | None, typer.Option(help="Folder that image paths start from.")] = None,
    text_column: TextColumn = None,
    image_column: ImageColumn = None,
    id_column: IdColumn = None,
    encoding: Encoding = None,
    title: Title = None,
) -> None:
    """Show what a crowd of scored posts expresses: shares, over time, by a column, and the clearest posts."""
    from posthue.apps.cli.printing import progress_bar  # noqa: PLC0415
    from posthue.data.tables.columns import Columns  # noqa: PLC0415
    from posthue.insight.crowd import read_crowd, write_crowd  # noqa: PLC0415

    _check_page(output)
    with progress_bar(shown=sys.stderr.isatty()) as advance:
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


@app.command()
def curves(
    run: Annotated[Path, typer.Argument(help="A run folder of posthue train.")],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page to write; RUN/curves.html if left out.")
    ] = None,
) -> None:
    """Show the course of a training: losses and checks of every epoch, as a table and pictures."""
    from posthue.insight.runs.curves import curve_rows, read_run, write_curves  # noqa: PLC0415

    target = output or run / "curves.html"
    _check_page(target)
    stages = read_run(run)
    for stage in stages:
        names, rows = curve_rows([stage])
        _print_table(stage.name, names[1:], [row[1:] for row in rows])
    folder = write_curves(run, target, stages)
    typer.echo(f"page: {target}, plots and table in {folder}")
