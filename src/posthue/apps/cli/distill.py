"""``posthue distill``: from raw posts to an image model without human labels."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from posthue.apps.cli.train import Data, Models, data_folder
from posthue.errors import MissingExtraError

app = typer.Typer()


@app.command()
def distill(
    recipe: Annotated[Path, typer.Argument(help="A recipe in YAML (see recipes/distill-*.yaml).")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Run folder; a begun run is gone on with.")],
    data: Data = None,
    models: Models = None,
    keep: Annotated[
        str | None,
        typer.Option(
            help="Thresholds instead of the recipe's, as positive=.9,neutral=.9,negative=.7, or none."
        ),
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(help="Instead of the recipe's: default, a bundle's folder, or a Hub id.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; the recipe's if left out.")] = None,
    until: Annotated[
        str, typer.Option(help="Stop after select, teach, filter, dedup, balance, split or student.")
    ] = "student",
    progress: Annotated[
        bool | None, typer.Option(help="Show a bar per stage; by default on a terminal only.")
    ] = None,
) -> None:
    """Teach an image model by the texts of posts: select, label, filter, clean, balance, split, train."""
    from importlib.util import find_spec  # noqa: PLC0415

    from posthue.apps.cli.printing import print_stages  # noqa: PLC0415
    from posthue.insight.runs.distill import write_distill_report  # noqa: PLC0415
    from posthue.training.distill.pipeline import Places, run_distill  # noqa: PLC0415
    from posthue.training.distill.recipe import parse_keep, read_distill_recipe  # noqa: PLC0415

    if find_spec("torch") is None and until == "student":
        raise MissingExtraError("torch", "train")
    chosen = read_distill_recipe(recipe)
    if keep is not None:
        chosen = replace(chosen, keep=parse_keep(keep))
    if teacher is not None:
        chosen = replace(chosen, teacher=replace(chosen.teacher, model=teacher))
    if seed is not None:
        chosen = replace(chosen, seed=seed)
    shown = sys.stderr.isatty() if progress is None else progress
    done = run_distill(chosen, Places(output, data_folder(data), models), until=until, progress=shown)
    print_stages([(stage, kept.total, kept.labels) for stage, kept in done.stages])
    typer.echo(f"report: {write_distill_report(chosen.name, done.stages, output)}")
    if done.bundle is not None:
        typer.echo(f"bundle: {done.bundle}")
