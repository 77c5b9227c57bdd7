"""Measure a bundle on a corpus: every scheme, whole posts and each modality alone, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from posthue.data.corpora import Example
from posthue.evaluation.metrics import (
    METRICS,
    MetricInterval,
    brier_score,
    confusion,
    expected_calibration_error,
    measure,
    per_class_f1,
)
from posthue.files import write_csv
from posthue.posts import Modality, Post, Prediction, State
from posthue.runtime.classifier import PostClassifier


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How good a bundle is on one scheme in one state.

    n: posts measured; failed: posts that could not be predicted. metrics: with intervals. ece: 15 bins.
    f1: per label. counts: confusion [true, predicted].
    """

    scheme: str
    state: State
    n: int
    failed: int
    metrics: Mapping[str, MetricInterval]
    ece: float
    brier: float
    majority: float
    f1: Mapping[str, float]
    counts: Sequence[Sequence[int]]

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        values = {m: {"value": v.value, "low": v.low, "high": v.high} for m, v in self.metrics.items()}
        return {
            "scheme": self.scheme,
            "state": str(self.state),
            "n": self.n,
            "failed": self.failed,
            **values,
            "ece": self.ece,
            "brier": self.brier,
            "majority": self.majority,
            "f1": dict(self.f1),
            "confusion": [list(row) for row in self.counts],
        }


@dataclass(frozen=True, slots=True)
class CorpusPrediction:
    """One example with what the bundle said of it in one state."""

    example: Example
    state: State
    prediction: Prediction


def predict_corpus(
    classifier: PostClassifier, examples: Sequence[Example], states: Sequence[State]
) -> Iterator[CorpusPrediction]:
    """Yield the predictions of all examples that have what a state needs, state after state."""
    for state in states:
        able = [
            (example, post) for example in examples if (post := restricted(example.post, state)) is not None
        ]
        predictions = classifier.predict_many(post for _, post in able)
        for (example, _), prediction in zip(able, predictions, strict=True):
            yield CorpusPrediction(example, state, prediction)


def restricted(post: Post, state: State) -> Post | None:
    """Return the part of a post that a state names; None if the post lacks it."""
    wanted = {State.BOTH: tuple(Modality), State.TEXT: (Modality.TEXT,), State.IMAGE: (Modality.IMAGE,)}[
        state
    ]
    if not set(wanted) <= set(post.modalities):
        return None
    text = post.text if Modality.TEXT in wanted else None
    return Post(text=text, image=post.image if Modality.IMAGE in wanted else None, id=post.id)


def evaluate(
    predicted: Sequence[CorpusPrediction], *, resamples: int = 1000, seed: int = 0
) -> list[Evaluation]:
    """Measure every scheme and state in which there are labelled posts.

    An example with several labels in a scheme is left out of that scheme.
    """
    schemes = dict.fromkeys(s for item in predicted for s in item.prediction.schemes)
    found = []
    for state in dict.fromkeys(item.state for item in predicted):
        for scheme in schemes:
            items = [i for i in predicted if i.state == state and len(i.example.labels.get(scheme, ())) == 1]
            answered = [item for item in items if item.prediction.ok]
            if answered:
                found.append(
                    _evaluation(scheme, state, answered, len(items) - len(answered), resamples, seed)
                )
    return found


def write_predictions(predicted: Sequence[CorpusPrediction], path: str | Path) -> None:
    """Write one csv row per example, state and scheme; the columns are in the first line."""
    names = ("id", "state", "scheme", "true", "predicted", "confidence", "error")
    write_csv(path, names, chain.from_iterable(map(_prediction_rows, predicted)), for_people=True)


def _prediction_rows(item: CorpusPrediction) -> Iterator[tuple[object, ...]]:
    for scheme, labels in item.example.labels.items():
        result = item.prediction.schemes.get(scheme)
        answer = (result.label, f"{result.confidence:.6f}") if result else ("", "")
        true = "|".join(labels)
        yield (item.example.post.id, item.state, scheme, true, *answer, item.prediction.error)


def _evaluation(
    scheme: str, state: State, items: Sequence[CorpusPrediction], failed: int, resamples: int, seed: int
) -> Evaluation:
    labels = list(items[0].prediction[scheme].probabilities)
    true = np.array([labels.index(item.example.labels[scheme][0]) for item in items])
    probabilities = np.array([list(item.prediction[scheme].probabilities.values()) for item in items])
    predicted = probabilities.argmax(1)
    counts = confusion(true, predicted, len(labels))
    return Evaluation(
        scheme=scheme,
        state=state,
        n=len(items),
        failed=failed,
        metrics=measure(true, predicted, len(labels), resamples=resamples, seed=seed),
        ece=expected_calibration_error(probabilities, true),
        brier=brier_score(probabilities, true),
        majority=float(counts.sum(1).max() / len(items)),
        f1=dict(zip(labels, map(float, per_class_f1(counts)), strict=True)),
        counts=counts.tolist(),
    )


__all__ = [
    "METRICS",
    "CorpusPrediction",
    "Evaluation",
    "evaluate",
    "predict_corpus",
    "restricted",
    "write_predictions",
]
