"""Making a feature index from posts: every text and picture through the encoders of a bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from posthue.errors import InputError
from posthue.posts import Modality, Post
from posthue.runtime.classifier import PostClassifier
from posthue.runtime.inference.cache import EncodedModality
from posthue.runtime.inference.encoding import PostEncoder
from posthue.runtime.neighbours.index import IndexRow, Labels, write_index

_WINDOW = 256


def index_posts(
    posts: Iterable[tuple[Post, Labels]],
    folder: str | Path,
    classifier: PostClassifier,
    *,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Encode posts and write an index into ``folder``; return how many posts are in it.

    Posts with neither a text nor a picture that can be read are left out. Raises InputError if none is left.
    """
    encoder = classifier.engine.encoder
    rows: list[IndexRow] = []
    encoded: dict[Modality, list[EncodedModality | None]] = {m: [] for m in encoder.modalities}
    window: list[tuple[Post, Labels]] = []
    for item in posts:
        window.append(item)
        if len(window) == _WINDOW:
            _add(window, encoder, rows, encoded)
            window = []
            if progress:
                progress(len(rows))
    _add(window, encoder, rows, encoded)
    if not rows:
        raise InputError("there is no post that this model can read: nothing to index")
    write_index(folder, classifier.engine.bundle, rows, encoded)
    return len(rows)


def _add(
    window: Sequence[tuple[Post, Labels]],
    encoder: PostEncoder,
    rows: list[IndexRow],
    encoded: dict[Modality, list[EncodedModality | None]],
) -> None:
    found = encoder.encode_posts([post for post, _ in window])
    for position, (post, labels) in enumerate(window):
        if all(values[position] is None for values in found.values()):
            continue
        for modality, values in found.items():
            encoded[modality].append(values[position])
        image = str(Path(post.image).resolve()) if isinstance(post.image, str | Path) else None
        rows.append(IndexRow(post.id, post.text, image, labels))
