"""Mend given splits: no group of near-duplicates across them, sizes and labels as before, few posts moved.

>>> regrouped(["train", "train", "dev", "dev"], ["a", "b", "a", "b"], [0, 1, 0, 3], seed=0)
['train', 'train', 'train', 'dev']
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from posthue.data.splits.stratified import stratified_split

#: The parts of data that come without any.
USUAL = {"train": 0.8, "dev": 0.1, "test": 0.1}

_Ints = npt.NDArray[np.int64]


def grouped_splits(
    labels: Sequence[Hashable],
    groups: Sequence[int],
    fractions: Mapping[str, float] = USUAL,
    *,
    seed: int = 0,
) -> list[str]:
    """Return a split for each row of data that has none."""
    parts = stratified_split(labels, fractions, seed=seed, groups=groups)
    split_of = {row: name for name, rows in parts.items() for row in rows}
    return [split_of[row] for row in range(len(labels))]


def regrouped(
    splits: Sequence[str], labels: Sequence[Hashable], groups: Sequence[int], *, seed: int = 0
) -> list[str]:
    """Return a split for each row: its own wherever that is possible.

    A torn group goes whole where most of it is; of two as good ones, where its labels lack most. Then single
    posts of the same labels move the other way, drawn by ``seed``, until every part has as many of each label
    as before, or as near to it as the groups allow.
    """
    names = list(dict.fromkeys(splits))
    kinds = list(dict.fromkeys(labels))
    part = np.array([names.index(split) for split in splits], dtype=np.int64)
    label = np.array([kinds.index(kind) for kind in labels], dtype=np.int64)
    need = np.zeros((len(names), len(kinds)), dtype=np.int64)
    np.add.at(need, (part, label), 1)
    chosen = np.full(len(part), -1, dtype=np.int64)
    for rows in _groups_by_size(groups):
        chosen[rows] = _place(part[rows], label[rows], need)
        np.subtract.at(need, (chosen[rows], label[rows]), 1)
    _settle(chosen, part, label, need, np.random.default_rng(seed))
    return [names[int(value)] for value in chosen]


def _groups_by_size(groups: Sequence[int]) -> list[_Ints]:
    """Return the rows of each group of two or more, large groups first."""
    values = np.asarray(groups, dtype=np.int64)
    order = np.argsort(values, kind="stable")
    rows = np.split(order, np.flatnonzero(np.diff(values[order])) + 1)
    return sorted((each for each in rows if len(each) > 1), key=len, reverse=True)


def _place(parts: _Ints, labels: _Ints, need: _Ints) -> int:
    """Return the part that holds most of a group; of equal ones the one that lacks its labels most."""
    held = np.bincount(parts, minlength=len(need))
    lack = need[:, labels].sum(axis=1)
    return int(np.lexsort((-lack, -held))[0])


def _settle(chosen: _Ints, part: _Ints, label: _Ints, need: _Ints, rng: np.random.Generator) -> None:
    """Leave single rows where they are as far as they are wanted there, and give the rest to the others."""
    for kind in range(need.shape[1]):
        rest: list[int] = []
        for place in range(len(need)):
            rows = rng.permutation(np.flatnonzero((chosen < 0) & (part == place) & (label == kind)))
            stay = max(0, int(need[place, kind]))
            chosen[rows[:stay]] = place
            need[place, kind] -= len(rows[:stay])
            rest += rows[stay:].tolist()
        for row in rest:
            place = int(need[:, kind].argmax())
            chosen[row] = place
            need[place, kind] -= 1
