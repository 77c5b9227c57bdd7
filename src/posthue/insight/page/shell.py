"""The shell of a report: one HTML file that needs nothing else, reads on a phone, and follows dark mode.

A page runs no script and loads nothing: a Content-Security-Policy says so to the browser, in case something
hostile ever got past the escaping.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from importlib.resources import files
from string import Template

from posthue._version import __version__
from posthue.labels import SCHEMES
from posthue.posts import Modality
from posthue.wording import percent

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
$style</style>
</head>
<body>
<header>
<h1>$title</h1>
$head
</header>
<main>
$main
</main>
<footer>$foot</footer>
</body>
</html>
""")

#: What every page says of its labels.
CAUTION = (
    "The labels tell the emotion that a post expresses, not what its author feels, and they can be wrong: "
    "not for decisions about people."
)
FOOT = f"Made by posthue {__version__}. {CAUTION}"
_SHEETS = ("report.css", "sections.css")
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

#: What has a colour of its own in report.css; every other label shares one.
COLOURED = frozenset(label for scheme in SCHEMES.values() for label in scheme.labels) | frozenset(Modality)


def page(title: str, *, head: str, main: str, foot: str = FOOT, extra_sheets: Sequence[str] = ()) -> str:
    """Return a whole page; ``title`` is escaped here, the other parts are HTML already.

    extra_sheets: names of style sheets beside this module that only this kind of page needs.
    """
    sheets = (files("posthue.insight").joinpath(name) for name in (*_SHEETS, *extra_sheets))
    style = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    return _PAGE.substitute(
        title=escaped(title), policy=_POLICY, style=style, head=head, main=main, foot=foot
    )


def escaped(text: str, limit: int = 2000) -> str:
    """Return any text as safe HTML: escaped, without control characters, cut after ``limit`` characters.

    >>> escaped("<b>1 & 2</b>")
    '&lt;b&gt;1 &amp; 2&lt;/b&gt;'
    """
    return html.escape(plain(text, limit))


def plain(text: str, limit: int) -> str:
    """Return a text that UTF-8 can hold, without control characters, cut after ``limit`` characters."""
    cut = text if len(text) <= limit else text[:limit] + "…"
    return "".join(map(_printable, cut.encode("utf-8", "replace").decode("utf-8")))


def _printable(character: str) -> str:
    """Keep what can be seen, line breaks and the joiner inside emoji; other spaces become plain ones."""
    if character.isprintable() or character in "\n\u200d":
        return character
    return " " if character.isspace() else ""


def hue(label: str) -> str:
    """Return the style attribute that gives an element the colour of a label.

    >>> hue("joy")
    'style="--hue: var(--joy)"'
    """
    return f'style="--hue: var(--{_variable(label)})"'


def bars(values: Iterable[tuple[str, float]], *, top: str | None = None) -> str:
    """Return a list of labelled bars for probabilities; the label ``top`` is set in bold."""
    items = "".join(_bar(label, value, is_top=label == top) for label, value in values)
    return f'<ul class="bars">{items}</ul>'


def _bar(label: str, value: float, *, is_top: bool) -> str:
    mark = 'class="top" ' if is_top else ""
    width = f"{100 * min(max(value, 0.0), 1.0):.1f}"
    return (
        f"<li {mark}{hue(label)}><b>{escaped(label)}</b>"
        f'<span class="track" aria-hidden="true"><span style="width: {width}%"></span></span>'
        f'<span class="percent">{percent(value)}</span></li>'
    )


def stack(counts: Iterable[tuple[str, int]]) -> str:
    """Return one bar that is divided by counts, and its legend; labels without a count are left out."""
    positive = [(label, count) for label, count in counts if count]
    parts = "".join(
        f'<span style="flex: {n}; --hue: var(--{_variable(label)})"></span>' for label, n in positive
    )
    legend = "".join(f"<li {hue(label)}>{escaped(label)} {count:,}</li>" for label, count in positive)
    return f'<div class="stack" aria-hidden="true">{parts}</div><ul class="legend">{legend}</ul>'


def _variable(label: str) -> str:
    return label if label in COLOURED else "other"
