"""``posthue bundle``: ``optimize``, as fast as this machine allows, and ``fp16``, for graphics cards."""

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
    from posthue.runtime.optimize.optimize import CandidateSpeed

Posts = Annotated[
    Path | None, typer.Option(help="Sample of the posts it will see. Default: synthetic posts.")
]

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def start() -> None:
    """Make a bundle faster, on this machine or for graphics cards."""


@app.command(epilog="Example: posthue bundle optimize run/bundle -o fast --posts posts.csv")
def optimize(
    bundle: BundleFolder = "default",
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the bundle to write.")],
    posts: Posts = None,
    n: Annotated[int, typer.Option(min=1, help="Most posts to measure with.")] = 300,
    threads: Threads = None,
    agreement: Annotated[
        float, typer.Option(min=0, max=1, help="Least share of labels that stay the same.")
    ] = 0.99,
) -> None:
    """Choose the fastest settings for this machine.

    Measures backends, precisions and batch sizes, and keeps the fastest whose labels agree.
    """
    from posthue.runtime.bundle.folder import Bundle
    from posthue.runtime.optimize.optimize import optimize as run

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


@app.command(epilog="Example: posthue bundle fp16 run/bundle -o half")
def fp16(
    bundle: BundleFolder = "default",
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the bundle to write.")],
    posts: Posts = None,
    n: Annotated[int, typer.Option(min=1, help="Most posts to compare predictions on.")] = 64,
    threads: Threads = None,
) -> None:
    """Convert the encoders to fp16 for graphics cards.

    int8 is undone, and the predictions are compared with those of the bundle.
    """
    from posthue.runtime.bundle.folder import Bundle
    from posthue.runtime.optimize.fp16 import make_fp16

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
    from posthue.data.tables.table import open_table
    from posthue.runtime.optimize.sample_posts import sample_posts

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
    from rich.console import Console

    from posthue.apps.cli.printing import table

    made = table("", ("part", "candidate", "posts/s", "agreement", "chosen"), left=2)
    for one in measured:
        row = (one.part, one.name, f"{one.posts_per_second:.1f}", f"{one.agreement:.3f}")
        made.add_row(*row, "yes" if one.chosen else "")
    Console().print(made)
