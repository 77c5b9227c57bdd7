"""The feature cache: a frozen encoder reads every text or picture once, ever.

A store is a folder per encoder (see :mod:`posthue.training.features.store`). Its name is a digest of the
encoder's weights, config and preprocessing: a changed encoder never meets old features. Beside the pooled
vectors (float32) stand, where they were asked for, the sequences (float16): at most 64 tokens of a text; the
patches of a picture, averaged to a grid of 3 × 3, which is a fifth of MobileNetV2's 7 × 7 and enough to
attend to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt
from datasets import Dataset

from posthue.model.post_model import PostModel
from posthue.model.processor import PostProcessor
from posthue.posts import Post
from posthue.training.datasets.rows import post_of
from posthue.training.features.corruption import CORRUPTION
from posthue.training.features.encoders import FrozenEncoder
from posthue.training.features.inputs import (
    GRID,
    MAX_TOKENS,
    FeatureView,
    ReadBatch,
    content_key,
    encoded_batches,
)
from posthue.training.features.store import KEY_BYTES, FeatureStore, Ragged, missing_rows, open_stores

#: A change of how features are stored makes new folders.
FORMAT = 2

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Encodings:
    """The features of one modality of some posts.

    pooled: [posts, dim], zeros where a post has none. present: [posts]. sequence: if it was asked for.
    content: digest of what was read, in the order of the posts.
    """

    pooled: Floats
    present: npt.NDArray[np.bool_]
    sequence: Ragged | None = None
    content: str = ""


def cached_features(
    model: PostModel, processor: PostProcessor, dataset: Dataset, modality: str, cache: str | Path
) -> Floats:
    """Return the features [rows, dim] of one modality of a dataset; zeros where a row has none.

    Encodes only what is not in the cache.
    """
    posts = [post_of(row) for row in dataset.select_columns(["text", "image_path", "image_bytes"])]
    encoder = FrozenEncoder.of(model, processor, modality)
    return encode_posts(encoder, posts, FeatureView(), cache).pooled


def encode_posts(
    encoder: FrozenEncoder, posts: Sequence[Post], view: FeatureView, cache: str | Path
) -> Encodings:
    """Return the features of posts, without token scores, from the cache where they are."""
    types = {False: "float32", True: "float16"} if view.sequences else {False: "float32"}
    folders = {store_folder(encoder, view, Path(cache), sequences=s): dtype for s, dtype in types.items()}
    keys = [content_key(post, encoder.modality, view) for post in posts]
    with open_stores(folders, encoder.dim) as stores:
        missing = missing_rows(stores, keys)
        for batch in encoded_batches(encoder, posts, missing, view):
            _add(stores, [missing[row] for row in batch.rows], batch)
        return _collect(stores, [key if key is not None and key in stores[0] else None for key in keys])


def store_folder(encoder: FrozenEncoder, view: FeatureView, cache: Path, *, sequences: bool = False) -> Path:
    """Return the folder of a store."""
    name = f"{encoder.modality}-{encoder.digest}-v{FORMAT}"
    name += f"-{CORRUPTION}" if view.corrupted else ""
    shape = f"tokens{MAX_TOKENS}" if encoder.modality == "text" else f"grid{GRID}"
    return cache / (f"{name}-{shape}" if sequences else name)


def _add(stores: Sequence[FeatureStore], keys: Sequence[bytes], batch: ReadBatch) -> None:
    stores[0].add(keys, batch.pooled.float().cpu().numpy())
    for store in stores[1:]:
        halves = batch.sequence[batch.mask].clamp(-65504, 65504).half().cpu().numpy()
        store.add(keys, halves, batch.mask.sum(1).tolist())


def _collect(stores: Sequence[FeatureStore], keys: Sequence[bytes | None]) -> Encodings:
    present = np.array([key is not None for key in keys], dtype=bool)
    pooled = np.zeros((len(keys), stores[0].dim), np.float32)
    if present.any():
        pooled[present] = stores[0].take([key for key in keys if key is not None])
    digest = blake2b(digest_size=12)
    for key in keys:
        digest.update(key or bytes(KEY_BYTES))
    sequence = stores[1].ragged(keys) if len(stores) > 1 else None
    return Encodings(pooled, present, sequence, digest.hexdigest())
