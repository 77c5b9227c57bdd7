"""Scenes of people's days: a birthday, a party, a plate of food."""

from __future__ import annotations

import numpy as np
from PIL import Image

from drawing.canvas import (
    Colour,
    Picture,
    X,
    Y,
    ball,
    bokeh,
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

PARTY = tuple(rgb(code) for code in ("ff5d8f", "ffd23f", "4cc9f0", "7ae582", "b388ff", "ff8c42"))


def birthday() -> Image.Image:
    """A cake with candles, balloons behind it."""
    picture = gradient([(0, rgb("5a2a4d")), (0.45, rgb("a8546a")), (0.72, rgb("d98f6b")), (1, rgb("6b3d2e"))])
    picture = bokeh(picture, 4, 42, [rgb("ffd9a0"), rgb("ff9ab8"), rgb("ffe7c4")], below=0.7)
    for x, y, size, colour in (
        (0.14, 0.25, 0.105, 0),
        (0.3, 0.14, 0.095, 1),
        (0.86, 0.22, 0.11, 2),
        (0.71, 0.12, 0.09, 4),
    ):
        picture = _balloon(picture, x, y, size, PARTY[colour])
    table = gradient([(0.77, rgb("8c5a3c")), (1, rgb("4a2a1c"))])
    picture = over(picture, np.clip((Y - 0.775) * 200, 0, 1), table)
    picture = over(picture, disc(0.5, 0.86, 0.4, 0.06, soft=0.05), rgb("2a150d"), 0.6)
    picture = over(
        picture, disc(0.5, 0.845, 0.36, 0.062), gradient([(0.79, rgb("ffffff")), (0.91, rgb("b9b2b0"))])
    )
    picture = _tier(picture, 0.28, 0.64, 0.84, (rgb("f7c6d4"), rgb("fff6f2")))
    picture = _tier(picture, 0.19, 0.46, 0.65, (rgb("fbe3b5"), rgb("ff8fab")))
    for i in range(7):
        picture = _candle(
            picture, 0.365 + i * 0.045, 0.455 - 0.012 * np.sin(i * np.pi / 6), PARTY[i % len(PARTY)]
        )
    return finish(light(picture, glow(0.5, 0.34, 0.2), rgb("ffcf87"), 0.4), seed=6)


def _balloon(picture: Picture, x: float, y: float, size: float, colour: Colour) -> Picture:
    string = [
        (x, y + size * 1.2),
        (x + 0.012, y + size * 2.2),
        (x - 0.006, y + size * 3.2),
        (x + 0.008, y + size * 4.4),
    ]
    picture = over(picture, strokes([string], 0.0025), rgb("f3dccb"), 0.7)
    picture = over(
        picture,
        polygon([(x, y + size * 1.15), (x - 0.013, y + size * 1.3), (x + 0.013, y + size * 1.3)]),
        colour,
    )
    return ball(picture, (x, y), (size, size * 1.2), colour, shine=0.75)


def _tier(
    picture: Picture, half: float, top: float, bottom: float, colours: tuple[Colour, Colour]
) -> Picture:
    side, icing = colours
    squash = half * 0.17
    wall = np.clip(0.5 + (half - np.abs(X - 0.5)) * 300, 0, 1) * (top < Y) * (bottom > Y)
    wall = np.maximum(wall, disc(0.5, bottom, half, squash))
    shade = 0.62 + 0.45 * np.sqrt(np.clip(1 - ((X - 0.44) / (half * 1.15)) ** 2, 0, 1))
    picture = over(picture, wall.astype(np.float32), np.clip(np.asarray(side) * shade[..., None], 0, 1))
    drips = 0.035 + 0.03 * np.clip(np.sin(X * 2 * np.pi / 0.058), 0, 1) ** 0.6
    edge = top + squash * np.sqrt(np.clip(1 - ((X - 0.5) / half) ** 2, 0, 1))
    run = (top < Y) * np.clip((edge + drips - Y) * 250, 0, 1) * (np.abs(X - 0.5) < half)
    picture = over(
        picture, run.astype(np.float32), np.clip(np.asarray(icing) * (shade[..., None] * 1.02), 0, 1)
    )
    picture = over(picture, disc(0.5, top, half, squash), icing)
    return light(
        picture, disc(0.46, top - squash * 0.1, half * 0.7, squash * 0.6, soft=0.05), rgb("ffffff"), 0.25
    )


def _candle(picture: Picture, x: float, base: float, colour: Colour) -> Picture:
    picture = over(
        picture,
        polygon([(x - 0.008, base - 0.1), (x + 0.008, base - 0.1), (x + 0.008, base), (x - 0.008, base)]),
        colour,
    )
    stripes = [[(x - 0.008, base - h), (x + 0.008, base - h - 0.016)] for h in (0.015, 0.04, 0.065)]
    picture = over(picture, strokes(stripes, 0.005), rgb("fffaf2"), 0.9)
    picture = light(picture, glow(x, base - 0.128, 0.032), rgb("ffb347"), 0.95)
    picture = over(picture, disc(x, base - 0.126, 0.008, 0.021, soft=0.005), rgb("ffe9a8"))
    return over(picture, disc(x, base - 0.117, 0.0045, 0.009, soft=0.004), rgb("ffffff"))


def party() -> Image.Image:
    """Confetti over a dancing crowd."""
    picture = gradient([(0, rgb("1a0b3a")), (0.45, rgb("5b1a78")), (0.75, rgb("c23b8a")), (1, rgb("2a0b3c"))])
    for x, lean, colour in ((0.12, 0.3, 2), (0.4, 0.12, 0), (0.63, -0.1, 1), (0.9, -0.32, 3)):
        beam = polygon([(x, -0.02), (x + lean + 0.15, 0.95), (x + lean - 0.15, 0.95)], blur=0.02)
        picture = light(picture, beam * np.clip(1.1 - Y, 0, 1), PARTY[colour], 0.42)
        picture = light(picture, glow(x, 0, 0.04), rgb("ffffff"), 0.9)
    picture = bokeh(picture, 8, 34, PARTY, below=0.75)
    rng = np.random.default_rng(33)
    for row, tone in ((0.74, "3d1457"), (0.82, "260a3b"), (0.91, "12041f")):
        for x in np.arange(0.03, 1, 0.125) + rng.normal(0, 0.02, 8):
            picture = _dancer(picture, rng, float(x), row, rgb(tone))
    return finish(_confetti(picture, rng, 300), seed=7, grain=0.012)


def _dancer(picture: Picture, rng: np.random.Generator, x: float, y: float, tone: Colour) -> Picture:
    y += float(rng.normal(0, 0.012))
    picture = over(picture, disc(x, y, 0.03, 0.037), tone)
    picture = over(picture, disc(x, y + 0.155, 0.062, 0.12), tone)
    reach = rng.normal(0, 0.02, 4)
    for side, bend, lift in ((-1, reach[0], reach[1]), (1, reach[2], reach[3])):
        elbow = (x + side * (0.078 + float(bend)), y + 0.01)
        hand = (x + side * 0.06 + float(bend), y - 0.105 + float(lift))
        picture = over(
            picture, strokes([[(x + side * 0.045, y + 0.08), elbow, hand]], 0.021, blur=0.0015), tone
        )
        picture = over(picture, disc(*hand, 0.014), tone)
    return picture


def _confetti(picture: Picture, rng: np.random.Generator, count: int) -> Picture:
    for _ in range(count):
        x, y, turn, squeeze = rng.random(4)
        size = 0.006 + 0.01 * float(rng.random())
        angle = turn * np.pi
        along = np.array([np.cos(angle), np.sin(angle)]) * size
        across = np.array([-np.sin(angle), np.cos(angle)]) * size * (0.2 + 0.6 * squeeze)
        centre = np.array([x, y * 0.93])
        corners = [tuple(centre + a * along + b * across) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        colour = PARTY[int(rng.integers(len(PARTY)))]
        picture = over(picture, polygon(corners, blur=0.003 if size > 0.0145 else 0), colour, 0.95)
    return picture


def plate() -> Image.Image:
    """Pasta on a white plate, seen from above."""
    grain = noise(50, (3, 60), octaves=4).T
    picture = over(gradient([(0, rgb("7a4f30")), (1, rgb("5a3820"))]), grain, rgb("a8744a"), 0.6)
    picture = over(picture, np.clip(np.abs(((X * 4.0) % 1) - 0.5) * 90 - 44, 0, 1), rgb("2e1a0e"), 0.7)
    picture = over(picture, disc(0.53, 0.54, 0.405, soft=0.06), rgb("1a0e07"), 0.6)
    picture = over(picture, disc(0.5, 0.5, 0.4), gradient([(0.1, rgb("ffffff")), (0.9, rgb("d9d5d0"))]))
    picture = over(
        picture, disc(0.5, 0.5, 0.29, soft=0.02), gradient([(0.2, rgb("d6d2cc")), (0.8, rgb("fbf9f6"))])
    )
    picture = _pasta(picture, np.random.default_rng(61))
    for x, y, size in (
        (0.42, 0.44, 0.05),
        (0.57, 0.41, 0.047),
        (0.5, 0.56, 0.052),
        (0.61, 0.55, 0.044),
        (0.38, 0.57, 0.042),
    ):
        picture = over(picture, disc(x + 0.012, y + 0.016, size, soft=0.03), rgb("5c1d0c"), 0.5)
        picture = ball(picture, (x, y), (size, size), rgb("d8321f"), shine=0.55)
    for x, y, turn in (
        (0.48, 0.46, 0.4),
        (0.525, 0.475, 2.1),
        (0.5, 0.505, 3.6),
        (0.63, 0.47, 1.0),
        (0.41, 0.52, 2.7),
    ):
        picture = _leaf(picture, x, y, turn)
    return finish(_cutlery(light(picture, glow(0.3, 0.22, 0.2), rgb("fff4dc"), 0.3)), seed=8)


def _pasta(picture: Picture, rng: np.random.Generator) -> Picture:
    picture = over(picture, disc(0.5, 0.5, 0.225, soft=0.03), rgb("a8451e"))
    for _ in range(150):
        angle, radius, bend = rng.random(3) * (2 * np.pi, 0.17, 2.4) + (0, 0.02, 0.8)
        steps = np.linspace(angle, angle + bend, 14)
        cx, cy = rng.normal(0.5, 0.035, 2)
        curve = [(cx + radius * np.cos(a), cy + radius * np.sin(a)) for a in steps]
        warm = 0.82 + 0.22 * float(rng.random())
        picture = over(
            picture, strokes([[(x + 0.003, y + 0.004) for x, y in curve]], 0.012), rgb("8a4a17"), 0.6
        )
        picture = over(picture, strokes([curve], 0.01), (min(0.98 * warm, 1), 0.8 * warm, 0.44 * warm))
    return picture


def _leaf(picture: Picture, x: float, y: float, turn: float) -> Picture:
    picture = over(
        picture, disc(x + 0.006, y + 0.009, 0.048, 0.021, turn=turn, soft=0.012), rgb("2c1206"), 0.5
    )
    picture = over(picture, disc(x, y, 0.046, 0.02, turn=turn), rgb("3f8f33"))
    dx, dy = 0.04 * np.cos(turn), 0.04 * np.sin(turn)
    return over(picture, strokes([[(x - dx, y - dy), (x + dx, y + dy)]], 0.003), rgb("8fca74"), 0.9)


def _cutlery(picture: Picture) -> Picture:
    steel = rgb("d9dde0")
    tines = [[(x, 0.2), (x, 0.36)] for x in (0.025, 0.04, 0.055)]
    fork = np.maximum(strokes([*tines, [(0.04, 0.4), (0.04, 0.85)]], 0.009), disc(0.04, 0.375, 0.022, 0.04))
    knife = np.maximum(
        strokes([[(0.96, 0.5), (0.96, 0.85)]], 0.016),
        polygon([(0.95, 0.5), (0.952, 0.2), (0.975, 0.25), (0.972, 0.5)]),
    )
    both = np.maximum(fork, knife)
    picture = over(picture, np.roll(both, (9, 7), axis=(0, 1)), rgb("1a0e07"), 0.5)
    return over(picture, both, steel)
