"""The analysis of the tiny model: "happy" and green are positive, "sad" and red negative."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import posthue
from page_checks import CARD_ATTACK as ATTACK
from page_checks import Page
from posthue.data.corpora import Example
from posthue.errors import InputError
from posthue.insight.analyze.ablation import ablate, without
from posthue.insight.analyze.analysis import analyze, choose_scheme, sample
from posthue.insight.analyze.page import analysis_page, explain_mistakes, write_analysis
from posthue.posts import Post

GREEN, RED = (np.full((40, 40, 3), colour, np.uint8) for colour in ((0, 200, 0), (220, 0, 0)))


def example(text: str | None, label: str, image: object = None, scheme: str = "sentiment") -> Example:
    return Example(Post(text, image, id=f"{text}"[:20]), {scheme: (label,)})  # type: ignore[arg-type]


def corpus() -> list[Example]:
    happy = [example(f"a happy day {i}", "positive", GREEN if i % 2 else None) for i in range(10)]
    sad = [example(f"a sad day is {i}", "negative", RED if i % 2 else GREEN) for i in range(8)]
    wrong = [example("happy", "negative", GREEN), example("sad the day", "positive", RED)]
    return [*happy, *sad, *wrong, example(None, "positive", GREEN)]


@pytest.fixture(scope="module")
def whole(tiny_classifier: posthue.PostClassifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with everything in it."""
    found = analyze(tiny_classifier, corpus(), "sentiment")
    mistakes = list(explain_mistakes(found, tiny_classifier, 3))
    ablation = ablate(found, tiny_classifier, ["sad"])
    place = tmp_path_factory.mktemp("analysis") / "report.html"
    return write_analysis(found, place, title="Tiny", ablation=ablation, explained=mistakes)


def test_the_numbers(tiny_classifier: posthue.PostClassifier) -> None:
    found = analyze(tiny_classifier, [*corpus(), example(None, "positive", b"junk")], "sentiment")
    assert (len(found.posts), found.failed) == (21, 1)
    assert found.counts.sum() == 21
    assert {m.post.text for m in found.mistakes()} >= {"happy", "sad the day"}
    assert list(found.views()) == ["both", "text", "image"]
    assert [len(view.true) for view in found.views().values()] == [15, 20, 16]


def test_the_report_has_every_part(whole: Path) -> None:
    source = whole.read_text(encoding="utf-8")
    page = Page(source)
    for title in (
        "Overview",
        "Confusion matrix",
        "Classification report",
        "Confidence",
        "Text length",
        "Words by predicted label",
        "Without the dominating words",
        "Confused pictures",
        "Where text and picture disagree",
        "The most confident mistakes",
    ):
        assert title in page.words, title
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert len(source) < 2_000_000


def test_files_lie_beside_the_report(whole: Path) -> None:
    names = {path.name for path in (whole.parent / "report_files").iterdir()}
    assert {"confusion.png", "confusion.svg", "confusion.csv", "predictions.csv", "mistakes.csv"} <= names
    assert {"reliability_both.png", "coverage.svg", "ablation.csv", "mistake_00_heat.png"} <= names
    with (whole.parent / "report_files" / "predictions.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 21


def test_dropping_words_changes_what_the_model_says(tiny_classifier: posthue.PostClassifier) -> None:
    found = analyze(tiny_classifier, corpus(), "sentiment")
    ablation = ablate(found, tiny_classifier, ["HAPPY "])
    assert ablation is not None
    assert (ablation.words, ablation.automatic, ablation.changed) == (("happy",), False, 11)
    before, after = ablation.recall["positive"]
    assert after < before
    low, high = ablation.difference[1:]
    assert low <= ablation.difference[0] <= high
    automatic = ablate(found, tiny_classifier)
    assert automatic is not None
    assert automatic.automatic
    assert "day" in automatic.words


def test_nothing_to_drop() -> None:
    assert without("#Feel the feeling, @feel", ["feel"]) == "the feeling, @feel"
    assert without("a  b", ["x"]) == "a  b"


def test_the_scheme_is_one_of_both(tiny_classifier: posthue.PostClassifier) -> None:
    assert choose_scheme(tiny_classifier, corpus(), None) == "sentiment"
    for rows, wanted, message in (
        ([example("a", "awe", scheme="mikels")], None, "of mikels, the model answers sentiment, emotion"),
        (corpus(), "emotion", "'emotion' is not in both"),
    ):
        with pytest.raises(InputError, match=message):
            choose_scheme(tiny_classifier, rows, wanted)
    with pytest.raises(InputError, match="exactly one label of emotion"):
        analyze(tiny_classifier, corpus(), "emotion")
    with pytest.raises(InputError, match="none of the labelled posts can be predicted"):
        analyze(tiny_classifier, [example(" ", "positive")], "sentiment")


@pytest.mark.parametrize(
    "rows",
    [
        [example("happy day", "positive")] * 3,
        [example("יום happy טוב 😀", "negative"), example("sad", "negative", RED)],
        [example(None, "positive", GREEN), example(None, "negative", RED)],
        [example("happy", "positive")],
    ],
    ids=["one label, no pictures", "right to left", "no texts", "one post"],
)
def test_odd_corpora(tiny_classifier: posthue.PostClassifier, rows: Sequence[Example]) -> None:
    found = analyze(tiny_classifier, rows, "sentiment")
    mistakes = list(explain_mistakes(found, tiny_classifier, 2))
    page = Page(
        analysis_page(found, title="Odd", ablation=ablate(found, tiny_classifier), explained=mistakes)
    )
    assert "Confusion matrix" in page.words
    assert not page.open


def test_nothing_that_a_post_holds_becomes_markup(tiny_classifier: posthue.PostClassifier) -> None:
    rows = [
        Example(Post(f"happy {ATTACK}", RED, id=ATTACK), {"sentiment": (label,)})
        for label in ("negative", "positive")
    ]
    found = analyze(tiny_classifier, rows, "sentiment")
    mistakes = list(explain_mistakes(found, tiny_classifier, 2))
    ablation = ablate(found, tiny_classifier, ["happy", "<script>"])
    page = Page(analysis_page(found, title=ATTACK, ablation=ablation, explained=mistakes))
    assert "script" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_a_sample_is_drawn_and_stays_in_order() -> None:
    rows = [example(str(i), "positive") for i in range(30)]
    drawn = [int(item.post.text or "") for item in sample(rows, 10)]
    assert drawn == sorted(drawn)
    assert drawn != list(range(10))
    assert sample(rows, None) is rows
