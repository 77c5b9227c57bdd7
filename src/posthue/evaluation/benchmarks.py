"""Image sentiment benchmarks of two classes, and what Serra et al. 2023 (arXiv 2304.14942) published on them.

A three-class model answers without training on them: neutral is dropped, and the larger of negative and
positive is the answer.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posthue.data.corpora import Example, load_corpus
from posthue.data.corpora.image_lists import image_root, polar_examples
from posthue.errors import CorpusError, InputError, choices
from posthue.evaluation.metrics import MetricInterval, measure
from posthue.evaluation.roc_auc import measure_auc
from posthue.files import write_csv
from posthue.labels import SCHEMES, polarity
from posthue.posts import Post, Prediction
from posthue.runtime.classifier import PostClassifier

CLASSES = ("negative", "positive")
METRICS = ("accuracy", "macro_f1", "roc_auc")

#: Benchmark → the split of its corpus that is predicted.
BENCHMARKS: Mapping[str, str] = {
    "twitter-5agree": "all",
    "twitter-4agree": "all",
    "twitter-3agree": "all",
    "twitter-2": "all",
    "fi": "all",
    "emotion-roi": "test",
}


@dataclass(frozen=True, slots=True)
class BenchmarkRow:
    """One picture: its class and the model's answer. positive: without neutral; None where it failed."""

    id: str | None
    true: str
    positive: float | None
    error: str | None = None

    @property
    def predicted(self) -> str:
        """The class of the larger probability; empty where the picture could not be predicted."""
        return "" if self.positive is None else CLASSES[int(self.positive > 0.5)]


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """How good a model is on a benchmark, with 95 % bootstrap intervals over pictures.

    n: predicted; failed: not. majority: accuracy of always answering the larger class.
    """

    name: str
    n: int
    failed: int
    metrics: Mapping[str, MetricInterval]
    majority: float

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        values = {m: {"value": v.value, "low": v.low, "high": v.high} for m, v in self.metrics.items()}
        head = {"benchmark": self.name, "n": self.n, "failed": self.failed, "majority": self.majority}
        return {**head, **values}


def polar_class(example: Example) -> str | None:
    """Return negative or positive, from sentiment or by the published map of emotions; None for neither."""
    for scheme in ("sentiment", *(name for name in example.labels if name != "sentiment")):
        labels = example.labels.get(scheme, ())
        if len(labels) == 1:
            found = polarity(scheme, labels[0])
            return found if found in CLASSES else None
    return None


def load_benchmark(name: str, data: str | Path) -> list[Example]:
    """Return the pictures of a benchmark that have one of the two classes.

    Raises InputError for an unknown name, and CorpusError, saying what is expected, for a wrong layout.
    """
    if name not in BENCHMARKS:
        raise InputError(
            f"no benchmark is called {name!r}; there are all, --csv, and {choices(name, BENCHMARKS)}"
        )
    splits = load_corpus(name, data).splits
    split = BENCHMARKS[name]
    if split not in splits:
        raise CorpusError(f"{name}: the list of its {split!r} pictures is missing; found {', '.join(splits)}")
    return [example for example in splits[split] if polar_class(example)]


def load_csv(path: str | Path, data: str | Path | None = None) -> list[Example]:
    """Return the pictures of a csv ``path,class``.

    class: negative or positive, or 0 and 1. Paths are relative to ``data``, else to the csv's folder or its
    subfolder images.
    """
    path = Path(path)
    if not path.is_file():
        raise CorpusError(f"there is no file {path}")
    if path.suffix != ".csv":
        raise CorpusError(f"{path}: the list is a csv with the columns path and class")
    examples = polar_examples(path, Path(data) if data else image_root(path.parent, "images"))
    if not examples:
        raise CorpusError(f"{path} lists no picture: each line is path,class")
    return examples


def predict_pictures(classifier: PostClassifier, examples: Sequence[Example]) -> Iterator[BenchmarkRow]:
    """Yield one row per picture, in order, by the engine of ``posthue score``."""
    scheme = _scheme(classifier)
    predictions = classifier.predict_many(Post(image=e.post.image, id=e.post.id) for e in examples)
    for example, prediction in zip(examples, predictions, strict=True):
        positive = positive_share(prediction, scheme) if prediction.ok else None
        yield BenchmarkRow(example.post.id, str(polar_class(example)), positive, prediction.error)


def positive_share(prediction: Prediction, scheme: str) -> float:
    """Return positive / (negative + positive): the probability once neutral is dropped."""
    mass = dict.fromkeys(("negative", "neutral", "positive"), 0.0)
    for label, probability in prediction[scheme].probabilities.items():
        mass[polarity(scheme, label)] += probability
    total = mass["negative"] + mass["positive"]
    return mass["positive"] / total if total > 0 else 0.5


def measure_benchmark(
    name: str, rows: Sequence[BenchmarkRow], *, resamples: int = 1000, seed: int = 0
) -> BenchmarkResult:
    """Measure accuracy, macro F1 and ROC AUC on the pictures that were predicted; InputError if none was."""
    predicted = [row for row in rows if row.positive is not None]
    if not predicted:
        first = next((row.error for row in rows if row.error), "it lists no picture")
        raise InputError(f"{name}: no picture could be predicted ({first})")
    true = np.array([CLASSES.index(row.true) for row in predicted], dtype=np.int64)
    scores = np.array([row.positive for row in predicted], dtype=np.float64)
    found = measure(true, (scores > 0.5).astype(np.int64), 2, resamples=resamples, seed=seed)
    metrics = {name: found[name] for name in ("accuracy", "macro_f1")}
    metrics["roc_auc"] = measure_auc(true, scores, resamples=resamples, seed=seed)
    majority = float(np.bincount(true, minlength=2).max() / len(true))
    return BenchmarkResult(name, len(predicted), len(rows) - len(predicted), metrics, majority)


def write_rows(rows: Sequence[BenchmarkRow], path: Path) -> None:
    """Write the predictions as csv: id,true,predicted,positive,error."""
    lines = (
        [row.id, row.true, row.predicted, "" if row.positive is None else f"{row.positive:.6f}", row.error]
        for row in rows
    )
    write_csv(path, ["id", "true", "predicted", "positive", "error"], lines, for_people=False)


def read_rows(path: Path) -> list[BenchmarkRow]:
    """Read predictions as ``write_rows`` wrote them."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            BenchmarkRow(
                row["id"] or None,
                row["true"],
                float(row["positive"]) if row["positive"] else None,
                row["error"] or None,
            )
            for row in csv.DictReader(file)
        ]


def _scheme(classifier: PostClassifier) -> str:
    """Return sentiment, else a scheme whose labels have polarities; raise InputError without one."""
    if classifier.info.image is None:
        raise InputError(
            f"the bundle {classifier.info.name} reads no pictures, and these are benchmarks of them"
        )
    names = [name for name in ("sentiment", "mikels", "emotion") if name in classifier.schemes]
    if not names or tuple(classifier.schemes[names[0]].labels) != SCHEMES[names[0]].labels:
        raise InputError(f"the bundle {classifier.info.name} does not answer in sentiment, mikels or emotion")
    return names[0]
