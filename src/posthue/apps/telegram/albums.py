"""An album comes as one update per picture, and nothing says which is the last: wait for some quiet."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")
_LONGEST = 8  # times the quiet: an album is at most ten pictures, and its sender waits


class Albums(Generic[T]):
    """Gathers what belongs together. One event loop."""

    def __init__(self, *, quiet: float) -> None:
        self._quiet = quiet
        self._open: dict[Hashable, tuple[list[T], asyncio.Event]] = {}
        self._closing = False

    def add(self, key: Hashable, part: T) -> bool:
        """Add a part to its album; return whether it is the first, whose adder then gathers the album."""
        if key in self._open:
            parts, came = self._open[key]
            parts.append(part)
            came.set()
            return False
        self._open[key] = ([part], asyncio.Event())
        return True

    async def gather(self, key: Hashable) -> list[T]:
        """Return the parts of an album once it is complete."""
        parts, came = self._open[key]
        end = asyncio.get_running_loop().time() + _LONGEST * self._quiet
        while not self._closing and asyncio.get_running_loop().time() < end:
            came.clear()
            try:
                await asyncio.wait_for(came.wait(), self._quiet)
            except TimeoutError:
                break
        del self._open[key]
        return parts

    def close(self) -> None:
        """Take every album as complete: the bot stops."""
        self._closing = True
        for _, came in self._open.values():
            came.set()
