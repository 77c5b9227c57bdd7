"""Texts that come again with small changes.

Two are near when they share most of their words and word pairs: Jaccard similarity, with candidates by
MinHash (Broder 1997, On the resemblance and containment of documents).

>>> text_groups(["So happy today!!", "something else", "so HAPPY today http://t.co/x"])
[0, 1, 0]
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from posthue.data.duplicates.grouping import UnionFind, buckets
from posthue.data.text import normalise_tweet

_TOKEN = re.compile(r"\w+")
_IGNORED = frozenset({"user", "http", "rt"})
#: A signature is 16 bands of 4 minima: similarity 0.7 is found with probability 0.988, 0.3 with 0.12.
_BANDS, _ROWS = 16, 4
_PRIME = (1 << 31) - 1
_NEIGHBOURS = 60


def text_tokens(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case, without mentions, links, "RT" and punctuation."""
    return tuple(t for t in _TOKEN.findall(normalise_tweet(text).casefold()) if t not in _IGNORED)


def text_groups(texts: Sequence[str | None], *, threshold: float = 0.7) -> list[int]:
    """Return the groups of texts that have the same words, or nearly so.

    threshold: least Jaccard similarity of the sets of words and word pairs; 1 joins only texts with the same
    words in the same order. Texts of fewer than four words are only near when they are the same. A text that
    is None or without words is near nothing.
    """
    tokens = [text_tokens(text) if text else () for text in texts]
    union = UnionFind(len(texts))
    first: dict[tuple[str, ...], int] = {}
    for item, words in enumerate(tokens):
        if words:
            union.join(item, first.setdefault(words, item))
    if threshold < 1:
        _join_near_texts(union, first, threshold)
    return union.groups()


def _join_near_texts(union: UnionFind, first: dict[tuple[str, ...], int], threshold: float) -> None:
    long = [(item, _shingles(words)) for words, item in first.items() if len(words) >= 4]
    for bucket in buckets(_band_keys([shingles for _, shingles in long])):
        for one, other in _pairs(bucket):
            (i, a), (j, b) = long[one], long[other]
            if union.find(i) != union.find(j) and len(a & b) >= threshold * len(a | b):
                union.join(i, j)


def _shingles(words: tuple[str, ...]) -> frozenset[int]:
    grams = (*words, *(f"{one} {other}" for one, other in pairwise(words)))
    return frozenset(zlib.crc32(gram.encode("utf-8", "replace")) for gram in grams)


def _band_keys(sets: Sequence[frozenset[int]]) -> Iterator[Iterable[bytes]]:
    """Yield, band by band, a key for each set: sets with the same key are candidates."""
    if not sets:
        return
    flat = np.fromiter((value for each in sets for value in each), dtype=np.uint64)
    starts = np.cumsum([0, *(len(each) for each in sets)])[:-1]
    rng = np.random.default_rng(0)
    for _ in range(_BANDS):
        factors = rng.integers(1, _PRIME, size=(_ROWS, 2), dtype=np.uint64)
        minima = [np.minimum.reduceat((a * (flat % _PRIME) + b) % _PRIME, starts) for a, b in factors]
        yield (row.tobytes() for row in np.stack(minima, axis=1))


def _pairs(bucket: list[int]) -> Iterator[tuple[int, int]]:
    """Yield all pairs of a small bucket; of a large one each with its neighbours, to stay linear."""
    for position, one in enumerate(bucket):
        yield from ((one, other) for other in bucket[position + 1 : position + 1 + _NEIGHBOURS])
