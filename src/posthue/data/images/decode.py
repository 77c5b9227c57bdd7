"""From the picture of a post to the pixels that an encoder reads.

    source (path, bytes, PIL image, array) → decode_image → uint8 [s, s, 3] → to_pixels → float32 [n, 3, s, s]

Decoding is the same in every thread and run, and bounded: sizes are checked before a pixel is decoded, and a
very large picture is decoded alone. Pillow's settings stay as they are.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from posthue.data.images.opening import check_size, load, open_source, orientation, read_chunks
from posthue.data.images.spec import ImageSpec
from posthue.errors import ImageError

if TYPE_CHECKING:
    import numpy.typing as npt

    from posthue.posts import ImageSource

_BILINEAR = Image.Resampling.BILINEAR
_LARGE_PIXELS = 24_000_000
_one_large_picture = threading.Lock()
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode_image(source: ImageSource, spec: ImageSpec) -> npt.NDArray[np.uint8]:
    """Return ``source`` as RGB, uint8 [s, s, 3]; s is ``spec.small_size`` for tiny pictures, else ``size``.

    Orientation (EXIF) is applied, transparency is laid on white, the first frame of an animation is taken,
    16-bit and CMYK pictures are converted. Raises ImageError, with the reason, where that is impossible.
    """
    with open_source(source, spec.max_pixels) as (image, name):
        try:
            return _decode(image, spec, reduce=image is not source)
        except ImageError as error:
            raise ImageError(f"{name}: {error}") from None
        except Exception as error:  # Pillow's decoders raise nearly anything on broken files
            raise ImageError(f"{name}: the picture is damaged or truncated ({_reason(error)})") from None


def to_pixels(images: npt.NDArray[np.uint8], spec: ImageSpec) -> npt.NDArray[np.float32]:
    """Return uint8 ``images`` [n, s, s, 3] as float32 [n, 3, s, s]: (x / 255 - mean) / std."""
    mean, std = np.asarray(spec.mean), np.asarray(spec.std)
    pixels: npt.NDArray[np.float32] = images.transpose(0, 3, 1, 2).astype(np.float32, order="C")
    pixels *= (1 / (255 * std)).astype(np.float32)[:, None, None]
    pixels -= (mean / std).astype(np.float32)[:, None, None]
    return pixels


def image_digest(source: ImageSource) -> bytes:
    """Return 16 bytes (BLAKE2b) that name the content: of a file's bytes, an array, an image.

    A path and the bytes in its file have the same digest. Raises ImageError if the file cannot be read.
    """
    digest = blake2b(digest_size=16)
    if isinstance(source, bytes | str | Path):
        for chunk in read_chunks(source):
            digest.update(chunk)
    elif isinstance(source, np.ndarray):
        digest.update(f"array {source.shape} {source.dtype}".encode())
        digest.update(np.ascontiguousarray(source).tobytes())
    else:
        with open_source(source) as (image, name):
            try:
                turn, alpha = orientation(image), image.info.get("transparency")
                digest.update(f"image {image.size} {image.mode} {turn} {alpha!r}".encode())
                digest.update(bytes(image.getpalette() or ()))
                digest.update(image.tobytes())
            except Exception as error:
                raise ImageError(f"{name}: cannot be read ({_reason(error)})") from None
    return digest.digest()


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _decode(image: Image.Image, spec: ImageSpec, *, reduce: bool) -> npt.NDArray[np.uint8]:
    check_size(image, spec.max_pixels)
    large = image.width * image.height > _LARGE_PIXELS
    with _one_large_picture if large else nullcontext():
        return _rgb(_shrink(image, spec, reduce=reduce))


def _shrink(image: Image.Image, spec: ImageSpec, *, reduce: bool) -> Image.Image:
    """Return the part that is looked at, at its final size, the right way up."""
    turn = _TURNS.get(orientation(image))
    if spec.small_size is not None and max(image.size) <= spec.small_size:
        side, kept = spec.small_size, None
    else:
        side, kept = spec.size, spec.size / max(spec.size, round(spec.size / spec.crop_ratio))
        if reduce and image.format == "JPEG":  # decode at 1/2, 1/4 or 1/8 where that is still large enough
            image.draft(None, (round(spec.size / spec.crop_ratio),) * 2)
    load(image)
    image = _resizable(image)
    # A resize from a fractional box crops, too: nothing huge in between, however elongated the picture.
    image = image.resize((side, side), _BILINEAR, box=_centre(image.size, kept), reducing_gap=2.0)
    return image if turn is None else image.transpose(turn)


def _centre(size: tuple[int, int], kept: float | None) -> tuple[float, float, float, float]:
    width, height = size
    if kept is None:
        return (0, 0, width, height)
    side = min(width, height) * kept
    left, top = (width - side) / 2, (height - side) / 2
    return (left, top, left + side, top + side)


def _resizable(image: Image.Image) -> Image.Image:
    """Return ``image`` in a mode that can be averaged: L, RGB, RGBA, CMYK, …"""
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_eight_bits(np.asarray(image)))
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    return image.convert("RGB") if image.mode in ("1", "P") else image


def _eight_bits(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Scale 16-bit integers, or floats in [0, 1], [0, 255] or [0, 65535], to uint8."""
    numbers = np.nan_to_num(values.astype(np.float32), posinf=0, neginf=0)
    top = float(numbers.max())
    if top > 255:
        numbers *= 255 / max(top, 65535)
    elif top <= 1 and values.dtype.kind == "f":
        numbers *= 255
    levels: npt.NDArray[np.uint8] = numbers.clip(0, 255).astype(np.uint8)
    return levels


def _rgb(image: Image.Image) -> npt.NDArray[np.uint8]:
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)
