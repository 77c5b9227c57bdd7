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
    from posthue.runtime.inference.cache import EncodedModality

_WINDOW = 1024
_CACHE_BYTES = 1 << 24
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
    from posthue.runtime.inference.image_encoder import ImageBatchEncoder  # noqa: PLC0415
    from posthue.runtime.inference.text_encoder import TextBatchEncoder  # noqa: PLC0415

    sessions, config = Sessions(bundle, threads=threads), bundle.config
    parts: list[Floats] = []
    if config.text is not None and any(post.text for post in posts):
        texts = TextBatchEncoder(config.text, sessions, with_sequence=False)
        prepared = [texts.prepare(post.text) or None for post in posts]
        parts.append(_encoded(prepared, texts.encode, config.text.dim, progress))
    if config.image is not None and any(post.image is not None for post in posts):
        images = ImageBatchEncoder(config.image, sessions, EncodedCache(_CACHE_BYTES), with_sequence=False)
        parts.append(_encoded([post.image for post in posts], images.encode, config.image.dim, progress))
    return np.hstack([_scaled(part) for part in parts]) if parts else np.zeros((len(posts), 0), np.float32)


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


def _encoded(
    inputs: Sequence[Any],
    encode: Callable[[list[Any]], Sequence[EncodedModality | str]],
    dim: int,
    progress: Progress | None,
) -> Floats:
    """Encode equal inputs once, in windows; rows [inputs, dim] of zeros where there is nothing."""
    found = np.zeros((len(inputs), dim), np.float32)
    rows: dict[Any, list[int]] = {}
    for row, value in enumerate(inputs):
        if value is not None:
            rows.setdefault(value if isinstance(value, str | bytes) else str(value), []).append(row)
    keys = list(rows)
    for start in range(0, len(keys), _WINDOW):
        window = keys[start : start + _WINDOW]
        for key, encoded in zip(window, encode([inputs[rows[k][0]] for k in window]), strict=True):
            if not isinstance(encoded, str):
                found[rows[key]] = encoded.pooled
        if progress:
            progress(min(start + _WINDOW, len(keys)), len(keys))
    return found


def _scaled(values: Floats) -> Floats:
    present = values.any(axis=1)
    if not present.any():
        return values
    known = values[present]
    values[present] = (known - known.mean(axis=0)) / np.maximum(known.std(axis=0), 1e-6)
    return values
