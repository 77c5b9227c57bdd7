"""Groups of items that are near each other, directly or by way of others.

A grouping is a list with one number per item: the index of the first item of its group.

>>> keep_first(merge_groups([0, 0, 2, 3], [0, 1, 1, 3]))
[0, 3]
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence


class UnionFind:
    """Groups that grow by joining; the first item of a group stands for it."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def find(self, item: int) -> int:
        """Return the first item of the group of ``item``."""
        while self._parent[item] != item:
            self._parent[item] = self._parent[self._parent[item]]
            item = self._parent[item]
        return item

    def join(self, one: int, other: int) -> None:
        """Make the groups of the two items one."""
        first, second = sorted((self.find(one), self.find(other)))
        self._parent[second] = first

    def groups(self) -> list[int]:
        """Return the first item of each item's group."""
        return [self.find(item) for item in range(len(self._parent))]


def merge_groups(*groupings: Sequence[int]) -> list[int]:
    """Return the finest groups that hold every group of every grouping whole."""
    union = UnionFind(len(groupings[0]))
    for grouping in groupings:
        for item, first in enumerate(grouping):
            union.join(item, first)
    return union.groups()


def keep_first(groups: Sequence[int]) -> list[int]:
    """Return the items that are the first of their group."""
    return [item for item, first in enumerate(groups) if item == first]


def buckets(bands: Iterable[Iterable[Hashable]]) -> Iterator[list[int]]:
    """Yield the items that have the same key, two or more of them, for each series of keys."""
    for keys in bands:
        buckets: dict[Hashable, list[int]] = defaultdict(list)
        for item, key in enumerate(keys):
            buckets[key].append(item)
        yield from (bucket for bucket in buckets.values() if len(bucket) > 1)
