"""Cutting a text into the parts that are left out, one by one or together, to see what they do.

A part is a word with the space after it, so leaving parts out leaves the rest as it was. Scripts that write
without spaces are cut between characters, and emoji are parts of their own. A long text is cut into stretches
of neighbouring words, since the number of questions to the model grows with the number of parts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_PARTS = 28

_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003134f"
_EMOJI = r"\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_JOINED = r"[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff\u0300-\u036f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]*"
_PART = re.compile(
    rf"(?:[{_EMOJI}]{_JOINED}(?:(?<=\u200d)[{_EMOJI}]{_JOINED})*|[{_UNSPACED}]{_JOINED}|[^\s{_EMOJI}{_UNSPACED}]+)\s*"
)


def cut(text: str, most: int = MAX_PARTS) -> list[tuple[int, int]]:
    """Return the places (start, end) of the parts of ``text``, in order and without gaps; at most ``most``.

    >>> cut("what a day")
    [(0, 5), (5, 7), (7, 10)]
    """
    starts = [match.start() for match in _PART.finditer(text)]
    if not starts:
        return [(0, len(text))] if text else []
    starts[0] = 0
    if len(starts) > most:
        starts = [starts[i * len(starts) // most] for i in range(most)]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def keep(text: str, parts: Sequence[tuple[int, int]], kept: Sequence[bool]) -> str:
    """Return the text with the kept parts only.

    >>> keep("what a day", cut("what a day"), [True, False, True])
    'what day'
    """
    return "".join(text[a:b] for (a, b), stays in zip(parts, kept, strict=True) if stays).strip()
