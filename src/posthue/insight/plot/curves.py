"""Curves with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import numpy.typing as npt

from posthue.insight.plot.figure import (
    LONGEST_NAME,
    WIDTH,
    Floats,
    Plot,
    few_ticks,
    figure,
    legend,
    legend_rows,
    look,
    name_axes,
    percents,
    shortened,
)
from posthue.insight.plot.palette import CYCLE, page_colours, series_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = ("-", "--", "-.", ":")
_MARKS = "osD^vPX*"
_MARKED = 12  # about so many points of a curve


@dataclass(frozen=True, slots=True)
class Series:
    """A curve: x, y [n], and where there is an interval its low and high [n]. x may be dates.

    form: points that are joined, held until the next one (steps), or left alone (dots).
    """

    x: Sequence[Any] | npt.NDArray[Any]
    y: Sequence[float] | Floats
    low: Sequence[float] | Floats | None = None
    high: Sequence[float] | Floats | None = None
    form: Literal["line", "steps", "dots"] = "line"


def curves(
    series: Mapping[str, Series],
    *,
    title: str,
    alt: str,
    unit: tuple[str, str] = ("", ""),
    percent: str = "",
    width: float = WIDTH,
) -> Plot:
    """Draw curves that differ in colour, line and mark, with their interval as a band.

    unit: names of the axes, x and y. percent: which of them are shares, shown as percents: y, or xy.
    """
    with look():
        drawn, axes = figure(3.1 + 0.22 * legend_rows(series, width), width=width)
        colours = series_colours(series)
        for place, (name, line) in enumerate(series.items()):
            _curve(axes, place, colours[place], shortened(name, LONGEST_NAME), line)
        axes.grid(visible=True, linewidth=0.6)
        axes.tick_params(axis="y", labelcolor=page_colours()["quiet"])
        name_axes(axes, title, *unit)
        if len(series) > 1:
            legend(drawn, series)
        _tick_x(axes, [x for line in series.values() for x in line.x])
        percents(axes, percent)
        return Plot(drawn, alt)


def _tick_x(axes: Axes, values: Sequence[Any]) -> None:
    """Choose few ticks that suit dates, whole numbers, or others."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415

    if values and isinstance(values[0], date):
        dates = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(dates)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(dates))  # type: ignore[no-untyped-call]
    elif values and max(values) > 1:
        axes.xaxis.set_major_locator(few_ticks(whole=True))


def _curve(axes: Axes, place: int, colour: str, name: str, line: Series) -> None:
    lap = place // CYCLE
    is_loose = line.form == "dots"
    axes.plot(
        line.x,
        line.y,
        color=colour,
        label=name,
        linestyle="" if is_loose else _LINES[(place // 2 + lap) % len(_LINES)],
        drawstyle="steps-post" if line.form == "steps" else "default",
        marker="" if line.form == "steps" else _MARKS[(place + lap) % len(_MARKS)],
        markevery=1 if is_loose else max(1, len(line.y) // _MARKED),
        ms=4,
    )
    if line.low is not None and line.high is not None:
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.18, linewidth=0)
