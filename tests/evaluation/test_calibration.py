from __future__ import annotations

import numpy as np
import pytest

from posthue.evaluation.calibration import RANGE, coverage_curve, fit_temperature, reliability_bins
from posthue.evaluation.metrics import Floats, Ints, expected_calibration_error
from posthue.numbers import softmax


def log_loss(probabilities: Floats, true: Ints) -> float:
    return float(-np.log(probabilities[np.arange(len(true)), true]).mean())


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


def answers(n: int = 500, labels: int = 3) -> tuple[Floats, Ints]:
    logits, true = made(1.0, n)
    return softmax(logits[:, :labels]), true % labels


def test_reliability_bins_are_the_calibration_error() -> None:
    probabilities, true = answers()
    for bins in (5, 15):
        found = reliability_bins(probabilities, true, bins)
        assert [b.low for b in found] == pytest.approx([i / bins for i in range(bins)])
        assert sum(b.count for b in found) == len(true)
        error = sum(b.count * abs(b.gap) for b in found) / len(true)
        assert error == pytest.approx(expected_calibration_error(probabilities, true, bins))
    assert all(b.confidence == b.accuracy == 0 for b in found if b.count == 0)


def test_a_confidence_on_an_edge_is_in_the_bin_below() -> None:
    found = reliability_bins(np.array([[0.6, 0.4], [1.0, 0.0]]), np.array([0, 1]), bins=5)
    assert [b.count for b in found] == [0, 0, 1, 0, 1]
    assert (found[2].accuracy, found[4].accuracy, found[4].gap) == (1.0, 0.0, -1.0)


def test_coverage_against_accuracy() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    curve = coverage_curve(probabilities, np.array([0, 1, 0, 0]))
    np.testing.assert_allclose(curve.coverage, [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(curve.accuracy, [1, 1 / 2, 2 / 3, 3 / 4])
    np.testing.assert_allclose(curve.threshold, [0.9, 0.8, 0.7, 0.6])
    assert (curve.accuracy_at(0.25), curve.accuracy_at(1.0), curve.accuracy_at(0.3)) == (1.0, 0.75, 0.5)
    assert curve.area == pytest.approx((1 + 1 / 2 + 2 / 3 + 3 / 4) / 4)


def test_equal_confidences_are_answered_together() -> None:
    same = np.full((6, 2), 0.5)
    curve = coverage_curve(same, np.array([0, 1, 0, 1, 0, 0]))
    assert curve.coverage.tolist() == [1.0]
    assert curve.accuracy[0] == pytest.approx(4 / 6)
    empty = coverage_curve(np.zeros((0, 3)), np.zeros(0, dtype=np.int64))
    assert (empty.area, empty.accuracy_at(0.5)) == (0.0, 0.0)
