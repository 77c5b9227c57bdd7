from __future__ import annotations

import threading

import numpy as np

from posthue.runtime.inference.cache import EncodedCache, EncodedModality, text_key


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
