"""What every page of posthue promises, checked."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

#: Written into every place where a text can come from; none of it may reach the page as markup.
ATTACK = "\"'><script>alert(1)</script><img src=x onerror=alert(2)></svg></style>{{7*7}} $x^2$ <b>"
#: The same for a card of a post.
CARD_ATTACK = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>${title} &amp;"


class Page(HTMLParser):
    """What a browser would find: elements, attributes, and the words outside of tags."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


class PageReader(HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def check_page(source: str) -> PageReader:
    """Assert that a page runs and loads nothing, and is whole; return it read."""
    page = PageReader(source)
    assert "default-src 'none'" in source
    assert not {"script", "link", "iframe", "object", "b-", "foreignobject", "base", "form"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    loaded = [(tag, value) for tag, name, value in page.attributes if name in ("src", "srcset")]
    assert all(value.startswith("data:image/jpeg;base64,") for _, value in loaded)
    links = [value for _, name, value in page.attributes if name in ("href", "xlink:href")]
    ids = Counter(value for _, name, value in page.attributes if name == "id")
    assert not [name for name, count in ids.items() if count > 1]
    assert all(link[0] == "#" and link[1:] in ids for link in links)
    pictures = page.tags.count("img")
    assert pictures == len([1 for tag, name, value in page.attributes if tag == "img" and name == "alt"])
    drawings = [value for tag, name, value in page.attributes if tag == "svg" and name == "aria-label"]
    assert len(drawings) == page.tags.count("svg")
    assert all(drawings)
    return page
