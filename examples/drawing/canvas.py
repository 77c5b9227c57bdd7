"""A few brushes on float arrays: masks, shading, noise and light.

A picture is [SIZE, SIZE, 3] in 0…1, a mask [SIZE, SIZE] in 0…1. Places and lengths are
fractions of the side, (0, 0) the upper left corner. Pictures are drawn at twice their size and reduced
at the end, which smooths every edge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

SIZE = 1024
FINAL = 512

Picture: TypeAlias = npt.NDArray[np.floating[Any]]
Mask: TypeAlias = npt.NDArray[np.floating[Any]]
Colour: TypeAlias = tuple[float, float, float]
Place: TypeAlias = tuple[float, float]

_AXIS = (np.arange(SIZE, dtype=np.float32) + 0.5) / SIZE
Y, X = np.meshgrid(_AXIS, _AXIS, indexing="ij")


def rgb(code: str) -> Colour:
    """Return the colour of a code such as ``ffcc00``."""
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red, green, blue


def path(percent: str) -> list[Place]:
    """Return the places of a string such as ``"10 57.5, 24 55"``: x and y in percent."""
    return [(float(x) / 100, float(y) / 100) for x, y in (pair.split() for pair in percent.split(","))]


def _mask(draw: Callable[[ImageDraw.ImageDraw], None], blur: float) -> Mask:
    image = Image.new("L", (SIZE, SIZE))
    draw(ImageDraw.Draw(image))
    if blur:
        image = image.filter(ImageFilter.GaussianBlur(blur * SIZE))
    return np.asarray(image, dtype=np.float32) / 255


def _scaled(points: Sequence[Place]) -> list[tuple[float, float]]:
    return [(x * SIZE, y * SIZE) for x, y in points]


def polygon(points: Sequence[Place], *, blur: float = 0) -> Mask:
    """A filled polygon."""
    return _mask(lambda d: d.polygon(_scaled(points), fill=255), blur)


def strokes(lines: Sequence[Sequence[Place]], width: float, *, blur: float = 0) -> Mask:
    """Polylines of one width."""

    def draw(d: ImageDraw.ImageDraw) -> None:
        for line in lines:
            d.line(_scaled(line), fill=255, width=max(1, round(width * SIZE)), joint="curve")

    return _mask(draw, blur)


def arc(centre: Place, radius: Place, angles: tuple[float, float], width: float) -> Mask:
    """Part of an ellipse's outline, from one angle to the other in degrees, clockwise from the right."""
    (cx, cy), (rx, ry) = centre, radius
    box = _scaled([(cx - rx, cy - ry), (cx + rx, cy + ry)])
    return _mask(lambda d: d.arc([*box[0], *box[1]], *angles, fill=255, width=round(width * SIZE)), 0)


def disc(
    cx: float, cy: float, rx: float, ry: float | None = None, *, turn: float = 0, soft: float = 0.004
) -> Mask:
    """An ellipse, turned by ``turn`` radians, with an edge ``soft`` wide."""
    ry = rx if ry is None else ry
    reach = max(rx, ry) + soft
    rows, columns = _around(cy - reach, cy + reach), _around(cx - reach, cx + reach)
    dx, dy = X[rows, columns] - cx, Y[rows, columns] - cy
    u = (dx * np.cos(turn) + dy * np.sin(turn)) / rx
    v = (-dx * np.sin(turn) + dy * np.cos(turn)) / ry
    distance = (np.sqrt(u * u + v * v) - 1) * min(rx, ry)
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[rows, columns] = np.clip(0.5 - distance / soft, 0, 1)
    return mask


def _around(low: float, high: float) -> slice:
    return slice(max(0, int(low * SIZE)), max(0, int(high * SIZE) + 1))


def glow(cx: float, cy: float, radius: float) -> Mask:
    """Light that falls off from a point as a Gaussian."""
    return np.exp(-((X - cx) ** 2 + (Y - cy) ** 2) / (2 * radius * radius)).astype(np.float32)


def gradient(stops: Sequence[tuple[float, Colour]]) -> Picture:
    """Horizontal bands of colour that run into each other; stops are (height, colour)."""
    heights = [height for height, _ in stops]
    bands = [np.interp(Y, heights, [colour[c] for _, colour in stops]) for c in range(3)]
    return np.stack(bands, axis=-1).astype(np.float32)


def noise(seed: int, cells: tuple[int, int], *, octaves: int = 4) -> Mask:
    """Clouds: random grids of (rows, columns), each octave twice as fine and half as strong."""
    rng = np.random.default_rng(seed)
    total = np.zeros((SIZE, SIZE), np.float32)
    for octave in range(octaves):
        grid = rng.random((cells[0] << octave, cells[1] << octave), dtype=np.float32)
        layer = Image.fromarray(grid)
        total += np.asarray(layer.resize((SIZE, SIZE), Image.Resampling.BICUBIC)) / 2**octave
    return np.asarray((total - total.min()) / np.ptp(total))


def over(picture: Picture, mask: Mask, colour: Colour | Picture, opacity: float = 1) -> Picture:
    """Lay a colour, or another picture, over the picture where the mask is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return picture
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    m = (mask[window] * opacity)[..., None]
    paint = np.asarray(colour, np.float32)
    result = picture.copy()
    result[window] = picture[window] * (1 - m) + (paint if paint.ndim == 1 else paint[window]) * m
    return result


def light(picture: Picture, mask: Mask, colour: Colour, strength: float = 1) -> Picture:
    """Add light of a colour; nothing gets brighter than white."""
    m = np.clip(mask * strength, 0, 1)[..., None] * np.asarray(colour, np.float32)
    return np.asarray(1 - (1 - np.clip(picture, 0, 1)) * (1 - m))


def ball(picture: Picture, centre: Place, radius: Place, colour: Colour, *, shine: float = 0.5) -> Picture:
    """A shaded ellipsoid lit from the upper left, with a highlight of strength ``shine``."""
    (cx, cy), (rx, ry) = centre, radius
    u, v = (X - cx) / rx, (Y - cy) / ry
    depth = np.sqrt(np.clip(1 - u * u - v * v, 0, 1))
    facing = np.clip(-0.45 * u - 0.55 * v + 0.7 * depth, 0, 1)
    shaded = (
        np.asarray(colour, np.float32) * (0.38 + 0.75 * facing)[..., None] + shine * facing[..., None] ** 24
    )
    return over(picture, disc(cx, cy, rx, ry), np.clip(shaded, 0, 1))


def blur(picture: Picture, radius: float) -> Picture:
    """Blur the picture as a lens out of focus does."""
    image = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius * SIZE)), dtype=np.float32) / 255


def bokeh(picture: Picture, seed: int, count: int, colours: Sequence[Colour], *, below: float = 1) -> Picture:
    """Lights out of focus: soft discs above the height ``below``."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        x, y, r, strength = rng.random(4)
        colour = colours[int(rng.integers(len(colours)))]
        picture = light(
            picture, disc(x, y * below, 0.015 + 0.045 * r, soft=0.012), colour, 0.12 + 0.3 * strength
        )
    return picture


def finish(picture: Picture, *, seed: int = 0, grain: float = 0.018, vignette: float = 0.3) -> Image.Image:
    """Darken the corners, add a sensor's grain, and reduce to FINAL pixels a side."""
    corner = (X - 0.5) ** 2 + (Y - 0.5) ** 2
    toned = np.clip(picture * (1 - vignette * 1.6 * corner)[..., None], 0, 1)
    image = Image.fromarray((toned * 255).astype(np.uint8)).resize((FINAL, FINAL), Image.Resampling.LANCZOS)
    spread = np.random.default_rng(seed).normal(0, grain * 255, (FINAL, FINAL, 1))
    return Image.fromarray(np.clip(np.asarray(image) + spread, 0, 255).astype(np.uint8))
