"""Validation: the metrics that choose an epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posthue.evaluation.metrics import confusion, from_confusion
from posthue.model.post_model import PostModel
from posthue.training.stages.inputs import ValidationSet


def validate(model: PostModel, sets: Sequence[ValidationSet]) -> dict[str, float]:
    """Return the metric of every set and scheme by name, and ``score``, their weighted mean."""
    metrics: dict[str, float] = {}
    weights: list[float] = []
    for entry in sets:
        for scheme, known in entry.labelled_logits(model).items():
            if len(known.labels):
                counts = confusion(known.labels, known.logits.argmax(1), known.logits.shape[1])
                name = f"{entry.name}/{scheme}/{entry.check.metric}"
                metrics[name] = float(from_confusion(counts)[entry.check.metric])
                weights.append(entry.check.weight)
    score = float(np.average([*metrics.values()], weights=weights)) if weights else 0.0
    return metrics | {"score": score}
