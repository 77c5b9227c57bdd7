"""Plots in the look of the house: bars, histograms, heat maps, curves.

Every function returns a Plot, which goes into a page (an SVG that follows light and dark, with real text, so
that emoji and any script show) and into files (svg, png). Colours are those of the labels; what colour tells
is always told in words, marks or places, too. Needs matplotlib (the report extra); no display.

>>> plot = bars({"joy": 3.0, "fear": 1.0}, title="Posts", alt="3 of joy, 1 of fear")
>>> "<svg" in plot.html()
True
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from posthue.insight.plot.curves import Series, curves
from posthue.insight.plot.figure import WIDTH, Plot, few_ticks, figure, label_rows, look, name_axes, shortened
from posthue.insight.plot.histograms import histograms
from posthue.insight.plot.palette import label_colour, page_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Plot", "Series", "bars", "curves", "figure", "heat_map", "histograms", "look", "shortened"]

#: (low, high) per bar, in the unit of the bars.
Intervals: TypeAlias = Mapping[str, tuple[float, float]]

_CELL = "#2f6db5"


def bars(
    values: Mapping[str, float],
    *,
    title: str,
    alt: str,
    intervals: Intervals | None = None,
    unit: str = "",
    show: Callable[[float], str] = "{:,.3g}".format,
    baseline: float | None = None,
) -> Plot:
    """Draw one horizontal bar per label, in its colour, with its value, and an interval where there is one.

    show: writes a value. baseline: a vertical line, such as the overall value.
    """
    with look():
        drawn, axes = figure(0.9 + 0.34 * max(len(values), 1))
        places = np.arange(len(values))
        names = list(values)
        colours = [label_colour(name) for name in names]
        axes.barh(places, list(values.values()), color=colours, height=0.68)
        _whiskers(axes, names, values, intervals or {})
        ends = [max(value, (intervals or {}).get(name, (0, value))[1]) for name, value in values.items()]
        for place, end, value in zip(places, ends, values.values(), strict=True):
            axes.annotate(
                show(value), (max(end, 0), place), xytext=(5, 0), textcoords="offset points", va="center"
            )
        label_rows(axes, names)
        axes.set_xlim(left=min([0.0, *values.values()]), right=_room(ends))
        axes.xaxis.set_major_locator(few_ticks())
        axes.xaxis.set_major_formatter(lambda value, _: show(value))
        if baseline is not None:
            axes.axvline(baseline, color=page_colours()["quiet"], linestyle=":", linewidth=1.2)
        name_axes(axes, title, unit)
        return Plot(drawn, alt)


def _room(ends: Sequence[float]) -> float:
    return 1.22 * max([*ends, 0.0]) or 1.0


def _whiskers(axes: Axes, names: Sequence[str], values: Mapping[str, float], intervals: Intervals) -> None:
    for place, name in enumerate(names):
        if name in intervals:
            low, high = intervals[name]
            axes.plot([low, high], [place, place], color=page_colours()["ink"], linewidth=1.4)


def heat_map(
    counts: npt.NDArray[Any],
    labels: Sequence[str],
    *,
    title: str,
    alt: str,
    normalise: bool = False,
    columns: Sequence[str] | None = None,
    axes_names: tuple[str, str] = ("true", "predicted"),
) -> Plot:
    """Draw a matrix [rows, columns], such as a confusion matrix [true, predicted], every cell with its value.

    normalise: show each row as percents of its sum; the counts otherwise. columns: labels of the columns,
    the same as of the rows if left out. The shade of a cell is its share of the row in both.
    """
    across = list(columns if columns is not None else labels)
    numbers = np.asarray(counts, dtype=np.float64)
    sums = numbers.sum(1, keepdims=True)
    shares = np.divide(numbers, sums, out=np.zeros_like(numbers), where=sums > 0)
    with look():
        drawn, axes = figure(1.5 + 0.52 * max(len(labels), 1), width=max(WIDTH, 1.9 + 0.55 * len(across)))
        for row, column in np.ndindex(numbers.shape):
            share = float(shares[row, column])
            shown = f"{100 * share:.0f} %" if normalise else f"{numbers[row, column]:,.0f}"
            _cell(axes, (row, column), share, shown)
        label_rows(axes, labels)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_xlim(-0.5, len(across) - 0.5)
        slanted = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if len(across) > 4 else {}
        axes.set_xticks(np.arange(len(across)), [shortened(name) for name in across], **slanted)
        axes.tick_params(axis="x", length=0, labelcolor=page_colours()["ink"])
        axes.spines["bottom"].set_visible(False)
        axes.set_ylabel(axes_names[0])
        name_axes(axes, title, axes_names[1])
        return Plot(drawn, alt)


def _cell(axes: Axes, place: tuple[int, int], share: float, shown: str) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    row, column = place
    box = Rectangle(
        (column - 0.48, row - 0.47), 0.96, 0.94, color=_CELL, alpha=0.06 + 0.94 * share, linewidth=0
    )
    axes.add_patch(box)
    colour = "#fefefe" if share > 0.55 else page_colours()["ink"]
    axes.text(column, row, shown, ha="center", va="center", color=colour)
