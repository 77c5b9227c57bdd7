"""What is drawn of a model's answers to labelled posts: reliability, coverage, confusion.

Each takes several models, or several states of one, by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from posthue.evaluation.calibration import ReliabilityBin, coverage_curve, reliability_bins
from posthue.evaluation.metrics import confusion, expected_calibration_error, wilson
from posthue.evaluation.runs import Answers
from posthue.insight.plot.curves import Series, curves
from posthue.insight.plot.figure import WIDTH, Plot, look, name_axes, panels, percents, wrapped
from posthue.insight.plot.heat_map import heat_maps
from posthue.insight.plot.palette import page_colours, series_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Bins of a drawn reliability diagram, and the fewest posts of one that is drawn.
BINS, FEWEST_IN_BIN = 10, 5
_FEWEST_ANSWERED = 20
_PANEL, _WIDE = 2.3, 7.4


def reliability(answers: Mapping[str, Answers]) -> Plot:
    """Draw one reliability diagram per name: accuracy against confidence, dots as large as their bins.

    Bands are 95 % Wilson intervals; bins of fewer than FEWEST_IN_BIN posts are left out.
    """
    bins_of = {
        name: [b for b in reliability_bins(a.probabilities, a.true, BINS) if b.count >= FEWEST_IN_BIN]
        for name, a in answers.items()
    }
    points = [
        f"{name}: " + ", ".join(f"{b.confidence:.2f}: {b.accuracy:.2f} of {b.count:,}" for b in bins)
        for name, bins in bins_of.items()
    ]
    single = len(answers) == 1
    with look():
        height = 3.3 if single else _PANEL + 0.5
        drawn, grid = panels(
            len(answers), width=WIDTH if single else _PANEL, height=height, sharey=True, names=0.4
        )
        for axes, (name, bins) in zip(grid, bins_of.items(), strict=True):
            error = expected_calibration_error(answers[name].probabilities, answers[name].true)
            _diagonal(axes, bins)
            called = f"{name}, " if single else f"{wrapped(name, _PANEL - 0.5)}\n"
            name_axes(axes, f"{called}ECE {error:.3f}", "confidence", "accuracy")
        return Plot(drawn, "Accuracy against confidence of " + "; ".join(points))


def _diagonal(axes: Axes, bins: Sequence[ReliabilityBin]) -> None:
    confidence, colour = [b.confidence for b in bins], series_colour(0)
    bands = [wilson(round(b.accuracy * b.count), b.count) for b in bins]
    largest = max((b.count for b in bins), default=1)
    axes.plot([0, 1], [0, 1], color=page_colours()["quiet"], linestyle=":", linewidth=1.2)
    axes.fill_between(
        confidence, [b.low for b in bands], [b.high for b in bands], color=colour, alpha=0.18, linewidth=0
    )
    axes.plot(confidence, [b.accuracy for b in bins], color=colour, linewidth=1.4)
    sizes = [12 + 90 * b.count / largest for b in bins]
    axes.scatter(confidence, [b.accuracy for b in bins], s=sizes, color=colour, zorder=3, clip_on=False)
    axes.grid(visible=True, linewidth=0.6)
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=(0.25, 0.5, 0.75), yticks=(0, 0.5, 1))
    axes.tick_params(axis="y", labelcolor=page_colours()["quiet"])
    percents(axes, "xy")


def coverage(answers: Mapping[str, Answers]) -> Plot:
    """Draw accuracy among the most confident posts against the share of posts answered, a line per name."""
    return curves(
        {name: _coverage(each) for name, each in answers.items()},
        title="Accuracy among the most confident answers",
        alt="Accuracy among the most confident share of the posts",
        unit=("share of the posts answered, the most confident first", "accuracy"),
        percent="xy",
        width=WIDTH if len(answers) <= 4 else _WIDE,
    )


def _coverage(answers: Answers) -> Series:
    curve = coverage_curve(answers.probabilities, answers.true)
    fewest = min(1.0, _FEWEST_ANSWERED / max(len(answers.true), 1))  # a few posts say nothing
    points = np.searchsorted(curve.coverage, np.linspace(max(0.05, fewest), 1, 39) - 1e-9)
    points = np.unique(points.clip(0, len(curve.coverage) - 1))
    return Series(curve.coverage[points], curve.accuracy[points])


def confusions(answers: Mapping[str, Answers], labels: Sequence[str]) -> Plot:
    """Draw one confusion matrix per name: the counts, shaded by their share of the true label."""
    return heat_maps(
        {name: confusion(a.true, a.predicted, len(labels)) for name, a in answers.items()},
        labels,
        alt=f"Confusion matrices of {', '.join(answers)}",
    )
