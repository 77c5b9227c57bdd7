"""Splits that keep the share of every label, and keep near-duplicates on one side.

A post that comes again in the test part makes a model look better than it is. Give the groups of
:mod:`posthue.data.duplicates.posts`, and no group is torn.

>>> parts = stratified_split(["a", "b"] * 10, {"train": 0.8, "test": 0.2}, seed=1)
>>> len(parts["train"]), len(parts["test"])
(16, 4)
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from posthue.errors import InputError

_Counts = npt.NDArray[np.int64]


def stratified_split(
    labels: Sequence[Hashable],
    fractions: Mapping[str, float],
    *,
    seed: int = 0,
    groups: Sequence[Hashable] | None = None,
) -> dict[str, list[int]]:
    """Split the rows 0 … n-1 into named parts of about these fractions of every label.

    fractions: share of each part, positive; they are scaled to sum 1.
    groups: one value per row; rows of one value go to one part. None: every row on its own.
    Returns the rows of each part in ascending order. The parts have exactly the sizes asked for, up to
    rounding, where groups are small enough to allow it. Raises InputError for fractions or groups that do
    not fit.
    """
    _check(labels, fractions, groups)
    shares = np.array(list(fractions.values()), dtype=np.float64)
    rows = range(len(labels)) if groups is None else groups
    parts = _assign(_codes(labels), shares / shares.sum(), np.random.default_rng(seed), _codes(rows))
    return {name: np.flatnonzero(parts == part).tolist() for part, name in enumerate(fractions)}


def stratified_folds(
    labels: Sequence[Hashable], k: int = 5, *, seed: int = 0, groups: Sequence[Hashable] | None = None
) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the rows to train on and the rows to test on, for each of ``k`` folds.

    Every row is tested once. The rest is as in :func:`stratified_split`.
    """
    if k < 2:
        raise InputError(f"cross-validation needs at least 2 folds, not {k}")
    folds = stratified_split(labels, {str(fold): 1.0 for fold in range(k)}, seed=seed, groups=groups)
    for test in folds.values():
        tested = set(test)
        yield [row for row in range(len(labels)) if row not in tested], test


def _check(
    labels: Sequence[Hashable], fractions: Mapping[str, float], groups: Sequence[Hashable] | None
) -> None:
    if not fractions or not all(0 < share < np.inf for share in fractions.values()):
        raise InputError(f"the fractions of a split must be positive, and these are {dict(fractions)}")
    if groups is not None and len(groups) != len(labels):
        raise InputError(f"{len(groups)} groups for {len(labels)} labels: there must be one for each row")


def _codes(values: Sequence[Hashable]) -> _Counts:
    """Number the values in the order of their first appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)


def _assign(
    labels: _Counts, shares: npt.NDArray[np.float64], rng: np.random.Generator, groups: _Counts
) -> _Counts:
    parts = np.full(len(labels), -1, dtype=np.int64)
    need = _quotas(labels, shares, rng)
    for rows in _large_groups(groups, rng):
        counts = np.bincount(labels[rows], minlength=need.shape[1])
        part = _best_part(need, counts, shares)
        parts[rows] = part
        need[part] -= counts
    _fill(parts, labels, need, rng)
    return parts


def _quotas(labels: _Counts, shares: npt.NDArray[np.float64], rng: np.random.Generator) -> _Counts:
    """Return the rows wanted [part, label]: whole numbers that sum to the count of each label.

    What rounding leaves over goes where most is missing so far, so that no part collects the remainders.
    """
    counts = np.bincount(labels) if len(labels) else np.zeros(0, dtype=np.int64)
    exact = shares[:, None] * counts[None, :]
    quotas = np.floor(exact + 1e-9).astype(np.int64)
    debt = (exact - quotas).sum(axis=1) + rng.random(len(shares)) * 1e-6
    for label in rng.permutation(len(counts)):
        for _ in range(int(counts[label] - quotas[:, label].sum())):
            part = int(debt.argmax())
            quotas[part, label] += 1
            debt[part] -= 1
    return quotas


def _large_groups(groups: _Counts, rng: np.random.Generator) -> list[_Counts]:
    """Return the rows of every group of two or more, large groups first, equal ones in random order."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order])) + 1
    large = [rows for rows in np.split(order, starts) if len(rows) > 1]
    shuffled = [large[i] for i in rng.permutation(len(large))]
    return sorted(shuffled, key=len, reverse=True)


def _best_part(need: _Counts, counts: _Counts, shares: npt.NDArray[np.float64]) -> int:
    """Return the part where the group leaves the least excess, and of these the one that lacks most."""
    excess = np.maximum(counts - np.maximum(need, 0), 0).sum(axis=1)
    lack = (need * counts).sum(axis=1) / shares
    return int(np.lexsort((-lack, excess))[0])


def _fill(parts: _Counts, labels: _Counts, need: _Counts, rng: np.random.Generator) -> None:
    """Give the rows that are left, label by label, to the parts that still need them."""
    for label in range(need.shape[1]):
        rows = rng.permutation(np.flatnonzero((labels == label) & (parts < 0)))
        places = np.repeat(np.arange(len(need)), np.maximum(need[:, label], 0))
        parts[rows] = rng.permutation(places)[: len(rows)]
