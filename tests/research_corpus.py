"""A made corpus in MVSA's layout, with tiny encoders: what the research commands are tested on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tiny_models import SENTIMENT_WORDS, save_image_encoder, save_text_encoder

SHADES = {"negative": 40, "neutral": 130, "positive": 220}
FILLER = ("the", "a", "day", "is", "it", "this", "was", "so", "very", "film", "food", "street", "face")


def write_research(
    folder: Path,
    *,
    train: Mapping[str, int] | None = None,
    dev: int = 12,
    pictures: bool = True,
    seed: int = 5,
) -> Path:
    """Write data/mvsa-single and the encoders words/ and pictures/ into a folder.

    train: label → posts; by default 20 of each. dev: posts of the split dev, over the labels of train. One in
    four texts, and one in four pictures, is of another label, so that neither modality is enough.
    """
    rng = np.random.default_rng(seed)
    counts = dict.fromkeys(SENTIMENT_WORDS, 20) if train is None else train
    labels = [label for label, count in counts.items() for _ in range(count)]
    names = [label for label, count in counts.items() if count]
    splits = {"train": labels, "dev": [names[i % len(names)] for i in range(dev)]}
    root, number, listing, rows = folder / "data" / "mvsa-single", 0, {}, ["ID\ttext,image"]
    (root / "data").mkdir(parents=True)
    for split, wanted in splits.items():
        listing[split] = []
        for label in wanted:
            number += 1
            listing[split].append(str(number))
            rows.append(f"{number}\t{label},{label}")
            (root / "data" / f"{number}.txt").write_text(_text(_other(label, rng), rng), encoding="utf-8")
            if pictures:
                _picture(_other(label, rng), rng).save(root / "data" / f"{number}.jpg")
    (root / "labelResultAll.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (root / "splits.json").write_text(json.dumps(listing), encoding="utf-8")
    save_text_encoder(folder / "words")
    save_image_encoder(folder / "pictures")
    return folder


def flags(folder: Path) -> list[str]:
    """Return the options that name the corpora, the encoders and the cache."""
    return [
        *("--data", str(folder / "data"), "--cache", str(folder / "cache")),
        *("--text-encoder", str(folder / "words"), "--image-encoder", str(folder / "pictures")),
    ]


def _other(label: str, rng: np.random.Generator) -> str:
    return str(rng.choice(list(SENTIMENT_WORDS))) if rng.random() < 0.25 else label


def _text(label: str, rng: np.random.Generator) -> str:
    words = [*rng.choice(FILLER, rng.integers(4, 9)), *rng.choice(SENTIMENT_WORDS[label].split(), 3)]
    return " ".join(rng.permutation(words))


def _picture(label: str, rng: np.random.Generator) -> Image.Image:
    pixels = rng.normal(SHADES[label], 30, (120, 120, 3)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(pixels)
