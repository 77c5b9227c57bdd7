from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from posthue.evaluation.metrics import (
    METRICS,
    brier_score,
    confusion,
    expected_calibration_error,
    from_confusion,
    measure,
    per_class_f1,
)

Ints = npt.NDArray[np.int64]


def random_labels(seed: int, *, true: int = 5, predicted: int = 5) -> tuple[Ints, Ints]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, true, 40)
    answers = np.where(rng.random(40) < 0.5, labels, rng.integers(0, predicted, 40))
    return labels, np.minimum(answers, predicted - 1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("true", "predicted"), [(5, 5), (3, 5), (5, 3), (3, 3), (1, 1)])
def test_metrics_are_those_of_scikit_learn(seed: int, true: int, predicted: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    labels, answers = random_labels(seed, true=true, predicted=predicted)
    found = from_confusion(confusion(labels, answers, 5))
    assert tuple(found) == METRICS
    options = {"zero_division": 0.0}
    expected = {
        "accuracy": metrics.accuracy_score(labels, answers),
        "weighted_f1": metrics.f1_score(labels, answers, average="weighted", **options),
        "macro_f1": metrics.f1_score(labels, answers, average="macro", **options),
        "macro_recall": metrics.recall_score(
            labels, answers, labels=np.unique(labels), average="macro", **options
        ),
    }
    assert {name: float(value) for name, value in found.items()} == pytest.approx(expected)
    each = metrics.f1_score(labels, answers, labels=range(5), average=None, **options)
    np.testing.assert_allclose(per_class_f1(confusion(labels, answers, 5)), each)


def test_confusion_counts_true_by_predicted() -> None:
    counts = confusion(np.array([0, 0, 2]), np.array([0, 1, 1]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 0]]


def test_many_matrices_at_once() -> None:
    matrices = np.random.default_rng(0).integers(0, 9, (6, 4, 4))
    together = from_confusion(matrices)
    for i, matrix in enumerate(matrices):
        alone = from_confusion(matrix)
        assert [together[m][i] for m in METRICS] == pytest.approx([float(alone[m]) for m in METRICS])


@pytest.mark.parametrize(
    ("confidences", "right", "expected"),
    [
        ([0.8] * 10, 8, 0.0),
        ([0.8] * 10, 5, 0.3),
        ([1.0] * 4, 4, 0.0),
        ([1.0] * 4, 0, 1.0),
        ([0.6, 0.6, 0.9, 0.9], 2, 0.65),  # both 0.6 right (gap 0.4), both 0.9 wrong (gap 0.9)
    ],
)
def test_calibration_error_by_hand(confidences: list[float], right: int, expected: float) -> None:
    probabilities = np.array([[c, 1 - c] for c in confidences])
    true = np.array([0] * right + [1] * (len(confidences) - right))
    assert expected_calibration_error(probabilities, true) == pytest.approx(expected)


def test_a_confidence_on_the_edge_of_a_bin_belongs_below() -> None:
    assert expected_calibration_error(np.array([[0.5, 0.5], [0.51, 0.49]]), np.array([1, 0]), bins=2) == (
        pytest.approx((0.5 + 0.49) / 2)
    )


def test_brier_by_hand() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0]])
    assert brier_score(probabilities, np.array([0, 2])) == pytest.approx((0.09 + 0.04 + 0.01 + 2.0) / 2)


def test_the_interval_covers_the_true_value() -> None:
    """95 % of 95 % intervals hold the accuracy of the source, give or take."""
    rng, covered, runs = np.random.default_rng(1), 0, 200
    for seed in range(runs):
        true = rng.integers(0, 3, 150)
        predicted = np.where(rng.random(150) < 0.7, true, (true + 1) % 3)
        accuracy = measure(true, predicted, 3, resamples=300, seed=seed)["accuracy"]
        assert accuracy.low <= accuracy.value <= accuracy.high
        covered += accuracy.low <= 0.7 <= accuracy.high
    assert 0.90 <= covered / runs <= 0.99


def test_the_interval_is_the_same_for_the_same_seed() -> None:
    labels, answers = random_labels(0)
    assert measure(labels, answers, 5, seed=3) == measure(labels, answers, 5, seed=3)
    assert measure(labels, answers, 5, seed=3) != measure(labels, answers, 5, seed=4)
