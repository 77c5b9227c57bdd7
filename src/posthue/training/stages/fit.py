"""Train a recipe: stage after stage, resumable, with everything that made the result kept in the run folder.

RUN/recipe.json · versions.json
RUN/<stage>/model/ · metrics.json · curves.csv     (checkpoints/ while it runs)
RUN/<stage>/leaks.csv · skipped.csv                (rows left out: repeats of validation, broken pictures)
RUN/bundle/                                        (made by posthue.training.export.bundle)
"""

from __future__ import annotations

import json
import logging
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import torch
from datasets import Dataset
from transformers import EarlyStoppingCallback, TrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint
from transformers.utils.logging import disable_progress_bar

from posthue.errors import CorpusError, RecipeError
from posthue.files import require_writable, write_csv, write_json
from posthue.model.post_model import PostModel
from posthue.model.processor import PostProcessor
from posthue.training.datasets.batches import Collator, prepare
from posthue.training.datasets.leaks import find_leaks, keep_clean, write_leaks
from posthue.training.datasets.rows import LoadedRows, join, read_source, target_names
from posthue.training.datasets.unreadable import write_skipped
from posthue.training.features.encode import cached_features
from posthue.training.recipes.reading import recipe_from_dict, recipe_to_dict
from posthue.training.recipes.schema import Check, Recipe, Stage, TrainingSource
from posthue.training.stages.build import Folders, build
from posthue.training.stages.losses import class_weights_of
from posthue.training.stages.pseudo_labels import pseudo_label
from posthue.training.stages.token_scores import add_token_scores
from posthue.training.stages.trainer import PostTrainer
from posthue.training.stages.validation import CheckSet, cache_folder, run_checks, target_rows

_log = logging.getLogger(__name__)

S = TypeVar("S", TrainingSource, Check)

PACKAGES = ("posthue", "torch", "transformers", "datasets", "tokenizers", "numpy", "pillow", "onnxruntime")


def train_recipe(recipe: Recipe, folders: Folders) -> Path:
    """Train every stage that is not finished yet; return the folder of the last stage's model."""
    disable_progress_bar()  # of loading weights; the training's own stays
    require_writable(folders.run / "recipe.json")
    _keep_recipe(recipe, folders.run)
    write_json(folders.run / "versions.json", versions())
    for stage in recipe.stages:
        if not (folders.run / stage.name / "metrics.json").exists():
            train_stage(recipe, stage, folders)
    return folders.stage_model(recipe.stages[-1].name)


def train_stage(recipe: Recipe, stage: Stage, folders: Folders) -> None:
    """Train one stage, going on from its last checkpoint if there is one, and save the best epoch."""
    seed = recipe.seed if stage.seed is None else stage.seed
    set_seed(seed)
    model, processor = build(stage, recipe.schemes, folders)
    checks = [check_set(check, recipe, folders, model, processor, stage.freeze) for check in stage.validate]
    dataset, collator = _training_set(recipe, stage, folders, model, processor, checks)
    if stage.token_scores:
        add_token_scores(model, processor, stage.token_scores, dataset, collator, checks, seed=seed)
    targets = {scheme: torch.from_numpy(target_rows(dataset, scheme)) for scheme in recipe.schemes}
    place = folders.run / stage.name
    trainer = PostTrainer(
        model,
        training_arguments(stage, seed, place / "checkpoints"),
        stage=stage,
        dataset=dataset,
        collator=collator,
        class_weights=class_weights_of(targets, stage.class_weights),
        check=lambda current: run_checks(current, checks, recipe.schemes),
        callbacks=[EarlyStoppingCallback(stage.patience)],
    )
    started = place / "checkpoints"
    checkpoint = get_last_checkpoint(started) if started.is_dir() else None
    trainer.prepare_norms(anew=checkpoint is None)
    trainer.train(resume_from_checkpoint=checkpoint)
    metrics = run_checks(trainer.model, checks, recipe.schemes)
    trainer.accelerator.wait_for_everyone()
    if trainer.is_world_process_zero():
        _save_stage(trainer, processor, place, metrics)
    trainer.accelerator.wait_for_everyone()


def check_set(
    check: Check,
    recipe: Recipe,
    folders: Folders,
    model: PostModel,
    processor: PostProcessor,
    frozen: Sequence[str] = (),
) -> CheckSet:
    """Load a validation set for this model."""
    check = narrowed(check, model)
    cache = cache_folder(folders.run)
    loaded = read_source(check, recipe.schemes, folders.data, recipe.seed, cache=cache)
    dataset = prepare(loaded.dataset, processor, small_size=processor.image_spec.small_size)
    features = _frozen_features(model, processor, dataset, frozen, folders)
    collator = Collator(processor, target_names(recipe.schemes), features=features)
    return CheckSet(check, dataset, collator, loaded.skipped)


def training_arguments(stage: Stage, seed: int, output: Path) -> TrainingArguments:
    """Translate a stage's settings into the Trainer's."""
    return TrainingArguments(
        output_dir=str(output),
        num_train_epochs=stage.epochs,
        per_device_train_batch_size=stage.batch_size,
        learning_rate=stage.learning_rate,
        weight_decay=stage.weight_decay,
        warmup_steps=stage.warmup,
        lr_scheduler_type=stage.schedule,
        max_grad_norm=stage.max_grad_norm,
        bf16=use_bf16(stage.precision),
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model="eval_score",
        greater_is_better=True,
        logging_steps=50,
        report_to="none",
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )


def use_bf16(precision: str) -> bool:
    """Whether to train in bfloat16: where it is native, unless the recipe says otherwise."""
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())


def versions() -> dict[str, str]:
    """Return what a result depends on: packages, Python, platform, and the commit where there is one."""
    found = {"python": sys.version.split()[0], "platform": platform.platform(), "machine": platform.machine()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found | {"commit": _commit()}


def _training_set(
    recipe: Recipe,
    stage: Stage,
    folders: Folders,
    model: PostModel,
    processor: PostProcessor,
    checks: Sequence[CheckSet],
) -> tuple[Dataset, Collator]:
    sources = [_source(source, model, recipe, folders) for source in stage.train]
    parts = join([source.dataset for source in sources])
    leaks = find_leaks(parts, [entry.dataset for entry in checks], cache=cache_folder(folders.run))
    clean = keep_clean(parts, leaks)
    place = folders.run / stage.name
    write_leaks(place / "leaks.csv", leaks)
    skipped = [row for each in sources for row in each.skipped]
    skipped += [row for each in checks for row in each.skipped]
    write_skipped(place / "skipped.csv", skipped)
    _log.info("stage %s: %d posts, %d left out that repeat validation", stage.name, len(clean), len(leaks))
    if not len(clean):
        raise CorpusError(f"stage {stage.name}: every training post repeats a validation post")
    dataset = prepare(clean, processor, small_size=processor.image_spec.small_size)
    features = _frozen_features(model, processor, dataset, stage.freeze, folders)
    names = target_names(recipe.schemes)
    return dataset, Collator(processor, names, features=features, augmented=stage.augment)


def narrowed(source: S, model: PostModel) -> S:
    """Return a source without the modality that the model cannot encode, so that it is not even read."""
    able = tuple(m for m in source.modalities if getattr(model, m) is not None)
    if not able:
        raise RecipeError(f"{source.corpus}: no encoder for its {' or '.join(source.modalities)}")
    return replace(source, modalities=able)


def _source(source: TrainingSource, model: PostModel, recipe: Recipe, folders: Folders) -> LoadedRows:
    if not source.pseudo:  # a teacher may read what the model does not
        source = narrowed(source, model)
    cache = cache_folder(folders.run)
    loaded = read_source(source, recipe.schemes, folders.data, recipe.seed, cache=cache)
    dataset = loaded.dataset
    for scheme, teacher in source.pseudo.items():
        dataset = pseudo_label(dataset, scheme, folders.stage_model(teacher))
    return replace(loaded, dataset=dataset)


def _frozen_features(
    model: PostModel, processor: PostProcessor, dataset: Dataset, frozen: Sequence[str], folders: Folders
) -> dict[str, Any]:
    parts = [part for part in ("text", "image") if part in frozen and getattr(model, part) is not None]
    if model.fusion.wants_sequences:  # the trainer's features are pooled vectors
        return {}
    cache = cache_folder(folders.run)
    return {part: cached_features(model, processor, dataset, part, cache) for part in parts}


def _save_stage(
    trainer: PostTrainer, processor: PostProcessor, place: Path, metrics: dict[str, float]
) -> None:
    trainer.model.save_pretrained(place / "model")
    processor.save_pretrained(place / "model")
    _write_curves(trainer.state.log_history, place / "curves.csv")
    shutil.rmtree(place / "checkpoints", ignore_errors=True)
    write_json(place / "metrics.json", metrics)


def _write_curves(history: Sequence[dict[str, Any]], path: Path) -> None:
    columns = list(dict.fromkeys(key for entry in history for key in entry))
    write_csv(
        path, columns, ([entry.get(column) for column in columns] for entry in history), for_people=False
    )


def _keep_recipe(recipe: Recipe, run: Path) -> None:
    """Write the recipe into the run folder; raise RecipeError if another training was begun there.

    The name and the calibration sets may change: they have no part in the training.
    """
    path = run / "recipe.json"
    if path.exists():
        begun = recipe_from_dict(json.loads(path.read_text(encoding="utf-8")), str(path))
        if replace(begun, name=recipe.name, calibrate=recipe.calibrate) != recipe:
            raise RecipeError(f"{run} was begun with another recipe: use a new run folder or delete this one")
    write_json(path, recipe_to_dict(recipe))


def _commit() -> str:
    try:
        here = Path(__file__).parent
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
