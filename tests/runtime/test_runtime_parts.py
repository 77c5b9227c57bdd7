from __future__ import annotations

import io
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from posthue import InputError, Modality, Post
from posthue.numbers import softmax
from posthue.posts import State
from posthue.runtime.backends.devices import available_cores, choose_providers, choose_threads
from posthue.runtime.inference.batching import length_batches, windows
from posthue.runtime.inference.cache import EncodedCache, EncodedModality, text_key
from posthue.runtime.inference.scheme_result import contributions, shares
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


@given(*[st.floats(0, 1) for _ in range(4)])
def test_contributions_sum_to_what_was_gained(both: float, text: float, image: float, prior: float) -> None:
    found = contributions({State.BOTH: both, State.TEXT: text, State.IMAGE: image}, prior)
    assert sum(found.values()) == pytest.approx(both - prior)
    assert sum(shares(found).values()) == pytest.approx(1)


def test_contributions_of_one_modality() -> None:
    assert contributions({State.IMAGE: 0.75}, 0.5) == {Modality.IMAGE: 0.25}
    assert shares({Modality.TEXT: -0.1}) == {Modality.TEXT: 1.0}
    assert shares({Modality.TEXT: 0.0}) == {Modality.TEXT: 1.0}
    assert shares({Modality.TEXT: 0.0, Modality.IMAGE: 0.0}) == {Modality.TEXT: 0.5, Modality.IMAGE: 0.5}


def entry(size: int) -> EncodedModality:
    return EncodedModality(np.zeros(size, np.float32))


def test_the_cache_forgets_what_was_used_least() -> None:
    cache = EncodedCache(3 * entry(100).nbytes)
    for name in (b"a", b"b", b"c"):
        cache.put(name, entry(100))
    assert cache.get(b"a") is not None
    cache.put(b"d", entry(100))
    assert cache.get(b"b") is None
    assert all(cache.get(name) is not None for name in (b"a", b"c", b"d"))
    assert cache.nbytes <= cache.max_bytes


def test_the_cache_counts_its_bytes() -> None:
    cache = EncodedCache(10_000)
    cache.put(b"a", entry(10))
    cache.put(b"a", entry(20))
    assert (len(cache), cache.nbytes) == (1, entry(20).nbytes)
    cache.put(b"large", entry(100_000))
    assert cache.get(b"large") is None
    sequence = EncodedModality(np.zeros(4, np.float32), np.zeros((3, 4), np.float32))
    assert sequence.nbytes == entry(16).nbytes


def test_the_cache_serves_several_threads() -> None:
    cache = EncodedCache(20 * entry(10).nbytes)

    def work(seed: int) -> None:
        for number in range(500):
            cache.put(b"%d" % (number * seed % 50), entry(10))
            cache.get(b"%d" % (number % 50))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (3, 5, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.nbytes == len(cache) * entry(10).nbytes <= cache.max_bytes


def test_text_keys_hold_any_text() -> None:
    assert text_key("\ud800") != text_key("\ud801")
    assert len(text_key("x" * 10_000)) == 17


def test_padding() -> None:
    input_ids, mask = pad([[5, 6, 7], [8]], 1)
    assert input_ids.tolist() == [[5, 6, 7], [8, 1, 1]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert input_ids.dtype == mask.dtype == np.int64


def test_softmax_divides_by_the_temperature_and_does_not_overflow() -> None:
    found = softmax(
        np.array([[2.0, 0.0], [2.0, 0.0], [1e4, -1e4]], np.float32), np.array([[1.0], [2.0], [1.0]])
    )
    assert found[:, 0] == pytest.approx([1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-1)), 1])


def test_threads_never_exceed_the_cores() -> None:
    cores = available_cores()
    assert choose_threads(None) == choose_threads(10_000) == cores
    assert choose_threads(1) == 1
    with pytest.raises(InputError, match="1 or more"):
        choose_threads(0)


def test_devices() -> None:
    assert choose_providers("cpu") == ["CPUExecutionProvider"]
    assert choose_providers("auto")[-1] == "CPUExecutionProvider"
    with pytest.raises(InputError, match="auto, cpu and cuda"):
        choose_providers("abacus")  # type: ignore[arg-type]
