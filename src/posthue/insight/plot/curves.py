"""Curves with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from posthue.insight.plot.figure import (
    LONGEST_NAME,
    WIDTH,
    Floats,
    Plot,
    few_ticks,
    figure,
    look,
    name_axes,
    shortened,
)
from posthue.insight.plot.palette import label_colour, page_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = ("-", "--", "-.", ":")
_MARKS = "osD^vPX*"
_MOST_MARKS = 60


@dataclass(frozen=True, slots=True)
class Series:
    """A curve: x, y [n], and where there is an interval its low and high [n]. x may be dates."""

    x: Sequence[Any] | Floats
    y: Sequence[float] | Floats
    low: Sequence[float] | Floats | None = None
    high: Sequence[float] | Floats | None = None


def curves(
    series: Mapping[str, Series],
    *,
    title: str,
    alt: str,
    unit: tuple[str, str] = ("", ""),
    percent: bool = False,
    diagonal: bool = False,
    width: float = WIDTH,
) -> Plot:
    """Draw curves that differ in colour, line and mark, with their interval as a band.

    unit: names of the axes, x and y. percent: y is a share, shown as percents. diagonal: a line from (0, 0)
    to (1, 1), for reliability diagrams.
    """
    with look():
        columns = _legend_columns(series)
        drawn, axes = figure(3.1 + 0.22 * -(-len(series) // columns), width=width)
        for place, (name, line) in enumerate(series.items()):
            _curve(axes, place, name, line)
        if diagonal:
            axes.plot([0, 1], [0, 1], color=page_colours()["quiet"], linestyle=":", linewidth=1.2)
        axes.grid(visible=True, linewidth=0.6)
        axes.set_ylabel(unit[1])
        if percent:
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        axes.tick_params(axis="y", labelcolor=page_colours()["quiet"])
        name_axes(axes, title, unit[0])
        if len(series) > 1:
            drawn.legend(loc="outside lower center", ncols=columns, fontsize=9.5)
        _tick_x(axes, [x for line in series.values() for x in line.x])
        return Plot(drawn, alt)


def _legend_columns(names: Iterable[str]) -> int:
    longest = max((len(shortened(name, LONGEST_NAME)) for name in names), default=1)
    return max(1, min(3, 48 // (longest + 4)))


def _tick_x(axes: Axes, values: Sequence[Any]) -> None:
    """Choose few ticks that suit dates, whole numbers, or others."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415

    if values and isinstance(values[0], date):
        dates = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(dates)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(dates))  # type: ignore[no-untyped-call]
    elif values and max(values) > 1:
        axes.xaxis.set_major_locator(few_ticks(whole=True))


def _curve(axes: Axes, place: int, name: str, line: Series) -> None:
    colour = label_colour(name, place)
    mark = _MARKS[place % len(_MARKS)] if len(line.y) <= _MOST_MARKS else ""
    style = _LINES[(place // 2) % len(_LINES)]
    axes.plot(
        line.x, line.y, color=colour, label=shortened(name, LONGEST_NAME), linestyle=style, marker=mark, ms=4
    )
    if line.low is not None and line.high is not None:
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.18, linewidth=0)
