"""A student trained on a benchmark: cross-validation, and fine-tuning on given splits (Serra et al. 2023).

Every fold or split starts from the same student. Neutral is masked: the loss and the answer are over negative
and positive only. Each one's predictions and figures are saved when it is done, and are not made again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import set_seed
from transformers.utils.logging import disable_progress_bar

from posthue.data.corpora import Example
from posthue.errors import InputError
from posthue.evaluation.benchmarks import (
    CLASSES,
    METRICS,
    BenchmarkResult,
    BenchmarkRow,
    measure_benchmark,
    polar_class,
    read_rows,
    write_rows,
)
from posthue.evaluation.metrics import confusion, from_confusion
from posthue.files import write_json
from posthue.labels import SENTIMENT
from posthue.model.post_model import LABEL_PREFIX, PostModel
from posthue.model.processor import PostProcessor
from posthue.posts import Post
from posthue.training.benchmark.folds import FoldPart
from posthue.training.datasets.batches import Collator, prepare
from posthue.training.datasets.logits import predict_logits
from posthue.training.datasets.rows import features_of, post_row
from posthue.training.datasets.unreadable import Row, facts_of_rows
from posthue.training.recipes.schema import TrainSettings
from posthue.training.stages.fit import training_arguments
from posthue.training.stages.trainer import PostTrainer

POLAR = [SENTIMENT.index(label) for label in CLASSES]
_TARGET = LABEL_PREFIX + "sentiment"


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a student is trained on a benchmark. The defaults are the paper's."""

    epochs: int = 12
    """12 in cross-validation, 5 in fine-tuning."""
    seed: int = 42
    """Of everything random."""
    batch_size: int = 32
    """Pictures of one step."""
    learning_rate: float = 1e-4
    """Of encoder and classifier."""
    label_smoothing: float = 0.0
    """Share of each target that is spread over both labels."""
    optimizer: str = "radam"
    """adamw, radam or sgd, as in a recipe's stage."""
    augment: bool = False
    """Flip, turn, shift and shade the training pictures."""


@dataclass(frozen=True, slots=True)
class Spread:
    """All folds or splits of a benchmark. mean, std: of each metric, std over all of them (n − 1)."""

    name: str
    results: Sequence[BenchmarkResult]

    @property
    def mean(self) -> Mapping[str, float]:
        """Mean of each metric over all parts."""
        return {m: float(np.mean(self._values(m))) for m in METRICS}

    @property
    def std(self) -> Mapping[str, float]:
        """Sample standard deviation of each metric over all parts."""
        return {m: float(np.std(self._values(m), ddof=1)) if len(self.results) > 1 else 0.0 for m in METRICS}

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        parts = [result.to_dict() for result in self.results]
        return {"benchmark": self.name, "mean": self.mean, "std": self.std, "parts": parts}

    def _values(self, metric: str) -> list[float]:
        return [result.metrics[metric].value for result in self.results]


class PolarTrainer(PostTrainer):
    """Trains with the neutral class masked."""

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,  # noqa: FBT001, FBT002
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the cross-entropy over negative and positive."""
        inputs.pop("weight")
        targets = inputs.pop(_TARGET)[:, POLAR].argmax(dim=1)
        output = model(**inputs)
        logits = output.logits["sentiment"][:, POLAR].float()
        loss = cross_entropy(logits, targets, label_smoothing=self.settings.label_smoothing)
        return (loss, output) if return_outputs else loss


def student_folder(model: str | Path) -> Path:
    """Return the torch model of a run folder, or the folder itself if it is one; else InputError."""
    path = Path(model)
    candidates = [path / "student" / name / "model" for name in ("all", "head")]
    recipe = path / "recipe.json"
    if recipe.is_file():
        stages = json.loads(recipe.read_text(encoding="utf-8")).get("stages", [])
        candidates += [path / stage["name"] / "model" for stage in reversed(stages)]
    for folder in (path, *candidates):
        if (folder / "model.safetensors").is_file() and (folder / "config.json").is_file():
            return folder
    raise InputError(
        f"{path} holds no torch model to start from: give the run folder of `posthue distill` or `posthue "
        "train` (a bundle alone can only be benchmarked as it is)"
    )


def tune(name: str, parts: Sequence[FoldPart], student: Path, output: Path, tuning: Tuning) -> Spread:
    """Train and test the student on every part; parts that are done in ``output`` are not repeated."""
    disable_progress_bar()
    results = []
    for part in parts:
        done = output / f"{name}-{part.name}.csv"
        key = _key(student, part, tuning)
        note = done.with_suffix(".json")
        if not (note.exists() and done.exists() and json.loads(note.read_text()).get("key") == key):
            rows = _train_part(part, student, output / f".{name}-{part.name}", tuning)
            write_rows(rows, done)
            write_json(note, {"key": key})
        results.append(replace(measure_benchmark(name, read_rows(done)), name=f"{name} {part.name}"))
    return Spread(name, results)


def _train_part(part: FoldPart, student: Path, scratch: Path, tuning: Tuning) -> list[BenchmarkRow]:
    set_seed(tuning.seed)
    model, processor = PostModel.from_pretrained(student), PostProcessor.from_pretrained(student)
    if model.image is None or "sentiment" not in model.config.schemes:
        raise InputError(f"{student} does not predict the sentiment of pictures")
    errors = broken_pictures(part.test)
    predicted = [example for example, error in zip(part.test, errors, strict=True) if error is None]
    train, validate = (_dataset(_whole(rows), processor) for rows in (part.train, part.validate))
    trainer = _trainer(model, processor, train, validate, scratch, tuning)
    trainer.train()
    shares = iter(_positive(trainer.model, processor, _dataset(predicted, processor)).tolist())
    shutil.rmtree(scratch, ignore_errors=True)
    return [
        BenchmarkRow(e.post.id, str(polar_class(e)), next(shares) if error is None else None, error)
        for e, error in zip(part.test, errors, strict=True)
    ]


def broken_pictures(examples: Sequence[Example]) -> list[str | None]:
    """Return why each picture cannot be decoded; None for those that can."""
    facts = facts_of_rows([_row(example) for example in examples])
    return ["there is no picture" if fact is None else fact.error for fact in facts]


def _whole(examples: Sequence[Example]) -> list[Example]:
    errors = broken_pictures(examples)
    return [example for example, error in zip(examples, errors, strict=True) if error is None]


def _trainer(
    model: PostModel,
    processor: PostProcessor,
    train: Dataset,
    validate: Dataset,
    scratch: Path,
    tuning: Tuning,
) -> PolarTrainer:
    settings = TrainSettings(
        epochs=tuning.epochs,
        batch_size=tuning.batch_size,
        learning_rate=tuning.learning_rate,
        head_learning_rate=tuning.learning_rate,
        optimizer=tuning.optimizer,
        weight_decay=0.0,
        warmup=0.0,
        label_smoothing=tuning.label_smoothing,
        augment=tuning.augment,
    )
    arguments = training_arguments(settings, tuning.seed, scratch)
    if not len(validate):
        arguments.set_evaluate(strategy="no")
        arguments.set_save(strategy="no")
        arguments.load_best_model_at_end = False
    return PolarTrainer(
        model,
        arguments,
        settings=settings,
        dataset=train,
        collator=Collator(processor, ["sentiment"], augmented=tuning.augment),
        class_weights={},
        check=lambda current: {"score": _accuracy(current, processor, validate)},
    )


def _dataset(examples: Sequence[Example], processor: PostProcessor) -> Dataset:
    features = features_of(["sentiment"])
    if not examples:
        return Dataset.from_dict({name: [] for name in features}, features=features)
    rows = Dataset.from_list(list(map(_row, examples)), features=features)
    return prepare(rows, processor)


def _row(example: Example) -> Row:
    target = [float(label == polar_class(example)) for label in SENTIMENT.labels]
    return post_row(Post(image=example.post.image), str(example.post.id), {"sentiment": target})


def _positive(model: PostModel, processor: PostProcessor, dataset: Dataset) -> np.ndarray:
    """Return the probability of positive without neutral [rows]."""
    logits = predict_logits(model, dataset, Collator(processor, ()))["sentiment"][:, POLAR]
    gap = (logits[:, 0] - logits[:, 1]).astype(np.float64)
    shares: np.ndarray = 1.0 / (1.0 + np.exp(np.clip(gap, -60, 60)))
    return shares


def _accuracy(model: PostModel, processor: PostProcessor, dataset: Dataset) -> float:
    true = np.asarray(dataset[_TARGET][:], dtype=np.float32)[:, POLAR].argmax(axis=1)
    predicted = (_positive(model, processor, dataset) > 0.5).astype(np.int64)
    return float(from_confusion(confusion(true, predicted, 2))["accuracy"])


def _key(student: Path, part: FoldPart, tuning: Tuning) -> str:
    digest = blake2b(digest_size=12)
    digest.update((student / "model.safetensors").read_bytes())
    names = [
        [str(e.post.id), polar_class(e)] for rows in (part.train, part.validate, part.test) for e in rows
    ]
    digest.update(json.dumps([asdict(tuning), names]).encode())
    return digest.hexdigest()
