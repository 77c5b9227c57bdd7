"""Labels that look wrong: confident learning (Northcutt et al. 2021) on a quick model's answers.

A logistic regression learns the labels from vectors in five folds, near-duplicates on one side, so that no
answer is given by a model that has seen the post or its like; cleanlab names the posts whose label is less
likely than the noise between the classes explains. They are to be looked at, not to be believed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from posthue.data.splits.stratified import stratified_folds
from posthue.errors import MissingExtraError

FOLDS = 5
#: Of a class with fewer posts nothing can be learnt; they are left out.
FEWEST = 2 * FOLDS
_ITERATIONS = 100
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelIssue:
    """A post whose label looks wrong.

    row: its number. given: its label. suggested: what the quick model says. confidence: the model's
    probability of the suggested label, given_confidence: of the given one.
    """

    row: int
    given: str
    suggested: str
    confidence: float
    given_confidence: float


@dataclass(frozen=True, slots=True)
class LabelIssues:
    """issues: the most suspicious first. checked: posts looked at. accuracy: of the quick model, out of fold.

    note: why nothing was looked at, if so.
    """

    issues: Sequence[LabelIssue]
    checked: int
    accuracy: float
    note: str = ""


def find_label_issues(
    labels: Sequence[str | None],
    vectors: Any,
    groups: Sequence[int],
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> LabelIssues:
    """Look for wrong labels.

    labels: one of each post, or None. vectors: [posts, dims], dense or sparse. groups: of near-duplicates.
    Raises MissingExtraError without scikit-learn and cleanlab.
    """
    rows, names, codes = _classes(labels)
    if len(names) < 2 or vectors.shape[1] == 0:
        what = "there is nothing to learn from" if len(names) >= 2 else "fewer than two classes"
        return LabelIssues([], 0, 0.0, f"labels not checked: {what} (a class needs {FEWEST} posts)")
    probabilities = _out_of_fold(vectors[rows], codes, [groups[row] for row in rows], seed, progress)
    found = [
        LabelIssue(
            int(rows[i]),
            names[codes[i]],
            names[int(probabilities[i].argmax())],
            float(probabilities[i].max()),
            float(probabilities[i, codes[i]]),
        )
        for i in _ranked(codes, probabilities)
        if probabilities[i].argmax() != codes[i]
    ]
    return LabelIssues(found, len(rows), float((probabilities.argmax(axis=1) == codes).mean()))


def _classes(
    labels: Sequence[str | None],
) -> tuple[npt.NDArray[np.int64], list[str], npt.NDArray[np.int64]]:
    """Return the rows that can be looked at, the names of their classes, and the class of each."""
    counts: dict[str, int] = {}
    for label in labels:
        if label is not None:
            counts[label] = counts.get(label, 0) + 1
    names = sorted(label for label, count in counts.items() if count >= FEWEST)
    code = {name: i for i, name in enumerate(names)}
    rows = [row for row, label in enumerate(labels) if label in code]
    codes = [code[label] for label in labels if label in code]
    return np.array(rows, dtype=np.int64), names, np.array(codes, dtype=np.int64)


def _out_of_fold(
    vectors: Any,
    codes: npt.NDArray[np.int64],
    groups: Sequence[int],
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> Floats:
    """Return the probabilities [posts, classes] that a model without the post's fold gives."""
    found = np.zeros((len(codes), int(codes.max()) + 1))
    folds = stratified_folds(codes.tolist(), FOLDS, seed=seed, groups=groups)
    for done, (train, test) in enumerate(folds, start=1):
        if test:
            model = _fitted(vectors[train], codes[train])
            columns = np.ix_(np.array(test), model.classes_)
            found[columns] = model.predict_proba(vectors[test])
        if progress:
            progress(done, FOLDS)
    return found


def _fitted(vectors: Any, codes: npt.NDArray[np.int64]) -> Any:
    import warnings  # noqa: PLC0415

    try:
        from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("scikit-learn", "audit") from None
    dense = isinstance(vectors, np.ndarray)
    with warnings.catch_warnings():  # a rough fit is enough
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=0.01 if dense else 1.0, max_iter=_ITERATIONS).fit(vectors, codes)


def _ranked(codes: npt.NDArray[np.int64], probabilities: Floats) -> list[int]:
    """Return the suspicious posts, the least likely labels first."""
    try:
        from cleanlab.filter import find_label_issues as cleanlab_issues  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("cleanlab", "audit") from None
    ranked = cleanlab_issues(
        codes, probabilities, return_indices_ranked_by="normalized_margin", n_jobs=1, verbose=False
    )
    return [int(i) for i in ranked]
