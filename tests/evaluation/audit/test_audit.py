from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from photos import photo
from posthue.data.corpora.labelled import LabelledPost, LabelledPosts
from posthue.errors import InputError
from posthue.evaluation.audit.check import CheckSettings, check_data
from posthue.evaluation.audit.findings import DuplicateAgreement, audit, label_distance
from posthue.evaluation.audit.regroup import grouped_splits, regrouped
from posthue.posts import Post


@pytest.fixture
def posts() -> list[LabelledPost]:
    return [
        LabelledPost(Post("what a very happy day it was", photo(1), "a"), ("positive",), "train"),
        LabelledPost(Post("what a very HAPPY day it was http://t.co/x", photo(2), "b"), ("negative",), "dev"),
        LabelledPost(Post("nothing to see here at all", photo(1, 120, 60), "c"), ("positive",), "train"),
        LabelledPost(Post("another text about the weather", b"no picture", "d"), ("neutral",), "train"),
        LabelledPost(Post(" ", photo(3), "e"), (), "dev"),
    ]


def test_repeats_leaks_and_conflicts_are_found(posts: list[LabelledPost]) -> None:
    found = audit(posts)
    assert found.repeats("text") == {0: [0, 1]}
    assert found.repeats("image") == {0: [0, 2]}
    assert found.repeats() == {0: [0, 1, 2]}
    assert found.torn("image") == {}
    assert found.across() == {("dev", "train"): 1, ("train", "dev"): 2}
    assert found.conflicts("text") == {0: [0, 1]}
    assert found.conflicts("image") == {}
    assert found.agreement("image") == DuplicateAgreement(1, 1)
    assert found.agreement("either") == DuplicateAgreement(3, 1)
    assert found.agreement("text").share == 0.0


def test_gaps_and_broken_pictures_are_found(posts: list[LabelledPost]) -> None:
    found = audit(posts)
    ((row, error),) = found.unreadable()
    assert row == 3
    assert "not a picture" in error
    assert found.missing() == [(4, "empty text"), (4, "label")]
    assert found.classes() == {
        "train": Counter({"positive": 2, "neutral": 1}),
        "dev": Counter({"negative": 1}),
    }
    assert label_distance(found.classes()) == {("train", "dev"): pytest.approx(1.0)}


def test_regrouping_moves_few_and_keeps_sizes_and_labels() -> None:
    rng = np.random.default_rng(1)
    splits = ["train"] * 800 + ["dev"] * 200
    labels = [str(v) for v in rng.choice(["a", "b", "c"], 1000, p=[0.6, 0.3, 0.1])]
    groups = list(range(1000))
    for one, other in ((3, 900), (4, 901), (5, 902), (6, 7)):
        groups[other] = groups[one]
    groups[903] = groups[904] = groups[905] = 8  # mostly in dev
    chosen = regrouped(splits, labels, groups, seed=3)
    where: dict[int, set[str]] = {}
    for group, split in zip(groups, chosen, strict=True):
        where.setdefault(group, set()).add(split)
    assert all(len(parts) == 1 for parts in where.values())
    assert {chosen[row] for row in (8, 903, 904, 905)} == {"dev"}
    moved = [row for row in range(1000) if chosen[row] != splits[row]]
    assert len(moved) <= 8
    assert Counter(zip(chosen, labels, strict=True)) == Counter(zip(splits, labels, strict=True))
    assert regrouped(splits, labels, list(range(1000))) == splits
    assert regrouped(splits, labels, groups, seed=3) == chosen


def test_data_without_splits_gets_the_usual_ones() -> None:
    groups = [row // 2 for row in range(100)]
    chosen = grouped_splits(["a", "b"] * 50, groups, seed=0)
    assert Counter(chosen) == {"train": 80, "dev": 10, "test": 10}
    assert all(chosen[row] == chosen[row + 1] for row in range(0, 100, 2))


def test_nothing_to_check_is_an_error() -> None:
    with pytest.raises(InputError, match=r"t\.csv has no rows"):
        check_data(LabelledPosts("t.csv", "t.csv", None, (), []), CheckSettings())
