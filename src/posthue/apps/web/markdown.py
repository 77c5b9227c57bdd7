"""A model card's Markdown as HTML: no HTML of its own, no pictures, links to the web only.

The metadata at its head, for the Hugging Face Hub, is left out.

>>> to_html("# A *card*\\n\\n- **bold** <b>")
'<h3>A <em>card</em></h3>\\n<ul>\\n<li><strong>bold</strong> &lt;b&gt;</li>\\n</ul>\\n'
"""

from __future__ import annotations

import re
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from posthue.insight.page.shell import plain

_LONGEST = 100_000
_METADATA = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_SCROLL = '<div class="scroll" tabindex="0" role="region" aria-label="Table">'
_ATTRIBUTES = {"th_open": {"scope": "col"}, "link_open": {"rel": "noreferrer nofollow"}}


def to_html(source: str) -> str:
    """Return the HTML of a Markdown text. Headings begin at level three."""
    reader = _reader()
    tokens = reader.parse(_METADATA.sub("", plain(source, _LONGEST)))
    for token in tokens:
        _adapt(token)
        for child in token.children or ():
            _adapt(child)
    return str(reader.renderer.render(tokens, reader.options, {}))


class _CardReader(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802  (their name)
        """Whether a link is one: those to the web are, others stay text."""
        return url.startswith(("https://", "http://"))


@cache
def _reader() -> MarkdownIt:
    reader = _CardReader("js-default", {"html": False}).disable("image")
    reader.add_render_rule("table_open", lambda *_: f"{_SCROLL}<table>")
    reader.add_render_rule("table_close", lambda *_: "</table></div>")
    return reader


def _adapt(token: Token) -> None:
    token.attrs.update(_ATTRIBUTES.get(token.type, {}))
    if token.type.startswith("heading_"):
        token.tag = "h3" if token.tag in ("h1", "h2") else "h4"
