"""Matplotlib's SVG files, made to live inside a page."""

from __future__ import annotations

import re
from itertools import count

from posthue.insight.page.shell import escaped
from posthue.insight.plot.palette import page_variable

_HEAD = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_SIZE = re.compile(r'(<svg[^>]*?) width="[^"]*"| height="[^"]*"(?=[^>]*>)')
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*|<style[^>]*>.*?</style>\s*|<!--.*?-->\s*", re.DOTALL)
_TAG = re.compile(r"<[^<>]+>")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
_FONT = re.compile(r"font-family: ?[^;\"]+;? ?|font: ([^;\"]*?) ?'DejaVu Sans'[^;\"]*")
_LONG = re.compile(r"(\d+\.\d\d)\d+")
#: A drawing is shown at most this many times its size.
_LARGEST = 1.4
_used = count()


def page_svg(saved: bytes, alt: str) -> str:
    """Return an SVG file as an element of a page.

    Its colours follow the page's theme, its letters are the page's, its size the place it is put in, its ids
    are no other drawing's, and ``alt`` says what it shows to those who cannot see it.
    """
    bare = _METADATA.sub("", _HEAD.sub("", saved.decode("utf-8"), count=1))
    prefix = f"d{next(_used)}-"
    inside = _TAG.sub(lambda match: _tag(match[0], prefix), bare)
    box = re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) [\d.]+"', inside)
    drawing = inside.partition(">")[2]
    size = f'{box[0]} style="max-width: {_LARGEST * float(box[1]):.0f}px"' if box else ""
    return f'<svg {size} role="img" aria-label="{escaped(alt)}">{drawing}'.strip()


def _tag(tag: str, prefix: str) -> str:
    tag = re.sub(r'\bid="', f'id="{prefix}', tag)
    tag = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}", tag)
    tag = tag.replace("xlink:href", "href")
    tag = _FONT.sub(lambda m: f"font: {m[1]} inherit" if m[1] else "", tag)
    return _COLOUR.sub(lambda match: page_variable(match[0]), _LONG.sub(r"\1", tag))
