"""Plots in the look of the house: bars, histograms, heat maps, curves, and what is drawn of labelled posts.

Every function returns a Plot, which goes into a page (an SVG that follows light and dark, with real text, so
that emoji and any script show) and into files (svg, png). Colours are those of the labels; what colour tells
is always told in words, marks or places, too. Needs matplotlib (the report extra) for ticks, scales and dates
and for its font; no display.

>>> plot = bars({"joy": 3.0, "fear": 1.0}, title="Posts", alt="3 of joy, 1 of fear")
>>> "<svg" in plot.html()
True
"""

from posthue.insight.plot.answers import confusions, coverage, reliability
from posthue.insight.plot.bars import bars, stacked_bars
from posthue.insight.plot.curves import Series, curves
from posthue.insight.plot.figure import Plot
from posthue.insight.plot.heat_map import heat_map, heat_maps
from posthue.insight.plot.histograms import histograms

__all__ = [
    "Plot",
    "Series",
    "bars",
    "confusions",
    "coverage",
    "curves",
    "heat_map",
    "heat_maps",
    "histograms",
    "reliability",
    "stacked_bars",
]
