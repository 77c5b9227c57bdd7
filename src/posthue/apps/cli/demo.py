"""``posthue demo``: predict the example posts that ship with posthue, and show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import posthue
from posthue import examples
from posthue.apps.cli.options import Model
from posthue.posts import Modality, Post, Prediction
from posthue.wording import percent

if TYPE_CHECKING:
    from rich.table import Table

    from posthue.runtime.classifier import PostClassifier

Row = tuple[Post, Prediction]


def demo(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for report.html.")] = Path("demo"),
    model: Model = "default",
) -> None:
    """Predict example posts, and write a page with their pictures."""
    from rich.console import Console

    from posthue.insight.page.posts import write_posts_report

    rows = list(predicted_examples(posthue.load(model)))
    report = write_posts_report(rows, output / "report.html", title="Example posts")
    console = Console()
    console.print(table_of(rows))
    for _, prediction in rows:
        if not prediction.ok:
            console.print(f"{prediction.id}: {prediction.error}", style="red", markup=False, highlight=False)
    console.print(f"report: {report.resolve()}", markup=False, highlight=False, soft_wrap=True)


def predicted_examples(classifier: PostClassifier, source: Path = examples.POSTS) -> Iterator[Row]:
    """Yield each example post with its prediction, in order; a broken one has its error said."""
    from posthue.data.tables.table import open_table

    for batch in open_table(source):
        for post, error in zip(batch.posts, batch.errors, strict=True):
            yield post, Prediction(id=post.id, error=error) if error else classifier.predict(post)


def table_of(rows: list[Row]) -> Table:
    """Return one line per post, at most 80 characters wide: its label in every scheme, and what decided."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    schemes = list(dict.fromkeys(name for _, prediction in rows for name in prediction.schemes))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("post", "picture"):
        table.add_column(title, no_wrap=True)
    table.add_column("text", min_width=12)  # the only column that gives way: its cells are cut
    for title in (*schemes, "decided by", ""):
        table.add_column(title, no_wrap=True)
    for post, prediction in rows:
        cells = [*_post_cells(post), *_result_cells(prediction, schemes)]
        table.add_row(
            *(Text(cell, no_wrap=True, overflow="ellipsis") for cell in cells),
            style="" if prediction.ok else "red",
        )
    return table


def _post_cells(post: Post) -> tuple[str, str, str]:
    picture = Path(post.image).stem if isinstance(post.image, str | Path) else ""
    return post.id or "", picture, " ".join((post.text or "").split())


def _result_cells(prediction: Prediction, schemes: list[str]) -> list[str]:
    if not prediction.ok:
        return ["not predicted"]
    labels = [f"{prediction[name].label} {percent(prediction[name].confidence)}" for name in schemes]
    return [*labels, _decided(prediction[schemes[0]].shares), "mixed" if prediction.mixed else ""]


def _decided(shares: Mapping[Modality, float]) -> str:
    most = max(shares, key=shares.__getitem__)
    return f"{most} {percent(shares[most])}" if len(shares) > 1 else f"{most}"
