"""What a drawing needs to know of letters: how wide a text is, and what the font has no sign for.

The font is DejaVu Sans, which comes with matplotlib. A browser draws with its own fonts, emoji too; only
pictures (png) are limited to what this one has.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from posthue.errors import MissingExtraError
from posthue.insight.words.terms import emoji_in, emoji_name

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_MEASURED_AT = 64
#: Width of a sign that the font does not have: an emoji or an ideograph is about this many times its height.
_WIDE = 1.2
_UNKNOWN = "□"


def font_path(*, bold: bool = False) -> str:
    """Return the file of DejaVu Sans; raise MissingExtraError without matplotlib."""
    try:
        from matplotlib import get_data_path  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("matplotlib", "report") from None
    return f"{get_data_path()}/fonts/ttf/DejaVuSans{'-Bold' if bold else ''}.ttf"


@lru_cache(maxsize=64)
def font(size: int, *, bold: bool = False) -> FreeTypeFont:
    """Return DejaVu Sans at a size in pixels, for Pillow."""
    from PIL import ImageFont  # noqa: PLC0415

    return ImageFont.truetype(font_path(bold=bold), size)


@lru_cache(maxsize=4096)
def text_width(text: str, *, bold: bool = False) -> float:
    """Return the width of a text in units of its size; a sign that the font lacks is taken as wide.

    >>> 2 < text_width("hello") < 3
    True
    """
    drawn = "".join(sign for sign in text if ord(sign) in _signs(bold=bold))
    lacking = sum(sign.isprintable() for sign in text if ord(sign) not in _signs(bold=bold))
    return float(font(_MEASURED_AT, bold=bold).getlength(drawn)) / _MEASURED_AT + _WIDE * lacking


def drawable(text: str) -> str:
    """Return a text that the font can draw: an emoji becomes its name, any other sign that lacks a box.

    >>> drawable("\\N{FIRE}!")
    'fire!'
    """
    if all(ord(sign) in _signs() or sign == "\n" for sign in text):
        return text
    for emoji in sorted(set(emoji_in(text)), key=len, reverse=True):
        text = text.replace(emoji, emoji_name(emoji))
    visible = (sign for sign in text if (sign.isprintable() and sign != "\ufe0f") or sign == "\n")
    return "".join(sign if ord(sign) in _signs() or sign == "\n" else _UNKNOWN for sign in visible)


@cache
def _signs(*, bold: bool = False) -> frozenset[int]:
    path = font_path(bold=bold)
    from matplotlib.ft2font import FT2Font  # noqa: PLC0415

    return frozenset(FT2Font(path).get_charmap())
