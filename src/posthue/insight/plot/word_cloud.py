"""Word clouds, laid out here: no network, no fonts in the file, any script or emoji the reader has.

Words are put, largest first, on the first free place of a spiral from the middle (Feinberg 2010, Wordle).
The wordcloud library is not taken: its words are drawn with one font, without emoji.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, sin, sqrt
from pathlib import Path

from posthue.files import write_file
from posthue.insight.page.shell import escaped, hue
from posthue.insight.plot.fonts import drawable, font, text_width
from posthue.insight.plot.palette import ink_of

WIDTH, HEIGHT = 420.0, 240.0
_LARGEST, _SMALLEST = 52.0, 9.0
_FILLED = 0.5
_ASCENT, _DESCENT = 0.78, 0.24
_TURNS, _STEP = 26, 0.11
_LONGEST = 28

Weighted = Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Placed:
    """A word in a cloud: left end and baseline, size of its letters, its width; in units of the drawing."""

    word: str
    weight: float
    x: float
    y: float
    size: float
    width: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return (self.x, self.y - _ASCENT * self.size, self.x + self.width, self.y + _DESCENT * self.size)


def layout(words: Weighted, *, width: float = WIDTH, height: float = HEIGHT) -> list[Placed]:
    """Return the words with a place, none over another; the area of a word grows with its weight.

    A word that finds no place, however small, is left out.
    """
    order = sorted(((word, weight) for word, weight in words if weight > 0), key=lambda pair: -pair[1])
    unit = _unit(order, width * height)
    placed: list[Placed] = []
    for word, weight in order:
        wanted = min(unit * sqrt(weight), _LARGEST)
        for size in (wanted, wanted * 0.8, wanted * 0.6):
            place = _find_place(word[:_LONGEST], weight, max(size, _SMALLEST), placed, (width, height))
            if place is not None:
                placed.append(place)
                break
    return placed


def _unit(order: Weighted, room: float) -> float:
    """Return the size of a word of weight 1 with which all words together fill half of the room."""
    area = sum(weight * text_width(word[:_LONGEST], bold=True) for word, weight in order)
    return sqrt(_FILLED * room / area) if area else 0.0


def _find_place(
    word: str, weight: float, size: float, placed: Sequence[Placed], room: tuple[float, float]
) -> Placed | None:
    long = text_width(word, bold=True) * size
    if long > room[0] - 4:
        size *= (room[0] - 4) / long
        long = room[0] - 4
    for x, y in _spiral(room):
        place = Placed(word, weight, x - long / 2, y + (_ASCENT - _DESCENT) / 2 * size, size, long)
        if _is_free(place.box, placed, room):
            return place
    return None


def _spiral(room: tuple[float, float]) -> Iterator[tuple[float, float]]:
    """Yield points from the middle outwards, denser in the middle, as wide as the room is."""
    steps = round(_TURNS * 2 * 3.1416 / _STEP / 2)
    for step in range(steps):
        angle, far = step * _STEP * 2, step / steps
        yield (room[0] / 2 * (1 + far * cos(angle)), room[1] / 2 * (1 + far * sin(angle)))


def _is_free(
    box: tuple[float, float, float, float], placed: Sequence[Placed], room: tuple[float, float]
) -> bool:
    left, top, right, bottom = box
    if left < 1 or top < 1 or right > room[0] - 1 or bottom > room[1] - 1:
        return False
    others = (other.box for other in placed)
    return not any(
        left < other[2] + 3 and right + 3 > other[0] and top < other[3] and bottom > other[1]
        for other in others
    )


def cloud_html(words: Weighted, *, label: str, unit: str = "") -> str:
    """Return a cloud as an SVG for a page: in the label's hue, with the words as text and weights on hover.

    unit: what the weights are, said on hover ("times"). Empty where there are no words.
    """
    placed = layout(words)
    if not placed:
        return ""
    strongest = placed[0].weight
    items = "".join(_text(item, item.weight / strongest, unit) for item in placed)
    largest = escaped(", ".join(item.word for item in placed[:12]))
    return (
        f'<svg class="cloud" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" {hue(label)} '
        f'aria-label="Word cloud of {escaped(label)}: {largest}">{items}</svg>'
    )


def _text(item: Placed, strength: float, unit: str) -> str:
    """Return one word; textLength holds its width, whatever font the reader has."""
    kind = ' class="faint"' if strength < 0.15 else ""
    return (
        f'<text{kind} x="{item.x:.1f}" y="{item.y:.1f}" font-size="{item.size:.1f}" '
        f'textLength="{item.width:.1f}" lengthAdjust="spacingAndGlyphs">'
        f"<title>{escaped(item.word)}: {item.weight:,.4g} {escaped(unit)}</title>{escaped(item.word)}</text>"
    )


def save_cloud(words: Weighted, folder: Path, name: str, *, label: str) -> None:
    """Write a cloud as NAME.svg and NAME.png into a folder."""
    write_file(folder / f"{name}.svg", cloud_svg(words, label=label))
    write_file(folder / f"{name}.png", cloud_png(words, label=label))


def cloud_svg(words: Weighted, *, label: str) -> str:
    """Return a cloud as an SVG file of its own."""
    colour = ink_of(label)
    items = "".join(_text(item, 1.0, "") for item in layout(words))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" width="{2 * WIDTH:g}">'
        f'<g fill="{colour}" font-family="DejaVu Sans, sans-serif" font-weight="bold">{items}</g></svg>\n'
    )


def cloud_png(words: Weighted, *, label: str, scale: int = 3) -> bytes:
    """Return a cloud as a PNG file; emoji that the font lacks are drawn as their names."""
    from PIL import Image, ImageDraw  # noqa: PLC0415

    image = Image.new("RGB", (round(WIDTH * scale), round(HEIGHT * scale)), "white")
    draw = ImageDraw.Draw(image)
    for item in layout([(drawable(word), weight) for word, weight in words]):
        letters = font(max(round(item.size * scale), 1), bold=True)
        draw.text((item.x * scale, item.y * scale), item.word, ink_of(label), font=letters, anchor="ls")
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return stream.getvalue()
