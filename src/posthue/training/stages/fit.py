"""Fit a stage's model: the Trainer's settings, its checkpoints, and what it leaves in the stage's folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from transformers import EarlyStoppingCallback, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from posthue.files import write_csv, write_json
from posthue.training.datasets.rows import target_rows
from posthue.training.recipes.schema import Stage, TrainSettings
from posthue.training.stages.build import StageModel
from posthue.training.stages.inputs import StageInputs
from posthue.training.stages.losses import class_weights_of
from posthue.training.stages.trainer import PostTrainer
from posthue.training.stages.validation import validate


@dataclass(frozen=True, slots=True)
class TrainedStage:
    """The best epoch of a stage. metrics: of its validation sets; history: the Trainer's log."""

    model: StageModel
    metrics: Mapping[str, float]
    history: Sequence[Mapping[str, Any]]


def fit(
    start: StageModel,
    stage: Stage,
    inputs: StageInputs,
    *,
    seed: int,
    checkpoints: Path,
) -> TrainedStage:
    """Train a model, going on from its last checkpoint if there is one; return its best epoch."""
    targets = {scheme: torch.from_numpy(target_rows(inputs.training, scheme)) for scheme in start.schemes}
    trainer = PostTrainer(
        start.model,
        training_arguments(stage, seed, checkpoints),
        settings=stage,
        dataset=inputs.training,
        collator=inputs.collator,
        class_weights=class_weights_of(targets, stage.class_weights),
        check=lambda model: validate(model, inputs.validation),
        callbacks=[EarlyStoppingCallback(stage.patience)],
    )
    checkpoint = get_last_checkpoint(checkpoints) if checkpoints.is_dir() else None
    trainer.prepare_norms(anew=checkpoint is None)
    trainer.train(resume_from_checkpoint=checkpoint)
    metrics = validate(trainer.model, inputs.validation)
    return TrainedStage(StageModel(trainer.model, start.processor), metrics, trainer.state.log_history)


def save_stage(trained: TrainedStage, folder: Path) -> None:
    """Write model/, curves.csv and, at the end, metrics.json; of several processes the first one writes."""
    processes = PartialState()
    processes.wait_for_everyone()
    if processes.is_main_process:
        trained.model.save(folder / "model")
        columns = list(dict.fromkeys(key for entry in trained.history for key in entry))
        curves = ([entry.get(column) for column in columns] for entry in trained.history)
        write_csv(folder / "curves.csv", columns, curves, for_people=False)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        write_json(folder / "metrics.json", trained.metrics)
    processes.wait_for_everyone()


def training_arguments(settings: TrainSettings, seed: int, output: Path) -> TrainingArguments:
    """Translate our settings into the Trainer's."""
    return TrainingArguments(
        output_dir=str(output),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=settings.warmup,
        lr_scheduler_type=settings.schedule,
        max_grad_norm=settings.max_grad_norm,
        bf16=use_bf16(settings.precision),
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
