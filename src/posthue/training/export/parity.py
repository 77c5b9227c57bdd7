"""Does the bundle say what the torch model says? Measured, and written into the bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from posthue.model.post_model import PostModel
from posthue.model.processor import PostProcessor
from posthue.numbers import softmax
from posthue.posts import Prediction
from posthue.runtime.classifier import load
from posthue.training.datasets.rows import post_of
from posthue.training.stages.logits import predict_logits
from posthue.training.stages.validation import CheckSet, row_states

#: Posts of each set that are compared.
MOST = 500


def parity_report(
    model: PostModel,
    processor: PostProcessor,
    sets: Sequence[CheckSet],
    bundle: str | Path,
    schemes: Sequence[str],
) -> dict[str, dict[str, float | int]]:
    """Compare the bundle with torch fp32 on up to 500 posts of each set.

    Returns set and scheme → n, label_agreement, max_difference and mean_difference of probabilities.
    """
    classifier = load(bundle)
    report: dict[str, dict[str, float | int]] = {}
    for entry in sets:
        dataset = entry.dataset.select(range(min(MOST, len(entry.dataset))))
        collator = type(entry.collator)(processor, entry.collator.targets)
        logits = predict_logits(model, dataset, collator)
        predictions = list(classifier.predict_many(post_of(row) for row in dataset))
        answered = [i for i, prediction in enumerate(predictions) if prediction.ok]
        if not answered:
            continue
        states = row_states(replace(entry, dataset=dataset))
        for scheme in schemes:
            by_state = classifier.info.temperatures[scheme]
            temperatures = np.array([by_state[states[i]] for i in answered])[:, None]
            expected = softmax(logits[scheme][answered] / temperatures)
            report[f"{entry.name}/{scheme}"] = _compare(expected, [predictions[i] for i in answered], scheme)
    return report


def _compare(expected: np.ndarray, predictions: Sequence[Prediction], scheme: str) -> dict[str, float | int]:
    found = np.array([list(p[scheme].probabilities.values()) for p in predictions])
    gaps = np.abs(expected - found)
    return {
        "n": len(predictions),
        "label_agreement": round(float((expected.argmax(1) == found.argmax(1)).mean()), 5),
        "max_difference": round(float(gaps.max()), 5),
        "mean_difference": round(float(gaps.mean()), 6),
    }
