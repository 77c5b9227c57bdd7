"""Calibration: make probabilities mean what they say, and show whether they do.

Temperature scaling (Guo et al. 2017), reliability diagrams, and selective prediction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posthue.errors import MissingExtraError
from posthue.numbers import softmax

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RANGE = (0.05, 20.0)


def fit_temperature(logits: npt.NDArray[np.floating], true: Ints, *, weights: Floats | None = None) -> float:
    """Return the temperature in [0.05, 20] with the least log loss on logits [n, labels] and labels [n].

    weights: of the examples [n]; all the same if None. The search is over log T, where the loss has one
    minimum. Returns 1.0 for no examples; raises MissingExtraError without scipy.
    """
    try:
        from scipy.optimize import minimize_scalar  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("scipy", "train") from None
    if len(true) == 0:
        return 1.0
    found = minimize_scalar(
        lambda log_temperature: _loss(logits, true, weights, log_temperature),
        bounds=np.log(RANGE),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def _loss(
    logits: npt.NDArray[np.floating], true: Ints, weights: Floats | None, log_temperature: float
) -> float:
    probabilities = softmax(logits, float(np.exp(log_temperature)))
    picked = np.clip(probabilities[np.arange(len(true)), true], 1e-12, 1.0)
    return float(np.average(-np.log(picked), weights=weights))


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One bin of a reliability diagram: confidences in (low, high].

    count: predictions in it; confidence, accuracy: their means, 0 in an empty bin.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float

    @property
    def gap(self) -> float:
        """Accuracy minus confidence: below 0 where the model claims too much."""
        return self.accuracy - self.confidence


def reliability_bins(probabilities: Floats, true: Ints, bins: int = 15) -> list[ReliabilityBin]:
    """Return the bins of a reliability diagram, of equal width, empty ones too (DeGroot & Fienberg 1983).

    probabilities: [n, labels]; true: label indices [n]. The mean of |gap| weighted by count is the expected
    calibration error of :func:`posthue.evaluation.metrics.expected_calibration_error` for the same bins.
    """
    confidence = probabilities.max(1)
    correct = probabilities.argmax(1) == true
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(index, minlength=bins)
    filled = np.maximum(counts, 1)
    confidences = np.bincount(index, weights=confidence, minlength=bins) / filled
    accuracies = np.bincount(index, weights=correct, minlength=bins) / filled
    return [
        ReliabilityBin(i / bins, (i + 1) / bins, int(counts[i]), float(confidences[i]), float(accuracies[i]))
        for i in range(bins)
    ]


@dataclass(frozen=True, slots=True)
class CoverageCurve:
    """Selective prediction: answer only the most confident posts (Geifman & El-Yaniv 2017).

    coverage: share of posts answered, rising to 1; accuracy: among them; threshold: the least confidence
    answered. All [points]. area: mean accuracy over all coverages (1 minus the area under risk–coverage).
    """

    coverage: Floats
    accuracy: Floats
    threshold: Floats

    @property
    def area(self) -> float:
        """Mean accuracy over the coverages."""
        return float(self.accuracy.mean()) if len(self.accuracy) else 0.0

    def accuracy_at(self, coverage: float) -> float:
        """Return the accuracy on the most confident ``coverage`` (0 to 1) of the posts."""
        if not len(self.accuracy):
            return 0.0
        point = int(np.searchsorted(self.coverage, coverage - 1e-12))
        return float(self.accuracy[min(point, len(self.accuracy) - 1)])


def coverage_curve(probabilities: Floats, true: Ints) -> CoverageCurve:
    """Return coverage against accuracy, one point per distinct confidence.

    probabilities: [n, labels]; true: label indices [n]. Posts of equal confidence are answered together, so
    the curve does not depend on their order.
    """
    confidence = probabilities.max(1)
    order = np.argsort(-confidence, kind="stable")
    ranked, correct = confidence[order], (probabilities.argmax(1) == true)[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else np.zeros(0, int)
    answered = ends + 1.0
    return CoverageCurve(
        coverage=answered / max(len(true), 1),
        accuracy=np.cumsum(correct)[ends] / answered,
        threshold=ranked[ends],
    )
