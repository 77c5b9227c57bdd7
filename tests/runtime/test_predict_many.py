"""What predict_many is given: rows that are no posts, and things that hold no posts."""

from __future__ import annotations

from typing import Any

import pytest

from posthue import InputError, Post, PostClassifier

NAN = float("nan")


class DataFrame:
    """A table that is iterated by its column names, as that of pandas is."""

    def __iter__(self) -> Any:
        return iter(["text"])


def test_empty_cells_are_posts_without_anything(tiny_classifier: PostClassifier) -> None:
    rows: list[Any] = ["happy", None, NAN, "sad"]
    found = list(tiny_classifier.predict_many(rows))
    assert [p.error for p in found] == [None, *["the post has neither text nor image"] * 2, None]


@pytest.mark.parametrize("bad", [3, 2.5, b"happy", {"text": "happy"}, ["happy"], object()])
def test_a_row_that_is_no_post_stops_nothing(tiny_classifier: PostClassifier, bad: Any) -> None:
    found = list(tiny_classifier.predict_many(["happy", bad, Post("sad", id="2")]))
    assert [p.ok for p in found] == [True, False, True]
    assert f"but {type(bad).__name__}; a post is a posthue.Post or a text" in str(found[1].error)
    assert found[2].id == "2"


@pytest.mark.parametrize(
    ("posts", "advice"),
    [
        ("what a day", "not one str: give a list, or call predict"),
        (Post("what a day"), "not one Post: give a list, or call predict"),
        (b"what a day", "such as a list, not bytes"),
        (None, "such as a list, not NoneType"),
        (3, "such as a list, not int"),
        ({"text": "what a day"}, "not a dict: give a list, or one column"),
        (DataFrame(), "not a DataFrame: give a list, or one column"),
    ],
)
def test_what_holds_no_posts_is_refused_at_once(
    tiny_classifier: PostClassifier, posts: Any, advice: str
) -> None:
    with pytest.raises(InputError, match=advice):
        tiny_classifier.predict_many(posts)


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_path_is_no_picture(tiny_classifier: PostClassifier, blank: str) -> None:
    assert Post("happy", blank).modalities == ("text",)
    assert tiny_classifier.predict(Post("happy", blank)).ok
    assert tiny_classifier.predict(Post(image=blank)).error == "the post has neither text nor image"
