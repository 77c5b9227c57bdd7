"""``posthue bundle``: ``tune``, as fast as this machine allows, and ``fp16``, for graphics cards."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posthue.apps.cli.options import BundleFolder, Threads
from posthue.errors import InputError

if TYPE_CHECKING:
    from posthue.posts import Post
    from posthue.runtime.optimize.fp16 import PrecisionComparison
    from posthue.runtime.optimize.tune import CandidateSpeed

Posts = Annotated[
    Path | None, typer.Option(help="A table of posts such as it will predict; made ones if left out.")
]

app = typer.Typer(help="Work on bundles.", no_args_is_help=True, add_completion=False)


@app.callback()
def start() -> None:
    """Work on bundles."""


@app.command()
def tune(
    bundle: BundleFolder = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the tuned bundle.")],
    posts: Posts = None,
    n: Annotated[int, typer.Option(min=1, help="Posts to measure with, at most.")] = 300,
    threads: Threads = None,
    agreement: Annotated[
        float, typer.Option(min=0, max=1, help="Share of labels that must stay as they were.")
    ] = 0.99,
) -> None:
    """Measure backends, precisions and batch sizes on this machine, and keep the fastest that agrees."""
    from posthue.runtime.bundle.folder import Bundle  # noqa: PLC0415
    from posthue.runtime.optimize.tune import tune as run  # noqa: PLC0415

    opened = Bundle.open(bundle)
    found = run(
        opened,
        output,
        _questions(posts, n),
        threads=threads,
        least_agreement=agreement,
        progress=lambda said: typer.echo(said, err=True),
    )
    _print(found)
    typer.echo(f"written: {output}")


@app.command()
def fp16(
    bundle: BundleFolder = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the bundle in fp16.")],
    posts: Posts = None,
    n: Annotated[int, typer.Option(min=1, help="Posts to compare answers with, at most.")] = 64,
    threads: Threads = None,
) -> None:
    """Make a bundle for graphics cards: int8 undone, encoders in fp16, answers compared with those before."""
    from posthue.runtime.bundle.folder import Bundle  # noqa: PLC0415
    from posthue.runtime.optimize.fp16 import make_fp16  # noqa: PLC0415

    report = make_fp16(
        Bundle.open(bundle),
        output,
        _questions(posts, n),
        threads=threads,
        progress=lambda said: typer.echo(said, err=True),
    )
    _say("the same weights in fp32", report.fp32)
    _say("the bundle as it was", report.source)
    typer.echo(f"written: {output}")


def _say(against: str, compared: PrecisionComparison) -> None:
    typer.echo(
        f"fp16 against {against}: {compared.label_agreement:.2%} of {compared.n} labels are the same, "
        f"probabilities differ by {compared.max_difference:.4f} at most"
    )


def _questions(table: Path | None, count: int) -> list[Post]:
    """Return the first posts of a table that can be read, or made ones without a table."""
    from posthue.data.tables.table import open_table  # noqa: PLC0415
    from posthue.runtime.optimize.sample_posts import sample_posts  # noqa: PLC0415

    if table is None:
        return sample_posts(count)
    rows = (
        post
        for batch in open_table(table, batch_rows=256)
        for post, error in zip(batch.posts, batch.errors, strict=True)
        if error is None
    )
    found = list(islice(rows, count))
    if not found:
        raise InputError(f"{table} has no posts to measure with")
    return found


def _print(measured: list[CandidateSpeed]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table("part", "candidate", "posts/s", "agreement", "chosen")
    for one in measured:
        row = (one.part, one.name, f"{one.posts_per_second:.1f}", f"{one.agreement:.3f}")
        table.add_row(*row, "yes" if one.chosen else "")
    Console().print(table)
