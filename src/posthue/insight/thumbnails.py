"""Small pictures that travel inside a page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from posthue.data.images import ImageSpec, decode_image
from posthue.errors import ImageError

if TYPE_CHECKING:
    from posthue.posts import ImageSource

SIDE = 320
_SPEC = ImageSpec(size=SIDE, crop_ratio=1.0, small_size=96)


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A square picture as a data URI. tiny: it is 96 pixels a side, of a picture no larger than that."""

    uri: str
    tiny: bool


def thumbnail(source: ImageSource) -> Thumbnail | None:
    """Return the middle of a picture, at most 320 pixels a side, as JPEG; None where it cannot be read."""
    try:
        pixels = decode_image(source, _SPEC)
    except ImageError:
        return None
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=82, optimize=True)
    return Thumbnail(
        uri="data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii"),
        tiny=len(pixels) < SIDE,
    )
