"""The feature cache: a frozen encoder reads every text or picture once, ever.

A store is a folder per encoder: ``keys`` (16 bytes per entry, a content hash) beside ``values`` (float32
rows). Entries are only appended, values first, so a killed run leaves a store that is whole up to its last
batch. The folder's name is a digest of the encoder's weights, config and preprocessing: a changed encoder
never meets old features.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from datasets import Dataset
from tqdm.auto import tqdm

from posthue.data.images import image_digest
from posthue.data.text import normalise_tweet
from posthue.model.post_model import PostModel
from posthue.model.processor import PostProcessor
from posthue.posts import Post
from posthue.training.dataset import post_of

KEY_BYTES = 16
BATCH = 64

Floats = npt.NDArray[np.float32]


class FeatureStore:
    """Vectors of ``dim`` numbers by content hash, in a folder."""

    def __init__(self, folder: str | Path, dim: int) -> None:
        self.folder, self.dim = Path(folder), dim
        self.folder.mkdir(parents=True, exist_ok=True)
        self._keys, self._values = self.folder / "keys", self.folder / "values"
        self._rows = {key: row for row, key in enumerate(self._whole())}

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: bytes) -> bool:
        return key in self._rows

    def add(self, keys: Sequence[bytes], values: Floats) -> None:
        """Append vectors [len(keys), dim]."""
        for path, content in (
            (self._values, values.astype(np.float32).tobytes()),
            (self._keys, b"".join(keys)),
        ):
            with path.open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        self._rows |= {key: len(self._rows) + i for i, key in enumerate(keys)}

    def take(self, keys: Sequence[bytes]) -> Floats:
        """Return the vectors [len(keys), dim] of keys that are in the store, memory-mapped until taken."""
        values = np.memmap(self._values, dtype=np.float32, mode="r").reshape(-1, self.dim)
        return np.asarray(values[[self._rows[key] for key in keys]])

    def _whole(self) -> Iterator[bytes]:
        """Cut both files to the entries that are complete, and yield their keys."""
        sizes = [path.stat().st_size if path.exists() else 0 for path in (self._keys, self._values)]
        count = min(sizes[0] // KEY_BYTES, sizes[1] // (4 * self.dim))
        for path, size in ((self._keys, KEY_BYTES), (self._values, 4 * self.dim)):
            path.touch()
            os.truncate(path, count * size)
        keys = self._keys.read_bytes()
        return (keys[i : i + KEY_BYTES] for i in range(0, len(keys), KEY_BYTES))


def encoder_digest(model: PostModel, processor: PostProcessor, modality: str) -> str:
    """Name an encoder by its weights, its config and how its inputs are prepared."""
    digest = blake2b(digest_size=12)
    for name, tensor in sorted(getattr(model, modality).state_dict().items()):
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


def cached_features(
    model: PostModel, processor: PostProcessor, dataset: Dataset, modality: str, cache: str | Path
) -> Floats:
    """Return the features [rows, dim] of one modality; zeros where a row has none.

    Encodes only what is not in the cache.
    """
    encoder = getattr(model, modality)
    folder = Path(cache) / f"{modality}-{encoder_digest(model, processor, modality)}"
    store = FeatureStore(folder, encoder.dim)
    posts = [post_of(row) for row in dataset.select_columns(["text", "image_path", "image_bytes"])]
    keys = [_key(post, modality) for post in posts]
    missing = {key: i for i, key in enumerate(keys) if key is not None and key not in store}
    lengths, small = dataset["length"][:], dataset["small"][:]
    batches = list(_batches(sorted(missing.values(), key=lambda i: lengths[i]), small))
    for batch in tqdm(batches, desc=f"{modality} features", unit="batch", disable=not batches):
        pooled = _encode(model, processor, [posts[i] for i in batch], modality)
        store.add([key for key in (keys[i] for i in batch) if key is not None], pooled)
    features = np.zeros((len(posts), encoder.dim), np.float32)
    rows = [i for i, key in enumerate(keys) if key is not None]
    if rows:
        features[rows] = store.take([key for key in keys if key is not None])
    return features


@torch.inference_mode()
def _encode(model: PostModel, processor: PostProcessor, posts: Sequence[Post], modality: str) -> Floats:
    """Return the vectors [posts, dim] of one batch."""
    model.eval()
    if modality == "text":
        inputs = processor.tokens([post.text or "" for post in posts])
    else:
        inputs = {"pixel_values": processor.pixels(posts)}
    encoded = model.encode(**{k: v.to(model.device) for k, v in inputs.items()})
    pooled = next(e for e in encoded if e is not None).pooled
    return np.asarray(pooled.float().cpu().numpy())


def _batches(order: Sequence[int], small: Sequence[bool]) -> Iterator[list[int]]:
    """Cut an order into batches in which pictures are of one prepared size."""
    for flag in (False, True):
        rows = [i for i in order if small[i] == flag]
        yield from (rows[i : i + BATCH] for i in range(0, len(rows), BATCH))


def _key(post: Post, modality: str) -> bytes | None:
    if modality == "image":
        return image_digest(post.image) if post.image is not None else None
    text = post.text
    return blake2b(normalise_tweet(text).encode(), digest_size=KEY_BYTES).digest() if text else None
