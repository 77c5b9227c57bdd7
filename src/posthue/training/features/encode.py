"""The feature cache: a frozen encoder reads every text or picture once, ever.

A store is a folder per encoder (see :mod:`posthue.training.features.store`). Its name is a digest of the
encoder's weights, config and preprocessing: a changed encoder never meets old features. Beside the pooled
vectors (float32) stand, where they were asked for, the sequences (float16): at most 64 tokens of a text; the
patches of a picture, averaged to a grid of 3 × 3, which is a fifth of MobileNetV2's 7 × 7 and enough to
attend to.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import blake2b
from math import isqrt
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from datasets import Dataset
from torch import Tensor

from posthue.data.images.decode import decode_image, image_digest, to_pixels
from posthue.data.text import normalise_tweet
from posthue.errors import ImageError
from posthue.locks import lock
from posthue.model.encoders.encoders import EncodedBatch, grid_means
from posthue.model.post_model import PostModel
from posthue.model.processor import PostProcessor
from posthue.posts import Post
from posthue.progress import progress_bar
from posthue.training.datasets.rows import post_of
from posthue.training.features.corruption import CORRUPTION, corrupt
from posthue.training.features.store import KEY_BYTES, FeatureStore, Ragged

BATCH = 64
#: A change of how features are stored makes new folders.
FORMAT = 2
MAX_TOKENS = 64
GRID = 3

Floats = npt.NDArray[np.float32]

_log = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True)
class FeatureView:
    """What is read of a post. corrupted: see posthue.training.features.corruption. sequences: keep them as
    well.

    skip_broken: a picture that cannot be opened counts as absent, instead of raising ImageError.
    """

    modality: str
    corrupted: bool = False
    sequences: bool = False
    skip_broken: bool = False


def encoder_digest(model: PostModel, processor: PostProcessor, modality: str) -> str:
    """Name an encoder by its weights, its config and how its inputs are prepared.

    Token scores have no part in it: they are no part of what is kept.
    """
    digest = blake2b(digest_size=12)
    for name, tensor in sorted(getattr(model, modality).state_dict().items()):
        if name.startswith("scores."):
            continue
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    digest.update(
        json.dumps(getattr(model.config, f"{modality}_encoder"), sort_keys=True, default=str).encode()
    )
    if modality == "image":
        digest.update(json.dumps(processor.spec, sort_keys=True).encode())
    else:
        digest.update(f"{processor.max_length}".encode())
        processor.tokens([""])  # a tokenizer's description holds how it was last used
        digest.update(processor.tokenizer.backend_tokenizer.to_str().encode())
    return digest.hexdigest()


def store_folder(digest: str, view: FeatureView, cache: str | Path, *, sequences: bool) -> Path:
    """Return the folder of a store."""
    name = f"{view.modality}-{digest}-v{FORMAT}"
    name += f"-{CORRUPTION}" if view.corrupted else ""
    shape = f"tokens{MAX_TOKENS}" if view.modality == "text" else f"grid{GRID}"
    return Path(cache) / (f"{name}-{shape}" if sequences else name)


def cached_features(
    model: PostModel, processor: PostProcessor, dataset: Dataset, modality: str, cache: str | Path
) -> Floats:
    """Return the features [rows, dim] of one modality of a dataset; zeros where a row has none.

    Encodes only what is not in the cache.
    """
    posts = [post_of(row) for row in dataset.select_columns(["text", "image_path", "image_bytes"])]
    return encode_posts(model, processor, posts, FeatureView(modality), cache).pooled


def encode_posts(
    model: PostModel, processor: PostProcessor, posts: Sequence[Post], view: FeatureView, cache: str | Path
) -> Encodings:
    """Return the features of one modality of posts, without token scores, from the cache where they are."""
    encoder, digest = getattr(model, view.modality), encoder_digest(model, processor, view.modality)
    dim = encoder.backbone_dim if view.modality == "text" else encoder.dim
    with ExitStack() as open_stores:
        stores = []
        for sequences in (False, True)[: 1 + view.sequences]:
            folder = store_folder(digest, view, cache, sequences=sequences)
            open_stores.enter_context(lock(folder / "lock", wait=True))
            stores.append(FeatureStore(folder, dim, "float16" if sequences else "float32"))
        keys = [_key(post, view) for post in posts]
        _encode_missing(model, processor, posts, keys, stores, view)
        keys = [key if key is not None and key in stores[0] else None for key in keys]
        return replace(_collect(keys, stores), content=_content(keys))


def _content(keys: Sequence[bytes | None]) -> str:
    digest = blake2b(digest_size=12)
    for key in keys:
        digest.update(key or bytes(KEY_BYTES))
    return digest.hexdigest()


def _encode_missing(
    model: PostModel,
    processor: PostProcessor,
    posts: Sequence[Post],
    keys: Sequence[bytes | None],
    stores: Sequence[FeatureStore],
    view: FeatureView,
) -> None:
    known = [key for key in keys if key is not None]
    damaged = sum(store.drop_damaged(known) for store in stores)
    if damaged:
        _log.warning("%d damaged entries of the feature cache are made again", damaged)
    missing = {key: i for i, key in enumerate(keys) if key is not None and any(key not in s for s in stores)}
    lengths = [len(post.text or "") if view.modality == "text" else 0 for post in posts]
    order = sorted(missing.values(), key=lambda i: lengths[i])
    name = f"corrupted {view.modality}" if view.corrupted else view.modality
    with progress_bar(f"{name} features", shown=None if order else False) as advance:
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            for able, inputs in _inputs(processor, [posts[i] for i in rows], view):
                batch_keys = [key for key in (keys[rows[i]] for i in able) if key is not None]
                _add(stores, batch_keys, _encode(model, inputs, view.modality), view.modality)
            advance(start + len(rows), len(order))


def _inputs(
    processor: PostProcessor, posts: Sequence[Post], view: FeatureView
) -> Iterator[tuple[list[int], dict[str, Tensor]]]:
    """Yield the posts that could be read, and the encoder's inputs, one batch per prepared picture size."""
    if view.modality == "text":
        yield list(range(len(posts))), processor.tokens([post.text or "" for post in posts])
        return
    sizes: dict[int, list[tuple[int, npt.NDArray[np.uint8]]]] = {}
    for i, post in enumerate(posts):
        image = _decoded(processor, post, view)
        if image is not None:
            sizes.setdefault(image.shape[0], []).append((i, image))
    for found in sizes.values():
        pixels = to_pixels(np.stack([image for _, image in found]), processor.image_spec)
        yield [i for i, _ in found], {"pixel_values": torch.from_numpy(pixels)}


def _decoded(processor: PostProcessor, post: Post, view: FeatureView) -> npt.NDArray[np.uint8] | None:
    if post.image is None:
        return None
    try:
        image = decode_image(post.image, processor.image_spec)
    except ImageError:
        if view.skip_broken:
            return None
        raise
    return corrupt(image, image_digest(post.image)) if view.corrupted else image


@torch.inference_mode()
def _encode(model: PostModel, inputs: dict[str, Tensor], modality: str) -> EncodedBatch:
    model.eval()
    given = [values.to(model.device) for values in inputs.values()]
    encoder = getattr(model, modality)
    encoded: EncodedBatch = encoder.encode_backbone(*given) if modality == "text" else encoder(*given)
    return encoded


def _add(stores: Sequence[FeatureStore], keys: Sequence[bytes], encoded: EncodedBatch, modality: str) -> None:
    stores[0].add(keys, encoded.pooled.float().cpu().numpy())
    for store in stores[1:]:
        sequence, mask = _shortened(encoded, modality)
        halves = sequence[mask].clamp(-65504, 65504).half().cpu().numpy()
        store.add(keys, halves, mask.sum(1).tolist())


def _shortened(encoded: EncodedBatch, modality: str) -> tuple[Tensor, Tensor]:
    """Return the part of a sequence that is kept [batch, length, dim], and its mask."""
    sequence, mask = encoded.sequence, encoded.mask
    if sequence is None or mask is None:
        sequence, mask = encoded.pooled[:, None], torch.ones(len(encoded.pooled), 1, dtype=torch.bool)
    if modality == "text":
        return sequence[:, :MAX_TOKENS], mask[:, :MAX_TOKENS]
    if sequence.shape[1] <= GRID * GRID:
        return sequence, mask
    side = isqrt(sequence.shape[1])  # an image encoder gives as many rows of places as columns
    places = sequence.float().transpose(1, 2).unflatten(2, (side, side))
    means = grid_means(places, GRID).flatten(2).transpose(1, 2)
    return means, torch.ones(means.shape[:2], dtype=torch.bool)


def _collect(keys: Sequence[bytes | None], stores: Sequence[FeatureStore]) -> Encodings:
    present = np.array([key is not None for key in keys], dtype=bool)
    pooled = np.zeros((len(keys), stores[0].dim), np.float32)
    if present.any():
        pooled[present] = stores[0].take([key for key in keys if key is not None])
    return Encodings(pooled, present, stores[1].ragged(keys) if len(stores) > 1 else None)


def _key(post: Post, view: FeatureView) -> bytes | None:
    if view.modality == "image":
        try:
            return image_digest(post.image) if post.image is not None else None
        except ImageError:
            if view.skip_broken:
                return None
            raise
    text = normalise_tweet(post.text or "")
    return blake2b(text.encode(), digest_size=KEY_BYTES).digest() if text else None
