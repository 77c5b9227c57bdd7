"""Near-duplicate pictures among millions: 512-bit fingerprints and an exact index over them.

A fingerprint is a long pHash (Zauner 2010): the picture in grey at 64 x 64, the lowest 512 frequencies of its
cosine transform, each above their median or not; 64 bytes. With the 64 bits of ``near_images`` pictures of a
crowd would begin to collide by chance.

The index is multi-index hashing (Norouzi, Punjani & Fleet 2012): fingerprints that differ in at most 31 bits
agree in at least one of 32 parts of 16 bits, so only those are compared, and none is missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from posthue.data.duplicates.grouping import UnionFind
from posthue.errors import ImageError, InputError

if TYPE_CHECKING:
    from posthue.posts import ImageSource

BYTES = 64
#: Bits that two may differ in. Up to MAX_DISTANCE the search is exact.
DISTANCE = MAX_DISTANCE = 31

_SIDE = 64
_WORDS = 8
_PARTS = 4  # of a word
_PROBES = 2  # words that are compared first
_NEIGHBOURS = 4096
_AHEAD = 64

Bits: TypeAlias = npt.NDArray[np.uint64]
Ints: TypeAlias = npt.NDArray[np.int64]


def fingerprint(source: ImageSource) -> bytes:
    """Return the 64 bytes that stand for what a picture shows; ImageError if it cannot be opened."""
    from posthue.data.images.opening import open_source  # noqa: PLC0415  (Pillow)

    with open_source(source) as (image, name):
        try:
            if image is not source:  # a draft would change the caller's picture
                image.draft("L", (_SIDE * 2, _SIDE * 2))
            grey = image.convert("RGB").convert("L").resize((_SIDE, _SIDE))
        except (OSError, ValueError, SyntaxError) as error:
            raise ImageError(f"{name} cannot be decoded: {error}") from error
    basis, lowest = _transform()
    low = (
        (basis @ np.asarray(grey, dtype=np.float64) @ basis.T).ravel()[lowest].round(6)
    )  # no noise: blanks agree
    return np.packbits(low > np.median(low)).tobytes()


def fingerprints(sources: Iterable[ImageSource | None], *, workers: int = 2) -> Iterator[bytes | None]:
    """Yield the fingerprint of each picture, in order; None for one that is absent or cannot be opened.

    Pictures are decoded in threads, a bounded number ahead.
    """
    rest = iter(sources)
    with ThreadPoolExecutor(workers) as pool:
        while window := list(islice(rest, workers * _AHEAD)):
            yield from pool.map(_fingerprint_or_none, window)


def near_groups(prints: Bits, *, distance: int = DISTANCE) -> Ints:
    """Return, for each fingerprint, the first of its group: those joined by a chain of near ones [n].

    prints: uint64 [n, 8] (see ``as_words``). distance: bits of 512 that two near ones differ in at most, 0 to
    31. Of more than 4,096 that share a part, each is compared with its 4,096 neighbours in sorted order only;
    this is the one place where a pair could be missed. Raises InputError for another distance.
    """
    if not 0 <= distance <= MAX_DISTANCE:
        raise InputError(
            f"the distance of near-duplicates is 0 to {MAX_DISTANCE} bits of 512, not {distance}"
        )
    if not len(prints):
        return np.zeros(0, dtype=np.int64)
    unique, first = _unique(prints)
    union = UnionFind(len(unique))
    if distance:
        for shift in range(_WORDS * _PARTS):
            _join_part(unique, shift, distance, union)
    roots = np.asarray(union.groups(), dtype=np.int64)
    order = np.unique(first)  # the rows that hold each fingerprint first, ascending
    return order[roots[np.searchsorted(order, first)]]


def as_words(prints: bytes) -> Bits:
    """Return concatenated fingerprints as uint64 [n, 8]."""
    return np.frombuffer(prints, dtype=np.uint64).reshape(-1, _WORDS)


def count_bits(values: Bits) -> npt.NDArray[np.int64]:
    """Return the number of ones in each row of words [n, words]."""
    counted: npt.NDArray[np.int64]
    if hasattr(np, "bitwise_count"):  # numpy 2
        counted = np.bitwise_count(values[:, 0]).astype(np.int64)
        for word in range(1, values.shape[1]):
            counted += np.bitwise_count(values[:, word])
        return counted
    counted = np.unpackbits(np.ascontiguousarray(values).view(np.uint8), axis=1).sum(axis=1, dtype=np.int64)
    return counted


def _unique(prints: Bits) -> tuple[Bits, Ints]:
    """Return the different fingerprints in the order in which they come, and each row's first equal row."""
    order = np.lexsort(prints.T[::-1])  # stable: of equal ones the first row comes first
    ordered = prints[order]
    new = np.ones(len(prints), dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    first = np.empty(len(prints), dtype=np.int64)
    first[order] = order[np.flatnonzero(new)][np.cumsum(new) - 1]
    return prints[np.unique(first)], first


def _join_part(prints: Bits, part: int, distance: int, union: UnionFind) -> None:
    """Compare the fingerprints that agree in one part, at growing offsets in sorted order."""
    word, turn = divmod(part, _PARTS)
    turned = _rotated(prints[:, word], 16 * turn)
    order = np.argsort(turned, kind="stable")
    left = _left_in_bucket((turned[order] >> np.uint64(48)).astype(np.uint16))
    probes = [prints[order, (word + step) % _WORDS] for step in range(1, _PROBES + 1)]
    rows = np.arange(len(order))
    for offset in range(1, _NEIGHBOURS + 1):
        rows = rows[left[rows] >= offset]
        if not len(rows):
            return
        maybe = rows[_probe(probes, rows, offset) <= distance]
        ones, others = order[maybe], order[maybe + offset]
        near = count_bits(prints[ones] ^ prints[others]) <= distance
        for one, other in zip(ones[near].tolist(), others[near].tolist(), strict=True):
            union.join(one, other)


def _probe(words: list[Bits], rows: Ints, offset: int) -> npt.NDArray[np.int64]:
    """Return in how many bits of a few words (row, row + offset) differ; most pairs in too many."""
    differ = np.zeros(len(rows), dtype=np.int64)
    for word in words:
        changed = word[rows] ^ word[rows + offset]
        differ += count_bits(changed[:, None])
    return differ


def _left_in_bucket(keys: npt.NDArray[np.uint16]) -> Ints:
    """Return for each position of sorted keys how many of the same key come after it."""
    last = np.flatnonzero(np.append(keys[1:] != keys[:-1], True))
    return np.repeat(last, np.diff(np.concatenate([[-1], last]))) - np.arange(len(keys))


def _rotated(words: Bits, bits: int) -> Bits:
    """Rotate left, so that another part of the word stands on top."""
    if bits == 0:
        return words
    return (words << np.uint64(bits)) | (words >> np.uint64(64 - bits))


@cache
def _transform() -> tuple[npt.NDArray[np.float64], Ints]:
    """The rows [32, 64] of the type II cosine transform, and the 512 lowest of its 1,024 products but one."""
    frequency, position = np.arange(32)[:, None], np.arange(_SIDE)[None, :]
    basis = np.cos(np.pi * frequency * (2 * position + 1) / (2 * _SIDE))
    rank = (frequency + frequency.T).ravel()
    rank[0] = 1000  # the mean brightness says nothing
    return basis, np.argsort(rank, kind="stable")[: 8 * BYTES]


def _fingerprint_or_none(source: ImageSource | None) -> bytes | None:
    try:
        return None if source is None else fingerprint(source)
    except ImageError:
        return None
