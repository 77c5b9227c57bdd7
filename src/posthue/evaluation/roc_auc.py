"""How well scores rank two classes: the area under the ROC curve, with its bootstrap interval."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from posthue.evaluation.metrics import MetricInterval

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]


def roc_auc(true: Ints, scores: Floats, weights: Floats | None = None) -> float:
    """Return the area under the ROC curve: how often a positive is scored above a negative, ties half.

    true: 0 or 1 [n]; scores [n]; weights: of the examples [n]. NaN where a class is missing.
    """
    weights = np.ones(len(true)) if weights is None else weights
    _, level = np.unique(scores, return_inverse=True)
    positive = np.bincount(level, weights=weights * (true == 1))
    negative = np.bincount(level, weights=weights * (true == 0))
    pairs = positive.sum() * negative.sum()
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / pairs) if pairs else float("nan")


def measure_auc(true: Ints, scores: Floats, *, resamples: int = 1000, seed: int = 0) -> MetricInterval:
    """Return the ROC AUC with its percentile bootstrap interval over examples (Efron 1979)."""
    rng = np.random.default_rng(seed)
    n = len(true)
    drawn = [
        roc_auc(true, scores, np.bincount(rng.integers(0, n, n), minlength=n).astype(np.float64))
        for _ in range(resamples)
    ]
    usable = np.array([value for value in drawn if not np.isnan(value)])
    low, high = np.quantile(usable, (0.025, 0.975)) if len(usable) else (np.nan, np.nan)
    return MetricInterval(roc_auc(true, scores), float(low), float(high))
