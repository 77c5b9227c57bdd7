"""Plots of a comparison of models, and of the search of ``posthue tune``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from posthue.evaluation.significance import Cell
from posthue.insight.compare.tables import TITLES
from posthue.insight.plot import Plot, Series, bars, curves
from posthue.insight.plot.figure import (
    LONGEST_NAME,
    few_ticks,
    inches,
    label_rows,
    look,
    name_axes,
    panels,
    wrapped,
)
from posthue.insight.plot.palette import page_colours, series_colour
from posthue.wording import CONDITIONS, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_METRICS = {"accuracy": "accuracy, %", "macro_f1": "macro F1, %"}
_NARROWEST = 5.0  # inches, of all conditions
_KEY = "thick: ± one standard deviation over the runs; thin: 95 % interval over the posts; dotted: the best"


def comparison_plot(cells: Sequence[Cell], *, title: str) -> Plot:
    """Draw accuracy and macro F1 of every model under every condition.

    A thick bar is ± one standard deviation over the runs, a thin one the 95 % interval over the posts.
    """
    models = list(dict.fromkeys(cell.model for cell in cells))
    conditions = [c for c in CONDITIONS if any(cell.condition == c for cell in cells)]
    names = max((inches(name) for name in models), default=0.0)
    with look():
        drawn, grid = panels(
            len(_METRICS) * len(conditions),
            width=max(1.75, _NARROWEST / max(len(conditions), 1)),
            names=min(names, 3.2),
            height=1.1 + 0.27 * len(models),
            columns=len(conditions),
            sharey=True,
            sharex="row",
        )
        places = [(metric, condition) for metric in _METRICS for condition in conditions]
        for axes, (metric, condition) in zip(grid, places, strict=True):
            label_rows(axes, models, LONGEST_NAME)
            _dots(axes, [c for c in cells if (c.condition, c.metric) == (condition, metric)], models)
            name_axes(axes, CONDITIONS[condition], _METRICS[metric])
        width = drawn.get_figwidth()
        drawn.suptitle(wrapped(title, width), x=0.01, ha="left", fontsize=12, fontweight="bold")
        key = wrapped(_KEY, 1.4 * width, lines=3)
        drawn.supxlabel(key, x=0.01, ha="left", fontsize=9.5, color=page_colours()["quiet"])
        best = {c.condition: c for c in sorted(cells, key=lambda c: c.mean) if c.metric == "accuracy"}
        winners = "; ".join(
            f"{CONDITIONS[c]} best {best[c].model}, {percent(best[c].mean, 1)}" for c in conditions
        )
        return Plot(drawn, f"{title}: accuracy and macro F1 per model; {winners}")


def _dots(axes: Axes, cells: Sequence[Cell], models: Sequence[str]) -> None:
    blue, orange = series_colour(0), series_colour(1)
    axes.grid(visible=True, linewidth=0.6)
    axes.xaxis.set_major_locator(few_ticks())
    if cells:
        best = 100 * max(cell.mean for cell in cells)
        axes.axvline(best, color=orange, linewidth=1.2, linestyle=":")
    for cell in cells:
        y, mean, std = models.index(cell.model), 100 * cell.mean, 100 * cell.std
        axes.plot([100 * cell.low, 100 * cell.high], [y, y], color=blue, linewidth=1.2)
        axes.plot([mean - std, mean + std], [y, y], color=blue, linewidth=5, alpha=0.4)
        axes.plot(mean, y, "o", color=blue, ms=5)


def history_plot(values: Sequence[float], *, metric: str) -> Plot:
    """Draw the value of every finished trial of a search, and the best so far."""
    steps = np.arange(1, len(values) + 1)
    best = np.maximum.accumulate(np.asarray(values))
    called = TITLES.get(metric, metric.replace("_", " "))
    return curves(
        {"trial": Series(steps, values, form="dots"), "best so far": Series(steps, best, form="steps")},
        title="Search",
        alt=f"{called} of {len(values)} trials; the best {max(values, default=0):.3f}",
        unit=("trials that were not pruned", f"{called} on inner validation"),
        percent="y",
    )


def importance_plot(shares: Mapping[str, float]) -> Plot:
    """Draw how much of the spread of the values each setting accounts for."""
    title = "What the settings account for" if shares else "Too few finished trials to say what matters"
    by_name = {name.replace("_", " "): share for name, share in shares.items()}
    parts = ", ".join(f"{name} {percent(share)}" for name, share in by_name.items())
    return bars(by_name, title=title, alt=f"{title}: {parts}", unit="share of the spread", show=percent)
