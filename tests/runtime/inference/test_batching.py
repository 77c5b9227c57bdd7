from __future__ import annotations

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from posthue import Post
from posthue.runtime.inference.batching import length_batches, windows
from posthue.runtime.inference.text_encoder import pad


@given(st.lists(st.integers(1, 300), max_size=200))
def test_every_text_is_in_one_batch_within_the_budget(lengths: list[int]) -> None:
    batches = list(length_batches(lengths, max_rows=8, token_budget=256))
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[position] for position in batch)
        assert len(batch) <= 8
        assert len(batch) * longest <= 256 or len(batch) == 1


def test_windows_close_when_the_pictures_in_memory_are_large() -> None:
    held = io.BytesIO()
    Image.new("RGB", (4, 4)).save(held, "PNG")
    images = [bytes(60), np.zeros((5, 4, 3), np.uint8), Image.new("RGB", (4, 4)), "path.jpg", None]
    posts = [Post("x", image) for image in images]
    sizes = [len(window) for window in windows(posts, size=4, max_bytes=100)]
    assert sizes == [2, 3]
    assert [len(window) for window in windows(posts, size=2)] == [2, 2, 1]
    assert list(windows([], size=2)) == []


def test_padding() -> None:
    input_ids, mask = pad([[5, 6, 7], [8]], 1)
    assert input_ids.tolist() == [[5, 6, 7], [8, 1, 1]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert input_ids.dtype == mask.dtype == np.int64
