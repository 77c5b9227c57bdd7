"""Plots of an audit: the share of every class in each split, and what repeats across splits."""

from __future__ import annotations

from posthue.evaluation.audit.findings import Audit
from posthue.insight.plot import Plot, stacked_bars


def class_plot(audit: Audit, title: str) -> Plot:
    """Draw the share of each label in each split."""
    classes = audit.classes()
    labels = sorted({label for counts in classes.values() for label in counts})
    rows = {
        split or "all": {label: 100 * counts[label] / max(1, counts.total()) for label in labels}
        for split, counts in classes.items()
    }
    return stacked_bars(
        rows,
        title=f"{title}: labels by split",
        alt=f"{title}: share of each label in each split",
        unit="% of the labels",
        ends={split or "all": f"{counts.total():,}" for split, counts in classes.items()},
    )


def repeat_plot(audit: Audit) -> Plot:
    """Draw the share of the posts of each split that have a near-duplicate, in it or in another."""
    across = {row for rows in audit.torn().values() for row in rows}
    within = {row for rows in audit.repeats().values() for row in rows} - across
    rows = {}
    for split in audit.classes():
        members = {i for i, row in enumerate(audit.posts) if row.split == split}
        share = 100 / max(1, len(members))
        rows[split or "all"] = {
            "in its own split only": share * len(within & members),
            "in another split": share * len(across & members),
        }
    return stacked_bars(
        rows,
        title="Posts with a near-duplicate",
        alt="Share of the posts of each split that have a near-duplicate",
        unit="% of the posts",
        ends={split: f"{sum(shares.values()):.1f} %" for split, shares in rows.items()},
    )
