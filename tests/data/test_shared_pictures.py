"""One PIL image, opened and not yet loaded, that several threads read at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from posthue.data.images.decode import decode_image, image_digest
from posthue.data.images.spec import ImageSpec
from posthue.errors import ImageError

SPEC = ImageSpec()
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (900, 900, 3), dtype=np.uint8))


def encoded(kind: str) -> bytes:
    held = BytesIO()
    NOISE.save(held, kind)
    return held.getvalue()


def in_threads(read: Callable[[Image.Image], bytes], image: Image.Image) -> list[bytes]:
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(read, [image] * 16))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF"])
def test_threads_agree_on_one_lazy_picture(kind: str) -> None:
    data = encoded(kind)
    loaded = Image.open(BytesIO(data))
    loaded.load()
    for read in (image_digest, lambda image: decode_image(image, SPEC).tobytes()):
        with Image.open(BytesIO(data)) as lazy:
            assert set(in_threads(read, lazy)) == {read(loaded)}


def test_a_broken_picture_stays_broken() -> None:
    """Pillow raises at the first load of this file, and gives its upper half at the second."""
    data = encoded("PNG")
    half = len(data) // 2
    with Image.open(BytesIO(data[:half] + b"\xff\x00\x13" * 30 + data[half + 90 :])) as lazy:
        for read in (image_digest, lambda image: decode_image(image, SPEC), image_digest):
            with pytest.raises(ImageError, match="image: the picture is damaged or truncated"):
                read(lazy)


def test_a_lazy_picture_above_the_limit_is_not_loaded() -> None:
    with Image.open(BytesIO(encoded("PNG"))) as lazy:
        with pytest.raises(ImageError, match="image: 900 x 900 pixels are more than the limit of 1,000"):
            decode_image(lazy, ImageSpec(max_pixels=1000))
        assert lazy.tile
