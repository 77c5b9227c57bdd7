from __future__ import annotations

import numpy as np
import pytest

from posthue.evaluation.calibration import RANGE, fit_temperature, softmax
from posthue.evaluation.metrics import Floats, Ints, log_loss


def made(temperature: float, n: int = 6000) -> tuple[Floats, Ints]:
    """Logits whose true labels are drawn at a known temperature."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (n, 4))
    gumbel = rng.gumbel(size=logits.shape)
    return logits, (logits / temperature + gumbel).argmax(1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_found(temperature: float) -> None:
    logits, true = made(temperature)
    assert fit_temperature(logits, true) == pytest.approx(temperature, rel=0.1)


def test_no_other_temperature_has_less_loss() -> None:
    logits, true = made(1.7, n=300)
    best = fit_temperature(logits, true)
    least = log_loss(softmax(logits, best), true)
    assert all(least <= log_loss(softmax(logits, t), true) + 1e-9 for t in np.geomspace(*RANGE, 200))


def test_weights_choose_whom_to_fit() -> None:
    (sharp, one), (flat, two) = made(0.5), made(3.0)
    logits, true = np.concatenate([sharp, flat]), np.concatenate([one, two])
    weights = np.repeat([1.0, 1e-6], len(one))
    assert fit_temperature(logits, true, weights=weights) == pytest.approx(0.5, rel=0.1)
    assert fit_temperature(logits, true, weights=weights[::-1].copy()) == pytest.approx(3.0, rel=0.1)


def test_without_examples_nothing_changes() -> None:
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, dtype=np.int64)) == 1.0


def test_the_temperature_stays_in_its_range() -> None:
    right = np.eye(3) * 20
    assert RANGE[0] <= fit_temperature(right, np.arange(3)) < 1
    assert 15 < fit_temperature(right, np.array([1, 2, 0])) <= RANGE[1]


def test_softmax_is_stable() -> None:
    np.testing.assert_allclose(softmax(np.array([[1e4, 0.0], [0.0, -1e4]])), [[1, 0], [1, 0]])
    np.testing.assert_allclose(softmax(np.array([[0.0, np.log(9)]]), 2.0), [[0.25, 0.75]])
