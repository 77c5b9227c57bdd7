from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from benchmark_factory import pictures, write_benchmarks, write_list
from bundle_factory import make_bundle
from command_line import run
from posthue.errors import CorpusError, InputError, LabelError
from posthue.evaluation.benchmarks import (
    BENCHMARKS,
    BenchmarkRow,
    load_benchmark,
    load_csv,
    measure_benchmark,
    predict_pictures,
    read_rows,
    write_rows,
)
from posthue.evaluation.roc_auc import measure_auc, roc_auc


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmarks")
    write_benchmarks(folder / "data")
    make_bundle(folder / "tiny")
    return folder


SIZES = {
    "twitter-5agree": 4,
    "twitter-4agree": 5,
    "twitter-3agree": 6,
    "twitter-2": 4,
    "fi": 24,
    "emotion-roi": 8,
}


@pytest.mark.parametrize("name", list(BENCHMARKS))
def test_each_benchmark_in_its_true_layout(name: str, place: Path) -> None:
    import posthue

    examples = load_benchmark(name, place / "data")
    assert len(examples) == SIZES[name]
    rows = list(predict_pictures(posthue.load(place / "tiny", threads=1), examples))
    assert [row.predicted for row in rows] == [
        row.true for row in rows
    ]  # the tiny bundle knows red and green
    result = measure_benchmark(name, rows)
    assert {m: v.value for m, v in result.metrics.items()} == {
        "accuracy": 1.0,
        "macro_f1": 1.0,
        "roc_auc": 1.0,
    }
    assert result.majority == pytest.approx({"twitter-4agree": 0.6, "twitter-2": 0.75}.get(name, 0.5))


@pytest.mark.parametrize("name", list(BENCHMARKS))
def test_a_wrong_layout_is_said(name: str, tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("sun")
    with pytest.raises(CorpusError, match=r"Expected: (?s:.*)Found: holiday.txt"):
        load_benchmark(name, tmp_path)


def test_lists_that_are_not_whole(tmp_path: Path) -> None:
    write_list(tmp_path / "FI" / "split_1" / "FI_train.csv", [("awe/1.jpg", 1)])
    with pytest.raises(CorpusError, match="'all' pictures is missing; found split_1/train"):
        load_benchmark("fi", tmp_path)
    (tmp_path / "mine.csv").write_text("path,class\na.jpg,maybe\n")
    with pytest.raises(LabelError, match=r"mine.csv, line 2: 'maybe'"):
        load_csv(tmp_path / "mine.csv")
    with pytest.raises(CorpusError, match="path,class"):
        (tmp_path / "mine.csv").write_text("path,class\n")
        load_csv(tmp_path / "mine.csv")
    with pytest.raises(InputError, match="no benchmark is called 'imagenet'"):
        load_benchmark("imagenet", tmp_path)


def test_roc_auc_is_scikit_learns() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, 200)
    scores = np.round(rng.normal(true * 0.8, 1.0), 1)  # with ties
    weights = rng.integers(0, 4, 200).astype(np.float64)
    assert roc_auc(true, scores) == pytest.approx(metrics.roc_auc_score(true, scores))
    expected = metrics.roc_auc_score(true, scores, sample_weight=weights)
    assert roc_auc(true, scores, weights) == pytest.approx(expected)
    found = measure_auc(true, scores, resamples=300)
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.25
    assert np.isnan(roc_auc(np.ones(4, np.int64), np.arange(4.0)))


def test_pictures_that_cannot_be_predicted_are_counted() -> None:
    rows = [BenchmarkRow("a", "positive", 0.9), BenchmarkRow("b", "negative", None, "damaged")]
    result = measure_benchmark("mine", [*rows, BenchmarkRow("c", "negative", 0.2)])
    assert (result.n, result.failed) == (2, 1)
    with pytest.raises(InputError, match=r"no picture could be predicted \(damaged\)"):
        measure_benchmark("mine", rows[1:])


def test_all_prints_ours_and_the_published_apart(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures, folder = tmp_path / "figures.json", tmp_path / "predictions"
    assert (
        run("benchmark", place / "tiny", "all", "--data", place / "data", "--report", figures, "-o", folder)
        == 0
    )
    shown = capsys.readouterr().out
    ours, published = shown.split("published, not ours")
    assert "measured: tiny" in ours
    assert "87.8" not in ours
    assert "ViT-L/16" in published
    assert "84.8" in published
    results = json.loads(figures.read_text())["results"]
    assert [r["benchmark"] for r in results] == list(BENCHMARKS)
    assert results[0]["accuracy"]["value"] == 1.0
    with (folder / "fi.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    assert rows[0]["predicted"] == rows[0]["true"] == "positive"


def test_a_list_of_ones_own_and_mistakes(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pictures(tmp_path / "images", [("a.png", 1), ("b.png", 0)])
    write_list(tmp_path / "mine.csv", [*rows, ("lost.png", 0)])
    out = ("-o", tmp_path / "out")
    assert run("benchmark", place / "tiny", "--csv", tmp_path / "mine.csv", *out) == 0
    assert "mine: 1 more" in capsys.readouterr().out
    assert run("benchmark", place / "tiny") == 2
    assert "name a benchmark" in capsys.readouterr().err
    assert run("benchmark", place / "tiny", "fi", "--data", tmp_path, *out) == 2
    assert "is not a fi folder" in capsys.readouterr().err
    assert run("benchmark", place / "tiny", "all", "--data", tmp_path, *out) == 2
    assert "none of the benchmarks" in capsys.readouterr().err
    words = make_bundle(tmp_path / "words", image=False)
    assert run("benchmark", words, "fi", "--data", place / "data", *out) == 2
    assert "reads no pictures" in capsys.readouterr().err


def test_written_rows_come_back(tmp_path: Path) -> None:
    rows = [BenchmarkRow(each, "positive", 0.25, "-no") for each in ("=1+1", "-5", "@me", None)]
    write_rows(rows, tmp_path / "x.csv")
    assert read_rows(tmp_path / "x.csv") == rows
