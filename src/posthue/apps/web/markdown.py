"""Just enough Markdown for a model card: headings, paragraphs, lists, tables, bold, code. No HTML, no links.

>>> to_html("# A *card*\\n\\n- **bold** <b>")
'<h2>A *card*</h2>\\n<ul><li><b>bold</b> &lt;b&gt;</li></ul>'
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from posthue.insight.page.shell import escaped

_LONGEST = 100_000
_RULE = re.compile(r"^\|?[\s:|-]+\|?$")


def to_html(source: str) -> str:
    """Return the HTML of a Markdown text. Headings begin at level two."""
    return "\n".join(_blocks(source[:_LONGEST].splitlines()))


def _blocks(lines: list[str]) -> Iterator[str]:
    for kind, group in groupby(_tied(lines), key=_kind):
        block = list(group)
        if kind == "heading":
            yield from map(_heading, block)
        elif kind == "item":
            yield f"<ul>{''.join(f'<li>{_inline(line.strip()[2:])}</li>' for line in block)}</ul>"
        elif kind == "row":
            yield _table(block)
        elif kind == "text":
            yield f"<p>{_inline(' '.join(block))}</p>"


def _tied(lines: list[str]) -> Iterator[str]:
    """A line that continues a list item belongs to it."""
    held = ""
    for line in lines:
        if line.startswith("  ") and line.strip() and _kind(held) == "item":
            held = f"{held} {line.strip()}"
            continue
        yield held
        held = line
    yield held


def _kind(line: str) -> str:
    stripped = line.strip()
    if not stripped:
        return "blank"
    if stripped.startswith("#"):
        return "heading"
    if stripped.startswith(("- ", "* ")):
        return "item"
    return "row" if stripped.startswith("|") else "text"


def _heading(line: str) -> str:
    level = min(len(line) - len(line.lstrip("#")) + 1, 4)
    return f"<h{level}>{_inline(line.lstrip('#').strip())}</h{level}>"


def _table(lines: list[str]) -> str:
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in lines
        if not _RULE.match(line)
    ]
    head = "".join(f'<th scope="col">{_inline(cell)}</th>' for cell in rows[0]) if rows else ""
    body = "".join(
        "<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:]
    )
    inside = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll" tabindex="0" role="region" aria-label="Table">{inside}</div>'


def _inline(text: str) -> str:
    safe = escaped(text, _LONGEST)
    safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", safe)
    return re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", safe)
