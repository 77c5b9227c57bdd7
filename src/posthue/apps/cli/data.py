"""``posthue data check``: what is wrong with labelled posts, before anything is trained on them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posthue.apps.cli.options import Threads
from posthue.apps.cli.train import Data, data_folder
from posthue.errors import MissingExtraError

if TYPE_CHECKING:
    from posthue.data.corpora.labelled import LabelledPosts
    from posthue.evaluation.audit.check import Progress
    from posthue.runtime.bundle.folder import Bundle

app = typer.Typer(no_args_is_help=True, help="Look at data before training on it.")


class Vectors(StrEnum):
    """What the quick model of labels learns from."""

    AUTO = "auto"
    MODEL = "model"
    WORDS = "words"
    NONE = "none"


@app.callback()
def data() -> None:
    """Look at data before training on it."""


@app.command()
def check(
    source: Annotated[str, typer.Argument(help="Name of a corpus, or a csv, tsv, jsonl or parquet file.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the report; made if needed.")],
    data: Data = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write OUT/splits.csv: no near-duplicates across splits.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
    scheme: Annotated[
        str | None,
        typer.Option(help="Labels of a corpus to look at, its first if left out; or what to call a table's."),
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="Only this split; repeatable; all by default.")
    ] = None,
    text_column: Annotated[str | None, typer.Option(help="Column of the text.")] = None,
    image_column: Annotated[
        str | None, typer.Option(help="Column of the image path or bytes; '' for none.")
    ] = None,
    id_column: Annotated[str | None, typer.Option(help="Column of the id.")] = None,
    label_column: Annotated[str | None, typer.Option(help="Column of the label.")] = None,
    split_column: Annotated[str | None, typer.Option(help="Column of the split.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of a text file; found out if left out.")
    ] = None,
    vectors: Annotated[
        Vectors,
        typer.Option(help="How labels are checked: with a model's vectors, the words of the texts, or not."),
    ] = Vectors.AUTO,
    model: Annotated[
        Path | None, typer.Option("--model", "-m", help="Bundle whose vectors are used; the shipped model.")
    ] = None,
    text_threshold: Annotated[
        float, typer.Option(min=0.3, max=1.0, help="Least similarity of near texts; 1: the same words.")
    ] = 0.7,
    image_distance: Annotated[
        int | None,
        typer.Option(min=0, max=16, help="Most different bits, of 64, of near pictures; 6, tiny ones 2."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the folds and of the new splits.")] = 0,
    threads: Threads = None,
) -> None:
    """Find near-duplicates, leaks between splits, conflicting and doubtful labels, gaps, broken pictures."""
    from posthue.data.corpora.labelled import TableLayout, is_corpus, read_labelled  # noqa: PLC0415
    from posthue.data.tables.columns import Columns  # noqa: PLC0415
    from posthue.evaluation.audit.check import CheckSettings, check_data  # noqa: PLC0415
    from posthue.files import require_writable, write_json  # noqa: PLC0415
    from posthue.insight.check.figures import findings_lines, summary  # noqa: PLC0415
    from posthue.insight.check.report import write_findings  # noqa: PLC0415

    _need_extra(labels=vectors is not Vectors.NONE)
    require_writable(output / "report.md")
    require_writable(json_file)
    columns = Columns(id=id_column, text=text_column, image=image_column)
    posts = read_labelled(
        source,
        data=data_folder(data) if is_corpus(source) else None,
        scheme=scheme,
        splits=split or (),
        table=TableLayout(columns, label_column, split_column, encoding),
    )
    settings = CheckSettings(
        text_threshold=text_threshold,
        image_distance=image_distance,
        labels=vectors is not Vectors.NONE,
        bundle=_bundle(posts, vectors, model),
        fix=fix,
        seed=seed,
        threads=threads,
    )
    with _steps() as progress:
        found = check_data(posts, settings, progress)
    write_findings(found, output)
    if json_file is not None:
        write_json(json_file, summary(found))
    typer.echo(f"{found.name}{f', {found.scheme}' if found.scheme else ''}")
    for line in findings_lines(found):
        typer.echo(f"  {line}")
    typer.echo(f"report: {output / 'report.md'}")


def _bundle(posts: LabelledPosts, vectors: Vectors, model: Path | None) -> Bundle | None:
    """Return the bundle whose vectors are to be used; None for words."""
    from posthue.runtime.bundle.folder import DEFAULT_BUNDLE, Bundle  # noqa: PLC0415

    if posts.scheme is None or vectors in (Vectors.WORDS, Vectors.NONE):
        return None
    shipped = (DEFAULT_BUNDLE / "config.json").is_file()
    if vectors is Vectors.AUTO and model is None and not shipped:
        return None
    return Bundle.open(model)


def _need_extra(*, labels: bool) -> None:
    from importlib.util import find_spec  # noqa: PLC0415

    packages = {"matplotlib": "matplotlib"} | (
        {"sklearn": "scikit-learn", "cleanlab": "cleanlab"} if labels else {}
    )
    for module, package in packages.items():
        if find_spec(module) is None:
            raise MissingExtraError(package, "audit")


@contextmanager
def _steps() -> Iterator[Progress | None]:
    """Yield what shows a bar per step on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress as Bars  # noqa: PLC0415
    from rich.progress import TaskID  # noqa: PLC0415

    with Bars(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def advance(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step)
            bars.update(tasks[step], completed=done, total=total)

        yield advance
