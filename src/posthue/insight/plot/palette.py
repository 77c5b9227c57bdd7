"""Colours of drawings: those of the pages, so that a label has one colour wherever it is seen."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from importlib.resources import files

from posthue.insight.page.shell import COLOURED
from posthue.posts import Modality

#: How many colours there are for things that have none of their own.
CYCLE = 8

_VARIABLE = re.compile(r"--([\w-]+): (#[0-9a-f]{6})")


@cache
def page_colours() -> dict[str, str]:
    """Return the colours of a light page by name: every label's, ``ink``, ``quiet``, ``line``, ``text`` …"""
    style = files("posthue.insight").joinpath("report.css").read_text(encoding="utf-8")
    light = style.partition("@media")[0]
    return {name: colour.lower() for name, colour in _VARIABLE.findall(light)}


def label_colour(label: str) -> str:
    """Return the colour of a label, grey for one that has none."""
    return page_colours()[label if label in COLOURED else "other"]


def series_colour(place: int) -> str:
    """Return one of the colours that any colour vision can tell apart (Okabe & Ito 2008)."""
    return page_colours()[f"series-{place % CYCLE + 1}"]


def series_colours(names: Collection[str]) -> list[str]:
    """Return the colours of things that are told apart: labels have their own, others the cycle's.

    A model that is called text, among others, is not the text: modalities have theirs among themselves only.
    """
    own = COLOURED if set(names) <= set(Modality) else COLOURED - set(Modality)
    return [page_colours()[n] if n in own else series_colour(place) for place, n in enumerate(names)]


def ink_of(label: str) -> str:
    """Return the colour of a label, darkened so that letters in it can be read on white."""
    mixed = zip(_channels(label_colour(label)), _channels(page_colours()["ink"]), strict=True)
    return "#" + "".join(f"{round((hue + dark) / 2):02x}" for hue, dark in mixed)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


@cache
def _names() -> dict[str, str]:
    return {colour: name for name, colour in reversed(page_colours().items())}


def page_variable(colour: str) -> str:
    """Return the page's variable that holds a colour, which follows the dark mode; or the colour."""
    name = _names().get(colour.lower())
    return f"var(--{name})" if name else colour
