from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from PIL import Image
from safetensors.torch import load_file

import posthue
from posthue.data.corpora import load_corpus
from posthue.errors import CorpusError, RecipeError
from posthue.numbers import softmax
from posthue.training import run
from posthue.training.datasets.stage_rows import narrowed, read_stage, read_training, read_validation
from posthue.training.export.parity import parity_report
from posthue.training.export.provenance import begin_run
from posthue.training.recipes.folders import Folders
from posthue.training.recipes.reading import recipe_from_dict
from posthue.training.recipes.schema import Check, Partner, Recipe
from posthue.training.stages import fit, inputs
from posthue.training.stages.build import StageModel
from posthue.training.stages.inputs import ValidationSet, validation_set
from posthue.training.stages.token_scores import score_texts
from posthue.training.stages.validation import validate
from tiny_models import save_image_encoder, save_text_encoder, write_corpora

pytestmark = pytest.mark.torch

RATES = {"batch_size": 8, "learning_rate": 3e-3, "head_learning_rate": 1e-2, "precision": "fp32"}
SENTIMENT_VAL = {"corpus": "tweeteval-sentiment", "split": "val", "metric": "accuracy"}
FACES = {"corpus": "fer2013", "split": "public_test", "metric": "accuracy"}
PAIRS = {"corpus": "tweeteval-emotion", "pair_with": {"corpus": "fer2013", "split": "train"}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/, and the encoders text/ and image/."""
    folder = tmp_path_factory.mktemp("fit")
    write_corpora(folder / "data")
    save_text_encoder(folder / "text")
    save_image_encoder(folder / "image")
    return folder


def words(place: Path, **changes: Any) -> dict[str, Any]:
    return {
        "name": "words",
        "text": str(place / "text"),
        "fusion": "single",
        "epochs": 3,
        "emoji": False,
        "train": [{"corpus": "tweeteval-sentiment"}, {"corpus": "tweeteval-emotion"}],
        "validate": [SENTIMENT_VAL],
        **RATES,
        **changes,
    }


def two_stages(place: Path, **changes: Any) -> Recipe:
    both = {
        "name": "both",
        "text": "stage:words",
        "image": str(place / "image"),
        "small_size": 32,
        "start": "words",
        "freeze": ["text"],
        "token_scores": {"sentiment": "tweeteval-sentiment"},
        "epochs": 2,
        "class_weights": "balanced",
        "label_smoothing": 0.05,
        "train": [{"corpus": "tweeteval-sentiment"}, {"corpus": "fer2013", "weight": 2.0}, PAIRS],
        "validate": [SENTIMENT_VAL, FACES, {**PAIRS, "split": "val", "metric": "accuracy"}],
        **RATES,
    }
    values = {"name": "two", "schemes": ["sentiment", "emotion"], "stages": [words(place), both], **changes}
    return recipe_from_dict(values)


def one_stage(place: Path, **changes: Any) -> Recipe:
    values = {"name": "one", "schemes": ["sentiment", "emotion"], "stages": [words(place, **changes)]}
    return recipe_from_dict(values)


def folders(place: Path, folder: Path) -> Folders:
    return Folders(folder, place / "data")


def validation(check: Check, recipe: Recipe, folders: Folders, trained: StageModel) -> ValidationSet:
    [rows] = read_validation([check], recipe, folders, trained.modalities)
    return validation_set(rows, trained)


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return float(-np.log(probabilities[np.arange(len(labels)), labels]).mean())


def weights(folder: Path, stage: str) -> Mapping[str, torch.Tensor]:
    found: Mapping[str, torch.Tensor] = load_file(folder / stage / "model" / "model.safetensors")
    return found


def same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def trained(place: Path) -> Path:
    """The run folder of two_stages, killed after its first stage and taken up again, with its bundle."""
    folder, recipe = place / "runs" / "two", two_stages(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "build", Killing(run.build, after=1))
        with pytest.raises(KeyboardInterrupt):
            run.run_recipe(recipe, folders(place, folder))
    assert (folder / "words" / "metrics.json").exists()
    assert not (folder / "both").exists()
    before = (folder / "words" / "model" / "model.safetensors").stat().st_mtime_ns
    assert run.run_recipe(recipe, folders(place, folder)) == folder / "bundle"
    assert (folder / "words" / "model" / "model.safetensors").stat().st_mtime_ns == before
    return folder


class Killing:
    """Calls a function, and is a Ctrl-C from its call number ``after`` on."""

    def __init__(self, function: Any, *, after: int) -> None:
        self.function, self.after, self.calls = function, after, 0

    def __call__(self, *args: Any) -> Any:
        self.calls += 1
        if self.calls > self.after:
            raise KeyboardInterrupt
        return self.function(*args)


def test_it_learns(trained: Path) -> None:
    metrics = json.loads((trained / "both" / "metrics.json").read_text())
    assert metrics["score"] > 0.8
    assert set(metrics) == {
        "tweeteval-sentiment/val/text+image/sentiment/accuracy",
        "fer2013/public_test/text+image/emotion/accuracy",
        "tweeteval-emotion/val/text+image/emotion/accuracy",
        "score",
    }


def test_checks_are_named_by_what_the_model_reads(trained: Path) -> None:
    metrics = json.loads((trained / "words" / "metrics.json").read_text())
    assert set(metrics) == {"tweeteval-sentiment/val/text/sentiment/accuracy", "score"}


def test_the_run_folder_says_how_it_was_made(trained: Path, place: Path) -> None:
    assert recipe_from_dict(json.loads((trained / "recipe.json").read_text())) == two_stages(place)
    assert json.loads((trained / "versions.json").read_text())["torch"] == torch.__version__
    header, *curve = (trained / "words" / "curves.csv").read_text().splitlines()
    assert "eval_score" in header
    assert len(curve) >= 3
    assert not (trained / "words" / "checkpoints").exists()
    assert (trained / "words" / "leaks.csv").read_text().startswith("id,kind,repeats\n")
    assert not (trained / "words" / "skipped.csv").exists()


def test_a_frozen_encoder_is_that_of_the_stage_before(trained: Path) -> None:
    before, after = weights(trained, "words"), weights(trained, "both")
    texts = [name for name in before if name.startswith("text.")]
    assert texts
    assert all(torch.equal(before[name], after[name]) for name in texts)


def test_token_scores_are_those_of_the_features(trained: Path, place: Path) -> None:
    """The stage saw features made beforehand; from the texts themselves the model says the same."""
    both = StageModel.load(trained / "both" / "model")
    model, processor = both.model, both.processor
    assert model.text.dim == model.text.backbone_dim + 3
    assert model.text.scores.table.abs().sum() > 0
    recipe = two_stages(place)
    entry = validation(recipe.stages[1].validate[0], recipe, folders(place, trained), both)
    assert not entry.collator.features
    expected = json.loads((trained / "both" / "metrics.json").read_text())
    found = validate(model, [entry])
    name = "tweeteval-sentiment/val/text+image/sentiment/accuracy"
    assert found[name] == pytest.approx(expected[name])
    sure = np.array([score_texts(model.text.scores, processor, [word])[0] for word in ("awful", "happy")])
    assert sure.argmax(1).tolist() == [0, 2]


def test_a_run_whose_recipe_has_the_old_name_of_a_scheme_goes_on(place: Path, tmp_path: Path) -> None:
    recipe, note = two_stages(place), tmp_path / "recipe.json"
    begin_run(recipe, tmp_path)
    new = note.read_text()
    assert '"emotion"' in new
    note.write_text(new.replace('"emotion"', '"ekman"'))
    begin_run(recipe, tmp_path)
    assert note.read_text() == new


def test_another_recipe_does_not_go_on_with_the_run(trained: Path, place: Path) -> None:
    other = replace(two_stages(place), seed=7)
    with pytest.raises(RecipeError, match="was begun with another recipe"):
        run.train_recipe(other, folders(place, trained))


def test_the_bundle_is_whole(trained: Path) -> None:
    info = posthue.load(trained / "bundle", threads=1).info
    assert info.name == "two"
    assert not (trained / "bundle.part").exists()
    card = (trained / "bundle" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "- stage both: stage:words, " in card
    assert "| fer2013/public_test/text+image/emotion | 24 |" in card


def test_the_bundle_says_what_torch_says(trained: Path, place: Path) -> None:
    config = json.loads((trained / "bundle" / "config.json").read_text(encoding="utf-8"))
    assert config["text"]["precision"] == "int8"
    assert config["image"]["precision"] == "fp32"
    for name, values in config["parity"].items():
        assert values["n"] >= 24
        assert values["label_agreement"] >= (0.99 if name.startswith("fer2013") else 0.95)
    classifier = posthue.load(trained / "bundle", threads=1)
    faces = load_corpus("fer2013", place / "data").splits["public_test"]
    labels = [prediction["emotion"].label for prediction in classifier.predict_many(e.post for e in faces)]
    right = np.mean([label == e.labels["emotion"][0] for label, e in zip(labels, faces, strict=True)])
    metrics = json.loads((trained / "both" / "metrics.json").read_text())
    assert right == pytest.approx(metrics["fer2013/public_test/text+image/emotion/accuracy"])


def test_the_temperatures_lessen_the_log_loss(trained: Path, place: Path) -> None:
    both = StageModel.load(trained / "both" / "model")
    config = json.loads((trained / "bundle" / "config.json").read_text(encoding="utf-8"))
    recipe = two_stages(place)
    for check, scheme, state in zip(
        recipe.stages[1].validate, ("sentiment", "emotion", "emotion"), ("text", "image", "both"), strict=True
    ):
        entry = validation(check, recipe, folders(place, trained), both)
        known = entry.labelled_logits(both.model)[scheme]
        logits, labels = known.logits, known.labels
        fitted = config["temperatures"][scheme][state]
        assert log_loss(softmax(logits, fitted), labels) <= log_loss(softmax(logits), labels) + 1e-6


def test_parity_is_told_for_whole_posts_too(trained: Path, place: Path) -> None:
    both = StageModel.load(trained / "both" / "model")
    recipe = two_stages(place)
    check = Check("tweeteval-emotion", "val", pair_with=Partner("fer2013", "public_test"))
    entry = validation(check, recipe, folders(place, trained), both)
    report = parity_report(both.model, [entry], trained / "bundle")
    assert report["tweeteval-emotion/val/text+image/emotion"]["label_agreement"] >= 0.95


def test_the_same_seed_gives_the_same_weights(trained: Path, place: Path) -> None:
    """The first stage of ``trained``, in a run of its own."""
    recipe = two_stages(place)
    alone = replace(recipe, stages=recipe.stages[:1])
    run.train_recipe(alone, folders(place, place / "runs" / "again"))
    assert same(weights(trained, "words"), weights(place / "runs" / "again", "words"))
    other = replace(alone, seed=1)
    run.train_recipe(other, folders(place, place / "runs" / "seed"))
    assert not same(weights(trained, "words"), weights(place / "runs" / "seed", "words"))


@pytest.mark.parametrize("stage", ["words", "faces"])
def test_a_killed_stage_goes_on_as_if_it_had_not_been(place: Path, tmp_path: Path, stage: str) -> None:
    faces = {"text": None, "image": str(place / "image"), "small_size": 32, "train": [{"corpus": "fer2013"}]}
    recipe = one_stage(place, name=stage, **({"validate": [FACES], **faces} if stage == "faces" else {}))
    run.train_recipe(recipe, folders(place, tmp_path / "whole"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "validate", Killing(fit.validate, after=1))
        with pytest.raises(KeyboardInterrupt):
            run.train_recipe(recipe, folders(place, tmp_path / "cut"))
    (checkpoint,) = (tmp_path / "cut" / stage / "checkpoints").iterdir()
    assert not (tmp_path / "cut" / stage / "metrics.json").exists()
    assert checkpoint.is_dir()
    counted = Killing(fit.validate, after=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "validate", counted)
        run.train_recipe(recipe, folders(place, tmp_path / "cut"))
    assert counted.calls == 3  # two epochs, and the end
    assert same(weights(tmp_path / "whole", stage), weights(tmp_path / "cut", stage))


@pytest.mark.parametrize("freeze", [[], ["batchnorm"]])
def test_batch_norms_that_are_trained_are_anchored_to_the_training_pictures(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, freeze: list[str]
) -> None:
    seen: list[tuple[int, int]] = []

    def note(encoder: torch.nn.Module, norms: list[torch.nn.Module], batches: Any) -> None:
        assert all(getattr(norm, "momentum", None) == 0.1 for norm in norms)
        seen.append((len(norms), sum(map(len, batches))))

    monkeypatch.setattr("posthue.training.stages.trainer.anchor", note)
    recipe = recipe_from_dict(
        {
            "name": "faces",
            "schemes": ["emotion"],
            "stages": [
                {
                    "name": "faces",
                    "image": str(place / "image"),
                    "small_size": 32,
                    "fusion": "single",
                    "epochs": 1,
                    "freeze": freeze,
                    "train": [{"corpus": "fer2013"}],
                    "validate": [FACES],
                    **RATES,
                }
            ],
        }
    )
    run.train_recipe(recipe, folders(place, tmp_path))
    if freeze:
        assert not seen
    else:
        [(norms, pictures)] = seen
        assert norms > 0
        assert pictures > 0


def test_every_epoch_has_an_order_of_its_own(place: Path, tmp_path: Path) -> None:
    orders: list[list[int]] = []

    class Watching(inputs.Collator):
        def __call__(self, rows: Any) -> Any:
            orders.append([row["row"] for row in rows])
            return super().__call__(rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inputs, "Collator", Watching)
        run.train_recipe(one_stage(place, epochs=2, train=[PAIRS]), folders(place, tmp_path / "run"))
    training = [order for order in orders if len(order) <= 8]
    assert sorted(row for order in training[:6] for row in order) == list(range(48))
    assert sorted(row for order in training[6:12] for row in order) == list(range(48))
    assert training[:6] != training[6:12]


def test_a_teacher_labels_softly(trained: Path, place: Path) -> None:
    recipe = two_stages(place)
    source = replace(recipe.stages[0].train[0], pseudo={"emotion": "words"})
    found = read_training(source, recipe, folders(place, trained), ("text",)).dataset
    targets = np.array(found["labels_emotion"])
    np.testing.assert_allclose(targets.sum(1), 1.0, rtol=1e-5)
    assert targets.max() < 1.0
    assert np.array(found["labels_sentiment"]).max() == 1.0


def test_a_model_is_not_shown_what_it_cannot_read(trained: Path, place: Path) -> None:
    recipe = two_stages(place)
    readable = StageModel.load(trained / "words" / "model").modalities
    assert readable == ("text",)
    pairs = recipe.stages[1].train[2]
    found = read_training(pairs, recipe, folders(place, trained), readable).dataset
    assert set(found["image_bytes"]) == {None}
    with pytest.raises(RecipeError, match="fer2013: no encoder for its image"):
        narrowed(replace(recipe.stages[1].train[1], modalities=("image",)), readable)


def test_a_corpus_without_what_the_model_reads(place: Path, tmp_path: Path) -> None:
    recipe = one_stage(place, train=[{"corpus": "fer2013"}])
    with pytest.raises(CorpusError, match="fer2013, split train: no post with text"):
        run.train_recipe(recipe, folders(place, tmp_path / "run"))
    with pytest.raises(RecipeError, match="cannot load 'no/such/net'"):
        run.train_recipe(one_stage(place, text="no/such/net"), folders(place, tmp_path / "other"))


def test_a_broken_picture_is_left_out_of_a_stage(place: Path, tmp_path: Path) -> None:
    pictures = place / "data" / "FI" / "images" / "amusement"
    pictures.mkdir(parents=True, exist_ok=True)
    for i in range(5):
        noise = np.random.default_rng(i).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(pictures / f"{i}.png")
    whole = (pictures / "3.png").read_bytes()
    (pictures / "3.png").write_bytes(whole[: len(whole) // 2])
    image = {"text": None, "image": str(place / "image"), "small_size": 32, "validate": [FACES]}
    recipe = one_stage(place, train=[{"corpus": "fi", "split": "all"}], **image)
    rows = read_stage(recipe.stages[0], recipe, folders(place, tmp_path / "run"), ("image",))
    dataset = rows.training
    assert [row.rpartition("/")[2] for row in dataset["id"]] == ["0.png", "1.png", "2.png", "4.png"]
    header, skipped = (tmp_path / "run" / "words" / "skipped.csv").read_text().splitlines()
    assert header == "id,image,error"
    assert skipped.startswith("fi/all/amusement/3.png,")
