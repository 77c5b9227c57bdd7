"""Validation: logits and truths of a stage's checks, and the metrics that choose an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from datasets import Dataset

from posthue.evaluation.metrics import confusion, from_confusion
from posthue.model.post_model import LABEL_PREFIX, PostModel
from posthue.posts import State
from posthue.training.datasets.batches import Collator, batch_kinds
from posthue.training.datasets.unreadable import Skipped
from posthue.training.recipes.schema import Check
from posthue.training.stages.logits import predict_logits

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CheckSet:
    """A check of a recipe with its rows, ready for batches. skipped: rows whose picture is broken."""

    check: Check
    dataset: Dataset
    collator: Collator
    skipped: Sequence[Skipped] = ()

    @property
    def name(self) -> str:
        """Corpus, split and modalities, for metric names."""
        return f"{self.check.corpus}/{self.check.split}/{'+'.join(self.check.modalities)}"


def row_states(entry: CheckSet) -> list[State]:
    """Return which modalities each row of a set has."""
    names = {1: State.TEXT, 2: State.IMAGE, 3: State.BOTH}
    return [names[int(kind) & 3] for kind in batch_kinds(entry.dataset)]


def target_rows(dataset: Dataset, scheme: str) -> npt.NDArray[np.float32]:
    """Return the distributions over a scheme's labels [rows, labels]; zeros where a row has no label."""
    return np.asarray(dataset[LABEL_PREFIX + scheme][:], dtype=np.float32)


def truths(dataset: Dataset, scheme: str) -> tuple[Ints, Ints]:
    """Return (rows, labels) of the rows that have exactly one label in a scheme."""
    targets = target_rows(dataset, scheme)
    rows = np.flatnonzero(targets.max(axis=1) > 0.999)
    return rows, targets[rows].argmax(axis=1)


def run_checks(model: PostModel, checks: Sequence[CheckSet], schemes: Sequence[str]) -> dict[str, float]:
    """Return every check's metric by name, and ``score``, their weighted mean."""
    metrics: dict[str, float] = {}
    weights: dict[str, float] = {}
    for entry in checks:
        logits = predict_logits(model, entry.dataset, entry.collator)
        for scheme in schemes:
            rows, labels = truths(entry.dataset, scheme)
            if len(rows):
                counts = confusion(labels, logits[scheme][rows].argmax(1), logits[scheme].shape[1])
                name = f"{entry.name}/{scheme}/{entry.check.metric}"
                metrics[name] = float(from_confusion(counts)[entry.check.metric])
                weights[name] = entry.check.weight
    metrics["score"] = (
        float(np.average([metrics[n] for n in weights], weights=[*weights.values()])) if weights else 0.0
    )
    return metrics


def cache_folder(run: Path) -> Path:
    """Return where features are kept: beside the runs, so that runs share them."""
    return run.parent / ".posthue-features"
