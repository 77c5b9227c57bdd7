"""The page of an explanation: complete, self-contained, and safe whatever a post holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import posthue
from page_checks import CARD_ATTACK as ATTACK
from page_checks import Page
from posthue.insight.explain import parts as explain_parts
from posthue.insight.explain.page import explain_page, write_explain_page
from posthue.posts import Modality, Post
from posthue.runtime.neighbours.index import Neighbour

GREEN = np.full((64, 64, 3), (0, 200, 0), np.uint8)
LABELS: Mapping[str, tuple[str, ...]] = {"sentiment": ("positive",)}


def test_the_page_says_what_decided(tiny_classifier: posthue.PostClassifier) -> None:
    page = Page(explain_page(tiny_classifier.explain(Post("what a happy sad day", GREEN))))
    for words in ("Why positive?", "prior", "the text", "the picture", "happy", "without the text", "points"):
        assert words in page.words
    assert page.tags.count("img") == 2
    assert not page.open
    assert not {"script", "link", "iframe"} & set(page.tags)
    sources = [value for name, value in page.attributes if name == "src"]
    assert all(value and value.startswith("data:image/jpeg;base64,") for value in sources)


def test_what_is_not_there_is_not_shown(tiny_classifier: posthue.PostClassifier) -> None:
    text = explain_page(tiny_classifier.explain("happy day"))
    assert "The picture" not in text
    assert "only the prior is left" in text
    picture = explain_page(tiny_classifier.explain(Post(image=GREEN)))
    assert "The words" not in picture
    assert explain_parts.heat_png(tiny_classifier.explain("happy day")) is None


def test_another_label_than_the_own_is_said(tiny_classifier: posthue.PostClassifier) -> None:
    words = Page(explain_page(tiny_classifier.explain("happy day", label="negative"))).words
    assert "Why negative?" in words
    assert "own answer is positive" in words


@pytest.mark.parametrize("place", ["text", "neighbour"])
def test_nothing_that_a_post_holds_becomes_markup(
    tiny_classifier: posthue.PostClassifier, place: str
) -> None:
    explanation = tiny_classifier.explain(Post(ATTACK if place == "text" else "happy", GREEN))
    near = [Neighbour("1", ATTACK if place == "neighbour" else "x", None, LABELS, 0.9)]
    page = Page(explain_page(explanation, near))
    assert "script" not in page.tags
    assert page.tags.count("img") == 2
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "alert" in page.words


def test_right_to_left_and_line_breaks_are_kept(tiny_classifier: posthue.PostClassifier) -> None:
    source = explain_page(tiny_classifier.explain("יום טוב happy"))
    assert re.search(r'<p class="saying" dir="auto">', source)
    assert "יום" in source


def test_neighbours_are_shown(tiny_classifier: posthue.PostClassifier, tmp_path: Path) -> None:
    near = [Neighbour("1", "a lovely day", str(tmp_path / "gone.jpg"), LABELS, 0.91)]
    page = Page(explain_page(tiny_classifier.explain("happy"), near))
    assert "a lovely day" in page.words
    assert "91 %" in page.words


def test_the_heat_map_is_a_picture_with_the_colours_of_the_key(
    tiny_classifier: posthue.PostClassifier,
) -> None:
    picture = np.full((64, 64, 3), 128, np.uint8)
    heat = np.zeros((7, 7))
    heat[:, 0], heat[:, 6] = 0.2, -0.2
    drawn = np.asarray(explain_parts.heat_map(picture, heat, 70)).astype(int)
    assert drawn[35, 2, 2] > drawn[35, 2, 0]
    assert drawn[35, 67, 0] > drawn[35, 67, 2]
    assert abs(drawn[35, 35] - 128).max() < 12
    content = explain_parts.heat_png(tiny_classifier.explain(Post(image=GREEN)))
    assert content is not None
    assert content.startswith(b"\x89PNG")


def test_bars_stay_in_their_track(tiny_classifier: posthue.PostClassifier) -> None:
    explanation = tiny_classifier.explain(Post("what a happy sad day", GREEN))
    beyond = {Modality.TEXT: 1.5, Modality.IMAGE: -1.9}
    bars = explain_parts.steps_html(replace(explanation, prior=0.3, contributions=beyond))
    found = re.findall(r"left: (-?[\d.]+)%; width: ([\d.]+)%", bars)
    assert len(found) == 4
    for left, width in found:
        assert float(left) >= 0
        assert float(left) + float(width) <= 100.1
    assert found[0] == ("5.3", "15.8")


def test_writing_makes_the_folder(tiny_classifier: posthue.PostClassifier, tmp_path: Path) -> None:
    path = write_explain_page(tiny_classifier.explain("happy"), tmp_path / "a" / "why.html")
    assert "Why positive?" in path.read_text(encoding="utf-8")
