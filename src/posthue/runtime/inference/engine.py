"""The engine: many posts through one bundle, in their order, with bounded memory.

Posts go through in windows. In a window equal texts and equal pictures are encoded once; texts run in batches
of like length; pictures are decoded in threads beside the model. Then the head predicts all posts of the
window together: a post with both modalities is three questions (both, text alone, image alone).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from posthue.errors import EmptyPostError, InputError
from posthue.posts import Post, Prediction, State
from posthue.runtime.backends.devices import Device
from posthue.runtime.backends.sessions import Sessions
from posthue.runtime.bundle.folder import Bundle
from posthue.runtime.inference.batching import windows
from posthue.runtime.inference.cache import EncodedCache, EncodedModality
from posthue.runtime.inference.encoding import CACHE_BYTES, PostEncoder
from posthue.runtime.inference.head import Head, Probabilities, Row
from posthue.runtime.inference.scheme_result import scheme_result

if TYPE_CHECKING:
    from posthue.posts import ImageSource

OnBadImage = Literal["error", "text"]
_WINDOW = 2048
_SEQUENCE_WINDOW = 256  # a sequence takes a hundred times the memory of a pooled vector


@dataclass(slots=True)
class _Work:
    """One post on its way through the engine."""

    post: Post
    text: str = ""
    image: ImageSource | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None
    encoded_text: EncodedModality | None = None
    encoded_image: EncodedModality | None = None

    def rows(self) -> list[Row]:
        """The questions to the head: the whole post first, then each modality alone."""
        if self.error is not None:
            return []
        whole = Row(self.encoded_text, self.encoded_image)
        return (
            [whole, Row(whole.text, None), Row(None, whole.image)] if whole.state is State.BOTH else [whole]
        )


class Engine:
    """Encodes and predicts lists of posts. One engine may be used from several threads.

    threads: of inference and of decoding; None means all cores, and more than the cores is never taken.
    on_bad_image: what becomes of a post with a text whose image cannot be read: a row with an ``error``, or
        predicted from its ``text`` with a warning.
    cache_bytes: the most that encoder outputs kept for repeated contents may take.
    cache: a cache to share with other engines of the same bundle, instead of one of its own.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int | None = None,
        device: Device = "auto",
        on_bad_image: OnBadImage = "error",
        cache_bytes: int = CACHE_BYTES,
        cache: EncodedCache | None = None,
    ) -> None:
        if on_bad_image not in ("error", "text"):
            raise InputError(f"on_bad_image is {on_bad_image!r} and must be 'error' or 'text'")
        self.bundle = bundle
        self.sessions = Sessions(bundle, threads=threads, device=device)
        self._config = bundle.config
        self._on_bad_image = on_bad_image
        self._cache = cache if cache is not None else EncodedCache(cache_bytes)
        self._head = Head(self.sessions)
        self.encoder = PostEncoder(self.sessions, self._cache, head=self._head)

    def stream(self, posts: Iterable[Post]) -> Iterator[Prediction]:
        """Yield one prediction per post, in order, for any number of posts."""
        for window in windows(posts, size=self.window):
            yield from self.predict(window)

    def predict(self, posts: Sequence[Post]) -> list[Prediction]:
        """Return one prediction per post, in order; all of them are in memory together."""
        work = [self._begin(post) for post in posts]
        self._encode_texts([item for item in work if item.text and item.error is None])
        self._encode_images([item for item in work if item.image is not None and item.error is None])
        return self._conclude(work)

    def forget(self) -> None:
        """Empty the cache: what follows does not depend on what was predicted before."""
        self._cache.clear()

    @property
    def window(self) -> int:
        """How many posts are worked on together."""
        sequences = self._head.wants_text_sequence or self._head.wants_image_sequence
        return _SEQUENCE_WINDOW if sequences else _WINDOW

    def _begin(self, post: Post) -> _Work:
        """Return what there is to do for a post: which of its modalities this bundle can read."""
        if post.text is not None and not isinstance(post.text, str):
            kind = type(post.text).__name__
            return _Work(post, error=f"the text is not a text but {kind}; a post is a posthue.Post or a text")
        has_text = bool(post.text and post.text.strip())
        text = self.encoder.prepare(post.text) if has_text else ""
        image = post.image if self._config.image else None
        unread = [
            *(["text"] if has_text and self._config.text is None else []),
            *(["image"] if post.image is not None and self._config.image is None else []),
        ]
        if not text and image is None:
            return _Work(post, error=_nothing_to_read(unread))
        warnings = tuple(f"{name} not used: this bundle has no {name} model" for name in unread)
        return _Work(post, text=text, image=image, warnings=warnings)

    def _encode_texts(self, work: Sequence[_Work]) -> None:
        found = self.encoder.encode_texts([item.text for item in work])
        for item, encoded in zip(work, found, strict=True):
            item.encoded_text = encoded

    def _encode_images(self, work: Sequence[_Work]) -> None:
        found = self.encoder.encode_images([item.post for item in work])
        for item, encoded in zip(work, found, strict=True):
            if not isinstance(encoded, str):
                item.encoded_image = encoded
            elif self._on_bad_image == "text" and item.text:
                item.warnings = (*item.warnings, f"image not used: {encoded}")
            else:
                item.error = encoded

    def _conclude(self, work: Sequence[_Work]) -> list[Prediction]:
        rows = [item.rows() for item in work]
        flat = [row for group in rows for row in group]
        probabilities = self._head.probabilities(flat) if flat else {}
        predictions, start = [], 0
        for item, group in zip(work, rows, strict=True):
            states = [row.state for row in group]
            found = {
                name: dict(zip(states, values[start : start + len(group)], strict=True))
                for name, values in probabilities.items()
            }
            predictions.append(self._prediction(item, found))
            start += len(group)
        return predictions

    def _prediction(self, item: _Work, found: dict[str, dict[State, Probabilities]]) -> Prediction:
        blank = Prediction(id=item.post.id, warnings=item.warnings, error=item.error)
        if item.error is not None:
            return blank
        if not all(np.isfinite(row).all() for states in found.values() for row in states.values()):
            return replace(blank, error="the model gives no finite answer for this post")
        schemes, priors = self._config.schemes, self._config.priors
        results = {name: scheme_result(schemes[name], priors[name], states) for name, states in found.items()}
        return replace(blank, schemes=results)


def _nothing_to_read(unread: Sequence[str]) -> str:
    if unread:
        return f"this bundle has no {' and no '.join(unread)} model, and the post has nothing else"
    return str(EmptyPostError("the post has neither text nor image"))
