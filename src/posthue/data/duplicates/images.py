"""Pictures that come again: resized, compressed anew, in other colours.

Two are near when their 64-bit perceptual hashes differ in few bits. The hash is pHash (Zauner 2010): the
picture in grey at 32 x 32, the 8 x 8 lowest frequencies of its cosine transform, each above their median or
not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from posthue.data.duplicates.grouping import UnionFind, buckets
from posthue.errors import ImageError

if TYPE_CHECKING:
    from posthue.posts import ImageSource

_SIDE, _LOW = 32, 8
_MAX_PIXELS = 178_956_970
_MASKS = (0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F)


def image_hash(source: ImageSource) -> int:
    """Return the 64-bit perceptual hash of a picture; raise ImageError if it cannot be opened."""
    from posthue.data.images.opening import open_source  # noqa: PLC0415

    with open_source(source) as (image, name):
        width, height = image.size
        if width * height > _MAX_PIXELS:
            raise ImageError(f"{name}: {width} x {height} pixels are more than the limit of {_MAX_PIXELS:,}")
        try:
            if image is not source:  # a draft would change the caller's picture
                image.draft("L", (_SIDE * 2, _SIDE * 2))
            grey = image.convert("RGB").convert("L").resize((_SIDE, _SIDE))
        except Exception as error:  # Pillow's decoders raise nearly anything on broken files
            raise ImageError(f"{name} cannot be decoded: {error}") from error
    return _perceptual_hash(np.asarray(grey, dtype=np.float64))


def image_hashes(sources: Sequence[ImageSource | None], *, workers: int = 2) -> list[int | None]:
    """Return the hash of each picture, None for those that are absent or cannot be opened."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(_hash_or_none, sources))


def image_groups(hashes: Sequence[int | None], *, max_distance: int = 6) -> list[int]:
    """Return the groups of pictures whose hashes differ in at most ``max_distance`` of 64 bits.

    None is near nothing. 0 joins only pictures of the same hash. Of copies at 60 % of the size and JPEG
    quality 60, 97 % are within 4 bits and 99 % within 6; of 31,125 pairs of other pictures none within 12.
    Aligned faces are all alike: take 2 for them.
    """
    union = UnionFind(len(hashes))
    first: dict[int, int] = {}
    for item, value in enumerate(hashes):
        if value is not None:
            union.join(item, first.setdefault(value, item))
    if max_distance > 0:
        _join_near_hashes(union, first, max_distance)
    return union.groups()


def near_known(hashes: Sequence[int | None], known: Sequence[int | None], *, max_distance: int) -> list[int]:
    """Return, for each picture, an index of ``known`` whose hash is near (see ``image_groups``), or -1."""
    found = np.full(len(hashes), -1, dtype=np.int64)
    rows = np.array([i for i, value in enumerate(hashes) if value is not None], dtype=np.int64)
    values = np.array([value for value in hashes if value is not None], dtype=np.uint64)
    first = {value: i for i, value in reversed(list(enumerate(known))) if value is not None}
    targets = np.array(list(first), dtype=np.uint64)
    items = list(first.values())
    for low, mask in _part_masks(max_distance + 1):
        keys = (values >> low) & mask
        order = np.argsort(keys, kind="stable")
        wanted = (targets >> low) & mask
        starts, ends = (np.searchsorted(keys, wanted, side=s, sorter=order) for s in ("left", "right"))
        for target, item, start, end in zip(targets, items, starts, ends, strict=True):
            bucket = order[start:end]
            found[rows[bucket[_count_bits(values[bucket] ^ target) <= max_distance]]] = item
    return [int(item) for item in found]


def _join_near_hashes(union: UnionFind, first: dict[int, int], max_distance: int) -> None:
    """Hashes that differ in d bits agree in one of d+1 parts, and so only those are compared."""
    values = np.array(list(first), dtype=np.uint64)
    items = list(first.values())
    for bucket in buckets(_hash_parts(values, max_distance + 1)):
        members = np.array(bucket)
        for position, one in enumerate(bucket[:-1]):
            others = members[position + 1 :]
            near = _count_bits(values[others] ^ values[one]) <= max_distance
            for other in others[near]:
                union.join(items[one], items[int(other)])


def _count_bits(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return the number of ones in each, adding bits by twos, fours and eights (numpy 1 has no bit_count)."""
    pairs, fours, nibbles = (np.uint64(m) for m in _MASKS)
    values = values - ((values >> np.uint64(1)) & pairs)
    values = (values & fours) + ((values >> np.uint64(2)) & fours)
    values = (values + (values >> np.uint64(4))) & nibbles
    return ((values * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.int64)


def _hash_parts(values: npt.NDArray[np.uint64], parts: int) -> Iterator[list[int]]:
    for low, mask in _part_masks(parts):
        yield ((values >> low) & mask).tolist()


def _part_masks(parts: int) -> Iterator[tuple[np.uint64, np.uint64]]:
    """Yield the shift and the mask of each part of a hash."""
    edges = np.linspace(0, 64, parts + 1).round().astype(int)
    for low, high in pairwise(edges.tolist()):
        yield np.uint64(low), np.uint64((1 << (high - low)) - 1)


def _perceptual_hash(grey: npt.NDArray[np.float64]) -> int:
    low = (_cosines() @ grey @ _cosines().T).ravel()
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


@cache
def _cosines() -> npt.NDArray[np.float64]:
    """The first rows [8, 32] of the type II cosine transform."""
    frequency, position = np.arange(_LOW)[:, None], np.arange(_SIDE)[None, :]
    return np.cos(np.pi * frequency * (2 * position + 1) / (2 * _SIDE))


def _hash_or_none(source: ImageSource | None) -> int | None:
    try:
        return None if source is None else image_hash(source)
    except ImageError:
        return None
