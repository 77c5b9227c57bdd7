"""The whole way from a recipe to a bundle."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from posthue.training.export.bundle import make_bundle
from posthue.training.recipes.schema import Recipe
from posthue.training.stages.build import Folders
from posthue.training.stages.fit import train_recipe


def run_recipe(recipe: Recipe, folders: Folders, *, seed: int | None = None) -> Path:
    """Train what is not trained yet, calibrate, export; return the bundle's folder.

    seed: instead of the recipe's. A finished run is exported again, which takes a minute and changes nothing.
    """
    if seed is not None:
        recipe = replace(recipe, seed=seed)
    train_recipe(recipe, folders)
    if int(os.environ.get("RANK", "0")):  # of several processes (torchrun), the first one exports
        return folders.run / "bundle"
    return make_bundle(recipe, folders)
