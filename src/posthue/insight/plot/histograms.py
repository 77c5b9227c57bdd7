"""Histograms of several labels under each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from posthue.insight.plot.figure import Floats, Plot, figure, label_rows, look, name_axes
from posthue.insight.plot.palette import label_colour, page_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def histograms(
    values: Mapping[str, Sequence[float] | Floats],
    *,
    title: str,
    alt: str,
    unit: str,
    bins: int = 30,
    logarithmic: bool = False,
) -> Plot:
    """Draw one histogram per label, under each other on one scale, with a line at each median.

    Each is scaled to its own highest bar: shapes are compared, not sizes. The highest 0.5 % are cut off.
    logarithmic: bins grow with the value; values must be positive.
    """
    arrays = {name: np.asarray(each, dtype=np.float64) for name, each in values.items()}
    everything = np.concatenate([*arrays.values(), np.zeros(0)])
    edges = _edges(everything[np.isfinite(everything)], bins, logarithmic=logarithmic)
    with look():
        drawn, axes = figure(0.9 + 0.5 * max(len(arrays), 1))
        for place, (name, array) in enumerate(arrays.items()):
            _ridge(axes, place, label_colour(name), array[np.isfinite(array)], edges)
        if logarithmic:
            _logarithmic(axes)
        axes.set_xlim(edges[0], edges[-1])
        label_rows(axes, list(arrays))
        axes.set_ylim(len(arrays) - 0.45, -0.95)
        axes.grid(visible=True, axis="x", linewidth=0.6)
        name_axes(axes, title, unit)
        return Plot(drawn, alt)


def _edges(values: Floats, bins: int, *, logarithmic: bool) -> Floats:
    if not len(values):
        return np.array([0.0, 1.0])
    low, high = float(values.min()), float(np.quantile(values, 0.995))
    if logarithmic:
        low = max(low, 1e-9)
        return np.geomspace(low, max(high, low * 1.5), bins + 1)
    if np.all(values == np.round(values)) and high - low < 3 * bins:
        step = max(1, int(np.ceil((high - low + 1) / bins)))
        return np.arange(np.floor(low), high + step + 1, step, dtype=np.float64)
    return np.linspace(low, high if high > low else low + 1, bins + 1)


def _logarithmic(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _ridge(axes: Axes, place: int, colour: str, values: Floats, edges: Floats) -> None:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    floor = place + 0.36
    heights = 0.86 * counts / max(counts.max(), 1)
    axes.fill_between(
        edges,
        floor,
        floor - np.append(heights, heights[-1]),
        step="post",
        color=colour,
        alpha=0.85,
        linewidth=0,
    )
    if len(values):
        middle = float(np.median(values))
        axes.plot([middle, middle], [floor, floor - 0.92], color=page_colours()["ink"], linewidth=1.6)
