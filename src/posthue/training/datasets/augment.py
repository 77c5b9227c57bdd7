"""Picture augmentation on a batch of pixels: flip, turn, shift, zoom, brightness and contrast."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

TURN, SHIFT, ZOOM, SHADE = 0.25, 0.12, 0.15, 0.2


def augment(pixels: Tensor) -> Tensor:
    """Return a randomly changed copy of pixels [batch, 3, side, side] (values around −1 … 1).

    Turns up to ±0.25 rad, shifts up to ±12 % of half the side, zooms ±15 %, contrast ±20 %, brightness ±0.2.
    Draws from torch's global generator, which the Trainer seeds.
    """
    batch = len(pixels)
    angle, zoom = _spread(batch, TURN), 1 + _spread(batch, ZOOM)
    flip = torch.where(torch.rand(batch) < 0.5, -1.0, 1.0)
    matrix = torch.zeros(batch, 2, 3)
    matrix[:, 0, 0], matrix[:, 0, 1] = angle.cos() * zoom * flip, -angle.sin() * zoom
    matrix[:, 1, 0], matrix[:, 1, 1] = angle.sin() * zoom * flip, angle.cos() * zoom
    matrix[:, 0, 2], matrix[:, 1, 2] = _spread(batch, SHIFT), _spread(batch, SHIFT)
    grid = affine_grid(matrix, list(pixels.shape), align_corners=False)
    moved = grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)
    contrast, brightness = 1 + _spread(batch, SHADE), _spread(batch, SHADE)
    return moved * contrast.view(-1, 1, 1, 1) + brightness.view(-1, 1, 1, 1)


def _spread(batch: int, width: float) -> Tensor:
    """Draw [batch] numbers evenly from −width to width."""
    return (torch.rand(batch) * 2 - 1) * width
