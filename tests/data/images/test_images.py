from __future__ import annotations

import os
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageFile, ImageOps, features

from posthue.data.images.decode import decode_image, image_digest, to_pixels
from posthue.data.images.spec import ImageSpec
from posthue.errors import ImageError, InputError

SPEC = ImageSpec()


def picture(width: int = 320, height: int = 240) -> Image.Image:
    """Four coloured corners, so that every turn and crop shows."""
    array = np.zeros((height, width, 3), np.uint8)
    array[: height // 2, : width // 2] = (250, 20, 20)
    array[: height // 2, width // 2 :] = (20, 250, 20)
    array[height // 2 :, : width // 2] = (20, 20, 250)
    array[height // 2 :, width // 2 :] = (200, 200, 20)
    return Image.fromarray(array)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(b"\0")) + png_chunk(b"IEND", b"")


def distance(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


REFERENCE = decode_image(np.asarray(picture()), SPEC)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "JPEG", "GIF", "WEBP", "AVIF", "JPEG2000"])
def test_formats_agree(kind: str) -> None:
    needs = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}.get(kind)
    if needs is not None and needs not in features.get_supported():
        pytest.skip(f"this Pillow has no {kind}")
    assert distance(decode_image(encoded(picture(), kind), SPEC), REFERENCE) < 4


@pytest.mark.parametrize("mode", ["RGBA", "P", "PA", "CMYK", "YCbCr", "HSV", "LAB"])
def test_colour_modes_agree(mode: str) -> None:
    image = picture().convert("P").convert("PA") if mode == "PA" else picture().convert(mode)
    assert distance(decode_image(image, SPEC), REFERENCE) < 10


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I", "F"])
def test_grey_modes_agree(mode: str) -> None:
    grey = decode_image(picture().convert("L"), SPEC)
    assert distance(decode_image(picture().convert(mode), SPEC), grey) < (60 if mode == "1" else 2)


def test_cmyk_jpeg() -> None:
    assert distance(decode_image(encoded(picture().convert("CMYK"), "JPEG"), SPEC), REFERENCE) < 8


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0, 65535]], np.uint16),
        np.array([[0, 1]], np.float32),
        np.array([[np.nan, 255]], np.float32),
    ],
)
def test_deep_greys_are_scaled(values: npt.NDArray[Any]) -> None:
    image = Image.fromarray(np.repeat(values, 2, 0).repeat(50, 0).repeat(50, 1))
    decoded = decode_image(image, ImageSpec(crop_ratio=1.0))
    assert (decoded.min(), decoded.max()) == (0, 255)


def test_sixteen_bit_png() -> None:
    ramp = Image.fromarray(np.linspace(0, 65535, 200 * 200).astype(np.uint16).reshape(200, 200))
    decoded = decode_image(encoded(ramp), SPEC)
    assert decoded[0].mean() < 40 < 215 < decoded[-1].mean()


@pytest.mark.parametrize("options", [{}, {"format": "GIF"}])
def test_transparent_parts_are_white(options: dict[str, str]) -> None:
    image = Image.new("RGBA", (120, 120), (0, 0, 0, 0))
    assert decode_image(image, SPEC).min() == 255
    palette = Image.new("P", (120, 120), 0)
    palette.info["transparency"] = b"\0" * 256
    assert decode_image(encoded(palette, options.get("format", "PNG"), transparency=0), SPEC).min() == 255


def test_bytes_transparency_of_a_palette_does_not_warn() -> None:
    palette = picture().convert("P")
    data = encoded(palette, transparency=bytes(range(256)))
    assert decode_image(data, SPEC).shape == (224, 224, 3)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientation(turn: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    data = encoded(picture(), kind, exif=exif)
    with Image.open(BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image)
    assert distance(decode_image(data, SPEC), decode_image(upright, SPEC)) < 3


@pytest.mark.parametrize(
    "exif", [b"", b"Exif\0\0II*\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0" + b"II" * 90]
)
def test_broken_exif_is_no_obstacle(exif: bytes) -> None:
    assert distance(decode_image(encoded(picture(), "JPEG", exif=exif), SPEC), REFERENCE) < 4


def test_first_frame_of_an_animation() -> None:
    frames = [picture(), Image.new("RGB", (320, 240), "black")]
    for kind in ("GIF", "WEBP", "PNG"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert distance(decode_image(data, SPEC), REFERENCE) < 8


def test_tiny_pictures_stay_whole() -> None:
    face = picture(48, 48)
    decoded = decode_image(face, SPEC)
    assert decoded.shape == (96, 96, 3)
    assert tuple(decoded[0, 0]) == (250, 20, 20)
    assert decode_image(face, ImageSpec(small_size=None)).shape == (224, 224, 3)
    assert decode_image(picture(97, 20), SPEC).shape == (224, 224, 3)


def test_crops_the_centre() -> None:
    array = np.zeros((256, 512, 3), np.uint8)
    array[:, 128 + 16 : 384 - 16] = 255
    assert decode_image(array, SPEC).min() == 255


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (30_000, 1), (20_000, 3)])
def test_elongated_pictures(size: tuple[int, int]) -> None:
    assert decode_image(encoded(Image.new("RGB", size, "white")), SPEC).min() == 255


def test_reduced_jpeg_is_close_to_full() -> None:
    large = picture(2000, 1500)
    assert distance(decode_image(encoded(large, "JPEG", quality=95), SPEC), decode_image(large, SPEC)) < 3


def test_a_given_picture_is_not_changed() -> None:
    with Image.open(BytesIO(encoded(picture(2000, 1500), "JPEG"))) as image:
        decode_image(image, SPEC)
        assert image.size == (2000, 1500)


@pytest.mark.parametrize("shape", [(50, 60), (50, 60, 1), (50, 60, 3), (50, 60, 4)])
def test_arrays(shape: tuple[int, ...]) -> None:
    assert decode_image(np.full(shape, 255, np.uint8)[::2, ::-1], SPEC).shape == (96, 96, 3)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "no such file"),
        ("no/such.jpg", "no such file"),
        ("https://x.org/a.jpg", "links are not fetched"),
        ("a\0b.jpg", "usable path"),
        ("\ud800.jpg", "usable path"),
        ("a" * 5000, "usable path"),
        ("/", "folder"),
        ("/dev/null", "not a regular file"),
        (b"", "empty"),
        (b"hello, no picture", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a picture"),
        (b"\xff\xd8\xff", "damaged or truncated"),
        (b"GIF89a", "damaged or truncated"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "damaged or truncated"),
        (b"BM" + b"\0" * 60, "damaged or truncated"),
        (b"II*\0" + b"\xff" * 60, "damaged or truncated"),
        (png_header(100_000, 100_000), "more than the limit"),
        (png_header(12_000, 12_000), "damaged or truncated"),
        (encoded(picture())[:-300], "damaged or truncated"),
        (encoded(picture(), "JPEG")[:900], "damaged or truncated"),
        (encoded(picture(), "TIFF")[:9000], "damaged or truncated"),
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (np.zeros((5, 5), np.float32), "uint8"),
        (np.zeros((5, 5, 2), np.uint8), "shape"),
        (np.zeros(5, np.uint8), "shape"),
        (17, "not int"),
    ],
)
def test_hostile_sources_give_readable_errors(source: Any, reason: str) -> None:
    with pytest.raises(ImageError, match=reason) as caught:
        decode_image(source, SPEC)
    str(caught.value).encode()


def test_closed_picture() -> None:
    image = Image.open(BytesIO(encoded(picture())))
    image.close()
    with pytest.raises(ImageError):
        decode_image(image, SPEC)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "wrong ending.txt"
    path.write_bytes(encoded(picture()))
    assert np.array_equal(decode_image(path, SPEC), REFERENCE)
    assert np.array_equal(decode_image(str(path), SPEC), REFERENCE)
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(ImageError, match=r"empty\.jpg: the file is empty"):
        decode_image(tmp_path / "empty.jpg", SPEC)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ImageError, match="not a regular file"):
        decode_image(tmp_path / "pipe.jpg", SPEC)


def test_flipped_bytes_never_escape_as_other_errors() -> None:
    rng = np.random.default_rng(0)
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP"):
        data = np.frombuffer(encoded(picture(120, 100), kind), np.uint8)
        for _ in range(40):
            broken = data.copy()
            broken[rng.integers(4, len(data), 6)] = rng.integers(0, 256, 6)
            try:
                decode_image(broken.tobytes(), SPEC)
            except ImageError:
                continue


def test_limit_is_the_specs_and_pillow_is_left_alone() -> None:
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    with pytest.raises(ImageError, match="320 x 240 pixels are more than the limit of 1,000"):
        decode_image(encoded(picture()), ImageSpec(max_pixels=1000))
    assert (
        decode_image(encoded(Image.new("1", (9500, 9500))), SPEC).max() == 0
    )  # Pillow alone would warn here
    assert (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)) == before


def test_threads_agree() -> None:
    sources = [encoded(picture(300 + 7 * n, 260), kind) for n in range(6) for kind in ("JPEG", "PNG", "TIFF")]
    alone = [decode_image(source, SPEC) for source in sources]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda source: decode_image(source, SPEC), sources))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


def test_pixels() -> None:
    spec = ImageSpec(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3), dtype=np.uint8)
    pixels = to_pixels(images, spec)
    assert pixels.dtype == np.float32
    assert pixels.shape == (2, 3, 5, 5)
    assert pixels.flags.c_contiguous
    expected = (images / 255 - np.array(spec.mean)) / np.array(spec.std)
    np.testing.assert_allclose(pixels, expected.transpose(0, 3, 1, 2), atol=1e-6)
    assert to_pixels(images[:0], spec).shape == (0, 3, 5, 5)


def test_digest_is_of_the_content(tmp_path: Path) -> None:
    data = encoded(picture())
    (tmp_path / "a.png").write_bytes(data)
    assert image_digest(data) == image_digest(tmp_path / "a.png") == image_digest(str(tmp_path / "a.png"))
    array = np.asarray(picture())
    assert image_digest(array) == image_digest(np.asfortranarray(array))
    assert image_digest(array) != image_digest(array.reshape(320, 240, 3))
    assert image_digest(picture()) == image_digest(picture())
    assert image_digest(picture()) != image_digest(picture().convert("P"))
    assert len(image_digest(data)) == 16
    for bad in ("no/such.jpg", b"", tmp_path):
        with pytest.raises(ImageError):
            image_digest(bad)


def test_spec_round_trip() -> None:
    spec = ImageSpec(size=160, small_size=None, mean=(0.1, 0.2, 0.3))
    assert ImageSpec.from_dict(spec.to_dict()) == spec


@pytest.mark.parametrize(
    "values",
    [{"colour": 1}, {"size": 0}, {"crop_ratio": 0}, {"std": [1, 1]}, {"std": [1, 1, 0]}, {"size": "big"}],
)
def test_bad_specs(values: dict[str, object]) -> None:
    with pytest.raises(InputError, match="image spec"):
        ImageSpec.from_dict(values)
