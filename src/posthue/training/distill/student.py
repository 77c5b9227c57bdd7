"""Stages 7 and 8: the student is trained by the trainer of ``posthue train``, and exported as a bundle.

First one epoch with the backbone frozen, then all trainable (Serra et al. 2023). The labels are the
teacher's; no person has labelled anything.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa

from posthue.data.corpora.crowd import COLUMNS, FILE
from posthue.files import write_json
from posthue.labels import SENTIMENT
from posthue.training.distill.recipe import DistillRecipe, Student
from posthue.training.distill.store import StageWriter, stream
from posthue.training.distill.teach import probabilities_of
from posthue.training.recipes.schema import Check, Recipe, Stage, TrainingSource

CROWD = pa.schema(
    [
        (name, {"image_bytes": pa.binary()}.get(name, pa.string()))
        for name in COLUMNS
        if name not in SENTIMENT.labels
    ]
    + [(label, pa.float32()) for label in SENTIMENT.labels]
)


def train_student(
    recipe: DistillRecipe, source: Path, run: Path, *, key: str, data: Path, models: Path | None
) -> Path:
    """Train the student on RUN/stages/6-split.parquet, or go on with it; return RUN/bundle.

    key: names all that the student depends on. A student of another key in the run folder is deleted.
    """
    from posthue.training.recipes.folders import Folders  # noqa: PLC0415
    from posthue.training.run import run_recipe  # noqa: PLC0415

    place, note = run / "student", run / "student.json"
    begun = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
    if begun.get("key") != key:
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(run / "bundle", ignore_errors=True)
        place.mkdir(parents=True)
        write_json(note, {"key": key, "done": False})
    elif begun.get("done") and (run / "bundle").is_dir():
        return run / "bundle"
    if not (place / FILE).exists():
        write_crowd(source, place / FILE, temperature=_softening(recipe.student))
    made = run_recipe(student_recipe(recipe), Folders(place, place, models))
    shutil.rmtree(run / "bundle", ignore_errors=True)
    bundle = made.replace(run / "bundle")
    write_json(note, {"key": key, "done": True})
    return bundle


def student_recipe(recipe: DistillRecipe) -> Recipe:
    """Return the recipe that ``posthue train`` would take for this student."""
    student = recipe.student
    balanced = "balanced" if recipe.balance == "weights" else "none"
    frozen = _stage(student, "head", student.frozen_epochs, balanced, ("image",), image=student.image)
    started = "stage:head" if student.frozen_epochs else student.image
    freeze = ("batchnorm",) if student.freeze_batchnorm else ()
    start = "head" if student.frozen_epochs else None
    whole = _stage(student, "all", student.epochs, balanced, freeze, image=started, start=start)
    stages = tuple(stage for stage in (frozen, whole) if stage.epochs)
    check = Check("crowd", "val", metric="macro_f1", modalities=("image",))
    return Recipe(recipe.name, ("sentiment",), stages, seed=recipe.seed, calibrate=(check,))


def write_crowd(source: Path, target: Path, *, temperature: float) -> None:
    """Write the corpus ``crowd``: pictures, parts, hard labels, and softened probabilities."""
    with StageWriter(target, CROWD) as writer:
        for batch in stream(source):
            soft = softened(probabilities_of(batch), temperature)
            columns = [batch.column(name) for name in CROWD.names if name not in SENTIMENT.labels]
            columns += [pa.array(column, pa.float32()) for column in soft.T]
            writer.write(pa.RecordBatch.from_arrays(columns, schema=CROWD))


def softened(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return p^(1/T), scaled to sum 1: the softmax of the teacher's logits at T [rows, labels]."""
    powers = np.power(probabilities.astype(np.float64), 1.0 / temperature)
    scaled: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return scaled


def _softening(student: Student) -> float:
    return student.temperature if student.targets == "soft" else 1.0


def _stage(
    student: Student,
    name: str,
    epochs: int,
    class_weights: str,
    freeze: tuple[str, ...],
    *,
    image: str,
    start: str | None = None,
) -> Stage:
    soft = student.targets == "soft"
    options = {"dropout": float(student.dropout), "hidden": student.hidden}
    options |= {"temperature": float(student.temperature)} if soft else {}
    return Stage(
        name=name,
        train=(TrainingSource("crowd", "train", ("image",), targets="soft" if soft else "post"),),
        validate=(Check("crowd", "val", metric="macro_f1", modalities=("image",)),),
        image=image,
        fusion="single",
        fusion_options=options,
        start=start,
        freeze=freeze,
        epochs=epochs,
        batch_size=student.batch_size,
        learning_rate=student.learning_rate,
        head_learning_rate=student.head_learning_rate,
        weight_decay=student.weight_decay,
        warmup=student.warmup,
        schedule=student.schedule,
        optimizer=student.optimizer,
        label_smoothing=0.0 if soft else student.label_smoothing,
        class_weights=class_weights,
        augment=student.augment,
        shuffle=student.shuffle,
        patience=student.patience,
        small_size=student.small_size,
        precision=student.precision,
    )
