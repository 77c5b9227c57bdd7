"""The encoders of a bundle: texts, pictures and whole posts, before the head is asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from posthue.errors import EmptyPostError
from posthue.posts import Modality, Post
from posthue.runtime.inference.cache import EncodedCache, EncodedModality, text_key
from posthue.runtime.inference.text_encoder import TextBatchEncoder

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from posthue.runtime.backends.sessions import Sessions
    from posthue.runtime.inference.head import Head
    from posthue.runtime.inference.image_encoder import ImageBatchEncoder

#: The most bytes of encoder outputs that are kept for repeated contents.
CACHE_BYTES = 64 * 2**20
_PICTURES_AT_ONCE = 8


class PostEncoder:
    """Encodes what a bundle reads; equal contents once. Safe to use from several threads.

    head: who reads the answers; sequences are made where it attends over them, for None never.
    """

    def __init__(self, sessions: Sessions, cache: EncodedCache, *, head: Head | None = None) -> None:
        self._sessions, self._cache, self._head = sessions, cache, head
        self._config = sessions.bundle.config

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What this bundle reads."""
        parts = {Modality.TEXT: self._config.text, Modality.IMAGE: self._config.image}
        return tuple(modality for modality, part in parts.items() if part is not None)

    @cached_property
    def _texts(self) -> TextBatchEncoder | None:
        if self._config.text is None:
            return None
        sequence = self._head is not None and self._head.wants_text_sequence
        return TextBatchEncoder(self._config.text, self._sessions, with_sequence=sequence)

    @cached_property
    def _images(self) -> ImageBatchEncoder | None:
        from posthue.runtime.inference.image_encoder import ImageBatchEncoder  # noqa: PLC0415  (Pillow)

        if self._config.image is None:
            return None
        sequence = self._head is not None and self._head.wants_image_sequence
        return ImageBatchEncoder(self._config.image, self._sessions, self._cache, with_sequence=sequence)

    def prepare(self, text: str | None) -> str:
        """Return the text as the encoder was trained on it; empty where there is nothing that it reads."""
        return self._texts.prepare(text) if self._texts else ""

    def encode_texts(self, texts: Sequence[str], *, keep: bool = True) -> list[EncodedModality | None]:
        """Encode prepared texts; None for an empty one. keep: look into the cache, and put them there."""
        keys = {text: text_key(text) for text in texts if text}
        found = {text: self._cache.get(key) if keep else None for text, key in keys.items()}
        new = [text for text, encoded in found.items() if encoded is None]
        encoded = self._texts.encode(new) if new and self._texts else []
        found |= zip(new, encoded, strict=True)
        if keep:
            for text, value in zip(new, encoded, strict=True):
                self._cache.put(keys[text], value)
        return [found.get(text) for text in texts]

    def encode_images(self, posts: Sequence[Post]) -> list[EncodedModality | str | None]:
        """Encode the pictures of posts; why one cannot be read in its place, None where there is none."""
        sources = [post.image for post in posts if post.image is not None]
        found = iter(self._images.encode(sources) if self._images and sources else [])
        return [next(found, None) if post.image is not None else None for post in posts]

    def encode_posts(self, posts: Sequence[Post]) -> dict[Modality, list[EncodedModality | None]]:
        """Return each modality of many posts, encoded; None where a post has none that can be read."""
        found: dict[Modality, list[EncodedModality | None]] = {}
        if Modality.TEXT in self.modalities:
            found[Modality.TEXT] = self.encode_texts([self.prepare(post.text) for post in posts])
        if Modality.IMAGE in self.modalities:
            images = self.encode_images(posts)
            found[Modality.IMAGE] = [a if isinstance(a, EncodedModality) else None for a in images]
        return found

    def encode_post(self, post: Post, modalities: Collection[Modality]) -> dict[Modality, EncodedModality]:
        """Return those of the modalities of one post that can be read, encoded."""
        chosen = Post(
            text=post.text if Modality.TEXT in modalities else None,
            image=post.image if Modality.IMAGE in modalities else None,
        )
        found = {modality: encoded for modality, (encoded,) in self.encode_posts([chosen]).items()}
        return {modality: encoded for modality, encoded in found.items() if encoded is not None}

    def decode(self, post: Post) -> npt.NDArray[np.uint8]:
        """Return the picture as the model sees it, uint8 [s, s, 3]; raise ImageError, EmptyPostError."""
        from posthue.data.images.decode import decode_image  # noqa: PLC0415  (Pillow)

        if post.image is None or self._config.image is None:
            raise EmptyPostError("the post has no picture that this bundle reads")
        return decode_image(post.image, self._config.image.spec)

    def encode_decoded(self, pictures: npt.NDArray[np.uint8]) -> list[EncodedModality | None]:
        """Encode decoded pictures, uint8 [n, s, s, 3]; none of them is kept."""
        if self._images is None:
            raise EmptyPostError("this bundle has no image model")
        found: list[EncodedModality | None] = []
        for start in range(0, len(pictures), _PICTURES_AT_ONCE):
            found.extend(self._images.encode_decoded(pictures[start : start + _PICTURES_AT_ONCE]))
        return found
