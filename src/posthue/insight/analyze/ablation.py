"""The word ablation: drop words from all texts, predict again, and see what changes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posthue.evaluation.metrics import confusion, from_confusion, per_class_f1
from posthue.insight.analyze.analysis import Analysis, Floats, Ints
from posthue.insight.words.terms import count_terms, dominating
from posthue.posts import Post, Prediction
from posthue.runtime.classifier import PostClassifier

_TOPS = (20, 50, 100)


@dataclass(frozen=True, slots=True)
class Ablation:
    """What dropping words does. changed: texts that had any of them.

    accuracy, macro_f1: (before, after) over all posts. difference: of accuracy, with its 95 % interval from a
    paired bootstrap over posts. f1, recall: label → (before, after).
    """

    words: tuple[str, ...]
    automatic: bool
    changed: int
    accuracy: tuple[float, float]
    macro_f1: tuple[float, float]
    difference: tuple[float, float, float]
    f1: Mapping[str, tuple[float, float]]
    recall: Mapping[str, tuple[float, float]]


def ablate(analysis: Analysis, classifier: PostClassifier, words: Sequence[str] = ()) -> Ablation | None:
    """Drop words from all texts and predict again; None where there is no text, or nothing to drop.

    words: those to drop, any case; empty: the words that are among the most frequent of every label.
    """
    rows = [(item.post.text or "", (item.true,)) for item in analysis.posts]
    chosen = tuple(word.strip().casefold() for word in words if word.strip())
    dropped = chosen or _dominating(rows)
    if not dropped or not any(text.strip() for text, _ in rows):
        return None
    texts = [without(text, dropped) for text, _ in rows]
    touched = [i for i, text in enumerate(texts) if text != rows[i][0]]
    posts = [Post(texts[i], analysis.posts[i].post.image, analysis.posts[i].post.id) for i in touched]
    after = analysis.predicted.copy()
    for i, prediction in zip(touched, classifier.predict_many(posts), strict=True):
        after[i] = _label(analysis, prediction, i)
    return _ablation(analysis, after, dropped, changed=len(touched), automatic=not chosen)


def _dominating(rows: Sequence[tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
    """Return the words among the 20 most frequent of every label; where there are none, the 50 or 100."""
    counts = count_terms(rows)
    return next((tuple(words) for top in _TOPS if (words := dominating(counts, top=top))), ())


def without(text: str, words: Sequence[str]) -> str:
    """Return a text without whole words, in any case, and without the # before them.

    >>> without("I feel #like a likely winner", ["feel", "like"])
    'I a likely winner'
    """
    pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    shortened = re.sub(rf"(?<![\w@'’])#?(?:{pattern})(?![\w'’])", " ", text, flags=re.IGNORECASE)
    return " ".join(shortened.split()) if shortened != text else text


def _label(analysis: Analysis, prediction: Prediction, row: int) -> int:
    """Return the label without the words; of a text of which nothing is left, the most frequent label."""
    if prediction.ok:
        return analysis.labels.index(prediction[analysis.scheme].label)
    return int(np.bincount(analysis.predicted, minlength=len(analysis.labels)).argmax())


def _ablation(
    analysis: Analysis, after: Ints, words: tuple[str, ...], *, changed: int, automatic: bool
) -> Ablation:
    pair = [analysis.counts, confusion(analysis.true, after, len(analysis.labels))]
    metrics = [from_confusion(counts) for counts in pair]
    f1 = np.stack([per_class_f1(counts) for counts in pair], axis=1)
    recall = np.stack([_recall(counts) for counts in pair], axis=1)
    return Ablation(
        words=words,
        automatic=automatic,
        changed=changed,
        accuracy=(float(metrics[0]["accuracy"]), float(metrics[1]["accuracy"])),
        macro_f1=(float(metrics[0]["macro_f1"]), float(metrics[1]["macro_f1"])),
        difference=_difference(analysis.predicted == analysis.true, after == analysis.true),
        f1={name: (float(a), float(b)) for name, (a, b) in zip(analysis.labels, f1, strict=True)},
        recall={name: (float(a), float(b)) for name, (a, b) in zip(analysis.labels, recall, strict=True)},
    )


def _recall(counts: Ints) -> Floats:
    recall: Floats = np.diagonal(counts) / np.maximum(counts.sum(1), 1)
    return recall


def _difference(before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return the difference of two accuracies on the same posts, and its 95 % bootstrap interval."""
    change = after.astype(np.int64) - before
    kinds = np.array([(change == value).sum() for value in (-1, 0, 1)])
    draws = np.random.default_rng(0).multinomial(len(change), kinds / len(change), size=2000)
    low, high = np.quantile((draws[:, 2] - draws[:, 0]) / len(change), (0.025, 0.975))
    return float(change.mean()), float(low), float(high)
