"""Tables on the terminal fit 80 columns, with the widest values that there are, and no name is cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import run
from posthue.apps.cli.benchmark_printing import print_benchmarks
from posthue.apps.cli.distill import _print as print_stages
from posthue.apps.cli.evaluate import _print as print_evaluations
from posthue.apps.cli.research import _print as print_cells
from posthue.evaluation.benchmarks import METRICS, BenchmarkResult
from posthue.evaluation.evaluate import Evaluation
from posthue.evaluation.metrics import MetricInterval
from posthue.evaluation.significance import Cell
from posthue.posts import State

WIDE = MetricInterval(0.70, 0.60, 0.80)


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed
    return printed


def test_an_evaluation_fits(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = dict.fromkeys(("accuracy", "weighted_f1", "macro_f1", "macro_recall"), WIDE)
    print_evaluations(
        "tweeteval-sentiment, dev",
        [
            Evaluation("sentiment", state, 12345, 3, metrics, 0.033, 0.2, 0.55, {"negative": 0.5}, [])
            for state in State
        ],
    )
    printed = shown(capsys)
    assert "weighted" in printed
    assert "3 failed" in printed


def test_a_benchmark_fits(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("twitter-5agree", "twitter-4agree", "twitter-3agree", "emotion-roi")
    print_benchmarks(
        "posthue-default", [BenchmarkResult(n, 12345, 3, dict.fromkeys(METRICS, WIDE), 0.61) for n in names]
    )
    printed = shown(capsys)
    assert all(name in printed for name in names)
    assert "ViT-B/32" in printed


def test_a_distillation_and_a_comparison_fit(capsys: pytest.CaptureFixture[str]) -> None:
    labels = ("negative", "neutral", "positive")
    print_stages([("select", 1_000_000, {}), ("teach", 999, dict.fromkeys(labels, 1_234_567))])
    conditions = ("both", "text", "image", "corrupted")
    cells = [
        Cell("late:product+lexicon+words", condition, metric, 0.71, 0.01, 0.7, 0.72, 450, 5)
        for condition in conditions
        for metric in ("accuracy", "macro_f1")
    ]
    print_cells(cells, "mvsa-single, train → dev, n = 450, 5 seeds")
    assert "late:product+lexicon+words" in shown(capsys)


def test_info_fits(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", tiny_bundle) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines if not line.startswith(("folder", "model card"))) <= 80
