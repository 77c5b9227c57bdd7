from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("cleanlab")

import posthue
from posthue.evaluation.audit.label_issues import find_label_issues
from posthue.evaluation.audit.vectors import bundle_vectors, word_vectors
from posthue.posts import Post

WORDS = {"bad": "awful sad terrible", "good": "happy lovely great"}


def tweets(n: int = 120) -> tuple[list[Post], list[str | None]]:
    rng = np.random.default_rng(0)
    labels = [("bad", "good")[i % 2] for i in range(n)]
    posts = [
        Post(" ".join(rng.permutation([*WORDS[label].split(), "the", "day", f"n{i}"])))
        for i, label in enumerate(labels)
    ]
    return posts, list(labels)


def test_wrong_labels_are_found() -> None:
    posts, labels = tweets()
    labels[10], labels[33] = "good", "bad"
    labels[50] = None
    found = find_label_issues(labels, word_vectors(posts), list(range(len(posts))))
    assert {issue.row for issue in found.issues} == {10, 33}
    assert {(i.row, i.given, i.suggested) for i in found.issues} == {(10, "good", "bad"), (33, "bad", "good")}
    assert all(i.confidence > i.given_confidence for i in found.issues)
    assert found.checked == 119
    assert found.accuracy > 0.95


def test_near_duplicates_do_not_vouch_for_each_other() -> None:
    """Twelve copies of one text with a wrong label: without groups, the folds teach each other the error."""
    posts, labels = tweets()
    copies = [Post("lovely great happy the day")] * 12
    found = find_label_issues(
        [*labels, *["bad"] * 12], word_vectors([*posts, *copies]), [*range(120), *[120] * 12]
    )
    assert {issue.row for issue in found.issues} == set(range(120, 132))


def test_too_little_to_learn_from() -> None:
    posts, labels = tweets(30)
    assert "fewer than two classes" in find_label_issues(["bad"] * 30, word_vectors(posts), range(30)).note
    wordless = word_vectors([Post("!!"), Post(None)] * 15)
    assert "nothing to learn from" in find_label_issues(labels, wordless, range(30)).note
    few = find_label_issues([*labels, *["rare"] * 3], word_vectors([*posts, *posts[:3]]), range(33))
    assert few.checked == 30


def test_vectors_of_a_bundle(tiny_bundle: Path) -> None:
    bundle = posthue.load(tiny_bundle, threads=1).engine.bundle
    posts = [Post("good day"), Post("bad day"), Post("good day"), Post(image=b"broken"), Post(None)]
    found = bundle_vectors(posts, bundle, threads=1)
    assert len(found) == 5
    np.testing.assert_array_equal(found[0], found[2])
    assert found[0].any()
    assert not found[3:].any()
    assert bundle_vectors([Post(None)], bundle, threads=1).shape == (1, 0)
