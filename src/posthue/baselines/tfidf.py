"""The word-counting baseline: tf-idf of words and of letters, and a logistic regression.

No encoder, no picture: words and pairs of words, and two to five letters in a row inside a word, weighted by
how rare they are (Salton & Buckley 1988), with scikit-learn. Where labels follow certain words it is hard to
beat, so it belongs in a table; and ``+words`` gives a fusion what it says, by stacking (Wolpert 1992): of the
posts that the fusion learns from, from models that have not seen them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from posthue.data.splits.stratified import stratified_folds
from posthue.data.text import normalise_tweet

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: Models of which each has not seen a part of the training posts.
FOLDS = 5
#: Inverse strength of the regression's penalty.
PENALTY = 3.0
_STEPS, _TOLERANCE = 1000, 1e-3


def word_regression() -> LogisticRegression:
    """Make a logistic regression for counted words or tokens, not fitted yet."""
    return LogisticRegression(C=PENALTY, max_iter=_STEPS, tol=_TOLERANCE)


class WordModel:
    """Counts words. Fitted when made.

    texts, true: what to learn from, with label numbers below ``labels``. extra: further numbers about each
    text [n, k], or None.
    """

    def __init__(self, texts: Sequence[str], true: Ints, labels: int, extra: Floats | None = None) -> None:
        common = {"sublinear_tf": True, "preprocessor": _plain}
        self._words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, **common)
        self._letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=3, **common)
        self._kept: list[TfidfVectorizer] = []
        for counter in (self._words, self._letters):
            try:
                counter.fit(texts)
            except ValueError:  # nothing comes twice
                continue
            self._kept.append(counter)
        self._labels = labels
        self._seen = np.unique(true)
        self._model = word_regression()
        if len(self._seen) > 1:
            self._model.fit(self._columns(texts, extra), true)

    def probabilities(self, texts: Sequence[str], extra: Floats | None = None) -> Floats:
        """Return [n, labels]; a label that no training post had gets 0."""
        found = np.zeros((len(texts), self._labels))
        if len(self._seen) == 1:
            found[:, self._seen] = 1.0
        elif len(texts):
            found[:, self._seen] = self._model.predict_proba(self._columns(texts, extra))
        return found

    def _columns(self, texts: Sequence[str], extra: Floats | None) -> csr_matrix:
        parts = [counter.transform(texts) for counter in self._kept]
        parts.append(csr_matrix(np.ones((len(texts), 1)) if extra is None else extra))
        return csr_matrix(hstack(parts))


def stacked(
    texts: Sequence[str],
    true: Ints,
    labels: int,
    train: Ints,
    groups: Sequence[int],
    *,
    seed: int,
    extra: Floats | None = None,
) -> Floats:
    """Return what word models say of every text [n, labels], none of a text that it learned from.

    train: the rows to learn from. One of them is predicted by a model of the other folds, with its
    near-duplicates (``groups``) in its own; any other row by the model of all of them.
    """
    found = np.zeros((len(texts), labels))

    def predict(learn: Ints, answer: Ints) -> None:
        model = WordModel([texts[i] for i in learn], true[learn], labels, _rows(extra, learn))
        found[answer] = model.probabilities([texts[i] for i in answer], _rows(extra, answer))

    predict(train, np.setdiff1d(np.arange(len(texts)), train))
    folds = stratified_folds(true[train].tolist(), FOLDS, seed=seed, groups=[groups[i] for i in train])
    for learn, answer in folds:
        predict(train[np.asarray(learn)], train[np.asarray(answer)])
    return found


def _rows(values: Floats | None, rows: Ints) -> Floats | None:
    return None if values is None else values[rows]


def _plain(text: str) -> str:
    return normalise_tweet(text).lower()
