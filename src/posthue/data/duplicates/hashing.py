"""Perceptual hashes of pictures, and an exact search for near ones.

A hash is a pHash (Zauner 2010): the picture in grey, the lowest frequencies of its cosine transform, each
above their median or not. The search is multi-index hashing (Norouzi, Punjani & Fleet 2012): hashes that
differ in fewer bits than they have parts agree in at least one part, so only those are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice, pairwise
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from posthue.data.images.spec import MAX_PIXELS
from posthue.errors import ImageError

if TYPE_CHECKING:
    from posthue.posts import ImageSource

Bits: TypeAlias = npt.NDArray[np.uint64]
Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
#: Some bits of a hash: which word, the lowest of the bits, how many.
Part: TypeAlias = tuple[int, int, int]
T = TypeVar("T")

_PROBES = 2  # words that are compared first
_AHEAD = 64


def low_frequencies(source: ImageSource, *, side: int, count: int) -> Floats:
    """Return the lowest frequencies [count x count] of a picture, flat: rows, then columns.

    side: what the picture is shrunk to, in pixels. Raises ImageError if it cannot be opened.
    """
    from posthue.data.images.opening import check_size, open_source  # noqa: PLC0415  (Pillow)

    with open_source(source) as (image, name):
        try:
            check_size(image, MAX_PIXELS)
            if image is not source:  # a draft would change the caller's picture
                image.draft("L", (side * 2, side * 2))
            grey = image.convert("RGB").convert("L").resize((side, side))
        except Exception as error:  # Pillow's decoders raise nearly anything on broken files
            raise ImageError(f"{name} cannot be decoded: {error}") from error
    basis = _cosines(count, side)
    found: Floats = (basis @ np.asarray(grey, dtype=np.float64) @ basis.T).ravel()
    return found


@cache
def _cosines(count: int, side: int) -> Floats:
    """The first rows [count, side] of the type II cosine transform."""
    frequency, position = np.arange(count)[:, None], np.arange(side)[None, :]
    return np.cos(np.pi * frequency * (2 * position + 1) / (2 * side))


def each_or_none(
    hashed: Callable[[ImageSource], T], sources: Iterable[ImageSource | None], *, workers: int
) -> Iterator[T | None]:
    """Yield the hash of each picture, in order; None for one that is absent or cannot be opened.

    Pictures are decoded in threads, a bounded number ahead.
    """

    def one(source: ImageSource | None) -> T | None:
        try:
            return None if source is None else hashed(source)
        except ImageError:
            return None

    rest = iter(sources)
    with ThreadPoolExecutor(workers) as pool:
        while window := list(islice(rest, workers * _AHEAD)):
            yield from pool.map(one, window)


def count_bits(values: Bits) -> Ints:
    """Return the number of ones in each row of words [n, words]."""
    counted: Ints
    if hasattr(np, "bitwise_count"):  # numpy 2
        counted = np.bitwise_count(values[:, 0]).astype(np.int64)
        for word in range(1, values.shape[1]):
            counted += np.bitwise_count(values[:, word])
        return counted
    counted = np.unpackbits(np.ascontiguousarray(values).view(np.uint8), axis=1).sum(axis=1, dtype=np.int64)
    return counted


def parts_of_word(word: int, parts: int) -> Iterator[Part]:
    """Yield the parts, of about as many bits each, of one word.

    >>> list(parts_of_word(0, 3))
    [(0, 0, 21), (0, 21, 22), (0, 43, 21)]
    """
    edges = np.linspace(0, 64, parts + 1).round().astype(int).tolist()
    yield from ((word, low, high - low) for low, high in pairwise(edges))


def near_pairs(
    hashes: Bits, parts: Iterable[Part], *, distance: int, most: int | None = None
) -> Iterator[tuple[int, int]]:
    """Yield the rows of hashes [n, words] that agree in a part and differ in at most ``distance`` bits.

    most: of more rows than this that agree in a part, each is compared with as many neighbours in sorted
    order only. A pair that agrees in several parts comes several times.
    """
    for word, low, bits in parts:
        turned = _rotated(hashes[:, word], 64 - low - bits)
        order = np.argsort(turned, kind="stable")
        left = _left_in_bucket(turned[order] >> np.uint64(64 - bits))
        others = [(word + step) % hashes.shape[1] for step in range(1, min(_PROBES + 1, hashes.shape[1]))]
        probes = hashes[order[:, None], others]
        rows = np.flatnonzero(left)
        for offset in range(1, 1 + min(int(left.max(initial=0)), most or len(left))):
            rows = rows[left[rows] >= offset]
            near = rows
            if others:  # most pairs differ in too many bits of a few words already
                near = rows[count_bits(probes[rows] ^ probes[rows + offset]) <= distance]
            ones, twos = order[near], order[near + offset]
            found = count_bits(hashes[ones] ^ hashes[twos]) <= distance
            yield from zip(ones[found].tolist(), twos[found].tolist(), strict=True)


def _left_in_bucket(keys: Bits) -> Ints:
    """Return for each position of sorted keys how many of the same key come after it."""
    last = np.flatnonzero(np.append(keys[1:] != keys[:-1], True))
    return np.repeat(last, np.diff(np.concatenate([[-1], last]))) - np.arange(len(keys))


def _rotated(words: Bits, bits: int) -> Bits:
    """Rotate left, so that another part of the word stands on top."""
    if bits == 0:
        return words
    return (words << np.uint64(bits)) | (words >> np.uint64(64 - bits))
