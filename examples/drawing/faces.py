"""Drawn faces and a dog: nobody that exists."""

from __future__ import annotations

import numpy as np
from PIL import Image

from drawing.canvas import (
    Colour,
    Picture,
    Y,
    arc,
    ball,
    blur,
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


def smile() -> Image.Image:
    """A laughing face, in colour."""
    picture = gradient([(0, rgb("9fd8e8")), (0.6, rgb("e6f3d8")), (1, rgb("f6e2b8"))])
    picture = bokeh(picture, 12, 26, [rgb("ffffff"), rgb("fff3c4")])
    picture = ball(picture, (0.5, 1.12), (0.42, 0.34), rgb("f2b632"), shine=0.05)
    picture = over(
        picture, polygon([(0.42, 0.7), (0.58, 0.7), (0.6, 0.88), (0.4, 0.88)], blur=0.002), rgb("c98a63")
    )
    picture = _head(picture, rgb("e9b088"), rgb("4a2a18"))
    for x in (0.4, 0.6):
        picture = over(picture, disc(x, 0.575, 0.055, 0.035, soft=0.06), rgb("ef6f63"), 0.55)
        picture = over(picture, arc((x, 0.475), (0.042, 0.034), (195, 345), 0.013), rgb("33190d"))
        picture = over(picture, arc((x, 0.405), (0.058, 0.04), (205, 335), 0.014), rgb("4a2a18"))
    picture = over(picture, arc((0.5, 0.535), (0.024, 0.018), (25, 155), 0.008), rgb("a9663f"))
    mouth = disc(0.5, 0.605, 0.098, 0.092) * (Y > 0.605)
    picture = over(picture, mouth, rgb("7a1f23"))
    picture = over(picture, mouth * disc(0.5, 0.7, 0.06, 0.04, soft=0.02), rgb("e0686c"))
    picture = over(picture, mouth * (Y < 0.632), rgb("ffffff"))
    return finish(picture, seed=9, grain=0.014, vignette=0.2)


def _head(picture: Picture, skin: Colour, hair: Colour) -> Picture:
    strands = 0.75 + 0.5 * noise(71, (4, 70), octaves=2)
    locks = np.clip(np.asarray(hair, np.float32) * strands[..., None], 0, 1)
    picture = over(picture, disc(0.5, 0.43, 0.255, 0.29), locks)
    for x in (0.285, 0.715):
        picture = ball(picture, (x, 0.52), (0.035, 0.055), skin, shine=0)
    picture = ball(picture, (0.5, 0.53), (0.208, 0.255), skin, shine=0.1)
    picture = light(picture, disc(0.5, 0.55, 0.19, 0.22, soft=0.08), skin, 0.35)
    fringe = disc(0.5, 0.34, 0.225, 0.16) * (1 - disc(0.56, 0.5, 0.235, 0.17, soft=0.01))
    return over(picture, fringe, locks)


def sorrow() -> Image.Image:
    """A sad face, 48 pixels a side and grey, as the face corpora have them."""
    picture = gradient([(0, rgb("6a6a6a")), (1, rgb("3a3a3a"))])
    picture = over(picture, disc(0.5, 0.4, 0.45, 0.46), rgb("1c1c1c"))
    picture = ball(picture, (0.5, 0.55), (0.38, 0.47), rgb("c4c4c4"), shine=0.05)
    picture = light(picture, disc(0.5, 0.56, 0.34, 0.42, soft=0.1), rgb("b4b4b4"), 0.3)
    picture = over(picture, disc(0.5, 0.16, 0.37, 0.15, soft=0.03), rgb("222222"))
    for side in (-1, 1):
        x = 0.5 + side * 0.16
        picture = over(picture, disc(x, 0.47, 0.1, 0.065, soft=0.06), rgb("565656"), 0.8)
        picture = over(picture, disc(x, 0.485, 0.07, 0.032), rgb("e4e4e4"))
        picture = over(picture, disc(x, 0.495, 0.031), rgb("151515"))
        picture = over(picture, arc((x, 0.5), (0.08, 0.05), (190, 350), 0.022), rgb("2a2a2a"))
        picture = over(picture, arc((x, 0.535), (0.08, 0.03), (20, 160), 0.012), rgb("555555"), 0.7)
        brow = [(0.5 + side * 0.055, 0.335), (0.5 + side * 0.15, 0.37), (0.5 + side * 0.26, 0.42)]
        picture = over(picture, strokes([brow], 0.032, blur=0.006), rgb("1f1f1f"))
        picture = over(
            picture,
            strokes([[(0.5 + side * 0.1, 0.66), (0.5 + side * 0.17, 0.78)]], 0.014, blur=0.01),
            rgb("5f5f5f"),
        )
    picture = over(
        picture,
        strokes([[(0.475, 0.32), (0.47, 0.37)], [(0.525, 0.32), (0.53, 0.37)]], 0.01, blur=0.006),
        rgb("444444"),
    )
    picture = over(
        picture,
        strokes([[(0.53, 0.46), (0.55, 0.62), (0.5, 0.64), (0.46, 0.63)]], 0.016, blur=0.01),
        rgb("606060"),
    )
    picture = over(picture, arc((0.5, 0.83), (0.13, 0.08), (205, 335), 0.03), rgb("262626"))
    picture = over(picture, disc(0.5, 0.835, 0.08, 0.022, soft=0.03), rgb("6d6d6d"), 0.8)
    picture = light(picture, disc(0.645, 0.6, 0.013, 0.045, soft=0.02), rgb("ffffff"), 0.8)
    final = finish(blur(picture, 0.006), seed=10, grain=0.02, vignette=0.5)
    return final.convert("L").resize((48, 48), Image.Resampling.LANCZOS)


def dog() -> Image.Image:
    """A dog with its tongue out, on a lawn."""
    picture = gradient([(0, rgb("bfe3f5")), (0.42, rgb("dff0d0")), (0.5, rgb("8cbf5a")), (1, rgb("3f7f2c"))])
    picture = bokeh(picture, 17, 30, [rgb("ffffff"), rgb("e4ffc2"), rgb("fff4b8")])
    picture = over(picture, (Y > 0.5) * noise(19, (30, 110), octaves=2), rgb("2d6420"), 0.4)
    fur, cream = rgb("c98a45"), rgb("f2dcb8")
    picture = ball(picture, (0.5, 1.02), (0.3, 0.34), fur, shine=0)
    picture = ball(picture, (0.5, 1.0), (0.15, 0.24), cream, shine=0)
    picture = ball(picture, (0.5, 0.47), (0.25, 0.265), fur, shine=0.05)
    for side in (-1, 1):
        ear = disc(0.5 + side * 0.255, 0.44, 0.085, 0.2, turn=-side * 0.28, soft=0.008)
        picture = over(picture, ear, gradient([(0.24, rgb("9c6229")), (0.64, rgb("6d3f17"))]))
    picture = over(picture, disc(0.5, 0.32, 0.05, 0.17, soft=0.05), cream, 0.9)
    picture = over(
        picture,
        polygon([(0.445, 0.66), (0.555, 0.66), (0.55, 0.77), (0.5, 0.8), (0.45, 0.77)], blur=0.006),
        rgb("e8647a"),
    )
    picture = over(picture, strokes([[(0.5, 0.67), (0.5, 0.765)]], 0.005, blur=0.002), rgb("b23e55"))
    for side in (-1, 1):
        picture = ball(picture, (0.5 + side * 0.068, 0.6), (0.1, 0.085), cream, shine=0)
        picture = over(picture, disc(0.5 + side * 0.1, 0.42, 0.042, 0.045), rgb("24140a"))
        picture = light(picture, disc(0.488 + side * 0.1, 0.404, 0.013), rgb("ffffff"), 0.95)
        picture = over(
            picture, arc((0.5 + side * 0.1, 0.37), (0.05, 0.035), (215, 325), 0.011), rgb("8a5422"), 0.8
        )
        dots = [(0.5 + side * d, h) for d, h in ((0.075, 0.6), (0.1, 0.585), (0.105, 0.615), (0.13, 0.6))]
        for x, y in dots:
            picture = over(picture, disc(x, y, 0.0045), rgb("7a5a3a"))
    picture = ball(picture, (0.5, 0.54), (0.056, 0.043), rgb("2a1d18"), shine=0.7)
    picture = over(picture, strokes([[(0.5, 0.575), (0.5, 0.645)]], 0.007), rgb("3a2418"))
    hairs = noise(23, (110, 110), octaves=2)
    coat = np.clip(disc(0.5, 0.5, 0.34, 0.32) + (Y > 0.7) * disc(0.5, 1, 0.3, 0.34), 0, 1)
    picture = np.clip(picture * (1 + 0.22 * coat * (hairs - 0.5))[..., None], 0, 1).astype(np.float32)
    blades = [[(x, 1.02), (x + lean, y)] for x, lean, y in _blades(np.random.default_rng(3), 150)]
    picture = over(picture, strokes(blades, 0.006), rgb("4f9433"))
    return finish(
        light(picture, glow(0.2, 0.1, 0.25), rgb("fff6d0"), 0.5), seed=11, grain=0.012, vignette=0.25
    )


def _blades(rng: np.random.Generator, count: int) -> list[tuple[float, float, float]]:
    xs = rng.random(count)
    lean, height = rng.normal(0, 0.015, count), rng.random(count) * 0.1 + 0.02 + 0.06 * np.abs(xs - 0.5)
    return [(float(x), float(a), 1 - float(h)) for x, a, h in zip(xs, lean, height, strict=True)]
