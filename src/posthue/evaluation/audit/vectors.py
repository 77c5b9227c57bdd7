"""Posts as vectors, for a quick model of their labels: from a bundle's encoders, or words alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from posthue.data.text import normalise_tweet
from posthue.errors import MissingExtraError
from posthue.posts import Post

if TYPE_CHECKING:
    from posthue.runtime.bundle.folder import Bundle

_WINDOW = 1024
Floats = npt.NDArray[np.float32]
Progress = Callable[[int, int], None]


def bundle_vectors(
    posts: Sequence[Post], bundle: Bundle, *, threads: int | None = None, progress: Progress | None = None
) -> Floats:
    """Return what the encoders of a bundle say of each post [posts, dims of text and image].

    Every column has mean 0 and deviation 1 over the posts that have its modality; it is 0 for the others, and
    for pictures that cannot be read.
    """
    from posthue.runtime.backends.sessions import Sessions  # noqa: PLC0415
    from posthue.runtime.inference.cache import EncodedCache  # noqa: PLC0415
    from posthue.runtime.inference.encoding import CACHE_BYTES, PostEncoder  # noqa: PLC0415

    encoder = PostEncoder(Sessions(bundle, threads=threads), EncodedCache(CACHE_BYTES))
    parts = {"text": bundle.config.text, "image": bundle.config.image}
    found = {name: np.zeros((len(posts), part.dim), np.float32) for name, part in parts.items() if part}
    for start in range(0, len(posts), _WINDOW):
        for modality, column in encoder.encode_posts(posts[start : start + _WINDOW]).items():
            for row, encoded in enumerate(column, start):
                if encoded is not None:
                    found[modality][row] = encoded.pooled
        if progress:
            progress(min(start + _WINDOW, len(posts)), len(posts))
    scaled = [_scaled(values) for values in found.values() if values.any()]
    return np.hstack(scaled) if scaled else np.zeros((len(posts), 0), np.float32)


def word_vectors(posts: Sequence[Post]) -> Any:
    """Return TF-IDF of the words and word pairs of each text, a sparse matrix [posts, terms]."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("scikit-learn", "audit") from None
    texts = [normalise_tweet(post.text or "") for post in posts]
    vectoriser = TfidfVectorizer(
        ngram_range=(1, 2), min_df=2 if len(texts) > 100 else 1, max_features=50_000, sublinear_tf=True
    )
    try:
        return vectoriser.fit_transform(texts)
    except ValueError:  # not one word
        return np.zeros((len(texts), 0), np.float32)


def _scaled(values: Floats) -> Floats:
    present = values.any(axis=1)
    known = values[present]
    values[present] = (known - known.mean(axis=0)) / np.maximum(known.std(axis=0), 1e-6)
    return values
