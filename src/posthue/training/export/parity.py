"""Does the bundle say what the torch model says? Measured, and written into the bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from posthue.model.post_model import PostModel
from posthue.numbers import softmax
from posthue.posts import Prediction
from posthue.runtime.classifier import load
from posthue.training.datasets.batches import row_states
from posthue.training.datasets.logits import predict_logits
from posthue.training.datasets.rows import post_of
from posthue.training.stages.inputs import ValidationSet

#: Posts of each set that are compared.
MOST = 500

Parity = dict[str, dict[str, float | int]]


def parity_report(model: PostModel, sets: Sequence[ValidationSet], bundle: str | Path) -> Parity:
    """Compare the bundle with torch fp32 on up to 500 posts of each set.

    Returns set and scheme → n, label_agreement, max_difference and mean_difference of probabilities.
    """
    classifier = load(bundle)
    report: Parity = {}
    for entry in sets:
        dataset = entry.dataset.select(range(min(MOST, len(entry.dataset))))
        predictions = list(classifier.predict_many(post_of(row) for row in dataset))
        rows = [row for row, prediction in enumerate(predictions) if prediction.ok]
        if not rows:
            continue
        states = row_states(dataset)
        for scheme, logits in predict_logits(model, dataset, entry.collator).items():
            temperatures = [classifier.info.temperatures[scheme][states[row]] for row in rows]
            expected = softmax(logits[rows] / np.array(temperatures)[:, None])
            report[f"{entry.name}/{scheme}"] = _compare(expected, [predictions[i] for i in rows], scheme)
    return report


def _compare(expected: np.ndarray, predictions: Sequence[Prediction], scheme: str) -> dict[str, float | int]:
    exported = np.array([list(p[scheme].probabilities.values()) for p in predictions])
    gaps = np.abs(expected - exported)
    return {
        "n": len(predictions),
        "label_agreement": round(float((expected.argmax(1) == exported.argmax(1)).mean()), 5),
        "max_difference": round(float(gaps.max()), 5),
        "mean_difference": round(float(gaps.mean()), 6),
    }
