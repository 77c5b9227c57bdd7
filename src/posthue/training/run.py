"""The whole way from a recipe to a bundle, from top to bottom.

Stage after stage is trained, an interrupted one from its last checkpoint; the last stage's model is
calibrated and exported, and its bundle compared with it. Where all files are: see
posthue.training.recipes.folders.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from transformers import set_seed
from transformers.utils.logging import disable_progress_bar

from posthue.atomic import atomic_folder
from posthue.model.export import export_graphs
from posthue.training.datasets.stage_rows import read_stage, read_validation
from posthue.training.export.bundle import bundle_config, text_batches, write_config
from posthue.training.export.calibrate import calibrate
from posthue.training.export.late_weight import tune_shares
from posthue.training.export.model_card import model_card
from posthue.training.export.parity import parity_report
from posthue.training.export.provenance import begin_run, provenance
from posthue.training.recipes.folders import Folders
from posthue.training.recipes.schema import Recipe, Stage
from posthue.training.stages.build import StageModel, build
from posthue.training.stages.fit import fit, save_stage
from posthue.training.stages.inputs import stage_inputs, validation_set
from posthue.training.stages.token_scores import add_token_scores


def run_recipe(recipe: Recipe, folders: Folders, *, seed: int | None = None) -> Path:
    """Train what is not trained yet, calibrate, export; return the bundle's folder.

    seed: instead of the recipe's. A finished run is exported again, which takes a minute and changes nothing.
    """
    if seed is not None:
        recipe = replace(recipe, seed=seed)
    train_recipe(recipe, folders)
    if int(os.environ.get("RANK", "0")):  # of several processes (torchrun), the first one exports
        return folders.bundle
    return export_recipe(recipe, folders)


def train_recipe(recipe: Recipe, folders: Folders) -> None:
    """Train every stage that is not finished yet."""
    disable_progress_bar()  # of loading weights; the training's own stays
    begin_run(recipe, folders.run)
    for stage in recipe.stages:
        if not (folders.stage(stage.name) / "metrics.json").exists():
            train_stage(stage, recipe, folders)


def train_stage(stage: Stage, recipe: Recipe, folders: Folders) -> None:
    """Train one stage, going on from its last checkpoint if there is one, and save the best epoch."""
    seed = recipe.seed if stage.seed is None else stage.seed
    set_seed(seed)
    start = build(stage, recipe.schemes, folders)
    rows = read_stage(stage, recipe, folders, start.modalities)
    inputs = stage_inputs(rows, start, stage, folders.cache)
    if stage.token_scores:
        add_token_scores(start, stage.token_scores, inputs, seed=seed)
    folder = folders.stage(stage.name)
    trained = fit(start, stage, inputs, seed=seed, checkpoints=folder / "checkpoints")
    save_stage(trained, folder)


def export_recipe(recipe: Recipe, folders: Folders) -> Path:
    """Calibrate and export the last stage's model into RUN/bundle; return that folder."""
    last = recipe.stages[-1]
    trained = StageModel.load(folders.stage_model(last.name))
    rows = read_validation(recipe.calibrate or last.validate, recipe, folders, trained.modalities)
    sets = [validation_set(each, trained) for each in rows]
    tune_shares(trained.model, sets)
    labelled = [entry.labelled_logits(trained.model) for entry in sets]
    calibration = calibrate(labelled, trained.modalities)
    with atomic_folder(folders.bundle) as folder:
        feeds, side = text_batches(trained.processor, sets), trained.processor.image_spec.size
        precisions = export_graphs(trained.model, folder, calibration=feeds, side=side)
        about = provenance(recipe, folders)
        config = bundle_config(recipe.name, trained, calibration, precisions, about)
        write_config(folder, trained.processor, config)
        config["parity"] = parity_report(trained.model, sets, folder)
        write_config(folder, trained.processor, config)
        model_card(config).save(folder / "MODEL_CARD.md")
    return folders.bundle
