"""How numbers and modalities are written for people, on every page and in every message alike."""

from __future__ import annotations

from collections.abc import Mapping

from posthue.posts import Modality, State

MODALITY_NAMES = {Modality.TEXT: "text", Modality.IMAGE: "picture"}

#: What is shown of a post, and how people call it: all of it, one modality, its text with a corrupted image.
CONDITIONS: Mapping[str, str] = {
    State.BOTH: "text + image",
    State.TEXT: "text only",
    State.IMAGE: "image only",
    "corrupted": "corrupted image",
}


def percent(share: float, digits: int = 0) -> str:
    """Return a share in percent.

    >>> percent(0.994), percent(0.5, 1)
    ('99 %', '50.0 %')
    """
    return f"{100 * share:.{digits}f} %"


def points(difference: float) -> str:
    """Return a difference of two shares in percentage points.

    >>> points(0.123), points(-0.04)
    ('+12.3 points', '−4.0 points')
    """
    return f"{'−' if round(100 * difference, 1) < 0 else '+'}{abs(100 * difference):.1f} points"


def metric_name(metric: str) -> str:
    """Return the name of a metric for people.

    >>> metric_name("macro_f1"), metric_name("roc_auc")
    ('macro F1', 'ROC AUC')
    """
    return metric.replace("_", " ").replace("f1", "F1").replace("roc auc", "ROC AUC")
