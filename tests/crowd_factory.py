"""A made crowd: posts whose words the tiny bundle knows, with pictures that show what the words say."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

TEXTS = {
    "negative": "sad sad sad sad this is what a day",
    "neutral": "the the the the the the the",
    "positive": "happy happy happy happy this is what a day",
}
COLOURS = {"negative": (200, 40, 40), "neutral": (60, 60, 190), "positive": (40, 190, 40)}


def write_picture(path: Path, colour: tuple[int, int, int], seed: int, *, side: int = 96) -> Path:
    """A picture of one hue with clouds of its own, coarse and fine as a photo has; no two are near."""
    rng, clouds = np.random.default_rng(seed), np.zeros((side, side))
    for cells, depth in ((4, 60), (8, 50), (16, 40), (32, 40), (64, 30)):
        noise = Image.fromarray(rng.integers(0, 255, (cells, cells)).astype(np.uint8))
        clouds += depth * (np.asarray(noise.resize((side, side), Image.Resampling.BICUBIC)) / 255 - 0.5)
    pixels = np.asarray(colour)[None, None, :] + clouds[:, :, None]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return path


def write_crowd(folder: Path, *, per_class: int = 14) -> Path:
    """Write posts.csv with pictures: good posts of three classes, and one post for each reason to go."""
    rows = []
    for number in range(3 * per_class):
        label = list(TEXTS)[number % 3]
        write_picture(folder / "pictures" / f"{number}.png", COLOURS[label], number)
        rows.append([number, TEXTS[label], f"pictures/{number}.png", "en", "false"])
    again = [number for number in range(3) for _ in range(2)]
    for number in again:  # near-duplicates of the first three
        name = f"pictures/again-{len(rows)}.jpg"
        Image.open(folder / f"pictures/{number}.png").resize((64, 64)).save(folder / name, quality=70)
        rows.append([len(rows), TEXTS[list(TEXTS)[number % 3]], name, "en", "false"])
    happy = TEXTS["positive"]
    rows += [
        ["repost", f"RT @someone {happy}", "pictures/0.png", "en", "false"],
        ["flagged", happy, "pictures/0.png", "en", "true"],
        ["short", "happy day @you http://t.co/x a what", "pictures/0.png", "en", "false"],
        ["french", happy, "pictures/0.png", "fr", "false"],
        ["blind", happy, "", "en", "false"],
        ["lost", happy, "pictures/lost.png", "en", "false"],
        ["broken", happy, "pictures/broken.png", "en", "false"],
    ]
    (folder / "pictures" / "broken.png").write_bytes(b"no picture")
    with (folder / "posts.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "text", "image", "lang", "is_retweet"], *rows])
    return folder
