"""Keep validation unseen: training rows that repeat a validation text or picture are left out."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b

from datasets import Dataset

from posthue.data.images import image_digest
from posthue.data.text import count_words, normalise_tweet
from posthue.errors import ImageError
from posthue.training.dataset import post_of

#: Shorter texts ("thank you") repeat by chance and are no leak.
FEWEST_WORDS = 4


def without_leaks(dataset: Dataset, validation: Iterable[Dataset]) -> Dataset:
    """Return the rows whose text (case aside) and picture stand in no validation set."""
    seen: set[bytes] = set()
    for rows in validation:
        seen.update(key for keys in _keys(rows) for key in keys)
    kept = [i for i, keys in enumerate(_keys(dataset)) if seen.isdisjoint(keys)]
    return dataset.select(kept)


def _keys(dataset: Dataset) -> Iterable[list[bytes]]:
    for row in dataset.select_columns(["text", "image_path", "image_bytes"]):
        post = post_of(row)
        keys = []
        if post.text and count_words(post.text) >= FEWEST_WORDS:
            keys.append(b"t" + blake2b(normalise_tweet(post.text).lower().encode(), digest_size=16).digest())
        if post.image is not None:
            with suppress(ImageError):
                keys.append(b"i" + image_digest(post.image))
        yield keys
