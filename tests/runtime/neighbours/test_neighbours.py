from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import posthue
from bundle_factory import make_bundle
from posthue.errors import InputError
from posthue.posts import Post
from posthue.runtime.neighbours.building import index_posts
from posthue.runtime.neighbours.index import NeighbourIndex, nearest_posts

GREEN = np.full((40, 40, 3), (0, 200, 0), np.uint8)
POSTS = [
    (Post("happy day", id="1"), {"sentiment": ("positive",)}),
    (Post("sad day", id="2"), {"sentiment": ("negative",)}),
    (Post(image=GREEN, id="3"), {"sentiment": ("positive",)}),
    (Post("happy", b"junk", id="4"), {"sentiment": ("positive",)}),
    (Post(image=b"junk", id="5"), {}),
]


@pytest.fixture
def index(tiny_classifier: posthue.PostClassifier, tmp_path: Path) -> Path:
    assert index_posts(POSTS, tmp_path / "index", tiny_classifier) == 4
    return tmp_path / "index"


def test_the_nearest_posts_come_first(tiny_classifier: posthue.PostClassifier, index: Path) -> None:
    explanation = tiny_classifier.explain("what a happy day")
    found = nearest_posts(tiny_classifier, explanation, index, most=3)
    assert [near.id for near in found][:2] in (["1", "4"], ["4", "1"])
    assert found[0].labels == {"sentiment": ["positive"]}
    assert -1 <= found[-1].similarity <= found[0].similarity <= 1.001


def test_a_post_is_not_its_own_neighbour(tiny_classifier: posthue.PostClassifier, index: Path) -> None:
    found = nearest_posts(tiny_classifier, tiny_classifier.explain("happy day"), index)
    assert "1" not in [near.id for near in found]


def test_only_posts_that_have_the_same_modalities(
    tiny_classifier: posthue.PostClassifier, index: Path
) -> None:
    found = nearest_posts(tiny_classifier, tiny_classifier.explain(Post(image=GREEN)), index)
    assert [near.id for near in found] == ["3"]


def test_nothing_is_pickled(index: Path) -> None:
    assert sorted(p.name for p in index.iterdir()) == ["image.npy", "index.json", "posts.parquet", "text.npy"]
    assert np.load(index / "text.npy", allow_pickle=False).dtype == np.float16


def test_another_model_has_another_index(index: Path, tmp_path: Path) -> None:
    other = posthue.load(make_bundle(tmp_path / "other", {"name": "other"}), threads=1)
    with pytest.raises(InputError, match="made with another model"):
        NeighbourIndex.open(index, other.engine.bundle)


def test_what_is_no_index_is_said(tiny_classifier: posthue.PostClassifier, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not an index"):
        NeighbourIndex.open(tmp_path, tiny_classifier.engine.bundle)
    with pytest.raises(InputError, match="is not an index: give another folder"):
        index_posts(POSTS, tmp_path, tiny_classifier)
    with pytest.raises(InputError, match="nothing to index"):
        index_posts(POSTS[4:], tmp_path / "empty", tiny_classifier)
    assert not (tmp_path / "empty").exists()
    assert not list(tmp_path.glob(".posthue*"))


def test_an_index_can_be_made_again(tiny_classifier: posthue.PostClassifier, index: Path) -> None:
    assert index_posts(POSTS[:1], index, tiny_classifier) == 1
    assert len(NeighbourIndex.open(index, tiny_classifier.engine.bundle)) == 1
