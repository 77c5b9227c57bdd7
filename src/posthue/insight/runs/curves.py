"""The course of a training: what ``posthue train`` wrote of losses and checks, as a table and a picture."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from posthue._version import __version__
from posthue.errors import InputError
from posthue.files import write_csv, write_file
from posthue.insight.page.sections import Cell, Section, main_html, plots_html, table_html
from posthue.insight.page.shell import page
from posthue.insight.plot import Plot, Series, curves

_CHECK, _SCORE = "eval_", "score"


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch. loss: mean training loss of its steps, None if none was logged. checks: name → value."""

    epoch: float
    loss: float | None
    checks: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class StageCurves:
    """The course of one stage. losses: (epoch, training loss) as logged, every few steps."""

    name: str
    losses: tuple[tuple[float, float], ...]
    epochs: tuple[Epoch, ...]

    @property
    def checks(self) -> list[str]:
        """The names of what was checked after each epoch; the score that chose the epoch last."""
        names = dict.fromkeys(name for epoch in self.epochs for name in epoch.checks)
        return [*(name for name in names if name != _SCORE), *([_SCORE] if _SCORE in names else [])]

    @property
    def best(self) -> Epoch | None:
        """The epoch that was kept: the one of the highest score."""
        scored = [epoch for epoch in self.epochs if _SCORE in epoch.checks]
        return max(scored, key=lambda epoch: epoch.checks[_SCORE], default=None)


def read_run(run: Path) -> list[StageCurves]:
    """Return the curves of every finished stage of a run folder, in the order of its recipe.

    Raises InputError if the folder holds none.
    """
    paths = {path.parent.name: path for path in run.glob("*/curves.csv")}
    if (run / "curves.csv").is_file():
        paths[run.resolve().name] = run / "curves.csv"
    if not paths:
        raise InputError(f"{run} holds no <stage>/curves.csv: name the run folder of posthue train --output")
    order = [name for name in _recipe_stages(run / "recipe.json") if name in paths]
    return [_stage(name, paths[name]) for name in [*order, *sorted(set(paths) - set(order))]]


def _recipe_stages(path: Path) -> list[str]:
    try:
        stages = json.loads(path.read_text(encoding="utf-8"))["stages"]
        return [str(stage["name"]) for stage in stages]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _stage(name: str, path: Path) -> StageCurves:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [_numbers(row) for row in csv.DictReader(file)]
    losses = tuple((row["epoch"], row["loss"]) for row in rows if "epoch" in row and "loss" in row)
    checked = [row for row in rows if "epoch" in row and any(key.startswith(_CHECK) for key in row)]
    epochs, begin = [], 0.0
    for row in checked:
        inside = [loss for epoch, loss in losses if begin < epoch <= row["epoch"]]
        mean = sum(inside) / len(inside) if inside else None
        checks = {key.removeprefix(_CHECK): value for key, value in row.items() if key.startswith(_CHECK)}
        epochs.append(Epoch(row["epoch"], mean, checks))
        begin = row["epoch"]
    return StageCurves(name, losses, tuple(epochs))


def _numbers(row: Mapping[str | None, object]) -> dict[str, float]:
    numbers = {}
    for key, value in row.items():
        try:
            numbers[str(key)] = float(str(value))
        except ValueError:
            continue
    return numbers


def curve_rows(stages: Iterable[StageCurves]) -> tuple[list[str], list[list[Cell]]]:
    """Return the table: one row per stage and epoch, with every check of any stage."""
    stages = list(stages)
    checks = list(dict.fromkeys(name for stage in stages for name in stage.checks))
    rows: list[list[Cell]] = [
        [stage.name, epoch.epoch, epoch.loss, *(epoch.checks.get(name) for name in checks)]
        for stage in stages
        for epoch in stage.epochs
    ]
    return ["stage", "epoch", "training loss", *checks], rows


def curve_plots(stage: StageCurves) -> dict[str, Plot]:
    """Draw the training loss, and the checks, of one stage over its epochs."""
    plots = {}
    if stage.losses:
        means = [e for e in stage.epochs if e.loss is not None]
        at, losses = ([point[i] for point in stage.losses] for i in range(2))
        lines = {"every few steps": Series(at, losses)}
        if len(means) > 1:
            lines["mean of the epoch"] = Series([e.epoch for e in means], [e.loss or 0.0 for e in means])
        alt = f"Training loss of {stage.name}, from {stage.losses[0][1]:.3g} to {stage.losses[-1][1]:.3g}"
        plots["loss"] = curves(lines, title=f"{stage.name}: training loss", alt=alt, unit=("epoch", "loss"))
    if stage.epochs:
        plots["checks"] = _checks_plot(stage)
    return plots


def _checks_plot(stage: StageCurves) -> Plot:
    lines = {}
    for name in islice((name for name in stage.checks if name != _SCORE or len(stage.checks) == 1), 9):
        points = [(epoch.epoch, epoch.checks[name]) for epoch in stage.epochs if name in epoch.checks]
        lines[_short(name)] = Series([x for x, _ in points], [y for _, y in points])
    kept = stage.best
    alt = f"Checks of {stage.name} after each epoch" + (f"; epoch {kept.epoch:g} was kept" if kept else "")
    only = next(iter(lines)) if len(lines) == 1 else ""
    return curves(lines, title=f"{stage.name}: checks", alt=alt, unit=("epoch", only))


def _short(name: str) -> str:
    """Return the name of a check, corpus/split/state/scheme/metric, without split and scheme.

    >>> _short("mvsa-single/dev/text+image/sentiment/accuracy")
    'mvsa-single text+image accuracy'
    """
    parts = name.split("/")
    return f"{parts[0]} {parts[2]} {parts[-1]}" if len(parts) == 5 else name


def write_curves(run: Path, output: Path, stages: Sequence[StageCurves]) -> Path:
    """Write a page, and plots (svg, png) and the table (csv) into a folder beside it; return the folder."""
    folder = output.with_name(f"{output.stem}_files")
    sections = []
    for place, stage in enumerate(stages):
        plots = curve_plots(stage)
        for kind, plot in plots.items():
            plot.save(folder, f"{place + 1}-{stage.name}-{kind}")
        names, rows = curve_rows([stage])
        body = plots_html(plot.html() for plot in plots.values()) + table_html(
            names[1:], [r[1:] for r in rows]
        )
        kept = f"Epoch {stage.best.epoch:g} has the highest score and was kept." if stage.best else ""
        sections.append(Section(f"stage-{place + 1}", stage.name, body, kept))
    names, rows = curve_rows(stages)
    write_csv(folder / "curves.csv", names, rows, for_people=True)
    title, foot = f"Training of {run.resolve().name}", f"Made by posthue {__version__}."
    write_file(output, page(title, head="", main=main_html(sections), foot=foot))
    return folder
