"""Posts to measure speed with, where there are none: pieces of the example posts, put together by chance."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
from PIL import Image

from posthue import examples
from posthue.posts import Post


def sample_posts(count: int, *, seed: int = 0) -> list[Post]:
    """Return posts of both modalities, no two alike: 4 to 40 words, and cut-outs of photos as arrays."""
    draw = random.Random(seed)
    with examples.POSTS.open(encoding="utf-8", newline="") as file:
        words = " ".join(row.get("text") or "" for row in csv.DictReader(file)).split()
    pictures = [
        _opened(path)
        for path in sorted((examples.FOLDER / "pictures").glob("*.jpg"))
        if path.stem != "broken"
    ]
    return [
        Post(
            text=" ".join(draw.choices(words, k=draw.randint(4, 40))), image=_cut(draw.choice(pictures), draw)
        )
        for _ in range(count)
    ]


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _cut(image: Image.Image, draw: random.Random) -> np.ndarray:
    width, height = (int(side * draw.uniform(0.6, 1)) for side in image.size)
    left, top = draw.randint(0, image.width - width), draw.randint(0, image.height - height)
    return np.asarray(image.crop((left, top, left + width, top + height)))
