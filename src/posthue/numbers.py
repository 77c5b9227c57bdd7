"""What is computed in more than one room."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def softmax(logits: npt.NDArray[np.floating], temperature: float | Floats = 1.0) -> Floats:
    """Turn logits [..., labels] into probabilities of the same shape.

    temperature: what the logits are divided by; one number, or an array that fits theirs, [rows, 1] say.
    """
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(-1, keepdims=True))
    probabilities: Floats = powers / powers.sum(-1, keepdims=True)
    return probabilities
