"""Pieces of a report in Markdown: tables, and texts that are shown as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_LONGEST = 90


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table, its cells Markdown already.

    >>> print(markdown_table(("label", "posts"), [("joy", 3)]))
    | label | posts |
    |---|---|
    | joy | 3 |
    """
    lines = (" | ".join(map(str, cells)) for cells in (columns, *rows))
    head, *body = (f"| {line} |" for line in lines)
    return "\n".join([head, "|---" * len(columns) + "|", *body])


def markdown_text(text: str) -> str:
    r"""Return a text that Markdown shows as it is, on one line, cut.

    >>> markdown_text("a *b*\nc")
    'a \\*b\\* c'
    """
    line = " ".join(text.split())
    cut = line if len(line) <= _LONGEST else line[:_LONGEST] + "…"
    return "".join("\\" + c if c in "\\`*_[]<>|#!" else c for c in cut)
