from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from posthue.training.datasets.sampler import BucketBatchSampler

pytestmark = pytest.mark.torch


def sampler(rows: int = 103, **changes: int) -> BucketBatchSampler:
    rng = np.random.default_rng(5)
    settings = {"batch_size": 8, "seed": 1, "window": 3, **changes}
    return BucketBatchSampler(rng.integers(1, 4, rows), rng.integers(0, 30, rows), **settings)


@pytest.mark.parametrize("rows", [1, 7, 8, 103])
def test_every_row_once(rows: int) -> None:
    batches = list(sampler(rows))
    assert sorted(row for batch in batches for row in batch) == list(range(rows))
    assert len(batches) == len(sampler(rows))
    assert max(map(len, batches)) <= 8


def test_a_batch_is_of_one_kind_and_sorted_by_length() -> None:
    source = sampler()
    for batch in source:
        assert len(set(source.kinds[batch])) == 1
        assert list(source.lengths[batch]) == sorted(source.lengths[batch])


def test_the_wider_the_window_the_less_padding() -> None:
    def padding(source: BucketBatchSampler) -> int:
        return sum(int((source.lengths[b].max() - source.lengths[b]).sum()) for b in source)

    assert padding(sampler(window=100)) < padding(sampler(window=1)) / 2


def test_the_order_is_of_the_seed_and_the_epoch() -> None:
    one, other = sampler(), sampler()
    assert list(one) == list(other) == list(one)
    other.set_epoch(1)
    assert list(one) != list(other)
    one.set_epoch(1)
    assert list(one) == list(other)
    assert list(sampler()) != list(sampler(seed=2))
