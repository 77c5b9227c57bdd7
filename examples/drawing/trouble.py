"""Scenes of bad days: a storm at night, a wrecked car."""

from __future__ import annotations

import numpy as np
from PIL import Image

from drawing.canvas import (
    Picture,
    X,
    Y,
    arc,
    ball,
    blur,
    disc,
    finish,
    glow,
    gradient,
    light,
    noise,
    over,
    path,
    polygon,
    rgb,
    strokes,
)


def storm() -> Image.Image:
    """Lightning over dark hills at night."""
    picture = gradient([(0, rgb("07080f")), (0.55, rgb("1f2338")), (0.72, rgb("39405c")), (1, rgb("0a0b12"))])
    clouds = noise(14, (5, 3), octaves=5)
    picture = over(picture, np.clip(1.25 - 1.5 * Y, 0, 1) * clouds, rgb("39415e"), 0.85)
    picture = over(picture, np.clip(1.1 - 1.5 * Y, 0, 1) * np.clip(1 - 2 * clouds, 0, 1), rgb("020308"), 0.8)
    bolts = _bolt(np.random.default_rng(5), (0.62, 0.1), 0.74)
    picture = light(picture, glow(0.62, 0.28, 0.2) * (0.35 + clouds), rgb("9aa6ff"), 0.75)
    picture = light(picture, strokes(bolts, 0.012, blur=0.012), rgb("8f9bff"), 1)
    picture = light(picture, strokes(bolts[:1], 0.005, blur=0.001), rgb("ffffff"))
    picture = light(picture, strokes(bolts[1:], 0.0028), rgb("dfe3ff"), 0.9)
    hills = 0.75 + 0.05 * np.sin(X * 7) + 0.025 * np.sin(X * 19 + 1) + 0.012 * noise(3, (2, 60), octaves=2)
    picture = over(picture, np.clip((Y - hills) * 300, 0, 1), rgb("05060a"))
    for x, height in ((0.16, 0.2), (0.21, 0.15), (0.87, 0.17)):
        picture = _fir(picture, x, height)
    rng = np.random.default_rng(2)
    drops = [[(x, y), (x - 0.02, y + 0.055)] for x, y in (rng.random((260, 2)) * 1.1 - 0.05).tolist()]
    return finish(light(picture, strokes(drops, 0.001), rgb("9fb0e0"), 0.25), seed=4, vignette=0.5)


def _bolt(
    rng: np.random.Generator, start: tuple[float, float], ground: float
) -> list[list[tuple[float, float]]]:
    main, forks = [start], []
    while main[-1][1] < ground:
        x, y = main[-1]
        main.append((x + float(rng.normal(-0.004, 0.018)), y + 0.022))
        if rng.random() < 0.3:
            lean = float(rng.choice([-1.0, 1.0]))
            steps = int(rng.integers(4, 9))
            forks.append(
                [main[-1]]
                + [
                    (main[-1][0] + lean * 0.02 * k + float(rng.normal(0, 0.008)), main[-1][1] + 0.018 * k)
                    for k in range(1, steps)
                ]
            )
    return [main, *forks]


def _fir(picture: Picture, x: float, height: float) -> Picture:
    base = 0.82
    for tier in range(4):
        y = base - height + tier * height * 0.22
        width = 0.018 + 0.016 * tier
        tree = [(x, y - 0.02), (x + width, y + height * 0.3), (x - width, y + height * 0.3)]
        picture = over(picture, polygon(tree, blur=0.001), rgb("030407"))
    return picture


def wreck() -> Image.Image:
    """A car that hit a lamp post, on a grey road."""
    picture = gradient([(0, rgb("8b939b")), (0.5, rgb("c3c7ca")), (0.56, rgb("8d8f8c")), (1, rgb("4b4c4d"))])
    trees = 0.47 - 0.07 * noise(31, (2, 22), octaves=4)
    picture = over(picture, np.clip((Y - trees) * 200, 0, 1) * (Y < 0.57), rgb("59635c"))
    picture = blur(picture, 0.003)
    picture = over(picture, (Y > 0.56) * noise(7, (80, 80), octaves=2), rgb("35373a"), 0.45)
    picture = over(
        picture, polygon([(0, 0.93), (1, 0.88), (1, 0.895), (0, 0.95)], blur=0.002), rgb("d8d8d2"), 0.7
    )
    picture = over(picture, disc(0.5, 0.80, 0.43, 0.045, soft=0.06), rgb("1b1c1e"), 0.8)
    picture = _post(_car(picture))
    for i, (x, y, r) in enumerate(
        ((0.72, 0.45, 0.09), (0.78, 0.33, 0.12), (0.7, 0.2, 0.15), (0.84, 0.13, 0.15))
    ):
        puff = glow(x, y, r) * np.clip(noise(40 + i, (6, 6)) * 2.2 - 0.55, 0, 1)
        picture = over(picture, puff, rgb("3c3e41") if i % 2 else rgb("e2e4e5"), 0.8)
    return finish(picture, seed=5, vignette=0.4)


def _car(picture: Picture) -> Picture:
    body = path(
        "8 62, 10 57.5, 24 55.5, 34 44, 54 43.2, 62.5 54, 66 50, 70 55.5, 73 53.5, "
        "77.5 60, 74.5 64, 78.5 69, 74 74.5, 10 75.5"
    )
    mask = polygon(body, blur=0.0015)
    paint = gradient(
        [(0.43, rgb("e0584e")), (0.56, rgb("c0332c")), (0.62, rgb("d2463d")), (0.76, rgb("5c1512"))]
    )
    dents = np.clip((X - 0.5) * 4, 0, 1) * (noise(17, (14, 18), octaves=3) - 0.5)
    paint = np.clip(paint * (1 + 1.3 * dents)[..., None], 0, 1).astype(np.float32)
    picture = over(picture, mask, paint)
    picture = over(
        picture, polygon([(0.27, 0.555), (0.355, 0.462), (0.42, 0.457), (0.42, 0.552)]), rgb("2a3238")
    )
    screen = [(0.435, 0.457), (0.53, 0.453), (0.6, 0.54), (0.435, 0.552)]
    picture = over(picture, polygon(screen), rgb("38434b"))
    cracks = [
        [(0.535, 0.51), (0.535 + 0.1 * np.cos(a), 0.51 + 0.075 * np.sin(a))] for a in np.arange(0, 6.2, 0.42)
    ]
    shattered = strokes(cracks, 0.002) + arc((0.535, 0.51), (0.03, 0.022), (0, 360), 0.002)
    picture = over(picture, np.clip(shattered, 0, 1) * polygon(screen), rgb("e8eef2"), 0.9)
    creases = (
        "60 56, 66 53, 69 60, 76 60",
        "63 62, 70 60, 74 66",
        "62 70, 69 66, 77 69",
        "65 50, 64 60, 67 66",
    )
    folds = [path(crease) for crease in creases]
    picture = over(picture, strokes(folds, 0.005, blur=0.001), rgb("2b0b0a"), 0.8)
    picture = light(
        picture, strokes([[(0.11, 0.6), (0.3, 0.585), (0.58, 0.58)]], 0.006, blur=0.003), rgb("ffd5cf"), 0.7
    )
    picture = over(
        picture,
        strokes([[(0.425, 0.46), (0.425, 0.74)], [(0.26, 0.56), (0.27, 0.74)]], 0.0025),
        rgb("4a0f0d"),
    )
    return _wheel(_wheel(picture, 0.2, 0.75, 0.068), 0.635, 0.757, 0.062)


def _wheel(picture: Picture, x: float, y: float, size: float) -> Picture:
    picture = over(picture, disc(x, y, size * 1.12), rgb("160808"))
    picture = over(picture, disc(x, y, size), rgb("1d1e20"))
    picture = ball(picture, (x, y), (size * 0.58, size * 0.58), rgb("a2a6aa"), shine=0.2)
    spokes = [
        [(x, y), (x + size * 0.55 * np.cos(a), y + size * 0.55 * np.sin(a))]
        for a in np.arange(0.3, 6.4, 1.2566)
    ]
    return over(picture, strokes(spokes, 0.012), rgb("3a3c3f"))


def _post(picture: Picture) -> Picture:
    picture = over(
        picture, polygon([(0.772, 0.8), (0.8, 0.8), (0.845, 0.02), (0.829, 0.02)], blur=0.001), rgb("5a5f63")
    )
    picture = light(picture, strokes([[(0.78, 0.8), (0.834, 0.02)]], 0.004, blur=0.001), rgb("ffffff"), 0.35)
    rng = np.random.default_rng(12)
    for x, y in (rng.random((46, 2)) * (0.36, 0.1) + (0.6, 0.77)).tolist():
        size = 0.003 + 0.009 * float(rng.random())
        shard = [(x, y), (x + size, y - size * float(rng.random())), (x + size * 0.6, y + size * 0.6)]
        picture = over(picture, polygon(shard), rgb("c9d3d8") if rng.random() < 0.6 else rgb("8e2520"))
    return picture
