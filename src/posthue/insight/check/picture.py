"""The picture of an audit: the share of every class in each split, and what repeats across splits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from posthue.evaluation.audit.findings import Audit
from posthue.insight.plot.bars import Plot, figure, look, shortened
from posthue.insight.plot.palette import label_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def audit_picture(audit: Audit, title: str) -> Plot:
    """Draw it, two panels under each other."""
    classes = audit.classes()
    with look():
        drawn, axes = figure(2.6 + 0.7 * max(len(classes), 1), rows=2)
        above, below = axes.ravel()
        _draw_classes(above, audit)
        above.set_title(f"{title}: labels by split")
        _draw_repeats(below, audit)
        below.set_title("posts with a near-duplicate")
        return Plot(drawn, f"{title}: share of each label in each split, and near-duplicates by split")


def _draw_classes(axes: Axes, audit: Audit) -> None:
    classes = audit.classes()
    labels = sorted({label for counts in classes.values() for label in counts})
    names = [split or "all" for split in classes]
    left = np.zeros(len(names))
    for place, label in enumerate(labels):
        shares = np.array([100 * c[label] / max(1, c.total()) for c in classes.values()])
        colour = label_colour(label, place)
        axes.barh(names, shares, left=left, color=colour, label=shortened(label), height=0.6)
        left += shares
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the labels")
    if labels:
        axes.legend(
            ncols=4, fontsize=8, loc="upper left", bbox_to_anchor=(0, -0.35 / max(1, len(names)) - 0.2)
        )


def _draw_repeats(axes: Axes, audit: Audit) -> None:
    classes = audit.classes()
    names = [split or "all" for split in classes]
    sizes = {split: sum(e.split == split for e in audit.entries) for split in classes}
    across = {row for rows in audit.torn().values() for row in rows}
    within = {row for rows in audit.repeats().values() for row in rows} - across
    for height, (rows, called, colour) in zip(
        (-0.2, 0.2),
        ((within, "in its own split only", "#8aa4b8"), (across, "in another split", "#c2542d")),
        strict=True,
    ):
        shares = [
            100 * sum(audit.entries[r].split == split for r in rows) / max(1, sizes[split])
            for split in classes
        ]
        axes.barh(np.arange(len(names)) + height, shares, height=0.36, color=colour, label=called)
    axes.set_yticks(np.arange(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("% of the posts")
    axes.legend(fontsize=8)
