"""What a run is made of: its recipe, the versions of what it runs on, and the metrics of its stages."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from posthue.errors import RecipeError
from posthue.files import require_writable, write_json
from posthue.training.recipes.folders import Folders
from posthue.training.recipes.reading import recipe_from_dict, recipe_to_dict
from posthue.training.recipes.schema import Recipe

PACKAGES = ("posthue", "torch", "transformers", "datasets", "tokenizers", "numpy", "pillow", "onnxruntime")


def begin_run(recipe: Recipe, folder: Path) -> None:
    """Write recipe.json and versions.json into a run folder.

    The name and the calibration sets may change: they have no part in the training. Raises RecipeError if
    another training was begun there, InputError if the folder cannot be written to.
    """
    path = folder / "recipe.json"
    require_writable(path)
    if path.exists():
        begun = recipe_from_dict(json.loads(path.read_text(encoding="utf-8")), str(path))
        if replace(begun, name=recipe.name, calibrate=recipe.calibrate) != recipe:
            raise RecipeError(
                f"{folder} was begun with another recipe: use a new run folder or delete this one"
            )
    write_json(path, recipe_to_dict(recipe))
    write_json(folder / "versions.json", versions())


def provenance(recipe: Recipe, folders: Folders) -> dict[str, Any]:
    """Return what a bundle is made of as plain data: recipe, versions, and the metrics of every stage."""
    metrics = {stage.name: folders.stage(stage.name) / "metrics.json" for stage in recipe.stages}
    return {
        "recipe": recipe_to_dict(recipe),
        "versions": versions(),
        "validation": {
            name: json.loads(path.read_text(encoding="utf-8"))
            for name, path in metrics.items()
            if path.exists()
        },
    }


def versions() -> dict[str, str]:
    """Return what a result depends on: packages, Python, platform, and the commit where there is one."""
    system = {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
    }
    return system | {package: _version(package) for package in PACKAGES} | {"commit": _commit()}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    try:
        command = ["git", "rev-parse", "HEAD"]
        git = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
        return git.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
