"""The usual classification metrics, from confusion counts, with bootstrap intervals.

Everything starts from a confusion matrix [true, predicted], so a thousand bootstrap resamples are a thousand
matrices and cost no more than one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from posthue.wording import percent

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

METRICS = ("accuracy", "weighted_f1", "macro_f1", "macro_recall")


def confusion(true: Ints, predicted: Ints, labels: int) -> Ints:
    """Count [true label, predicted label] from two vectors [n] of label indices."""
    return np.bincount(true * labels + predicted, minlength=labels * labels).reshape(labels, labels)


def from_confusion(counts: npt.NDArray[np.generic]) -> dict[str, Floats]:
    """Compute METRICS from confusion counts [..., true, predicted].

    As in scikit-learn: a class with no true and no predicted example is left out of the macro means, and a
    class without true examples has no recall.
    """
    counts = counts.astype(np.float64)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    support, predicted = counts.sum(-1), counts.sum(-2)
    total = support.sum(-1)
    f1 = _divide(2 * hits, support + predicted)
    return {
        "accuracy": _divide(hits.sum(-1), total),
        "weighted_f1": _divide((f1 * support).sum(-1), total),
        "macro_f1": _divide(f1.sum(-1), ((support + predicted) > 0).sum(-1)),
        "macro_recall": _divide(_divide(hits, support).sum(-1), (support > 0).sum(-1)),
    }


def per_class_f1(counts: Ints) -> Floats:
    """Return the F1 of every class from a confusion matrix [true, predicted]."""
    hits = np.diagonal(counts).astype(np.float64)
    return _divide(2 * hits, (counts.sum(1) + counts.sum(0)).astype(np.float64))


@dataclass(frozen=True, slots=True)
class MetricInterval:
    """A metric with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def percent(self, digits: int = 1) -> str:
        """Return it in percent: ``73.8 % [69.3, 78.0]``."""
        low, high = (f"{100 * bound:.{digits}f}" for bound in (self.low, self.high))
        return f"{percent(self.value, digits)} [{low}, {high}]"


def measure(
    true: Ints, predicted: Ints, labels: int, *, resamples: int = 1000, seed: int = 0
) -> Mapping[str, MetricInterval]:
    """Compute METRICS with percentile bootstrap intervals over posts (Efron 1979).

    true, predicted: label indices [n], n ≥ 1.
    """
    point = from_confusion(confusion(true, predicted, labels))
    spread = from_confusion(_resampled(confusion(true, predicted, labels), resamples, seed))
    low, high = ({m: np.quantile(v, q) for m, v in spread.items()} for q in (0.025, 0.975))
    return {m: MetricInterval(float(point[m]), float(low[m]), float(high[m])) for m in METRICS}


def _resampled(counts: Ints, resamples: int, seed: int) -> Ints:
    """Draw confusion matrices of n posts with replacement: a multinomial over the cells."""
    n = int(counts.sum())
    draws = np.random.default_rng(seed).multinomial(n, counts.ravel() / n, size=resamples)
    return draws.reshape(resamples, *counts.shape)


def wilson(hits: int, n: int, *, z: float = 1.96) -> MetricInterval:
    """Return the share of ``hits`` in ``n`` with its 95 % interval (Wilson 1927), good for small n too.

    >>> wilson(0, 0)
    Measured(value=0.0, low=0.0, high=1.0)
    """
    if n == 0:
        return MetricInterval(0.0, 0.0, 1.0)
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return MetricInterval(share, max(0.0, float(middle - half)), min(1.0, float(middle + half)))


def expected_calibration_error(probabilities: Floats, true: Ints, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equal-width bins, weighted by size (Guo et al. 2017).

    probabilities: [n, labels]; true: [n].
    """
    confidence = probabilities.max(1)
    correct = probabilities.argmax(1) == true
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(index, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(true))


def brier_score(probabilities: Floats, true: Ints) -> float:
    """Mean squared distance between the probabilities and the one-hot truth (Brier 1950); 0 to 2."""
    truth = np.eye(probabilities.shape[1])[true]
    return float(((probabilities - truth) ** 2).sum(1).mean())


def _divide(numerator: Floats, denominator: npt.NDArray[Any]) -> Floats:
    below = np.asarray(denominator, dtype=np.float64)
    return np.divide(numerator, below, out=np.zeros_like(below), where=below > 0)
