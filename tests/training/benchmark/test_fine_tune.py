from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from benchmark_factory import write_benchmarks, write_list
from command_line import run
from posthue.data.corpora import Example
from posthue.errors import InputError
from posthue.evaluation.benchmarks import load_benchmark, polar_class
from posthue.posts import Post
from posthue.training.benchmark import fine_tune as benchmark_tuning
from posthue.training.benchmark.fine_tune import POLAR, Tuning, student_folder, tune
from posthue.training.benchmark.folds import FoldPart, cross_validation_parts, given_parts
from tiny_models import resnet_config, tiny_model, tiny_processor

pytestmark = pytest.mark.torch

QUICK = Tuning(epochs=2, batch_size=8, learning_rate=0.01)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/ and a run folder with a student."""
    folder = tmp_path_factory.mktemp("tuning")
    write_benchmarks(folder / "data")
    student = folder / "run" / "student" / "all" / "model"
    tiny_model(image=resnet_config(), schemes=("sentiment",)).save_pretrained(student)
    tiny_processor().save_pretrained(student)
    return folder


def test_the_folds_are_scikit_learns_and_every_picture_is_tested_once(place: Path) -> None:
    examples = load_benchmark("fi", place / "data")
    parts = cross_validation_parts("fi", examples, 5, 42)
    tested = [e.post.id for part in parts for e in part.test]
    assert sorted(map(str, tested)) == sorted(str(e.post.id) for e in examples)
    for part in parts:
        assert not {e.post.id for e in part.train} & {e.post.id for e in part.test}
        assert abs(sum(1 if polar_class(e) == "positive" else -1 for e in part.test)) <= 1
    with pytest.raises(InputError, match="as many pictures of each class"):
        cross_validation_parts("twitter-2", load_benchmark("twitter-2", place / "data"), 5, 42)


def test_cross_validation_reports_all_folds_and_repeats_none(place: Path, tmp_path: Path) -> None:
    parts = cross_validation_parts("fi", load_benchmark("fi", place / "data"), 3, 42)
    student = student_folder(place / "run")
    spread = tune("fi", parts, student, tmp_path, QUICK)
    assert [result.n for result in spread.results] == [8, 8, 8]
    values = [result.metrics["accuracy"].value for result in spread.results]
    assert spread.mean["accuracy"] == pytest.approx(np.mean(values))
    assert spread.std["accuracy"] == pytest.approx(np.std(values, ddof=1))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.csv")}
    assert len(before) == 3
    assert spread.results[0].failed == 0
    again = tune("fi", parts, student, tmp_path, QUICK)
    assert again.mean == spread.mean
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.csv")} == before


def test_neutral_is_masked(place: Path) -> None:
    model = tiny_model(image=resnet_config(), schemes=("sentiment",))
    output = model(present=torch.tensor([[False, True]] * 2), pixel_values=torch.zeros(2, 3, 64, 64))
    logits = output.logits["sentiment"].detach().clone().requires_grad_(True)

    class Fixed(torch.nn.Module):
        def forward(self, **_: object) -> object:
            return type("Out", (), {"logits": {"sentiment": logits}})()

    trainer = object.__new__(benchmark_tuning.PolarTrainer)
    trainer.settings = benchmark_tuning.TrainSettings()
    target = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    loss = trainer.compute_loss(Fixed(), {"weight": torch.ones(2), "labels_sentiment": target})
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[:, 1].abs().max() == 0
    assert logits.grad[:, POLAR].abs().min() > 0


def test_all_given_splits_are_used(place: Path, tmp_path: Path) -> None:
    parts = given_parts("fi", place / "data")
    assert [part.name for part in parts] == [f"split_{i}" for i in range(1, 6)]
    assert all(len(part.train) == len(part.validate) == len(part.test) == 8 for part in parts)
    (roi,) = given_parts("emotion-roi", place / "data")
    assert (len(roi.train), len(roi.validate), len(roi.test)) == (18, 2, 8)
    with pytest.raises(InputError, match="has no given splits"):
        given_parts("twitter-2", place / "data")
    write_list(tmp_path / "FI" / "split_1" / "FI_train.csv", [("awe/1.jpg", 1)])
    with pytest.raises(InputError, match="split_1 has no list of its val and test pictures"):
        given_parts("fi", tmp_path)


@pytest.mark.slow
def test_fine_tuning_takes_the_best_epoch_on_validation(place: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    args = ("--data", place / "data", "-o", tmp_path / "out", "--report", figures, "--epochs", "2")
    assert run("benchmark", place / "run", "fi", "--fine-tune", *args) == 0
    (found,) = json.loads(figures.read_text())["results"]
    assert len(found["parts"]) == 5
    assert set(found["mean"]) == {"accuracy", "macro_f1", "roc_auc"}
    assert len(list((tmp_path / "out").glob("fi-split_*.csv"))) == 5
    assert not [path for path in (tmp_path / "out").iterdir() if path.is_dir()]


def test_mistakes_that_a_user_can_mend(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ("--data", place / "data", "-o", tmp_path)
    assert run("benchmark", tmp_path, "fi", "--crossval", "5", *data) == 2
    assert "holds no torch model" in capsys.readouterr().err
    assert run("benchmark", place / "run", "fi", "--crossval", "5", "--fine-tune", *data) == 2
    assert "either --crossval or --fine-tune" in capsys.readouterr().err
    assert run("benchmark", place / "run", "twitter-2", "--fine-tune", *data) == 2
    assert "use --crossval 5" in capsys.readouterr().err
    assert run("benchmark", place / "run", "fi", "--fine-tune=False", *data) == 2  # a flag, never a text


def test_a_broken_picture_is_a_row_with_an_error(place: Path, tmp_path: Path) -> None:
    examples = load_benchmark("fi", place / "data")[::2]
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    broken = Example(Post(image=tmp_path / "broken.jpg", id="broken"), {"sentiment": ("positive",)})
    part = FoldPart("one", [broken, *examples[2:]], [broken, *examples[:2]])
    spread = tune("fi", [part], student_folder(place / "run"), tmp_path, replace(QUICK, epochs=1))
    assert (spread.results[0].n, spread.results[0].failed) == (2, 1)
    assert "broken" in (tmp_path / "fi-one.csv").read_text().splitlines()[1]
