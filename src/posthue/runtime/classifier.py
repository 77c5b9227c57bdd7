"""The classifier that people hold in their hands: a bundle and its engine behind three names.

>>> classifier = load()                                                  # doctest: +SKIP
>>> classifier.predict(Post(text="what a day"))["sentiment"].label       # doctest: +SKIP
'positive'
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from posthue.errors import InputError
from posthue.labels import LabelScheme
from posthue.posts import Post, Prediction
from posthue.runtime.backends.devices import Device
from posthue.runtime.bundle.config import BundleConfig
from posthue.runtime.bundle.folder import Bundle
from posthue.runtime.inference.engine import Engine, OnBadImage

if TYPE_CHECKING:
    from posthue.runtime.explain import Explainer, Explanation


def load(
    bundle: str | Path | None = None,
    *,
    threads: int | None = None,
    device: Device = "auto",
    on_bad_image: OnBadImage = "error",
) -> PostClassifier:
    """Return a classifier for the bundle in a folder; None or ``default``: the model that ships with posthue.

    threads: None means all cores.
    device: "auto" takes a GPU where onnxruntime has one.
    on_bad_image: "error", or "text" to predict a post with a broken picture from its text, with a warning.

    Raises BundleError when the bundle is missing, incomplete or of another format; InputError for a setting
    that does not exist.
    """
    opened = Bundle.open("default" if bundle is None else bundle)
    return PostClassifier(Engine(opened, threads=threads, device=device, on_bad_image=on_bad_image))


class PostClassifier:
    """Predicts posts with one bundle. Safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def schemes(self) -> Mapping[str, LabelScheme]:
        """The label schemes that every prediction has, by name."""
        return self.info.schemes

    @property
    def info(self) -> BundleConfig:
        """What the bundle says of itself: parts, priors, temperatures, parity, provenance."""
        return self.engine.bundle.config

    def predict(self, post: Post | str) -> Prediction:
        """Return the prediction of one post; a string is a post's text."""
        return self.engine.predict([_as_post(post)])[0]

    def explain(
        self, post: Post | str, *, scheme: str = "sentiment", label: str | None = None
    ) -> Explanation:
        """Return why a post has its label: what its words and the regions of its picture add.

        label: what is explained; None is the label that the post was given. Takes about a hundred times as
        long as a prediction. Raises LabelError for a scheme or label that the model lacks, EmptyPostError,
        ImageError or RowError for a post that cannot be predicted.
        """
        return self._explainer.explain(_as_post(post), scheme=scheme, label=label)

    @cached_property
    def _explainer(self) -> Explainer:
        from posthue.runtime.explain import Explainer  # noqa: PLC0415  (needed by few)

        return Explainer(self.engine)

    def predict_many(self, posts: Iterable[Post | str]) -> Iterator[Prediction]:
        """Yield one prediction per post, in order, for any number of posts; memory stays bounded.

        Posts are taken in windows of up to 2,048 (fewer where their pictures are in memory), so the first
        prediction comes when the first window is full or the posts end. None and NaN, the empty cells of a
        table, are posts without anything; they and whatever is neither a post nor a text give a prediction
        with an ``error`` in their place. Raises InputError for what holds no posts, such as a single text.
        """
        _check_many(posts)
        return self.engine.stream(map(_as_row, posts))


def _as_post(post: Post | str) -> Post:
    if isinstance(post, str):
        return Post(text=post)
    if not isinstance(post, Post):
        raise InputError(f"a post is a posthue.Post or a text, not {type(post).__name__}")
    return post


def _as_row(value: object) -> Post:
    """Return a post for whatever stands in a place of one; the engine says what is wrong with its text."""
    if isinstance(value, Post):
        return value
    if value is None or (isinstance(value, float) and isnan(value)):
        return Post()
    return Post(text=value)  # type: ignore[arg-type]


def _check_many(posts: object) -> None:
    """Refuse what is one post, and what would be iterated by its letters, keys or column names."""
    kind = type(posts).__name__
    if isinstance(posts, str | Post):
        raise InputError(f"predict_many takes many posts, not one {kind}: give a list, or call predict")
    if isinstance(posts, Mapping) or kind == "DataFrame":
        raise InputError(f"predict_many takes posts or texts, not a {kind}: give a list, or one column of it")
    if isinstance(posts, bytes) or not isinstance(posts, Iterable):
        raise InputError(f"predict_many takes an iterable of posts or texts, such as a list, not {kind}")
