"""``posthue train``: a bundle from a recipe, or from flags."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from posthue.apps.cli.options import Data, Encoders, RecipeSeed, RunFolder, data_folder, require_extra
from posthue.errors import InputError


def train(
    recipe: Annotated[
        Path | None, typer.Argument(help="Recipe in YAML (see recipes/). Default: the flags.")
    ] = None,
    *,
    output: RunFolder,
    data: Data = None,
    encoders: Encoders = None,
    seed: RecipeSeed = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option("--corpus", "-c", help="CORPUS or CORPUS:SPLIT to train on; repeatable."),
    ] = None,
    validate: Annotated[
        list[str] | None, typer.Option("--validate", help="CORPUS:SPLIT to choose the epoch on; repeatable.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Text encoder: Hub id, folder, or glove:FILE.")] = None,
    image: Annotated[str | None, typer.Option(help="Image encoder: Hub id or folder.")] = None,
    fusion: Annotated[
        str | None, typer.Option(help="Fusion of text and image. Default: joint where there are both.")
    ] = None,
    freeze: Annotated[
        list[str] | None,
        typer.Option(help="Weights to freeze: text, image, embeddings or batchnorm; repeatable."),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Number of epochs.")] = 3,
    batch_size: Annotated[int, typer.Option(min=1, help="Posts of a batch.")] = 32,
    learning_rate: Annotated[float, typer.Option(help="Learning rate of the encoders.")] = 1e-4,
    metric: Annotated[
        str, typer.Option(help="Metric that chooses the epoch: accuracy, weighted_f1, macro_f1 …")
    ] = "macro_f1",
    splits: Annotated[
        list[str] | None,
        typer.Option(help="FILE or CORPUS=FILE: splits by posthue data check --fix instead of the corpus's."),
    ] = None,
) -> None:
    """Train a model and export it as a bundle into the run folder.

    Give a recipe, or at least --corpus, --validate, and --text or --image.
    """
    require_extra("train", torch="torch")
    from posthue.training.recipes.folders import Folders
    from posthue.training.recipes.reading import read_recipe, recipe_from_dict
    from posthue.training.run import run_recipe

    if recipe is not None:
        chosen = read_recipe(recipe)
    else:
        stage: dict[str, Any] = {"text": text, "image": image, "freeze": freeze or [], "epochs": epochs}
        stage |= {"batch_size": batch_size, "learning_rate": learning_rate}
        stage |= {"fusion": fusion} if fusion else {}
        chosen = recipe_from_dict(_flags(output.name, stage, corpus, validate, metric))
    if splits:
        from posthue.training.recipes.splits import use_splits

        chosen = use_splits(chosen, splits)
    folders = Folders(output, data_folder(data), encoders)
    bundle = run_recipe(chosen, folders, seed=seed)
    typer.echo(f"bundle: {bundle}")


def _flags(
    name: str, stage: dict[str, Any], corpus: list[str] | None, validate: list[str] | None, metric: str
) -> dict[str, Any]:
    """Return the one-stage recipe that the flags describe."""
    if not corpus or not validate:
        raise InputError("give a recipe, or at least --corpus, --validate and --text or --image")
    both = stage["text"] and stage["image"]
    stage = {"name": "model", "fusion": "joint" if both else "single"} | stage
    stage["train"] = [_named(item, "train") for item in corpus]
    stage["validate"] = [_named(item, "dev") | {"metric": metric} for item in validate]
    return {"name": name, "schemes": _schemes([*corpus, *validate]), "stages": [stage]}


def _named(item: str, split: str) -> dict[str, str]:
    corpus, _, named = item.partition(":")
    return {"corpus": corpus, "split": named or split}


def _schemes(items: list[str]) -> list[str]:
    """Return the schemes of the named corpora."""
    from posthue.data.corpora import corpus_info

    corpora = [corpus_info(item.partition(":")[0]) for item in items]
    return list(dict.fromkeys(scheme for info in corpora for scheme in info.schemes))
