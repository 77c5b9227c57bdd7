from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import yaml
from distill_runs import TESTS, make_place, places, recipe, values
from safetensors.torch import load_file
from transformers import BertForSequenceClassification

import posthue
from posthue.data.corpora import load_corpus
from posthue.errors import RecipeError
from posthue.model.encoders.encoders import EncodedBatch
from posthue.model.fusion import FusionSettings, make_fusion
from posthue.training.distill.pipeline import run_distill
from posthue.training.distill.recipe import Teacher
from posthue.training.distill.student import student_recipe
from posthue.training.distill.teachers import HubTeacher, make_teacher
from posthue.training.stages.trainer import PostTrainer
from tiny_models import bert_config, bert_tokenizer, save_image_encoder

pytestmark = pytest.mark.torch

RATES: dict[str, Any] = {
    "batch_size": 8,
    "learning_rate": 3e-3,
    "head_learning_rate": 1e-2,
    "precision": "fp32",
}
RATES |= {"optimizer": "adamw"}  # RAdam has hardly begun after so few steps


def student(place: Path, **changes: Any) -> dict[str, Any]:
    return {"image": str(place / "image"), "hidden": 8, "epochs": 6, **RATES, **changes}


#: argv: recipe, data, run. SIGKILL comes after the first epoch of the second stage.
KILLING = """
import os, signal, sys
from pathlib import Path
from posthue.training.distill.pipeline import Places, run_distill
from posthue.training.distill.recipe import read_distill_recipe
from posthue.training.stages import fit

validate, calls = fit.validate, []
def killing(*args):
    calls.append(1)
    if len(calls) == 4:  # one epoch and the end of the first stage, two epochs of the second
        os.kill(os.getpid(), signal.SIGKILL)
    return validate(*args)
fit.validate = killing
run_distill(read_distill_recipe(sys.argv[1]), Places(Path(sys.argv[3]), Path(sys.argv[2])), progress=False)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_place(tmp_path_factory.mktemp("student"))
    save_image_encoder(folder / "image")
    return folder


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    run_distill(recipe(place, student=student(place)), places(place, place / "run"), progress=False)
    return place / "run"


def weights(run: Path) -> dict[str, torch.Tensor]:
    return dict(load_file(run / "student" / "all" / "model" / "model.safetensors"))


def test_the_student_is_a_bundle_that_reads_pictures(run: Path, place: Path) -> None:
    classifier = posthue.load(run / "bundle", threads=1)
    assert classifier.info.text is None
    assert [*classifier.schemes] == ["sentiment"]
    pictures = load_corpus("crowd", run / "student").splits
    assert sorted(len(rows) for rows in pictures.values()) == [8, 9, 25]
    assert all(prediction.ok for prediction in classifier.predict_many(e.post for e in pictures["test"]))
    assert not (run / "student" / "bundle").exists()


def test_it_learns_the_colour_that_the_words_go_with(run: Path) -> None:
    classifier = posthue.load(run / "bundle", threads=1)
    rows = load_corpus("crowd", run / "student").splits["train"]
    answers = [p["sentiment"].label for p in classifier.predict_many(e.post for e in rows)]
    assert np.mean([a == e.labels["sentiment"][0] for a, e in zip(answers, rows, strict=True)]) > 0.6


def test_a_second_run_makes_nothing_anew(run: Path, place: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*.onnx")}
    run_distill(recipe(place, student=student(place)), places(place, run), progress=False)
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*.onnx")} == before


@pytest.mark.slow
def test_killed_in_training_it_goes_on_to_the_same_student(run: Path, place: Path, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(values(place, student=student(place))), encoding="utf-8")
    command = [sys.executable, "-c", KILLING, str(file), str(place / "data"), str(tmp_path / "run")]
    # another number of threads adds up in another order, and the weights would differ in their last bits
    threads = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run(command, capture_output=True, cwd=TESTS, check=False, env=threads)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    head = tmp_path / "run" / "student" / "head" / "metrics.json"
    written = head.stat().st_mtime_ns
    assert not (tmp_path / "run" / "bundle").exists()
    run_distill(recipe(place, student=student(place)), places(place, tmp_path / "run"), progress=False)
    assert head.stat().st_mtime_ns == written
    again, whole = weights(tmp_path / "run"), weights(run)
    assert all(torch.equal(again[name], whole[name]) for name in whole)


def test_another_student_takes_the_place_of_the_old_one(place: Path, tmp_path: Path) -> None:
    first = recipe(place, student=student(place, epochs=0, hidden=0))
    run_distill(first, places(place, tmp_path), progress=False)
    stages = {path: path.stat().st_mtime_ns for path in (tmp_path / "stages").glob("*.parquet")}
    changes = {"targets": "soft", "temperature": 2.0, "epochs": 1, "frozen_epochs": 0, "augment": True}
    soft = recipe(place, student=student(place, **changes), balance="weights")
    run_distill(soft, places(place, tmp_path), progress=False)
    assert not (tmp_path / "student" / "head").exists()
    found = load_corpus("crowd", tmp_path / "student").splits["train"][0]
    assert sum(found.soft["sentiment"]) == pytest.approx(1.0)
    assert (tmp_path / "bundle" / "config.json").exists()
    kept = {path.name for path in stages if path.stat().st_mtime_ns == stages[path]}
    assert kept == {"1-select.parquet", "2-teach.parquet", "3-filter.parquet", "4-dedup.parquet"}


def test_the_recipe_of_the_student_is_the_papers(place: Path) -> None:
    paper = student_recipe(recipe(place, balance="weights"))
    head, whole = paper.stages
    assert (head.freeze, head.epochs, whole.freeze, whole.epochs) == (("image",), 1, (), 5)
    assert (whole.image, whole.start, whole.class_weights) == ("stage:head", "head", "balanced")
    assert (whole.optimizer, whole.learning_rate, whole.label_smoothing) == ("radam", 1e-4, 0.2)
    assert whole.fusion_options == {"dropout": 0.0, "hidden": 32}


def test_radam_is_what_the_trainer_makes(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[torch.optim.Optimizer] = []
    original = PostTrainer.create_optimizer

    def watching(self: PostTrainer, *args: Any) -> torch.optim.Optimizer:
        made.append(original(self, *args))
        return made[-1]

    monkeypatch.setattr(PostTrainer, "create_optimizer", watching)
    only = recipe(place, student=student(place, epochs=0, optimizer="radam"))
    run_distill(only, places(place, tmp_path), progress=False)
    assert isinstance(made[0], torch.optim.RAdam)
    assert made[0].defaults["decoupled_weight_decay"] is True


def test_the_head_of_the_student_divides_by_the_temperature_in_training_only() -> None:
    options = {"dropout": 0.0, "hidden": 32, "temperature": 4.0}
    settings = FusionSettings(None, 5, {"sentiment": 3}, options)
    fusion, image = make_fusion("single", settings), EncodedBatch(torch.randn(2, 5))
    present = torch.tensor([[False, True]] * 2)
    trained = fusion.train()(None, image, present).logits["sentiment"]
    answered = fusion.eval()(None, image, present).logits["sentiment"]
    torch.testing.assert_close(4 * trained, answered)
    assert sum(p.numel() for p in fusion.parameters()) == 5 * 32 + 32 + 32 * 3 + 3


def test_a_classifier_of_the_hub_can_teach(tmp_path: Path) -> None:
    torch.manual_seed(0)
    names = {0: "POS", 1: "NEG", 2: "NEU"}
    model = BertForSequenceClassification(bert_config(num_labels=3, id2label=names)).eval()
    model.save_pretrained(tmp_path)
    bert_tokenizer().save_pretrained(tmp_path)
    teacher = make_teacher(Teacher(str(tmp_path), batch_size=2), None)
    assert isinstance(teacher, HubTeacher)
    found = teacher.probabilities(["good food", "", "bad bad film at the table", "sad"])
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(found[[0, 2, 3]].sum(1), 1.0, rtol=1e-5)
    tokens = bert_tokenizer()(["good food"], return_tensors="pt")
    with torch.inference_mode():
        expected = model(**tokens).logits.softmax(-1)[0].numpy()
    np.testing.assert_allclose(found[0], expected[[1, 2, 0]], rtol=1e-5)


def test_a_teacher_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="teacher: cannot load"):
        make_teacher(Teacher(str(tmp_path / "nobody")), None)


def test_the_run_says_how_it_was_made(run: Path) -> None:
    assert json.loads((run / "recipe.json").read_text())["student"]["hidden"] == 8
    assert json.loads((run / "student.json").read_text())["done"] is True
