"""Cutting work into batches: texts of like length together, and windows of posts of bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from posthue.posts import Post

_Batch = TypeVar("_Batch")
_Result = TypeVar("_Result")
_Batch_contra = TypeVar("_Batch_contra", contravariant=True)
_Result_co = TypeVar("_Result_co", covariant=True)

MAX_ROWS = 32
TOKEN_BUDGET = 1024
WINDOW_BYTES = 128 * 2**20


def length_batches(
    lengths: Sequence[int], *, max_rows: int = MAX_ROWS, token_budget: int = TOKEN_BUDGET
) -> Iterator[list[int]]:
    """Yield lists of positions, shortest first, of at most ``max_rows`` rows and ``token_budget`` tokens.

    Padding counts as tokens; a text longer than the budget is a batch of its own.

    >>> list(length_batches([9, 1, 8, 2], token_budget=16))
    [[1, 3], [2], [0]]
    """
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        full = len(batch) == max_rows or (len(batch) + 1) * lengths[position] > token_budget
        if batch and full:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


class RunBatch(Protocol[_Batch_contra, _Result_co]):
    """Runs a batch; alone: nothing runs beside it."""

    def __call__(self, batch: _Batch_contra, /, *, alone: bool) -> _Result_co:
        """Return what the run gives."""


def run_all(streams: int, run: RunBatch[_Batch, _Result], batches: Sequence[_Batch]) -> list[_Result]:
    """Run every batch, ``streams`` of them at a time, and return the results in their order."""
    if streams == 1 or len(batches) < 2:
        return [run(batch, alone=True) for batch in batches]
    with ThreadPoolExecutor(min(streams, len(batches)), thread_name_prefix="posthue-run") as pool:
        return list(pool.map(lambda batch: run(batch, alone=False), batches))


def windows(posts: Iterable[Post], *, size: int, max_bytes: int = WINDOW_BYTES) -> Iterator[list[Post]]:
    """Yield the posts in lists of at most ``size``; fewer where pictures in memory pass ``max_bytes``."""
    window: list[Post] = []
    held = 0
    for post in posts:
        window.append(post)
        held += _bytes_held(post)
        if len(window) == size or held >= max_bytes:
            yield window
            window, held = [], 0
    if window:
        yield window


def _bytes_held(post: Post) -> int:
    image: object = post.image
    if isinstance(image, bytes | bytearray):
        return len(image)
    if isinstance(array_bytes := getattr(image, "nbytes", None), int):
        return array_bytes
    size = getattr(image, "size", None)  # a PIL image: (width, height)
    return 4 * size[0] * size[1] if isinstance(size, tuple) else 0
