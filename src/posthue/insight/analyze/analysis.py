"""What a model did on a labelled corpus, in one scheme: the numbers behind ``posthue analyze``.

One pass over the posts is enough: a prediction also holds what text and picture say alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from posthue.data.corpora import Example
from posthue.errors import InputError
from posthue.evaluation.metrics import confusion
from posthue.evaluation.runs import Answers
from posthue.posts import Modality, Post, Prediction, SchemeResult, State
from posthue.runtime.classifier import PostClassifier

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_CHUNK = 256


@dataclass(frozen=True, slots=True)
class AnalyzedPost:
    """One labelled post and what the model said of it."""

    example: Example
    prediction: Prediction
    result: SchemeResult
    true: str

    @property
    def post(self) -> Post:
        """The post."""
        return self.example.post

    @property
    def right(self) -> bool:
        """Whether the model's label is the given one."""
        return self.result.label == self.true


@dataclass(frozen=True)
class Analysis:
    """Everything that was predicted in one scheme. failed: labelled posts that could not be predicted."""

    scheme: str
    labels: tuple[str, ...]
    posts: Sequence[AnalyzedPost]
    failed: int = 0
    several: int = 0

    @cached_property
    def true(self) -> Ints:
        """Index of the given label, [n]."""
        return np.array([self.labels.index(item.true) for item in self.posts], dtype=np.int64)

    @cached_property
    def predicted(self) -> Ints:
        """Index of the model's label, [n]."""
        return np.array([self.labels.index(item.result.label) for item in self.posts], dtype=np.int64)

    @cached_property
    def counts(self) -> Ints:
        """Confusion counts [true, predicted]."""
        return confusion(self.true, self.predicted, len(self.labels))

    def views(self) -> dict[State, Answers]:
        """Return the whole posts of both modalities, the texts alone and the pictures alone; none empty."""
        whole = [s for s in self.posts if len(s.result.by_modality) == 2]
        answers = {State.BOTH: self._answers(whole, [s.result.probabilities for s in whole])}
        for modality in Modality:
            items = [s for s in self.posts if modality in s.result.by_modality]
            answers[State(modality)] = self._answers(items, [s.result.by_modality[modality] for s in items])
        return {state: known for state, known in answers.items() if len(known.true)}

    def _answers(self, items: Sequence[AnalyzedPost], shares: Sequence[Mapping[str, float]]) -> Answers:
        return Answers(
            tuple(item.post.id or "" for item in items),
            np.array([self.labels.index(item.true) for item in items], dtype=np.int64),
            np.array([list(values.values()) for values in shares], dtype=np.float64),
        )

    def mistakes(self) -> list[AnalyzedPost]:
        """Return the wrong answers, the most confident first."""
        wrong = [item for item in self.posts if not item.right]
        return sorted(wrong, key=lambda item: -item.result.confidence)


def analyze(
    classifier: PostClassifier,
    examples: Sequence[Example],
    scheme: str,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Analysis:
    """Predict the examples with exactly one label in ``scheme``.

    Raises InputError when there is none, or when none could be predicted.
    """
    labelled = [example for example in examples if len(example.labels.get(scheme, ())) == 1]
    several = sum(len(example.labels.get(scheme, ())) > 1 for example in examples)
    if not labelled:
        raise InputError(f"no post has exactly one label of {scheme}")
    posts: list[AnalyzedPost] = []
    for start in range(0, len(labelled), _CHUNK):
        chunk = labelled[start : start + _CHUNK]
        predictions = classifier.predict_many([example.post for example in chunk])
        for example, prediction in zip(chunk, predictions, strict=True):
            if prediction.ok:
                true = example.labels[scheme][0]
                posts.append(AnalyzedPost(example, prediction, prediction[scheme], true))
        if progress:
            progress(start + len(chunk), len(labelled))
    if not posts:
        raise InputError(
            "none of the labelled posts can be predicted: this model reads none of what they have"
        )
    return Analysis(scheme, classifier.schemes[scheme].labels, posts, len(labelled) - len(posts), several)


def sample(examples: Sequence[Example], most: int | None, *, seed: int = 0) -> Sequence[Example]:
    """Return at most so many of the examples, drawn at random: files are often sorted by label."""
    if most is None or most >= len(examples):
        return examples
    drawn = np.random.default_rng(seed).choice(len(examples), size=most, replace=False)
    return [examples[int(i)] for i in sorted(drawn)]


def choose_scheme(classifier: PostClassifier, examples: Sequence[Example], wanted: str | None) -> str:
    """Return ``wanted``, or the first scheme that corpus and model share; raise InputError for none."""
    available = dict.fromkeys(name for example in examples for name in example.labels)
    both = [name for name in classifier.schemes if name in available]
    if wanted is not None and wanted in both:
        return wanted
    if both and wanted is None:
        return both[0]
    raise InputError(
        f"the labels of the corpus are of {', '.join(available) or 'no scheme'}, the model answers "
        f"{', '.join(classifier.schemes)}"
        + (f": {wanted!r} is not in both" if wanted else ": none is in both")
    )
