"""Small pictures that travel inside a page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from posthue.data.images.decode import decode_image
from posthue.data.images.spec import SMALL_SIDE, ImageSpec
from posthue.errors import ImageError
from posthue.insight.page.shell import escaped

if TYPE_CHECKING:
    from posthue.posts import ImageSource

SIDE = 320


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A square picture as a data URI. tiny: SMALL_SIDE pixels a side, of a picture that is no larger."""

    uri: str
    tiny: bool

    def html(self, alt: str = "", *, title: str = "") -> str:
        """Return the picture for a page. alt, title: texts, escaped here."""
        kind, hint = "class=tiny " if self.tiny else "", f' title="{escaped(title, 160)}"' if title else ""
        return f'<img {kind}loading="lazy" alt="{escaped(alt, 200)}"{hint} src="{self.uri}">'


def thumbnail(source: ImageSource | None, *, side: int = SIDE, quality: int = 82) -> Thumbnail | None:
    """Return the middle of a picture, ``side`` pixels a side, as JPEG; None where there is none to read."""
    if source is None:
        return None
    try:
        pixels = decode_image(source, ImageSpec(size=side, crop_ratio=1.0, small_size=min(side, SMALL_SIDE)))
    except ImageError:
        return None
    return Thumbnail(jpeg_uri(Image.fromarray(pixels), quality=quality), tiny=len(pixels) < side)


def jpeg_uri(image: Image.Image, *, quality: int = 82) -> str:
    """Return a picture as a data URI."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
