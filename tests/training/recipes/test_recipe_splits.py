from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from posthue.errors import RecipeError, TableError
from posthue.training.recipes.reading import recipe_from_dict
from posthue.training.recipes.schema import Partner, Recipe
from posthue.training.recipes.splits import use_splits

pytestmark = pytest.mark.torch


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "splits.csv"
    path.write_text("id,split,group\na,train,0\nb,dev,1\n", encoding="utf-8")
    return str(path)


def recipe(**changes: object) -> Recipe:
    pair = {"corpus": "fer2013", "split": "public_test"}
    stage = {
        "name": "one",
        "text": "x",
        "train": [
            {"corpus": "mvsa-single"},
            {"corpus": "tweeteval-emotion", "pair_with": {"corpus": "fer2013"}},
        ],
        "validate": [
            {"corpus": "mvsa-single", "split": "dev"},
            {"corpus": "tweeteval-emotion", "split": "val", "pair_with": pair},
        ],
        **changes,
    }
    return recipe_from_dict({"name": "n", "schemes": ["sentiment"], "stages": [stage]})


def test_every_use_of_a_corpus_takes_the_file(file: str) -> None:
    stage = use_splits(recipe(), [f"mvsa-single={file}", f"fer2013={file}"]).stages[0]
    assert [source.split for source in stage.train] == [f"train@{file}", "train"]
    assert [check.split for check in stage.validate] == [f"dev@{file}", "val"]
    assert stage.train[1].pair_with == Partner("fer2013", f"train@{file}")
    assert stage.validate[1].pair_with == Partner("fer2013", f"public_test@{file}")


def test_one_corpus_need_not_be_named(file: str) -> None:
    one = recipe(
        train=[{"corpus": "fi", "split": "train@mine.csv"}], validate=[{"corpus": "fi", "split": "dev"}]
    )
    stage = use_splits(one, [file]).stages[0]
    assert stage.train[0].split == "train@mine.csv"
    assert stage.validate[0].split == f"dev@{file}"


def test_mistakes(file: str) -> None:
    with pytest.raises(RecipeError, match=r"for which corpus\? Say --splits mvsa-single="):
        use_splits(recipe(), [file])
    with pytest.raises(RecipeError, match="the recipe has mvsa-single, tweeteval-emotion, fer2013"):
        use_splits(recipe(), [f"fi={file}"])
    with pytest.raises(TableError, match="cannot be read as a table of splits"):
        use_splits(recipe(), ["mvsa-single=none.csv"])
