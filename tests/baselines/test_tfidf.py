"""Counted words: a baseline, and what it gives to a fusion."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from posthue.baselines.tfidf import WordModel, stacked

RNG = np.random.default_rng(0)
TRUE = RNG.integers(0, 3, 240)
KEY = ("awful", "table", "lovely")
TEXTS = [
    " ".join(RNG.permutation([KEY[label], *RNG.choice(["sky", "tree", "road", "bus", "moon"], 4)]))
    for label in TRUE
]
GROUPS = list(range(240))
TRAIN = np.arange(160)


def test_it_learns_words() -> None:
    model = WordModel([TEXTS[i] for i in TRAIN], TRUE[TRAIN], 3)
    found = model.probabilities(["an AWFUL day", "lovely @someone http://x.y/z", ""])
    assert found.argmax(1).tolist()[:2] == [0, 2]
    np.testing.assert_allclose(found.sum(1), 1.0)
    assert model.probabilities([]).shape == (0, 3)


def test_it_uses_what_stands_beside_the_text() -> None:
    extra = np.eye(3)[TRUE] * 3
    model = WordModel(["the same words"] * 240, TRUE, 3, extra)
    assert (model.probabilities(["the same words"] * 240, extra).argmax(1) == TRUE).all()


@pytest.mark.parametrize("texts", [["a", "b", "c", "d"], [""] * 4])
def test_texts_without_a_word_that_comes_twice(texts: list[str]) -> None:
    found = WordModel(texts, np.array([0, 2, 0, 2]), 3).probabilities(texts)
    np.testing.assert_allclose(found.sum(1), 1.0)
    assert (found[:, 1] == 0).all()


def test_one_class_is_certain() -> None:
    np.testing.assert_array_equal(
        WordModel(["a b", "a c"], np.array([1, 1]), 3).probabilities(["d"]), [[0.0, 1.0, 0.0]]
    )


def test_no_text_is_predicted_by_a_model_that_learned_from_it() -> None:
    """Words that occur in one group alone tell its label only to a model that has seen the group."""
    groups = [i // 4 for i in range(80)]
    true = np.array([g % 2 for g in groups])
    texts = [f"only{g} only{g}word" for g in groups]
    found = stacked(texts, true, 2, np.arange(80), groups, seed=0)
    right = found[np.arange(80), true]
    assert right.max() < 0.75  # letters are shared, words are not
    seen = WordModel(texts, true, 2).probabilities(texts)[np.arange(80), true]
    assert seen.min() > right.mean()


def test_rows_that_are_not_learned_from_are_predicted_by_the_whole() -> None:
    found = stacked(TEXTS, TRUE, 3, TRAIN, GROUPS, seed=0)
    rest = np.arange(160, 240)
    whole = WordModel([TEXTS[i] for i in TRAIN], TRUE[TRAIN], 3).probabilities([TEXTS[i] for i in rest])
    np.testing.assert_allclose(found[rest], whole)
    assert (found[TRAIN].argmax(1) == TRUE[TRAIN]).mean() > 0.95
    np.testing.assert_array_equal(found, stacked(TEXTS, TRUE, 3, TRAIN, GROUPS, seed=0))
