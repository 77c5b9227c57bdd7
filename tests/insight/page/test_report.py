"""The page of posts: complete, self-contained, and safe whatever a post holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from page_checks import CARD_ATTACK as ATTACK
from page_checks import Page
from posthue.insight.page.posts import LONGEST_TEXT, posts_report, write_posts_report
from posthue.insight.page.shell import COLOURED, escaped, hue
from posthue.insight.page.thumbnails import thumbnail
from posthue.labels import EMOTION, SENTIMENT, LabelScheme
from posthue.posts import Modality, Post, Prediction, SchemeResult

GREEN = np.full((400, 300, 3), (0, 200, 0), np.uint8)


def result(scheme: LabelScheme, top: str, *modalities: Modality, mixed: bool = False) -> SchemeResult:
    rest = 0.4 / (len(scheme) - 1)
    probabilities = {label: 0.6 if label == top else rest for label in scheme.labels}
    opposite = dict(zip(scheme.labels, reversed(probabilities.values()), strict=True))
    alone: dict[Modality, Mapping[str, float]] = dict.fromkeys(modalities, probabilities)
    if mixed:
        alone[Modality.IMAGE] = opposite
    shares = {modality: 1 / len(modalities) for modality in modalities}
    return SchemeResult(top, probabilities, alone, shares, shares, mixed)


def predicted(post: Post, *, mixed: bool = False) -> Prediction:
    schemes = {
        "sentiment": result(SENTIMENT, "negative", *post.modalities, mixed=mixed),
        "emotion": result(EMOTION, "joy", *post.modalities),
    }
    return Prediction(post.id, schemes)


def test_a_card_shows_text_picture_labels_and_shares() -> None:
    post = Post("what a day", GREEN, "p1")
    page = Page(posts_report([(post, predicted(post))], title="Mine"))
    for words in (
        "Mine",
        "what a day",
        "p1",
        "negative",
        "joy",
        "60 %",
        "decided by text 50 % and image 50 %",
    ):
        assert words in page.words
    assert page.tags.count("article") == page.tags.count("img") == 1
    assert "mixed" not in [value for name, value in page.attributes if name == "title"]
    assert not page.open


def test_a_mixed_post_has_a_badge_that_says_who_says_what() -> None:
    post = Post("what a day", GREEN)
    page = Page(posts_report([(post, predicted(post, mixed=True))], title="t"))
    assert ("class", "badge") in page.attributes
    assert "the text says negative, the image says positive" in page.words


def test_one_modality_has_no_shares() -> None:
    post = Post("what a day")
    assert "decided by" not in posts_report([(post, predicted(post))], title="t")


def test_a_failed_post_is_a_card_with_its_reason() -> None:
    rows = [(Post(image=b"junk", id="bad"), Prediction("bad", error="the picture is damaged <b>"))]
    source = posts_report(rows, title="t")
    page = Page(source)
    assert ("class", "post failed") in page.attributes
    assert "the picture is damaged <b>" in page.words
    assert "img" not in page.tags


def test_an_error_does_not_tell_where_the_picture_lies(tmp_path: Path) -> None:
    image = tmp_path / "broken.jpg"
    rows = [(Post(image=image), Prediction(error=f"{image}: the picture is damaged"))]
    words = Page(posts_report(rows, title="t")).words
    assert "broken.jpg: the picture is damaged" in words
    assert str(tmp_path) not in words


def test_the_counts_on_top() -> None:
    posts = [Post(text, id=text) for text in ("a", "b", "c")]
    rows = [(post, predicted(post)) for post in posts] + [
        (Post(), Prediction(error="neither text nor image"))
    ]
    words = re.sub(r"\s+", " ", Page(posts_report(rows, title="t")).words)
    assert "posts4predicted3mixed0not predicted1" in words
    assert "sentimentnegative 3" in words
    assert "emotionjoy 3" in words


def test_no_posts() -> None:
    page = Page(posts_report([], title="Empty"))
    assert "There are no posts." in page.words
    assert not page.open


@pytest.mark.parametrize("place", ["text", "id", "title", "error", "warning", "label", "scheme"])
def test_nothing_that_a_post_holds_becomes_markup(place: str) -> None:
    plain = Page(_report_with("x", place))
    attacked = Page(_report_with(ATTACK, place))
    assert attacked.tags == plain.tags
    assert {name for name, _ in attacked.attributes} == {name for name, _ in plain.attributes}
    assert ATTACK in attacked.words


def _report_with(value: str, place: str) -> str:
    scheme = LabelScheme("s", (value if place == "label" else "calm", "b"))
    results = {value if place == "scheme" else "s": result(scheme, scheme.labels[0], Modality.TEXT)}
    post = Post(value if place == "text" else "words", id=value if place == "id" else "p1")
    warnings = (value if place == "warning" else "careful",)
    rows = [(post, Prediction(post.id, results, warnings)), (post, Prediction(error="no"))]
    if place == "error":
        rows[1] = (post, Prediction(error=value))
    return posts_report(rows, title=value if place == "title" else "t")


@given(st.text(st.characters(codec=None), max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_is_shown_and_can_be_written(text: str) -> None:
    shown = escaped(text)
    shown.encode("utf-8")
    assert not set("<>\"'\0\u202e") & set(shown)


def test_a_long_text_is_cut() -> None:
    post = Post("y" * 5000)
    source = posts_report([(post, predicted(post))], title="t")
    assert "y" * LONGEST_TEXT + "…" in source
    assert "y" * (LONGEST_TEXT + 1) not in source


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    post = Post("see https://example.com/x.png", GREEN)
    page = Page(posts_report([(post, predicted(post))], title="t"))
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    loaded = [value for name, value in page.attributes if name in ("src", "href", "srcset")]
    assert loaded
    assert all(value and value.startswith("data:image/jpeg;base64,") for value in loaded)
    style = files("posthue.insight").joinpath("report.css").read_text()
    assert "url(" not in style
    assert "@import" not in style


def test_thumbnails_are_small_and_a_broken_picture_has_none() -> None:
    large, tiny = thumbnail(GREEN), thumbnail(GREEN[:48, :48])
    assert large is not None
    assert tiny is not None
    assert (large.tiny, tiny.tiny) == (False, True)
    assert len(large.uri) < 40_000
    assert thumbnail(b"junk") is None
    assert thumbnail(Path("no/such/picture.jpg")) is None


def test_every_label_has_a_colour() -> None:
    style = files("posthue.insight").joinpath("report.css").read_text()
    assert all(f"--{label}:" in style for label in [*COLOURED, "other"])
    assert hue("no such label") == 'style="--hue: var(--other)"'


def test_writing_makes_the_folder(tmp_path: Path) -> None:
    path = write_posts_report([], tmp_path / "a" / "b" / "report.html", title="Grüße 🌅")
    assert "Grüße 🌅" in path.read_text(encoding="utf-8")
