"""``posthue distill``: from raw posts to an image model without human labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from posthue.apps.cli.options import (
    Bar,
    Data,
    Encoders,
    RecipeSeed,
    RunFolder,
    data_folder,
    require_extra,
)


def distill(
    recipe: Annotated[Path, typer.Argument(help="Recipe in YAML (see recipes/distill-*.yaml).")],
    *,
    output: RunFolder,
    data: Data = None,
    encoders: Encoders = None,
    keep: Annotated[
        str | None,
        typer.Option(
            help="Thresholds: positive=.9,neutral=.9,negative=.7, or none. Default: those of the recipe."
        ),
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(help="default, a bundle's folder, or a Hub id. Default: that of the recipe.")
    ] = None,
    seed: RecipeSeed = None,
    until: Annotated[
        str, typer.Option(help="Stop after select, teach, filter, dedup, balance, split or student.")
    ] = "student",
    progress: Bar = None,
) -> None:
    """Train an image model without labels, by the texts of posts.

    Stages: select, teach, filter, dedup, balance, split, student.
    """
    from posthue.insight.runs.distill import write_distill_report
    from posthue.training.distill.pipeline import Places, run_distill
    from posthue.training.distill.recipe import parse_keep, read_distill_recipe

    if until == "student":
        require_extra("train", torch="torch")
    chosen = read_distill_recipe(recipe)
    if keep is not None:
        chosen = replace(chosen, keep=parse_keep(keep))
    if teacher is not None:
        chosen = replace(chosen, teacher=replace(chosen.teacher, model=teacher))
    if seed is not None:
        chosen = replace(chosen, seed=seed)
    places = Places(output, data_folder(data), encoders)
    done = run_distill(chosen, places, until=until, progress=progress)
    _print([(stage, kept.total, kept.labels) for stage, kept in done.stages])
    typer.echo(f"report: {write_distill_report(chosen.name, done.stages, output)}")
    if done.bundle is not None:
        typer.echo(f"bundle: {done.bundle}")


def _print(stages: Sequence[tuple[str, int, Mapping[str, int]]]) -> None:
    """Print one row per stage: its name, the posts that it kept, and how many per label."""
    from rich.console import Console

    from posthue.apps.cli.printing import table

    labels = list(dict.fromkeys(label for _, _, counts in stages for label in counts))
    made = table("", ("stage", "kept", *labels))
    for stage, total, counts in stages:
        made.add_row(stage, f"{total:,}", *(f"{counts[n]:,}" if n in counts else "" for n in labels))
    Console().print(made)
