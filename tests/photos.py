"""Pictures for tests: no two seeds look alike."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def photo(seed: int, side: int = 160, quality: int = 90) -> bytes:
    """Return a square of soft coloured blocks as a JPEG file."""
    blocks = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    picture = Image.fromarray(blocks).resize((side, side), Image.Resampling.BICUBIC)
    picture.save(buffer, format="JPEG", quality=quality)
    return buffer.getvalue()
