"""Models side by side: mean ± std over runs, bootstrap intervals over posts, paired significance.

The intervals resample the posts, the same resample for every model, run and condition (Efron 1979; for pairs
Berg-Kirkpatrick et al. 2012), and average the metric over the runs of a model within each resample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb

import numpy as np
import numpy.typing as npt

from posthue.evaluation.metrics import METRICS, confusion, expected_calibration_error, from_confusion
from posthue.evaluation.runs import Answers, Run, pooled
from posthue.wording import CONDITIONS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: The metrics of a comparison; all but the last are better when higher.
COLUMNS = (*METRICS, "ece")
BINS = 15
RESAMPLES = 1000
#: Resamples that are in memory at a time.
_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric of one model under one condition.

    mean, std: over the runs (std with n − 1; 0 for one run). low, high: 95 % interval over the posts.
    n: posts; runs: seeds or folds.
    """

    model: str
    condition: str
    metric: str
    mean: float
    std: float
    low: float
    high: float
    n: int
    runs: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A model against the baseline on the same posts: difference of means, its 95 % interval, two-sided p.

    p_holm: p corrected for the number of models compared under this condition and metric (Holm 1979).
    """

    model: str
    condition: str
    metric: str
    baseline: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    n: int


def summarise(runs: Mapping[str, Sequence[Run]], *, resamples: int = RESAMPLES, seed: int = 0) -> list[Cell]:
    """Return every cell of the table, model by model and condition by condition."""
    cells = []
    for model, found in runs.items():
        for condition in CONDITIONS:
            if condition not in found[0].conditions:
                continue
            answers = [run.conditions[condition] for run in found]
            points = [measures(a, len(found[0].labels)) for a in answers]
            spread = _resampled(answers, len(found[0].labels), resamples, seed)
            n = len(answers[0].ids)
            cells += [_cell(model, condition, metric, points, spread, n) for metric in COLUMNS]
    return cells


def fold_cells(runs: Mapping[str, Sequence[Run]], *, resamples: int = RESAMPLES, seed: int = 0) -> list[Cell]:
    """Return every cell where the runs of a model are folds, that is, answers to different posts.

    mean and std are over the folds; the interval resamples the posts of all folds together.
    """
    cells = []
    for model, found in runs.items():
        labels = len(found[0].labels)
        for condition in [c for c in CONDITIONS if all(c in run.conditions for run in found)]:
            points = [measures(run.conditions[condition], labels) for run in found]
            every = pooled(found, condition)
            spread = _resampled([every], labels, resamples, seed)
            cells += [_cell(model, condition, metric, points, spread, len(every.ids)) for metric in COLUMNS]
    return cells


def significance(
    runs: Mapping[str, Sequence[Run]], baseline: str, *, resamples: int = RESAMPLES, seed: int = 0
) -> list[Difference]:
    """Compare every model with the baseline by a paired bootstrap over the same posts.

    p is twice the smaller share of resamples on either side of no difference, at least 1 / resamples.
    """
    found: list[Difference] = []
    others = [model for model in runs if model != baseline]
    for condition in CONDITIONS:
        if condition not in runs[baseline][0].conditions:
            continue
        spreads = {model: _spread(runs[model], condition, resamples, seed) for model in runs}
        for metric in COLUMNS:
            group = [_difference(runs, m, baseline, condition, metric, spreads) for m in others]
            found += _holm(group)
    return found


def mcnemar(one: Ints, other: Ints, true: Ints) -> float:
    """Return the exact two-sided p of McNemar's test for two models' answers [n] (McNemar 1947)."""
    only_one = int(((one == true) & (other != true)).sum())
    only_other = int(((other == true) & (one != true)).sum())
    n, k = only_one + only_other, min(only_one, only_other)
    return min(1.0, 2 * sum(comb(n, i) for i in range(k + 1)) / (1 << n))


def measures(answers: Answers, labels: int) -> dict[str, float]:
    """Return COLUMNS of one run under one condition."""
    point = from_confusion(confusion(answers.true, answers.predicted, labels))
    found = {metric: float(point[metric]) for metric in METRICS}
    return found | {"ece": expected_calibration_error(answers.probabilities, answers.true, BINS)}


def _cell(
    model: str,
    condition: str,
    metric: str,
    points: Sequence[Mapping[str, float]],
    spread: Mapping[str, Floats],
    n: int,
) -> Cell:
    values = np.array([point[metric] for point in points])
    low, high = (float(v) for v in np.quantile(spread[metric], (0.025, 0.975)))
    std = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return Cell(model, condition, metric, float(values.mean()), std, low, high, n, len(values))


def _spread(runs: Sequence[Run], condition: str, resamples: int, seed: int) -> dict[str, Floats]:
    answers = [run.conditions[condition] for run in runs]
    return _resampled(answers, len(runs[0].labels), resamples, seed)


def _resampled(answers: Sequence[Answers], labels: int, resamples: int, seed: int) -> dict[str, Floats]:
    """Return metric → its mean over the runs in each resample of the posts [resamples]."""
    n, rng = len(answers[0].true), np.random.default_rng(seed)
    cells = [np.eye(labels * labels)[a.true * labels + a.predicted] for a in answers]
    gaps = [_gaps(a) for a in answers]
    parts: list[dict[str, Floats]] = []
    for start in range(0, resamples, _CHUNK):
        weights = rng.multinomial(n, np.full(n, 1 / n), size=min(_CHUNK, resamples - start)).astype(
            np.float64
        )
        found = [_weighted(weights, cell, gap, labels) for cell, gap in zip(cells, gaps, strict=True)]
        parts.append({metric: np.mean([one[metric] for one in found], axis=0) for metric in COLUMNS})
    return {metric: np.concatenate([part[metric] for part in parts]) for metric in COLUMNS}


def _weighted(weights: Floats, cells: Floats, gaps: Floats, labels: int) -> dict[str, Floats]:
    """Return COLUMNS of one run for each row of weights [resamples, n] of its posts."""
    counts = (weights @ cells).reshape(len(weights), labels, labels)
    ece = np.abs(weights @ gaps).sum(1) / weights.sum(1)
    return {**from_confusion(counts), "ece": ece}


def _gaps(answer: Answers) -> Floats:
    """Return correct − confidence of each post in the column of its bin [n, BINS]."""
    confidence = answer.probabilities.max(1)
    index = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    gaps = np.zeros((len(index), BINS))
    gaps[np.arange(len(index)), index] = (answer.predicted == answer.true) - confidence
    return gaps


def _difference(
    runs: Mapping[str, Sequence[Run]],
    model: str,
    baseline: str,
    condition: str,
    metric: str,
    spreads: Mapping[str, Mapping[str, Floats]],
) -> Difference:
    labels = len(runs[model][0].labels)
    means = [
        np.mean([measures(run.conditions[condition], labels)[metric] for run in runs[name]])
        for name in (model, baseline)
    ]
    drawn = spreads[model][metric] - spreads[baseline][metric]
    low, high = (float(v) for v in np.quantile(drawn, (0.025, 0.975)))
    side = min(float((drawn <= 0).mean()), float((drawn >= 0).mean()))
    p = min(1.0, max(2 * side, 1 / len(drawn)))
    n = len(runs[model][0].conditions[condition].ids)
    return Difference(model, condition, metric, baseline, float(means[0] - means[1]), low, high, p, p, n)


def _holm(group: Sequence[Difference]) -> list[Difference]:
    order = sorted(range(len(group)), key=lambda i: group[i].p)
    corrected, least = dict.fromkeys(order, 0.0), 0.0
    for rank, i in enumerate(order):
        least = max(least, min(1.0, group[i].p * (len(group) - rank)))
        corrected[i] = least
    return [replace(one, p_holm=corrected[i]) for i, one in enumerate(group)]
