from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("yaml")

import torch
import yaml

from posthue.errors import RecipeError
from posthue.training.distill.recipe import distill_recipe_from_dict, read_distill_recipe, recipe_dict
from posthue.training.recipes.reading import read_recipe, read_yaml, recipe_from_dict, recipe_to_dict
from posthue.training.recipes.schema import OPTIMIZERS, Partner
from posthue.training.stages.optimizers import make_optimizer

pytestmark = pytest.mark.torch

SHIPPED = sorted((Path(__file__).parents[3] / "recipes").glob("*.yaml"))
DISTILL = [path for path in SHIPPED if path.stem.startswith("distill-")]
RECIPES = [path for path in SHIPPED if path not in DISTILL]
GOOD: dict[str, Any] = {
    "name": "two",
    "schemes": ["sentiment", "emotion"],
    "stages": [
        {
            "name": "words",
            "text": "glove:vectors.txt",
            "fusion": "single",
            "learning_rate": 1,
            "train": [{"corpus": "tweeteval-sentiment"}],
            "validate": [{"corpus": "tweeteval-sentiment", "split": "val", "metric": "macro_recall"}],
        },
        {
            "name": "both",
            "text": "stage:words",
            "image": "some/net",
            "start": "words",
            "freeze": ["text"],
            "train": [
                {
                    "corpus": "tweeteval-sentiment",
                    "pair_with": {"corpus": "mvsa-single", "split": "train"},
                    "pseudo": {"emotion": "words"},
                }
            ],
            "validate": [{"corpus": "mvsa-single", "split": "dev", "modalities": ["text"], "targets": "own"}],
        },
    ],
    "calibrate": [{"corpus": "mvsa-single", "split": "dev"}],
}


def changed(path: str, value: object) -> dict[str, Any]:
    """GOOD with another value at a path such as ``stages.0.train``."""
    values = copy.deepcopy(GOOD)
    place: Any = values
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in steps:
        place = place[step]
    place[last] = value
    return values


def test_there_are_recipes() -> None:
    assert "default" in {path.stem for path in RECIPES}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_recipes_that_ship_are_good(path: Path) -> None:
    recipe = read_recipe(path)
    assert recipe_from_dict(recipe_to_dict(recipe)) == recipe


@pytest.mark.parametrize("path", DISTILL, ids=lambda path: path.stem)
def test_the_distillations_that_ship_are_good(path: Path) -> None:
    recipe = read_distill_recipe(path)
    assert distill_recipe_from_dict(json.loads(json.dumps(recipe_dict(recipe)))) == recipe


def test_a_recipe_survives_the_way_through_plain_data_and_yaml(tmp_path: Path) -> None:
    recipe = recipe_from_dict(GOOD)
    assert recipe_from_dict(recipe_to_dict(recipe)) == recipe
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(GOOD), encoding="utf-8")
    assert read_recipe(tmp_path / "two.yaml") == recipe
    assert recipe.stages[1].train[0].pair_with == Partner("mvsa-single")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("colour", "red", "the recipe: 'colour' is not one of name, schemes"),
        ("schemes", ["mood"], "schemes: 'mood' is not one of sentiment, emotion"),
        ("schemes", "emotion", "schemes: 'emotion' is not a list"),
        ("seed", "x", "seed: 'x' is not a whole number"),
        ("stages", [], r"stages: \[\] is not a list of at least 1"),
        ("stages", None, r"stages: \[\] is not a list of at least 1"),
        ("stages", "text", "stages: 'text' is not a list"),
        ("stages.0", "text", "stages: item 1: 'text' is not a mapping"),
        ("stages.0.lr", 1, "stage 'words': 'lr' is not one of name, train"),
        ("stages.0.text", None, "stage 'words' names neither a text nor an image encoder"),
        ("stages.0.text", "stage:both", "stage 'words': an earlier stage: 'both' is not one of none"),
        ("stages.1.name", "words", "two stages are called 'words'"),
        ("stages.1.image", "stage:faces", "stage 'both': an earlier stage: 'faces' is not one of words"),
        ("stages.1.small_image", "stage:faces", "an earlier stage: 'faces' is not one of words"),
        ("stages.1.start", "both", "an earlier stage: 'both' is not one of words"),
        ("stages.1.train.0.pseudo", {"emotion": "nobody"}, "an earlier stage: 'nobody'"),
        ("stages.1.train.0.pseudo", {"mood": "words"}, "pseudo: 'mood' is not one of sentiment"),
        ("stages.1.train.0.pair_with", {"name": "fi"}, "pair_with: 'name' is not one of corpus, split"),
        ("stages.1.train.0.pair_with", {"corpus": "fie"}, "corpus: 'fie' is not one of"),
        ("stages.1.freeze", ["head"], "stage 'both': freeze: 'head' is not one of text, image"),
        ("stages.1.freeze", "text", "stage 'both': freeze: 'text' is not a list"),
        ("stages.0.token_scores", {"sentiment": "fi"}, "stage 'words': token_scores: 'fi' is not one of"),
        ("stages.0.token_scores", {"mood": "dair-emotion"}, "token_scores"),
        ("stages.0.class_weights", "even", "class_weights: 'even' is not one of none, balanced, sqrt"),
        ("stages.0.precision", "fp16", "precision: 'fp16' is not one of auto, fp32, bf16"),
        ("stages.0.fusion", "glue", "stage 'words': fusion: 'glue' is not one of attention"),
        (
            "stages.0.fusion_options",
            {"pooling": "max"},
            "fusion 'single': 'pooling' is not one of dropout, hidden",
        ),
        (
            "stages.0.fusion_options",
            {"dropout": 2},
            "fusion 'single': dropout: 2 is not a number from 0 to 0.95",
        ),
        ("stages.0.epochs", 0, "epochs: 0 is not a whole number of at least 1"),
        ("stages.0.epoch", 1, "Did you mean 'epochs'"),
        ("schemes", ["emotions"], "Did you mean 'emotion'"),
        ("stages.0.train.0.corpus", "tweeteval-sentimnt", "Did you mean 'tweeteval-sentiment'"),
        ("stages.0.epochs", 1.5, "epochs: 1.5 is not a whole number"),
        ("stages.0.emoji", "yes", "emoji: 'yes' is not true or false"),
        ("stages.0.modality_dropout", 0.6, "modality_dropout: 0.6 is not a number from 0 to 0.5"),
        ("stages.0.learning_rate", "1e-4", "learning_rate: '1e-4' is not a number"),
        ("stages.0.learning_rate", True, "learning_rate: True is not a number"),
        ("stages.0.train", [], r"'words': train: \[\] is not a list of at least 1"),
        ("stages.0.train", None, r"'words': train: \[\] is not a list of at least 1"),
        ("stages.0.train", {"corpus": "fi"}, "train: .* is not a list"),
        ("stages.0.train", ["fi"], "train: item 1: 'fi' is not a mapping"),
        ("stages.0.train", [{"split": "train"}], "train: item 1: corpus is missing"),
        ("stages.0.train.0.corpus", "tweets", "corpus: 'tweets' is not one of"),
        (
            "stages.0.train.0.targets",
            "mine",
            "tweeteval-sentiment': targets: 'mine' is not one of post, own",
        ),
        ("stages.0.train.0.modalities", ["sound"], "modalities: 'sound' is not one of text, image"),
        ("stages.0.validate", [], r"validate: \[\] is not a list of at least 1"),
        ("stages.0.validate.0.metric", "f1", "metric: 'f1' is not one of accuracy, weighted_f1"),
        ("calibrate.0.metric", "f1", "calibrate 'mvsa-single': metric: 'f1' is not one of accuracy"),
    ],
)
def test_a_mistake_is_named(path: str, value: object, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe_from_dict(changed(path, value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not valid YAML"),
        ("- a\n", "is not a mapping of fields"),
        ("name: x\n", "r.yaml: schemes is missing"),
    ],
)
def test_a_file_that_is_no_recipe(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=message):
        read_recipe(tmp_path / "r.yaml")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"cannot read the recipe .*none\.yaml"):
        read_recipe(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("-2E+3", -2000.0),
        ("1.5e3", 1500.0),
        (".5e1", 5.0),
        ("1.e2", 100.0),
        ("1.0e-4", 1e-4),
        ("12", 12),
        ("1e", "1e"),
        ("e4", "e4"),
        ("'1e-4'", "1e-4"),
        ("1e-4x", "1e-4x"),
    ],
)
def test_numbers_are_those_of_yaml_1_2(tmp_path: Path, text: str, value: object) -> None:
    (tmp_path / "r.yaml").write_text(f"rate: {text}\n", encoding="utf-8")
    assert read_yaml(tmp_path / "r.yaml") == {"rate": value}


def test_a_learning_rate_may_be_written_as_1e_4(tmp_path: Path) -> None:
    text = yaml.safe_dump(changed("stages.0.learning_rate", 1e-4)).replace("0.0001", "1e-4")
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    assert "learning_rate: 1e-4" in text
    assert read_recipe(tmp_path / "r.yaml").stages[0].learning_rate == 1e-4


def test_an_old_name_of_a_scheme_is_read_as_the_new_one() -> None:
    new = json.dumps(changed("stages.1.token_scores", {"emotion": "tweeteval-sentiment"}))
    old = new.replace('"emotion"', '"ekman"')
    assert old.count("ekman") == 3
    assert recipe_from_dict(json.loads(old)) == recipe_from_dict(json.loads(new))
    assert "ekman" not in json.dumps(recipe_to_dict(recipe_from_dict(json.loads(old))))


def test_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(changed("stages.1.freeze", ["head"])), encoding="utf-8")
    with pytest.raises(RecipeError, match=r"r\.yaml: stage 'both': freeze: 'head' is not one of text"):
        read_recipe(tmp_path / "r.yaml")


def test_every_optimizer_that_a_recipe_names_can_be_made() -> None:
    for name in OPTIMIZERS:
        group = {"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 0.1, "weight_decay": 0.0}
        assert name in type(make_optimizer(name, [group])).__name__.lower()
