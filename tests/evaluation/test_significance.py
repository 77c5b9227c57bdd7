from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from posthue.errors import InputError
from posthue.evaluation.runs import Answers, Run, by_model, pooled, read_run, write_run
from posthue.evaluation.significance import COLUMNS, fold_cells, mcnemar, significance, summarise

LABELS = ("negative", "neutral", "positive")
N = 80
TRUE = np.random.default_rng(0).integers(0, 3, N)


def answers(skill: float, seed: int, rows: slice = slice(None)) -> Answers:
    rng = np.random.default_rng(seed)
    scores = rng.gumbel(size=(N, 3)) + skill * np.eye(3)[TRUE]
    powers = np.exp(scores)
    probabilities = powers / powers.sum(1, keepdims=True)
    ids = tuple(map(str, range(N)))
    return Answers(ids[rows], TRUE[rows], probabilities[rows])


def run(model: str, skill: float, part: int) -> Run:
    seed = sum(map(ord, model)) * 10 + part
    shown = {"both": answers(skill, seed), "image": answers(0.0, seed)}
    return Run(model, part, LABELS, shown, {"seconds": 1.5})


RUNS = by_model([run(m, s, part) for m, s in (("good", 3.0), ("poor", 0.5)) for part in range(3)])


def test_a_run_comes_back_from_its_file(tmp_path: Path) -> None:
    made = run("late:product", 1.0, 2)
    write_run(tmp_path / "a.parquet", made)
    found = read_run(tmp_path / "a.parquet")
    assert (found.model, found.part, found.labels, found.facts) == (
        "late:product",
        2,
        LABELS,
        {"seconds": 1.5},
    )
    assert list(found.conditions) == ["both", "image"]
    for name, condition in made.conditions.items():
        assert found.conditions[name].ids == condition.ids
        np.testing.assert_array_equal(found.conditions[name].true, condition.true)
        np.testing.assert_array_equal(found.conditions[name].probabilities, condition.probabilities)


def test_a_file_that_is_no_run_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(InputError, match="delete it, and it is made again"):
        read_run(tmp_path / "a.parquet")


def test_the_table_is_the_mean_over_runs() -> None:
    cells = {(c.model, c.condition, c.metric): c for c in summarise(RUNS, resamples=200)}
    assert len(cells) == 2 * 2 * len(COLUMNS)
    found = [run.conditions["both"] for run in RUNS["good"]]
    for metric, truth in (
        ("accuracy", accuracy_score),
        ("macro_f1", lambda t, p: f1_score(t, p, average="macro")),
        ("weighted_f1", lambda t, p: f1_score(t, p, average="weighted")),
        ("macro_recall", lambda t, p: recall_score(t, p, average="macro")),
    ):
        values = [truth(a.true, a.predicted) for a in found]
        cell = cells["good", "both", metric]
        assert cell.mean == pytest.approx(np.mean(values))
        assert cell.std == pytest.approx(np.std(values, ddof=1))
        assert cell.low < cell.mean < cell.high
        assert (cell.n, cell.runs) == (N, 3)


def test_the_interval_is_a_bootstrap_over_posts() -> None:
    """For one run the interval of accuracy is the binomial one, about 1.96 √(p (1 − p) / n) to each side."""
    (cell,) = [
        c
        for c in summarise({"good": RUNS["good"][:1]}, resamples=4000)
        if (c.condition, c.metric) == ("both", "accuracy")
    ]
    half = 1.96 * np.sqrt(cell.mean * (1 - cell.mean) / N)
    assert (cell.high - cell.low) / 2 == pytest.approx(half, rel=0.15)
    assert cell.std == 0.0


def test_a_better_model_is_significant_and_an_equal_one_is_not() -> None:
    runs = {**RUNS, "twin": [Run("twin", r.part, LABELS, r.conditions) for r in RUNS["poor"]]}
    found = {(d.model, d.condition, d.metric): d for d in significance(runs, "poor", resamples=500)}
    assert len(found) == 2 * 2 * len(COLUMNS)
    better, same = found["good", "both", "accuracy"], found["twin", "both", "accuracy"]
    assert better.difference > 0.2
    assert better.low > 0
    assert better.p == pytest.approx(1 / 500)
    assert better.p_holm == pytest.approx(2 / 500)
    assert (same.difference, same.low, same.high, same.p, same.p_holm) == (0, 0, 0, 1, 1)


def test_mcnemar_is_the_binomial_test() -> None:
    rng = np.random.default_rng(1)
    true = rng.integers(0, 3, 60)
    one = np.where(rng.random(60) < 0.8, true, 0)
    other = np.where(rng.random(60) < 0.5, true, 1)
    wins, losses = ((one == true) & (other != true)).sum(), ((one != true) & (other == true)).sum()
    expected = binomtest(int(min(wins, losses)), int(wins + losses)).pvalue
    assert mcnemar(one, other, true) == pytest.approx(expected)
    assert mcnemar(one, one, true) == 1.0


def test_folds_are_pooled_for_the_interval() -> None:
    parts = [slice(0, 30), slice(30, 50), slice(50, N)]
    folds = [Run("a", i, LABELS, {"both": answers(2.0, 7, part)}) for i, part in enumerate(parts, 1)]
    cells = {c.metric: c for c in fold_cells({"a": folds}, resamples=300)}
    whole = pooled(folds, "both")
    assert len(whole.ids) == N
    accuracies = [(f.conditions["both"].predicted == f.conditions["both"].true).mean() for f in folds]
    assert cells["accuracy"].mean == pytest.approx(np.mean(accuracies))
    assert cells["accuracy"].std == pytest.approx(np.std(accuracies, ddof=1))
    assert (cells["accuracy"].n, cells["accuracy"].runs) == (N, 3)
