from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from PIL import Image
from torch import nn

from posthue.errors import ImageError
from posthue.model.encoders.encoders import EncodedBatch
from posthue.posts import Post
from posthue.training.datasets.batches import prepare
from posthue.training.features.encode import cached_features, encode_posts, store_folder
from posthue.training.features.encoders import FrozenEncoder
from posthue.training.features.inputs import FeatureView
from posthue.training.features.store import ENTRY, KEY_BYTES, FeatureStore
from tiny_models import bert_config, post_rows, resnet_config, tiny_model, tiny_processor

pytestmark = pytest.mark.torch

DIM = 3


def keys(count: int, start: int = 0) -> list[bytes]:
    return [i.to_bytes(KEY_BYTES, "big") for i in range(start, start + count)]


def values(count: int, start: int = 0) -> np.ndarray:
    return np.arange(start, start + count, dtype=np.float32)[:, None] + np.array([0.0, 0.25, 0.5], np.float32)


def test_a_store_gives_back_what_it_was_given(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "a", DIM)
    store.add(keys(4), values(4))
    store.add(keys(2, 4), values(2, 4))
    for reader in (store, FeatureStore(tmp_path / "a", DIM)):
        assert len(reader) == 6
        order = keys(6)[::-1]
        np.testing.assert_array_equal(reader.take(order), values(6)[::-1])
        assert keys(1, 9)[0] not in reader


@pytest.mark.parametrize("seed", range(12))
def test_a_write_cut_anywhere_leaves_whole_entries(tmp_path: Path, seed: int) -> None:
    """Values are written before keys: after a kill, either file may end anywhere in the last batch."""
    rng = np.random.default_rng(seed)
    store = FeatureStore(tmp_path, DIM)
    store.add(keys(3), values(3))
    before = {name: (tmp_path / name).stat().st_size for name in ("index", "values")}
    store.add(keys(5, 3), values(5, 3))
    for name, size in before.items():
        path = tmp_path / name
        cut = int(rng.integers(size, path.stat().st_size + 1))
        path.write_bytes(path.read_bytes()[:cut])
    again = FeatureStore(tmp_path, DIM)
    assert 3 <= len(again) <= 8
    np.testing.assert_array_equal(again.take(keys(len(again))), values(len(again)))
    missing = [key for key in keys(8) if key not in again]
    assert missing == keys(8)[len(again) :]
    again.add(missing, values(8)[len(again) :])
    np.testing.assert_array_equal(FeatureStore(tmp_path, DIM).take(keys(8)), values(8))


class Counting(nn.Module):
    """An encoder that counts what it reads."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner, self.dim, self.backbone_dim, self.read = inner, inner.dim, inner.dim, 0

    def forward(self, *inputs: torch.Tensor) -> EncodedBatch:
        self.read += len(inputs[0])
        encoded: EncodedBatch = self.inner(*inputs)
        return encoded

    encode_backbone = forward


def picture(seed: int, side: int) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


POSTS = [
    Post("happy day", picture(0, 80)),
    Post("sad film"),
    Post(image=picture(1, 20)),
    Post("happy   day", picture(0, 80)),  # the same again
    Post("bad food", picture(2, 80)),
]


@pytest.mark.parametrize(("modality", "different"), [("text", 3), ("image", 3)])
def test_everything_is_read_once(tmp_path: Path, modality: str, different: int) -> None:
    model, processor = tiny_model(text=bert_config(), image=resnet_config()), tiny_processor()
    counting = Counting(getattr(model, modality))
    setattr(model, modality, counting)
    ready = prepare(post_rows(POSTS), processor)
    found = cached_features(model, processor, ready, modality, tmp_path)
    assert counting.read == different
    np.testing.assert_array_equal(cached_features(model, processor, ready, modality, tmp_path), found)
    assert counting.read == different
    more = prepare(post_rows([*POSTS, Post("hate", picture(9, 80))]), processor)
    np.testing.assert_array_equal(cached_features(model, processor, more, modality, tmp_path)[:5], found)
    assert counting.read == different + 1
    assert not found[2 if modality == "text" else 1].any()
    np.testing.assert_array_equal(found[0], found[3])


@torch.no_grad()
def test_features_are_what_the_encoder_says(tmp_path: Path) -> None:
    model, processor = tiny_model(text=bert_config(), image=resnet_config()), tiny_processor()
    ready = prepare(post_rows(POSTS), processor)
    texts, images = (cached_features(model, processor, ready, m, tmp_path) for m in ("text", "image"))
    for row, post in enumerate(POSTS):
        inputs = {k: v for k, v in processor([post]).items() if k != "present"}
        for encoded, stored in zip(model.encode(**inputs), (texts, images), strict=True):
            if encoded is not None:
                np.testing.assert_allclose(stored[row], encoded.pooled[0].numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("modality", ["text", "image"])
def test_a_killed_run_reads_only_what_is_missing(tmp_path: Path, modality: str) -> None:
    model, processor = tiny_model(text=bert_config(), image=resnet_config()), tiny_processor()
    ready = prepare(post_rows(POSTS), processor)
    found = cached_features(model, processor, ready, modality, tmp_path)
    (folder,) = tmp_path.iterdir()
    (folder / "index").write_bytes((folder / "index").read_bytes()[: ENTRY.itemsize + 5])
    counting = Counting(getattr(model, modality))
    model.__setattr__(modality, counting)
    encoder = FrozenEncoder.of(model, processor, modality)  # the counting encoder's weights have other names
    folder.rename(store_folder(encoder, FeatureView(), tmp_path))
    np.testing.assert_allclose(
        cached_features(model, processor, ready, modality, tmp_path), found, rtol=1e-4, atol=1e-5
    )
    assert counting.read == 2


def test_another_encoder_has_another_folder() -> None:
    model, processor = tiny_model(text=bert_config(), image=resnet_config()), tiny_processor()
    names = {(m, FrozenEncoder.of(model, processor, m).digest) for m in ("text", "image")}
    same = tiny_model(text=bert_config(), image=resnet_config())
    assert {(m, FrozenEncoder.of(same, processor, m).digest) for m in ("text", "image")} == names
    with torch.no_grad():
        same.text.backbone.embeddings.word_embeddings.weight[5, 5] += 1e-3
        next(same.image.parameters())[0] += 1e-3
    names |= {(m, FrozenEncoder.of(same, processor, m).digest) for m in ("text", "image")}
    other = tiny_processor()
    other.max_length, other.spec = 17, other.spec | {"small_size": 48}
    names |= {(m, FrozenEncoder.of(model, other, m).digest) for m in ("text", "image")}
    longer = tiny_processor()
    longer.tokenizer.add_tokens(["\N{WINKING FACE}"])
    names.add(("text", FrozenEncoder.of(model, longer, "text").digest))
    assert len(names) == 7


def test_entries_of_several_rows(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, DIM, "float16")
    store.add(keys(3), values(6), [1, 3, 2])
    found = FeatureStore(tmp_path, DIM, "float16").ragged([keys(3)[1], None, keys(3)[2]])
    assert found.lengths.tolist() == [3, 0, 2]
    padded, mask = found.padded(np.array([0, 1, 2]))
    assert mask.sum(1).tolist() == [3, 0, 2]
    np.testing.assert_array_equal(padded[0].numpy(), values(6)[1:4])
    np.testing.assert_array_equal(padded[2, :2].numpy(), values(6)[4:])
    assert isinstance(found.values, np.memmap)


def test_damage_is_noticed_and_made_again(tmp_path: Path) -> None:
    model, processor = tiny_model(text=bert_config(), image=resnet_config()), tiny_processor()
    view, image = FeatureView(sequences=True), FrozenEncoder.of(model, processor, "image")
    first = encode_posts(image, POSTS, view, tmp_path)
    for folder in tmp_path.iterdir():
        path = folder / "values"
        broken = bytearray(path.read_bytes())
        broken[5] ^= 255
        path.write_bytes(broken)
    again = encode_posts(image, POSTS, view, tmp_path)
    np.testing.assert_allclose(again.pooled, first.pooled, rtol=1e-4, atol=1e-5)
    assert again.sequence is not None
    assert first.sequence is not None
    np.testing.assert_array_equal(again.sequence.lengths, first.sequence.lengths)


@torch.no_grad()
def test_sequences_are_what_the_encoder_says(tmp_path: Path) -> None:
    model, processor = tiny_model(text=bert_config(), image=resnet_config()), tiny_processor()
    rows = np.arange(len(POSTS))
    text = encode_posts(
        FrozenEncoder.of(model, processor, "text"), POSTS, FeatureView(sequences=True), tmp_path
    )
    image = encode_posts(
        FrozenEncoder.of(model, processor, "image"), POSTS, FeatureView(sequences=True), tmp_path
    )
    assert text.present.tolist() == [True, True, False, True, True]
    assert text.sequence is not None
    assert image.sequence is not None
    tokens, mask = text.sequence.padded(rows)
    assert mask.sum(1).tolist() == [4, 4, 0, 4, 4]  # [CLS] two words [SEP]
    inputs = processor.tokens(["happy day"])
    encoded = model.text(**inputs)
    np.testing.assert_allclose(tokens[0].numpy(), encoded.sequence[0].numpy(), rtol=2e-3, atol=2e-3)
    places, mask = image.sequence.padded(rows)
    assert mask.sum(1).tolist() == [9, 0, 9, 9, 9]
    np.testing.assert_allclose(places[0].mean(0).numpy(), image.pooled[0], rtol=0.4, atol=0.2)


def test_a_corrupted_picture_is_another_picture(tmp_path: Path) -> None:
    model, processor = tiny_model(text=bert_config(), image=resnet_config()), tiny_processor()
    image = FrozenEncoder.of(model, processor, "image")
    clean, bad, again = (
        encode_posts(image, POSTS, FeatureView(corrupted=c), tmp_path / str(i)).pooled
        for i, c in enumerate((False, True, True))
    )
    np.testing.assert_array_equal(bad, again)
    assert np.abs(bad - clean)[[0, 2, 4]].max(1).min() > 0.01
    assert not bad[1].any()


def test_a_broken_picture_can_count_as_absent(tmp_path: Path) -> None:
    model, processor = tiny_model(text=bert_config(), image=resnet_config()), tiny_processor()
    some = [Post(image=picture(0, 80)), Post("x", b"no picture"), Post(image=str(tmp_path / "none.jpg"))]
    found = encode_posts(
        FrozenEncoder.of(model, processor, "image"), some, FeatureView(skip_broken=True), tmp_path
    )
    assert found.present.tolist() == [True, False, False]
    assert not found.pooled[1:].any()
    with pytest.raises(ImageError):
        encode_posts(FrozenEncoder.of(model, processor, "image"), some, FeatureView(), tmp_path)
