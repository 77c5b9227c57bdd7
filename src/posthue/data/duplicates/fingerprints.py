"""Near-duplicate pictures among millions: 512-bit fingerprints, and their groups.

A fingerprint is a long perceptual hash (``hashing``) of the picture at 64 x 64: the 512 lowest frequencies,
each above their median or not; 64 bytes. With the 64 bits of ``images`` pictures of a crowd would begin to
collide by chance. Those that differ in at most 31 bits agree in at least one of 32 parts of 16 bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from posthue.data.duplicates.grouping import UnionFind
from posthue.data.duplicates.hashing import (
    Bits,
    Ints,
    each_or_none,
    low_frequencies,
    near_pairs,
    parts_of_word,
)
from posthue.errors import InputError

if TYPE_CHECKING:
    from posthue.posts import ImageSource

BYTES = 64
#: Bits that two may differ in. Up to MAX_DISTANCE the search is exact.
DISTANCE = MAX_DISTANCE = 31

_WORDS = 8
_PARTS = [part for word in range(_WORDS) for part in parts_of_word(word, 4)]
_NEIGHBOURS = 4096


def fingerprint(source: ImageSource) -> bytes:
    """Return the 64 bytes that stand for what a picture shows; ImageError if it cannot be opened."""
    found = low_frequencies(source, side=64, count=32)
    low = found[_lowest()].round(6)  # no noise: blanks agree
    return np.packbits(low > np.median(low)).tobytes()


def fingerprints(sources: Iterable[ImageSource | None], *, workers: int = 2) -> Iterator[bytes | None]:
    """Yield the fingerprint of each picture, in order; None for one that is absent or cannot be opened.

    Pictures are decoded in threads, a bounded number ahead.
    """
    return each_or_none(fingerprint, sources, workers=workers)


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
    for pair in near_pairs(unique, _PARTS if distance else (), distance=distance, most=_NEIGHBOURS):
        union.join(*pair)
    roots = np.asarray(union.groups(), dtype=np.int64)
    order = np.unique(first)  # the rows that hold each fingerprint first, ascending
    return order[roots[np.searchsorted(order, first)]]


def as_words(prints: bytes) -> Bits:
    """Return concatenated fingerprints as uint64 [n, 8]."""
    return np.frombuffer(prints, dtype=np.uint64).reshape(-1, _WORDS)


def _unique(prints: Bits) -> tuple[Bits, Ints]:
    """Return the different fingerprints in the order in which they come, and each row's first equal row."""
    order = np.lexsort(prints.T[::-1])  # stable: of equal ones the first row comes first
    ordered = prints[order]
    new = np.ones(len(prints), dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    first = np.empty(len(prints), dtype=np.int64)
    first[order] = order[np.flatnonzero(new)][np.cumsum(new) - 1]
    return prints[np.unique(first)], first


@cache
def _lowest() -> Ints:
    """The places of the 512 lowest of the 1,024 frequencies but one."""
    rank = np.add.outer(np.arange(32), np.arange(32)).ravel()
    rank[0] = 1000  # the mean brightness says nothing
    return np.argsort(rank, kind="stable")[: 8 * BYTES]
