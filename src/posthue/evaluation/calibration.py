"""Temperature scaling: one number that makes probabilities mean what they say (Guo et al. 2017)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RANGE = (0.05, 20.0)


def softmax(logits: npt.NDArray[np.floating], temperature: float = 1.0) -> Floats:
    """Turn logits [n, labels] into probabilities of the same shape."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    scaled = np.exp(scaled - scaled.max(-1, keepdims=True))
    probabilities: Floats = scaled / scaled.sum(-1, keepdims=True)
    return probabilities


def fit_temperature(
    logits: npt.NDArray[np.floating], true: Ints, *, weights: Floats | None = None, steps: int = 60
) -> float:
    """Return the temperature in [0.05, 20] with the least log loss on logits [n, labels] and labels [n].

    weights: of the examples [n]; all the same if None. Golden-section search over log T; the loss has one
    minimum there. Returns 1.0 for no examples.
    """
    if len(true) == 0:
        return 1.0
    low, high = np.log(RANGE[0]), np.log(RANGE[1])
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(steps):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if _loss(logits, true, weights, left) < _loss(logits, true, weights, right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def _loss(
    logits: npt.NDArray[np.floating], true: Ints, weights: Floats | None, log_temperature: float
) -> float:
    probabilities = softmax(logits, float(np.exp(log_temperature)))
    picked = np.clip(probabilities[np.arange(len(true)), true], 1e-12, 1.0)
    return float(np.average(-np.log(picked), weights=weights))
