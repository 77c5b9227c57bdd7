"""Explanations of the tiny model: "happy" and green are positive, "sad" and red are negative."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import posthue
from bundle_factory import make_bundle
from posthue.errors import EmptyPostError, ImageError, LabelError, RowError
from posthue.evaluation.faithfulness import gains, mean_gain
from posthue.posts import Modality, Post
from posthue.runtime.explain import Explainer

GREEN = np.full((64, 64, 3), (0, 200, 0), np.uint8)


def half_red() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    picture = GREEN.copy()
    picture[:, 32:] = (220, 0, 0)
    return picture


def test_everything_adds_up(tiny_classifier: posthue.PostClassifier) -> None:
    found = tiny_classifier.explain(Post("what a happy sad day", half_red()))
    assert found.label == found.result.label
    assert found.prior + sum(found.contributions.values()) == pytest.approx(found.probability)
    words = sum(word.contribution for word in found.words)
    assert words == pytest.approx(found.contributions[Modality.TEXT], abs=1e-6)
    assert "".join(word.text for word in found.words) == found.text == "what a happy sad day"
    assert found.contributions == pytest.approx(found.result.contributions)
    assert found.shares == pytest.approx(found.result.shares)
    json.dumps(found.to_dict(), allow_nan=False)


def test_words_that_decide_have_the_sign_that_they_should(tiny_classifier: posthue.PostClassifier) -> None:
    found = tiny_classifier.explain("a happy sad day", label="positive")
    value = {word.text.strip(): word.contribution for word in found.words}
    assert value["happy"] > 0.1
    assert value["sad"] < -0.1
    assert {word.text.strip() for word in found.top_words[:2]} == {"happy", "sad"}


def test_another_label_and_scheme(tiny_classifier: posthue.PostClassifier) -> None:
    negative = tiny_classifier.explain("a happy sad day", label="negative")
    value = {word.text.strip(): word.contribution for word in negative.words}
    assert value["sad"] > 0 > value["happy"]
    assert negative.probability == pytest.approx(negative.result.probabilities["negative"])
    emotion = tiny_classifier.explain("a happy day", scheme="emotion")
    assert emotion.prior == pytest.approx(1 / 7)


def test_regions_that_decide_are_hot(tiny_classifier: posthue.PostClassifier) -> None:
    found = tiny_classifier.explain(Post(image=half_red()), label="positive")
    assert found.heat is not None
    assert found.picture is not None
    assert found.picture.shape == (32, 32, 3)
    assert found.heat[:, :3].mean() > 0 > found.heat[:, 4:].mean()
    assert found.words == ()
    assert found.text == ""


def test_what_is_left_when_one_is_missing(tiny_classifier: posthue.PostClassifier) -> None:
    post = Post("a happy day", half_red())
    found = tiny_classifier.explain(post)
    alone = found.result.by_modality
    assert found.without == {Modality.TEXT: alone[Modality.IMAGE], Modality.IMAGE: alone[Modality.TEXT]}
    only = tiny_classifier.explain("a happy day")
    assert only.without[Modality.TEXT] == {"negative": 0.25, "neutral": 0.25, "positive": 0.5}


def test_a_head_that_attends(sequence_bundle: Path) -> None:
    found = posthue.load(sequence_bundle, threads=1).explain(Post("a happy sad day", GREEN))
    assert found.prior + sum(found.contributions.values()) == pytest.approx(found.probability)
    assert len(found.words) == 4


def test_the_same_post_has_the_same_explanation(tiny_classifier: posthue.PostClassifier) -> None:
    post = Post("happy " * 40, GREEN)
    first, second = tiny_classifier.explain(post), tiny_classifier.explain(post)
    assert first.words == second.words
    assert np.array_equal(first.heat, second.heat)


def test_mistakes_have_their_own_errors(tiny_classifier: posthue.PostClassifier, tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="no label scheme 'mikels'; it has sentiment, emotion"):
        tiny_classifier.explain("a", scheme="mikels")
    with pytest.raises(LabelError, match="'joy' is not a label of sentiment"):
        tiny_classifier.explain("a", label="joy")
    with pytest.raises(EmptyPostError):
        tiny_classifier.explain(Post(" "))
    with pytest.raises(ImageError, match=r"none\.jpg"):
        tiny_classifier.explain(Post("a", tmp_path / "none.jpg"))
    with pytest.raises(RowError, match="not a text"):
        tiny_classifier.explain(Post(3))  # type: ignore[arg-type]


def test_a_broken_picture_may_be_left_out(tiny_bundle: Path) -> None:
    found = posthue.load(tiny_bundle, threads=1, on_bad_image="text").explain(Post("a happy day", b"junk"))
    assert found.heat is None
    assert found.words
    assert "image not used" in found.prediction.warnings[0]


def test_a_bundle_of_one_modality(tmp_path: Path) -> None:
    classifier = posthue.load(make_bundle(tmp_path / "text", image=False), threads=1)
    found = classifier.explain(Post("a happy day", GREEN))
    assert found.heat is None
    assert set(found.contributions) == {Modality.TEXT}


def test_faithfulness_is_better_than_chance_where_it_must_be(tiny_classifier: posthue.PostClassifier) -> None:
    explainer = Explainer(tiny_classifier.engine)
    post = Post("the happy day is what a sad day is", half_red())
    found = explainer.explain(post, label="positive")
    for modality in Modality:
        measured = gains(explainer, found, modality)
        assert set(measured) == {"in the post", "alone"}
        assert all(gain.mean > 0 for gain in measured.values())
    assert gains(explainer, explainer.explain(Post("happy day")), Modality.TEXT) == {}
    mean = mean_gain([0.1, 0.2, 0.3])
    assert mean.value == pytest.approx(0.2)
    assert mean.low <= mean.value <= mean.high
