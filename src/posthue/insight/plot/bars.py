"""Horizontal bars: one value per name, or several that add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from posthue.insight.plot.figure import (
    LONGEST_NAME,
    Plot,
    few_ticks,
    figure,
    label_rows,
    legend,
    legend_rows,
    look,
    name_axes,
    shortened,
)
from posthue.insight.plot.palette import label_colour, page_colours, series_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: (low, high) per bar, in the unit of the bars.
Intervals: TypeAlias = Mapping[str, tuple[float, float]]


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
        places = range(len(values))
        names = list(values)
        colours = [label_colour(name) for name in names]
        axes.barh(places, list(values.values()), color=colours, height=0.68)
        _whiskers(axes, names, values, intervals or {})
        ends = [max(value, (intervals or {}).get(name, (0, value))[1]) for name, value in values.items()]
        for place, end, value in zip(places, ends, values.values(), strict=True):
            _write(axes, place, max(end, 0), show(value))
        label_rows(axes, names)
        axes.set_xlim(left=min([0.0, *values.values()]), right=_room(ends))
        axes.xaxis.set_major_locator(few_ticks())
        axes.xaxis.set_major_formatter(lambda value, _: show(value))
        if not values:
            axes.set_axis_off()
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


def stacked_bars(
    rows: Mapping[str, Mapping[str, float]],
    *,
    title: str,
    alt: str,
    unit: str = "",
    ends: Mapping[str, str] | None = None,
) -> Plot:
    """Draw one horizontal bar per row, divided by label, with a legend; ``ends`` is written at its end."""
    labels = list(dict.fromkeys(label for row in rows.values() for label in row))
    with look():
        drawn, axes = figure(1.2 + 0.34 * max(len(rows), 1) + 0.22 * legend_rows(labels))
        left = np.zeros(len(rows))
        for colour, label in zip(series_colours(labels), labels, strict=True):
            values = np.array([row.get(label, 0.0) for row in rows.values()])
            name = shortened(label, LONGEST_NAME)
            axes.barh(np.arange(len(rows)), values, left=left, color=colour, label=name, height=0.68)
            left += values
        for place, (row, end) in enumerate(zip(rows, left, strict=True)):
            _write(axes, place, end, (ends or {}).get(row, ""))
        label_rows(axes, list(rows))
        axes.set_xlim(0, _room(left.tolist()))
        axes.xaxis.set_major_locator(few_ticks())
        axes.xaxis.set_major_formatter("{x:,g}")
        name_axes(axes, title, unit)
        legend(drawn, labels)
        return Plot(drawn, alt)


def _write(axes: Axes, place: float, end: float, text: str) -> None:
    axes.annotate(text, (end, place), xytext=(5, 0), textcoords="offset points", va="center")
