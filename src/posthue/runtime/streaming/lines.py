"""From blocks of bytes, as a pipe gives them, to lines; in time and memory that grow with the line only."""

from __future__ import annotations

from collections.abc import Iterator

MAX_LINE = 64 << 20  # bytes
TOO_LONG = f"the line is longer than {MAX_LINE >> 20} MiB"


class LineJoiner:
    """Joins blocks to lines, without their ends; a line longer than MAX_LINE is None.

    >>> joiner = LineJoiner()
    >>> [*joiner.feed(b"on"), *joiner.feed(b"e\\ntwo\\nth"), *joiner.end()]
    [b'one', b'two', b'th']
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def feed(self, block: bytes) -> Iterator[bytes | None]:
        """Yield the lines that end in ``block``, and None for one that becomes too long in it."""
        *ended, begun = block.split(b"\n")
        for part in ended:
            yield from self._add(part)
            yield from self.end()
        yield from self._add(begun)

    def end(self) -> Iterator[bytes]:
        """Yield the line that was begun: it ends here."""
        if self._length <= MAX_LINE:
            yield b"".join(self._parts)
        self._parts, self._length = [], 0

    def _add(self, part: bytes) -> Iterator[None]:
        was_short = self._length <= MAX_LINE
        self._length += len(part)
        if self._length <= MAX_LINE:
            self._parts.append(part)
        elif was_short:
            self._parts = []
            yield None
