from __future__ import annotations

from collections import Counter

import pytest

from posthue.data.splits.stratified import stratified_folds, stratified_split
from posthue.errors import InputError

LABELS = ["pos"] * 268 + ["neg"] * 135 + ["neu"] * 47
FRACTIONS = {"train": 0.8, "val": 0.1, "test": 0.1}


def count(rows):
    return Counter(LABELS[row] for row in rows)


def test_every_row_goes_to_one_part_and_labels_keep_their_share():
    parts = stratified_split(LABELS, FRACTIONS)
    assert sorted(row for rows in parts.values() for row in rows) == list(range(450))
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 360, "val": 45, "test": 45}
    for name, share in FRACTIONS.items():
        for label, total in Counter(LABELS).items():
            assert abs(count(parts[name])[label] - share * total) <= 1


def test_the_seed_decides():
    assert stratified_split(LABELS, FRACTIONS, seed=1) == stratified_split(LABELS, FRACTIONS, seed=1)
    assert stratified_split(LABELS, FRACTIONS, seed=1) != stratified_split(LABELS, FRACTIONS, seed=2)


def test_fractions_are_scaled():
    parts = stratified_split(LABELS, {"a": 8, "b": 2})
    assert len(parts["a"]) == 360


def test_groups_stay_whole_and_shares_hold():
    groups = [row // 3 if row % 2 else 1000 + row for row in range(450)]
    parts = stratified_split(LABELS, FRACTIONS, groups=groups)
    homes = {}
    for name, rows in parts.items():
        for row in rows:
            assert homes.setdefault(groups[row], name) == name
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 360, "val": 45, "test": 45}
    assert abs(count(parts["test"])["pos"] - 26.8) <= 2


def test_one_group_larger_than_any_part():
    parts = stratified_split(["a"] * 10, {"x": 0.5, "y": 0.5}, groups=[0] * 9 + [1])
    assert sorted(len(rows) for rows in parts.values()) == [1, 9]


def test_folds_test_every_row_once():
    folds = list(stratified_folds(LABELS, 5, seed=42))
    assert sorted(row for _, test in folds for row in test) == list(range(450))
    for train, test in folds:
        assert not set(train) & set(test)
        assert len(train) + len(test) == 450
        assert len(test) == 90
        assert abs(count(test)["neu"] - 9.4) <= 1


def test_grouped_folds_tear_no_group():
    groups = [row // 2 for row in range(450)]
    for train, test in stratified_folds(LABELS, 5, groups=groups):
        assert not {groups[row] for row in train} & {groups[row] for row in test}


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_rows(n):
    parts = stratified_split(["a"] * n, FRACTIONS)
    assert sum(map(len, parts.values())) == n


def test_rows_of_several_labels_are_split_by_their_combination():
    labels = [("joy", "fear") if i % 2 else ("joy",) for i in range(20)]
    rows = stratified_split(labels, {"train": 0.8, "test": 0.2})
    assert Counter(labels[row] for row in rows["test"]) == {("joy",): 2, ("joy", "fear"): 2}


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="must be positive"):
        stratified_split(LABELS, {"a": 1.0, "b": 0.0})
    with pytest.raises(InputError, match="must be positive"):
        stratified_split(LABELS, {})
    with pytest.raises(InputError, match="2 groups for 450 labels"):
        stratified_split(LABELS, FRACTIONS, groups=[1, 2])
    with pytest.raises(InputError, match="at least 2 folds"):
        list(stratified_folds(LABELS, 1))
