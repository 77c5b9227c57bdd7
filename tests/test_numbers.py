from __future__ import annotations

import numpy as np
import pytest

from posthue.numbers import softmax


def test_softmax_divides_by_the_temperature_and_does_not_overflow() -> None:
    found = softmax(
        np.array([[2.0, 0.0], [2.0, 0.0], [1e4, -1e4]], np.float32), np.array([[1.0], [2.0], [1.0]])
    )
    assert found[:, 0] == pytest.approx([1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-1)), 1])
