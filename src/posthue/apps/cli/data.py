"""``posthue data check``: what is wrong with labelled posts, before anything is trained on them."""

from __future__ import annotations

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posthue.apps.cli.options import (
    Data,
    Encoding,
    IdColumn,
    ImageColumn,
    LabelColumn,
    Model,
    Report,
    Scheme,
    SplitColumn,
    TextColumn,
    Threads,
    data_folder,
    require_extra,
)
from posthue.progress import Advance, progress_bar

if TYPE_CHECKING:
    from posthue.data.corpora.labelled import LabelledPosts
    from posthue.runtime.bundle.folder import Bundle

app = typer.Typer(no_args_is_help=True, add_completion=False)


class Vectors(StrEnum):
    """What the quick model of labels learns from."""

    AUTO = "auto"
    MODEL = "model"
    WORDS = "words"
    NONE = "none"


@app.callback()
def data() -> None:
    """Check labelled posts before training on them."""


@app.command(epilog="Example: posthue data check posts.csv -o check --fix")
def check(
    source: Annotated[str, typer.Argument(help="Name of a corpus, or a csv, tsv, jsonl or parquet file.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the report.")],
    data: Data = None,
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Write OUTPUT/splits.csv: splits without near-duplicates across them."),
    ] = False,
    report: Report = None,
    scheme: Scheme = None,
    split: Annotated[list[str] | None, typer.Option(help="Split to check; repeatable. Default: all.")] = None,
    text_column: TextColumn = None,
    image_column: ImageColumn = None,
    id_column: IdColumn = None,
    label_column: LabelColumn = None,
    split_column: SplitColumn = None,
    encoding: Encoding = None,
    vectors: Annotated[
        Vectors,
        typer.Option(
            help="Labels are checked with a model's vectors, the words of the texts, or not at all."
        ),
    ] = Vectors.AUTO,
    model: Model = "default",
    text_threshold: Annotated[
        float,
        typer.Option(min=0.3, max=1.0, help="Least similarity of near-duplicate texts; 1: the same words."),
    ] = 0.7,
    image_distance: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=16,
            help="Most different bits (of 64) of near-duplicate pictures. Default: 6, of tiny ones 2.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the folds and of the new splits.")] = 0,
    threads: Threads = None,
) -> None:
    """Find duplicates, leaks between splits, doubtful labels.

    Also conflicting labels, missing values and broken pictures.
    """
    from posthue.data.corpora.labelled import TableLayout, is_corpus, read_labelled
    from posthue.data.tables.columns import Columns
    from posthue.evaluation.audit.check import CheckSettings, check_data
    from posthue.files import require_writable, write_json
    from posthue.insight.check.figures import findings_lines, summary
    from posthue.insight.check.report import write_findings

    require_extra("audit", matplotlib="matplotlib")
    if vectors is not Vectors.NONE:
        require_extra("audit", sklearn="scikit-learn", cleanlab="cleanlab")
    require_writable(output / "report.md")
    require_writable(report)
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
    with ExitStack() as bars:
        advances: dict[str, Advance] = {}

        def progress(step: str, done: int, total: int) -> None:
            if step not in advances:
                advances[step] = bars.enter_context(progress_bar(step))
            advances[step](done, total)

        found = check_data(posts, settings, progress)
    write_findings(found, output)
    if report is not None:
        write_json(report, summary(found))
    typer.echo(f"{found.name}{f', {found.scheme}' if found.scheme else ''}")
    for line in findings_lines(found):
        typer.echo(f"  {line}")
    typer.echo(f"report: {output / 'report.md'}")


def _bundle(posts: LabelledPosts, vectors: Vectors, model: str) -> Bundle | None:
    """Return the bundle whose vectors are used; None for words."""
    from posthue.runtime.bundle.folder import DEFAULT_BUNDLE, Bundle

    if posts.scheme is None or vectors in (Vectors.WORDS, Vectors.NONE):
        return None
    shipped = (DEFAULT_BUNDLE / "config.json").is_file()
    if vectors is Vectors.AUTO and model == "default" and not shipped:
        return None
    return Bundle.open(model)
