"""Recipes read from YAML and plain data, and checked before anything is trained."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import yaml

from posthue.errors import RecipeError
from posthue.settings import read_settings, require_known
from posthue.training.recipes.schema import Recipe, Stage


class _Loader(yaml.SafeLoader):
    """YAML with the numbers of YAML 1.2: 1e-4 is one, and no text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+|\d*\.\d+|\d+\.)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read_yaml(path: str | Path) -> Any:
    """Return what a YAML file holds; raise RecipeError for a file that cannot be read or is no YAML."""
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise RecipeError(f"cannot read the recipe {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not valid YAML: {error}") from None


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe from YAML; raise RecipeError naming the field that is wrong."""
    return recipe_from_dict(read_yaml(path), str(path))


def recipe_from_dict(values: object, where: str = "the recipe") -> Recipe:
    """Build a recipe from plain data, as YAML gives it; raise RecipeError for what cannot work.

    where: what the data is called in messages.
    """
    recipe = read_settings(Recipe, values, where, error=RecipeError)
    earlier: list[str] = []
    for stage in recipe.stages:
        if stage.name in earlier:
            raise RecipeError(f"{where}: two stages are called {stage.name!r}")
        _check_stage(stage, recipe, earlier, f"{where}: stage {stage.name!r}")
        earlier.append(stage.name)
    return recipe


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """Return plain data that ``recipe_from_dict`` takes back."""
    return dataclasses.asdict(recipe)


def _check_stage(stage: Stage, recipe: Recipe, earlier: list[str], where: str) -> None:
    links = [
        link.removeprefix("stage:")
        for link in (stage.text, stage.image, stage.small_image)
        if link and link.startswith("stage:")
    ]
    links += [stage.start] if stage.start else []
    links += [name for source in stage.train for name in source.pseudo.values()]
    require_known(links, earlier, f"{where}: an earlier stage", error=RecipeError)
    _check_fusion(stage, where)
    if not (stage.text or stage.image):
        raise RecipeError(f"{where} names neither a text nor an image encoder")
    if stage.token_scores:
        _check_token_scores(stage, recipe, f"{where}: token_scores")


def _check_fusion(stage: Stage, where: str) -> None:
    from posthue.model.fusion import check_fusion_options  # noqa: PLC0415  (torch)

    try:
        check_fusion_options(stage.fusion, stage.fusion_options)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None


def _check_token_scores(stage: Stage, recipe: Recipe, where: str) -> None:
    require_known(stage.token_scores, recipe.schemes, where, error=RecipeError)
    require_known(
        stage.token_scores.values(), [source.corpus for source in stage.train], where, error=RecipeError
    )
    if stage.text is None or "text" not in stage.freeze:
        raise RecipeError(f"{where} want a text encoder, and freeze: [text]")
