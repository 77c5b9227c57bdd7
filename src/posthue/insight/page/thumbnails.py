"""Small pictures that travel inside a page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from posthue.data.images.decode import ImageSpec, decode_image
from posthue.errors import ImageError

if TYPE_CHECKING:
    from posthue.posts import ImageSource

SIDE = 320
TINY = 96


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A square picture as a data URI. tiny: it is 96 pixels a side, of a picture no larger than that."""

    uri: str
    tiny: bool


def thumbnail(source: ImageSource, *, side: int = SIDE, quality: int = 82) -> Thumbnail | None:
    """Return the middle of a picture, ``side`` pixels a side, as JPEG; None where it cannot be read."""
    try:
        pixels = decode_image(source, ImageSpec(size=side, crop_ratio=1.0, small_size=min(side, TINY)))
    except ImageError:
        return None
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality, optimize=True)
    return Thumbnail(
        uri="data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii"),
        tiny=len(pixels) < side,
    )
