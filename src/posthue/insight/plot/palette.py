"""Colours of drawings: those of the pages, so that a label has one colour wherever it is seen."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

#: Colours of things that have none of their own, told apart with any colour vision (Okabe & Ito 2008).
CYCLE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7a86a0")

_VARIABLE = re.compile(r"--([\w-]+): (#[0-9a-f]{6})")


@cache
def page_colours() -> dict[str, str]:
    """Return the colours of a light page by name: every label's, ``ink``, ``quiet``, ``line``, ``text`` …"""
    style = files("posthue.insight").joinpath("report.css").read_text(encoding="utf-8")
    light = style.partition("@media")[0]
    return {name: colour.lower() for name, colour in _VARIABLE.findall(light)}


def label_colour(label: str, position: int | None = None) -> str:
    """Return the colour of a label; of one that has none, the one at ``position`` of the cycle, or grey."""
    known = page_colours()
    if label in known and label not in ("page", "card", "ink", "quiet", "line", "track", "bad", "badge"):
        return known[label]
    return known["other"] if position is None else CYCLE[position % len(CYCLE)]


def ink_of(label: str) -> str:
    """Return the colour of a label, darkened so that letters in it can be read on white."""
    mixed = zip(_channels(label_colour(label)), _channels(page_colours()["ink"]), strict=True)
    return "#" + "".join(f"{round(0.7 * hue + 0.3 * dark):02x}" for hue, dark in mixed)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


@cache
def _names() -> dict[str, str]:
    return {colour: name for name, colour in reversed(page_colours().items())}


def page_variable(colour: str) -> str:
    """Return the page's variable that holds a colour, which follows the dark mode; or the colour."""
    name = _names().get(colour.lower())
    return f"var(--{name})" if name else colour
