"""What a frozen encoder reads of posts, and what it says of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import isqrt
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from posthue.data.images.decode import decode_image, image_digest, to_pixels
from posthue.data.text import normalise_tweet
from posthue.errors import ImageError
from posthue.model.encoders.encoders import EncodedBatch, grid_means
from posthue.model.processor import PostProcessor
from posthue.posts import Post
from posthue.progress import progress_bar
from posthue.training.features.corruption import corrupt
from posthue.training.features.encoders import FrozenEncoder
from posthue.training.features.store import KEY_BYTES

BATCH = 64
MAX_TOKENS = 64
GRID = 3

Pixels = npt.NDArray[np.uint8]
#: Rows, and the encoder's inputs of these.
_Inputs: TypeAlias = tuple[Sequence[int], Sequence[Tensor]]


@dataclass(frozen=True, slots=True)
class FeatureView:
    """What is read of a post.

    corrupted: see posthue.training.features.corruption. sequences: keep them as well. skip_broken: a picture
    that cannot be opened counts as absent, instead of raising ImageError.
    """

    corrupted: bool = False
    sequences: bool = False
    skip_broken: bool = False


def content_key(post: Post, modality: str, view: FeatureView) -> bytes | None:
    """Return the digest [KEY_BYTES] of a post's text or picture; None where it has none."""
    if modality == "text":
        text = normalise_tweet(post.text or "")
        return blake2b(text.encode(), digest_size=KEY_BYTES).digest() if text else None
    try:
        return image_digest(post.image) if post.image is not None else None
    except ImageError:
        if view.skip_broken:
            return None
        raise


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """What an encoder says of some posts.

    rows: of the posts. pooled: [rows, dim]. sequence, mask: the part of the sequences that is kept [rows,
    length, dim] and where it is one [rows, length].
    """

    rows: Sequence[int]
    pooled: Tensor
    sequence: Tensor
    mask: Tensor


def encoded_batches(
    encoder: FrozenEncoder, posts: Sequence[Post], rows: Iterable[int], view: FeatureView
) -> Iterator[ReadBatch]:
    """Read rows of the posts, like with like; a picture that cannot be opened is as the view says."""
    text = encoder.modality == "text"
    order = sorted(rows, key=lambda row: len(posts[row].text or "") if text else 0)
    name = f"corrupted {encoder.modality}" if view.corrupted else encoder.modality
    with progress_bar(f"{name} features", shown=None if order else False) as advance:
        advance(0, len(order))
        for start in range(0, len(order), BATCH):
            chunk = order[start : start + BATCH]
            some = {row: posts[row] for row in chunk}
            for able, inputs in _texts(encoder, some) if text else _images(encoder, some, view):
                yield _encode(encoder, able, inputs)
            advance(start + len(chunk), len(order))


def _texts(encoder: FrozenEncoder, posts: Mapping[int, Post]) -> Iterator[_Inputs]:
    """Yield the tokens of all posts, by row."""
    tokens = encoder.processor.tokens([post.text or "" for post in posts.values()])
    yield [*posts], [*tokens.values()]


def _images(encoder: FrozenEncoder, posts: Mapping[int, Post], view: FeatureView) -> Iterator[_Inputs]:
    """Yield the pixels of posts, by row, once for every prepared size of pictures."""
    decoded = ((row, _decoded(encoder.processor, post, view)) for row, post in posts.items())
    images = {row: image for row, image in decoded if image is not None}
    for side in dict.fromkeys(map(len, images.values())):
        alike = {row: image for row, image in images.items() if len(image) == side}
        pixels = to_pixels(np.stack([*alike.values()]), encoder.processor.image_spec)
        yield [*alike], [torch.from_numpy(pixels)]


def _decoded(processor: PostProcessor, post: Post, view: FeatureView) -> Pixels | None:
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
def _encode(encoder: FrozenEncoder, rows: Sequence[int], inputs: Sequence[Tensor]) -> ReadBatch:
    network = encoder.network.eval()
    device = next(network.parameters()).device
    encode = network.encode_backbone if encoder.modality == "text" else network
    encoded: EncodedBatch = encode(*(values.to(device) for values in inputs))
    sequence, mask = encoded.sequence, encoded.mask
    if sequence is None or mask is None:
        sequence, mask = encoded.pooled[:, None], torch.ones(len(encoded.pooled), 1, dtype=torch.bool)
    if encoder.modality == "text":
        sequence, mask = sequence[:, :MAX_TOKENS], mask[:, :MAX_TOKENS]
    elif sequence.shape[1] > GRID * GRID:
        side = isqrt(sequence.shape[1])  # an image encoder gives as many rows of places as columns
        places = sequence.float().transpose(1, 2).unflatten(2, (side, side))
        sequence = grid_means(places, GRID).flatten(2).transpose(1, 2)
        mask = torch.ones(sequence.shape[:2], dtype=torch.bool)
    return ReadBatch(rows, encoded.pooled, sequence, mask)
