"""Scenes under the sky: a sunset, flowers, a street in the rain."""

from __future__ import annotations

import numpy as np
from PIL import Image

from drawing.canvas import (
    Colour,
    Picture,
    Place,
    X,
    Y,
    ball,
    blur,
    disc,
    finish,
    glow,
    gradient,
    light,
    noise,
    over,
    polygon,
    rgb,
    strokes,
)


def sunset() -> Image.Image:
    """The sun sets over a calm sea."""
    sky = gradient(
        [
            (0, rgb("2b2a5e")),
            (0.22, rgb("7d4a86")),
            (0.4, rgb("e0706a")),
            (0.52, rgb("ffb35c")),
            (0.58, rgb("ffe09a")),
        ]
    )
    clouds = np.clip(noise(3, (9, 2)) * 2.2 - 1.05, 0, 1) * np.clip(1.15 - 1.6 * Y, 0, 1)
    sky = over(sky, clouds, gradient([(0, rgb("59407c")), (0.3, rgb("d9627a")), (0.55, rgb("ffd9a0"))]), 0.85)
    sky = light(sky, glow(0.56, 0.52, 0.17), rgb("ffb060"), 0.8)
    sky = over(sky, disc(0.56, 0.5, 0.062, soft=0.012), rgb("fff6d8"))
    sky = over(
        sky, polygon([(0, 0.585), (0.1, 0.545), (0.2, 0.56), (0.31, 0.585)], blur=0.002), rgb("4d3763"), 0.9
    )
    return finish(_bird(_bird(_sea(sky), 0.27, 0.24, 0.03), 0.34, 0.29, 0.02), seed=1)


def _sea(sky: Picture) -> Picture:
    horizon = 0.585
    water = gradient([(horizon, rgb("e79a72")), (0.72, rgb("8a5580")), (1, rgb("2a2350"))])
    depth = np.clip((Y - horizon) / (1 - horizon), 0, 1)
    ripples = noise(11, (48, 5), octaves=3)
    spread = 0.035 + 0.16 * depth
    path = np.exp(-(((X - 0.56) / spread) ** 2)) * np.clip(ripples * 3.2 - 1.1, 0, 1)
    water = over(water, np.clip(ripples * 2 - 1, 0, 1), rgb("f0a384"), 0.35)
    water = light(water, path.astype(np.float32), rgb("ffd08a"), 0.95)
    return over(sky, (horizon <= Y).astype(np.float32), water)


def _bird(picture: Picture, x: float, y: float, size: float) -> Picture:
    left = [(x - size, y - size * 0.35), (x - size * 0.4, y - size * 0.45), (x, y)]
    right = [(x, y), (x + size * 0.4, y - size * 0.45), (x + size, y - size * 0.35)]
    return over(picture, strokes([left, right], 0.004), rgb("2c1f3f"), 0.85)


def flowers() -> Image.Image:
    """A meadow in bloom under a clear sky."""
    picture = gradient([(0, rgb("6fb7ee")), (0.38, rgb("d8f0fb")), (0.4, rgb("b8d99a")), (1, rgb("3f7d2f"))])
    picture = over(picture, np.clip(noise(5, (4, 3)) * 2 - 1.1, 0, 1) * (Y < 0.38), rgb("ffffff"), 0.9)
    meadow = (Y > 0.39).astype(np.float32)
    picture = over(picture, meadow * noise(8, (40, 90), octaves=2), rgb("2c6a22"), 0.5)
    picture = light(picture, glow(0.8, 0.08, 0.28), rgb("fff2c0"), 0.75)
    rng = np.random.default_rng(21)
    colours = [rgb(c) for c in ("ff5d8f", "ffd23f", "ffffff", "ff7043", "b388ff", "f94d6a")]
    for depth in np.sort(rng.random(64)) ** 1.25:
        colour = colours[int(rng.integers(len(colours)))]
        size = 0.007 + 0.068 * depth
        picture = _flower(
            picture, (float(rng.random()), 0.41 + 0.5 * depth), size, colour, float(rng.random())
        )
        if 0.5 < depth < 0.56:
            picture = blur(picture, 0.0025)
    return finish(picture, seed=2, grain=0.012, vignette=0.2)


def _flower(picture: Picture, place: Place, size: float, colour: Colour, turn: float) -> Picture:
    x, y = place
    picture = over(
        picture, strokes([[(x, y), (x + size * 0.2, y + size * 3.2)]], max(size * 0.1, 0.002)), rgb("2f6b25")
    )
    for petal in range(7):
        angle = turn + petal * 2 * np.pi / 7
        px, py = x + np.cos(angle) * size * 0.62, y + np.sin(angle) * size * 0.52
        shade = 0.82 + 0.18 * np.cos(angle + 2.2)
        tint = (colour[0] * shade, colour[1] * shade, colour[2] * shade)
        picture = over(picture, disc(px, py, size * 0.5, size * 0.27, turn=angle), tint)
    return ball(picture, (x, y), (size * 0.27, size * 0.24), rgb("e8a21c"), shine=0.15)


def rain() -> Image.Image:
    """A grey street in the rain."""
    picture = gradient([(0, rgb("6d757d")), (0.5, rgb("a2a9ae")), (0.62, rgb("848a8e")), (1, rgb("3b4046"))])
    picture = _houses(picture)
    street = over(picture, np.ones_like(X), gradient([(0.6, rgb("7c8388")), (1, rgb("33383d"))]))
    mirrored = blur(picture[::-1], 0.012)
    mirrored = np.roll(mirrored, round(0.22 * len(mirrored)), axis=0)
    street = over(street, 0.25 + 0.6 * noise(6, (60, 6), octaves=2), mirrored, 0.55)
    picture = over(picture, np.clip((Y - 0.61) * 60, 0, 1), street)
    picture = over(
        picture, polygon([(0.48, 0.62), (0.52, 0.62), (0.56, 1), (0.44, 1)], blur=0.01), rgb("9da3a7"), 0.18
    )
    picture = _walker(picture, 0.36, 0.77)
    picture = over(picture, np.clip(noise(2, (3, 3)) * 1.2 - 0.3, 0, 1), rgb("aab0b5"), 0.28)
    rng = np.random.default_rng(9)
    starts = rng.random((520, 2)) * 1.1 - 0.05
    drops = [[(x, y), (x - 0.008, y + 0.05)] for x, y in starts.tolist()]
    picture = light(picture, strokes(drops[:260], 0.0016, blur=0.0008), rgb("dfe6ea"), 0.42)
    picture = light(picture, strokes(drops[260:], 0.001), rgb("dfe6ea"), 0.3)
    return finish(picture, seed=3, vignette=0.5)


def _houses(picture: Picture) -> Picture:
    for i, (depth, shade) in enumerate(((0.42, 0.52), (0.3, 0.43), (0.16, 0.34))):
        tone = (shade * 0.92, shade * 0.97, shade)
        top = 0.34 - 0.1 * i
        left = [(0, top - 0.12), (depth, top + 0.12), (depth, 0.63), (0, 0.75)]
        right = [(1 - x, y - 0.03) for x, y in left]
        picture = over(over(picture, polygon(left, blur=0.002), tone), polygon(right, blur=0.002), tone)
    rng = np.random.default_rng(4)
    for x, y in (rng.random((26, 2)) * (0.13, 0.33) + (0.01, 0.2)).tolist():
        lit = rgb("d9b36a") if rng.random() < 0.22 else rgb("262c33")
        for side in (x, 1 - x):
            window = polygon(
                [(side, y), (side + 0.016, y + 0.006), (side + 0.016, y + 0.046), (side, y + 0.04)]
            )
            picture = over(picture, window, lit, 0.75)
    return _lamp(_lamp(picture, 0.255, 0.3), 0.72, 0.36)


def _lamp(picture: Picture, x: float, top: float) -> Picture:
    picture = over(picture, strokes([[(x, 0.67), (x, top), (x + 0.03, top - 0.01)]], 0.006), rgb("23282d"))
    return light(picture, glow(x + 0.03, top, 0.028), rgb("ffdf9e"), 0.85)


def _walker(picture: Picture, x: float, ground: float) -> Picture:
    dark = rgb("1d2126")
    legs = [
        [(x - 0.008, ground - 0.1), (x - 0.028, ground)],
        [(x + 0.008, ground - 0.1), (x + 0.022, ground - 0.01)],
    ]
    picture = over(picture, strokes(legs, 0.017), dark)
    coat = [
        (x - 0.03, ground - 0.2),
        (x + 0.025, ground - 0.2),
        (x + 0.037, ground - 0.07),
        (x - 0.04, ground - 0.07),
    ]
    picture = over(picture, polygon(coat, blur=0.002), rgb("2b3139"))
    picture = over(picture, disc(x, ground - 0.222, 0.019, 0.023), dark)
    picture = over(picture, strokes([[(x + 0.02, ground - 0.16), (x + 0.02, ground - 0.33)]], 0.004), dark)
    umbrella = disc(x + 0.015, ground - 0.258, 0.095, 0.075) * (ground - 0.258 > Y)
    picture = over(picture, umbrella, rgb("171b20"))
    return over(picture, disc(x, ground + 0.012, 0.05, 0.008, soft=0.012), rgb("14171a"), 0.6)
