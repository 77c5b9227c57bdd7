"""Hiding regions of a picture: behind a blur, so that no region turns into an object of its own.

The picture is a grid of cells. The masks hide windows of it, show the same windows of an otherwise blurred
picture, and hide random halves (Zeiler and Fergus 2014; Petsiuk et al. 2018, arXiv 1806.07421). A smooth
linear model of the answers says what each cell adds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Pixels = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

GRID = 7
BLUR = 0.09  # radius of the blur, as a part of the picture's side


def blurred(picture: Pixels) -> Pixels:
    """Return the picture without its details, uint8 [s, s, 3]."""
    radius = BLUR * len(picture)
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)), dtype=np.uint8)


def hide(picture: Pixels, behind: Pixels, masks: Masks) -> Pixels:
    """Return variants [n, s, s, 3]: the cells that masks [n, grid²] keep, the rest from ``behind``."""
    grid = int(masks.shape[1] ** 0.5)
    cell = np.arange(len(picture)) * grid // len(picture)
    shown = masks.reshape(-1, grid, grid)[:, cell][:, :, cell]
    found: Pixels = np.where(shown[..., None], picture, behind)
    return found


def windows(grid: int, side: int) -> Masks:
    """Return every window of ``side`` by ``side`` cells, [n, grid²], True inside."""
    found = []
    for top in range(0, grid - side + 1):
        for left in range(0, grid - side + 1):
            mask = np.zeros((grid, grid), dtype=np.bool_)
            mask[top : top + side, left : left + side] = True
            found.append(mask.ravel())
    return np.array(found)


def picture_masks(grid: int = GRID, *, random: int = 24, seed: int = 0) -> Masks:
    """Return the masks of the variants of a picture, [n, grid²].

    Windows of 3 by 3 cells hidden, the same windows shown alone, and random halves made of blocks of 2 by 2
    cells with their complements.
    """
    inside = windows(grid, 3)
    return np.concatenate([~inside, inside, _halves(grid, random // 2, np.random.default_rng(seed))])


def _halves(grid: int, pairs: int, rng: np.random.Generator) -> Masks:
    blocks = rng.random((pairs, grid // 2 + 1, grid // 2 + 1)) < 0.5
    fine = blocks.repeat(2, axis=1).repeat(2, axis=2)
    starts = rng.integers(0, fine.shape[1] - grid + 1, size=(pairs, 2))
    cut = [part[y : y + grid, x : x + grid] for part, (y, x) in zip(fine, starts, strict=True)]
    masks: Masks = np.array(cut, dtype=np.bool_).reshape(pairs, grid * grid)
    return np.concatenate([masks, ~masks])


def heat(masks: Masks, values: Floats, *, reach: float = 1.2, noise: float = 0.1) -> Floats:
    """Return what each cell adds, [grid, grid]: a linear model of ``values`` [n], smooth over the picture.

    The cells' weights have a Gaussian prior whose covariance falls with their distance (``reach``, in cells):
    Gaussian-process regression (Rasmussen and Williams 2006, chapter 2).
    """
    grid = int(masks.shape[1] ** 0.5)
    places = np.stack(np.divmod(np.arange(grid * grid), grid), axis=1)
    distances = ((places[:, None] - places[None]) ** 2).sum(-1)
    covariance = np.exp(-distances / (2 * reach**2))
    design = masks - masks.mean(0)
    gram = design @ covariance @ design.T
    gram += noise * np.trace(gram) / len(gram) * np.eye(len(gram))
    found: Floats = covariance @ design.T @ np.linalg.solve(gram, values - values.mean())
    return found.reshape(grid, grid)
