from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from bundle_factory import SENTIMENT_PRIOR, make_bundle
from posthue import InputError, Modality, Post, PostClassifier, Prediction, load
from posthue.posts import SchemeResult


def plain(colour: str, size: int = 40) -> npt.NDArray[np.uint8]:
    return np.array(Image.new("RGB", (size, size), colour))


RED, GREEN, GREY = plain("red"), plain("lime"), plain("gray")
TINY_GREEN = plain("lime", 10)
MIXED_BAG = [
    Post("happy day", GREEN, id="1"),
    Post("sad"),
    Post(image=RED),
    Post("a day @anna is happy happy", TINY_GREEN),
    Post("   "),
    Post("what a sad sad sad day " * 20, GREY),
    Post("sad"),
    Post(image=TINY_GREEN),
    Post("", RED),
]


def numbers(prediction: Prediction) -> list[float]:
    return [
        value
        for result in prediction.schemes.values()
        for row in (result.probabilities, *result.by_modality.values())
        for value in row.values()
    ]


def test_texts_and_pictures_are_predicted(tiny_classifier: PostClassifier) -> None:
    labels = [p["sentiment"].label for p in tiny_classifier.predict_many(["happy", "sad"])]
    assert labels == ["positive", "negative"]
    assert tiny_classifier.predict(Post(image=GREEN))["sentiment"].label == "positive"
    assert tiny_classifier.predict(Post(image=RED))["sentiment"].label == "negative"


def test_many_are_as_one_by_one_and_in_order(tiny_bundle: Path) -> None:
    together = list(load(tiny_bundle).predict_many(MIXED_BAG))
    alone = [load(tiny_bundle).predict(post) for post in MIXED_BAG]
    assert [p.id for p in together] == [post.id for post in MIXED_BAG]
    assert [p.error for p in together] == [p.error for p in alone]
    for one, other in zip(together, alone, strict=True):
        assert numbers(one) == pytest.approx(numbers(other), abs=1e-6)


def test_sequences_give_what_pooled_vectors_give(tiny_bundle: Path, sequence_bundle: Path) -> None:
    pooled = list(load(tiny_bundle).predict_many(MIXED_BAG))
    attended = list(load(sequence_bundle).predict_many(MIXED_BAG))
    for one, other in zip(pooled, attended, strict=True):
        assert numbers(one) == pytest.approx(numbers(other), abs=1e-5)


def test_a_post_with_both_has_shapley_shares(tiny_classifier: PostClassifier) -> None:
    result = tiny_classifier.predict(Post("the day", GREEN))["sentiment"]
    prior = SENTIMENT_PRIOR[2]
    both = result.confidence
    text, image = (result.by_modality[m]["positive"] for m in Modality)
    assert result.label == "positive"
    assert result.contributions[Modality.TEXT] == pytest.approx((text - prior + both - image) / 2)
    assert result.contributions[Modality.IMAGE] == pytest.approx((image - prior + both - text) / 2)
    assert sum(result.shares.values()) == pytest.approx(1)
    assert sum(result.probabilities.values()) == pytest.approx(1)


def test_modalities_alone_are_predicted_as_posts_of_one_modality(tiny_classifier: PostClassifier) -> None:
    both = tiny_classifier.predict(Post("happy day", RED))
    text, image = tiny_classifier.predict("happy day"), tiny_classifier.predict(Post(image=RED))
    for scheme in tiny_classifier.schemes:
        assert both[scheme].by_modality[Modality.TEXT] == pytest.approx(text[scheme].probabilities)
        assert both[scheme].by_modality[Modality.IMAGE] == pytest.approx(image[scheme].probabilities)
    assert text["sentiment"].shares == {Modality.TEXT: 1.0}


def test_mixed_means_confident_of_different_things(tiny_classifier: PostClassifier) -> None:
    def mixed(text: str, image: npt.NDArray[np.uint8]) -> bool:
        return tiny_classifier.predict(Post(text, image))["sentiment"].mixed

    assert mixed("happy", RED)
    assert mixed("sad", GREEN)
    assert not mixed("happy", GREEN)
    assert not mixed("happy sad", RED)  # the text is of two minds
    assert not tiny_classifier.predict("happy").mixed


def test_the_temperature_is_that_of_the_state(tmp_path: Path, tiny_classifier: PostClassifier) -> None:
    hot = {"both": 1e6, "text": 1.5, "image": 2.0}
    same = {"both": 1.0, "text": 1.0, "image": 1.0}
    classifier = load(make_bundle(tmp_path, {"temperatures": {"sentiment": hot, "emotion": same}}))
    post = Post("happy", GREEN)
    result: SchemeResult = classifier.predict(post)["sentiment"]
    assert max(result.probabilities.values()) == pytest.approx(1 / 3, abs=1e-3)
    expected = tiny_classifier.predict(post)["sentiment"].by_modality
    assert result.by_modality[Modality.TEXT] == pytest.approx(expected[Modality.TEXT])


def encoded_image(colour: str) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(held, "PNG")
    return held.getvalue()


def test_bad_rows_have_errors_and_stop_nothing(tiny_classifier: PostClassifier) -> None:
    good = encoded_image("lime")
    posts = [
        Post(image="no/such/file.jpg"),
        Post("happy", good[: len(good) // 2]),
        Post(image=b""),
        Post(None, None),
        Post("\x00\x01"),
        Post(3),  # type: ignore[arg-type]
        Post("happy", good),
        Post(image=b"no picture" * 100),
        Post(image=good),
        Post("\ud83d happy \ud83d"),
        Post("sad " * 250_000),
    ]
    found = list(tiny_classifier.predict_many(posts))
    assert [p.ok for p in found] == [False] * 6 + [True, False, True, True, True]
    assert all(p.error and not p.schemes for p in found if not p.ok)
    assert found[3].error == "the post has neither text nor image"


def test_a_broken_picture_may_be_left_out(tiny_bundle: Path) -> None:
    classifier = load(tiny_bundle, on_bad_image="text")
    text, nothing = classifier.predict_many([Post("happy", b"x"), Post(image=b"x")])
    assert text["sentiment"].label == "positive"
    assert text.warnings[0].startswith("image not used")
    assert nothing.error
    with pytest.raises(InputError, match="on_bad_image"):
        load(tiny_bundle, on_bad_image="ignore")  # type: ignore[arg-type]


@pytest.mark.parametrize("sequence", [False, True])
def test_a_bundle_of_one_modality(tmp_path: Path, sequence: bool) -> None:
    reader = load(make_bundle(tmp_path / "t", image=False, sequence=sequence))
    both, picture = reader.predict_many([Post("happy", RED), Post(image=RED)])
    assert both["sentiment"].label == "positive"
    assert both.warnings == ("image not used: this bundle has no image model",)
    assert picture.error == "this bundle has no image model, and the post has nothing else"

    viewer = load(make_bundle(tmp_path / "i", text=False, sequence=sequence))
    both, text = viewer.predict_many([Post("happy", RED), Post("happy")])
    assert both["sentiment"].label == "negative"
    assert list(both["sentiment"].by_modality) == [Modality.IMAGE]
    assert text.error == "this bundle has no text model, and the post has nothing else"


class CountingModel:
    """A session that counts the rows that it is given."""

    def __init__(self, inner: object) -> None:
        self.inner = inner
        self.rows = 0

    def run(self, feeds: dict[str, npt.NDArray[np.int64]], outputs: list[str], *, alone: bool) -> object:
        self.rows += len(next(iter(feeds.values())))
        return self.inner.run(feeds, outputs, alone=alone)  # type: ignore[attr-defined]


def test_equal_contents_are_encoded_once(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded_image("red"))
    (tmp_path / "b.png").write_bytes(encoded_image("red"))
    classifier = load(tiny_bundle)
    sessions = classifier.engine.sessions
    text, image = CountingModel(sessions.text), CountingModel(sessions.image)
    sessions.text, sessions.image = text, image  # type: ignore[assignment]
    posts = [Post("happy", tmp_path / "a.png"), Post("happy ", tmp_path / "b.png"), Post("sad"), Post("sad")]
    for _ in range(2):
        assert all(p.ok for p in classifier.predict_many(posts * 5))
    assert (text.rows, image.rows) == (2, 1)


def test_any_number_of_posts_streams(tiny_bundle: Path) -> None:
    taken = 0

    def endless() -> Iterator[Post]:
        nonlocal taken
        while True:
            taken += 1
            yield Post(f"happy {taken}")

    classifier = load(tiny_bundle)
    stream = classifier.predict_many(endless())
    assert next(stream).ok
    assert taken == classifier.engine.window
    assert list(classifier.predict_many([])) == []


def test_many_pictures_of_several_sizes(tiny_classifier: PostClassifier) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (size, size, 3), dtype=np.uint8) for size in [8, 40, 12, 90] * 25]
    together = list(tiny_classifier.predict_many(Post(image=image) for image in images))
    for number in (0, 1, 50, 99):
        alone = tiny_classifier.predict(Post(image=images[number]))
        assert numbers(together[number]) == pytest.approx(numbers(alone), abs=1e-6)


def test_several_threads_share_a_classifier(tiny_classifier: PostClassifier) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda n: tiny_classifier.predict(["happy", "sad"][n % 2] + f" {n}"), range(100))
        )
    assert [p["sentiment"].label for p in found] == ["positive", "negative"] * 50


def test_a_model_that_gives_nan_makes_the_row_an_error(tiny_bundle: Path) -> None:
    class Broken:
        inputs = load(tiny_bundle).engine.sessions.head.inputs

        def run(self, feeds: dict[str, npt.NDArray[np.float32]], outputs: list[str]) -> object:
            rows = len(feeds["present"])
            return [np.full((rows, 3), np.nan, np.float32), np.zeros((rows, 7), np.float32)]

    classifier = load(tiny_bundle)
    classifier.engine.sessions.head = Broken()  # type: ignore[assignment]
    assert "finite" in str(classifier.predict("happy").error)


def test_what_is_no_post_is_refused(tiny_classifier: PostClassifier) -> None:
    with pytest.raises(InputError, match=r"posthue\.Post or a text, not dict"):
        tiny_classifier.predict({"text": "happy"})  # type: ignore[arg-type]


def test_threads_and_devices_that_are_not_there(tiny_bundle: Path) -> None:
    with pytest.raises(InputError, match="1 or more"):
        load(tiny_bundle, threads=0)
    with pytest.raises(InputError, match="device"):
        load(tiny_bundle, device="abacus")  # type: ignore[arg-type]
