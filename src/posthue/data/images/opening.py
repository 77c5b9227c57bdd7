"""Opening whatever may be the picture of a post, without trusting it.

Only formats that Pillow decodes itself are tried, by the file's first bytes and not by its name.
"""

from __future__ import annotations

import os
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal
from weakref import WeakValueDictionary

import numpy as np
from PIL import Image, JpegImagePlugin

from posthue.data.images.spec import MAX_PIXELS
from posthue.errors import ImageError

if TYPE_CHECKING:
    import numpy.typing as npt

    from posthue.posts import ImageSource

_COMMON = ("PNG", "GIF", "BMP", "PPM")
_RARE = ("WEBP", "TIFF", "AVIF", "JPEG2000", "ICO")
_CHUNK = 1 << 20
#: A larger file is refused before it is read: it is no post's picture.
MAX_BYTES = 1 << 30
_ORIENTATION = 0x0112
_quiet = threading.Lock()
#: A PIL image always gets the same lock, so that one thread loads it; few others share that lock.
_loading = tuple(threading.Lock() for _ in range(61))
#: PIL images, by their ids, that failed to load: Pillow would give half a picture at the second attempt.
_broken: WeakValueDictionary[int, Image.Image] = WeakValueDictionary()


@contextmanager
def open_source(source: ImageSource, max_pixels: int = MAX_PIXELS) -> Iterator[tuple[Image.Image, str]]:
    """Yield the picture, not yet decoded where possible, and its name for messages; raise ImageError.

    max_pixels: a PIL image of more pixels is refused; it is the only source that is loaded here, because
    several posts may hold the same one and several threads read it.
    """
    if isinstance(source, Image.Image):
        _load_once(source, max_pixels)
        yield source, "image"
    elif isinstance(source, np.ndarray):
        yield _from_array(source), "array"
    elif isinstance(source, bytes | str | Path):
        with _stream(source) as (stream, name):
            yield _open(stream, name), name
    else:
        raise ImageError(f"an image is a path, bytes, a PIL image or an array, not {type(source).__name__}")


def check_size(image: Image.Image, max_pixels: int) -> None:
    """Raise ImageError unless the picture declares at least one pixel and at most ``max_pixels``."""
    width, height = image.size
    if width < 1 or height < 1:
        raise ImageError("the picture has no pixels")
    if width * height > max_pixels:
        raise ImageError(f"{width} x {height} pixels are more than the limit of {max_pixels:,}")


def read_chunks(source: bytes | str | Path) -> Iterator[bytes]:
    """Yield the bytes of a file, or ``source`` itself where it is bytes; raise ImageError."""
    with _stream(source) as (stream, name):
        try:
            while chunk := stream.read(_CHUNK):
                yield chunk
        except OSError as error:
            raise ImageError(f"{name}: cannot be read ({error.strerror})") from None


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none or the EXIF data is broken."""
    exif = image.info.get("exif")
    if image.format == "TIFF" or not isinstance(exif, bytes):
        return 1  # Pillow turns TIFFs while it loads them
    exif = exif.removeprefix(b"Exif\x00\x00")
    if exif[:2] not in (b"II", b"MM"):
        return 1
    return _find_orientation(exif, "little" if exif[:2] == b"II" else "big")


def _find_orientation(exif: bytes, order: Literal["little", "big"]) -> int:
    def number(start: int, length: int) -> int:
        return int.from_bytes(exif[start : start + length], order)

    directory = number(4, 4)
    for index in range(min(number(directory, 2), 512)):
        entry = directory + 2 + 12 * index
        if number(entry, 2) == _ORIENTATION:
            value = number(entry + 8, 2)
            return value if 1 <= value <= 8 else 1
    return 1


def load(image: Image.Image) -> None:
    """Decode the pixels of ``image`` in place."""
    with _quietly() if image.format in ("TIFF", "ICO") else nullcontext():
        image.load()


def _load_once(image: Image.Image, max_pixels: int) -> None:
    try:
        check_size(image, max_pixels)
    except ImageError as error:
        raise ImageError(f"image: {error}") from None
    with _loading[id(image) // 16 % len(_loading)]:
        if _broken.get(id(image)) is image:
            raise ImageError("image: the picture is damaged or truncated")
        try:
            load(image)
        except Exception as error:  # Pillow's decoders raise nearly anything on broken files
            _broken[id(image)] = image
            reason = str(error) or type(error).__name__
            raise ImageError(f"image: the picture is damaged or truncated ({reason})") from None


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep Pillow's warnings about odd metadata to ourselves; the filters are global, hence the lock."""
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _stream(source: bytes | str | Path) -> Iterator[tuple[IO[bytes], str]]:
    if isinstance(source, bytes):
        if not source:
            raise ImageError("the picture is empty (0 bytes)")
        yield BytesIO(source), "picture"
        return
    name = str(source).encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    _require_file(source, name)
    try:
        stream = Path(source).open("rb")  # noqa: SIM115
    except OSError as error:
        raise ImageError(f"{name}: cannot be read ({error.strerror})") from None
    with stream:
        yield stream, name


def _require_file(path: str | Path, name: str) -> None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        hint = " (links are not fetched)" if name.startswith(("http:", "https:")) else ""
        raise ImageError(f"{name}: no such file{hint}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL or a lone surrogate in the path
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{name}: not a usable path ({reason})") from None
    if stat.S_ISDIR(status.st_mode):
        raise ImageError(f"{name}: a folder, not a picture")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"{name}: not a regular file")
    if status.st_size == 0:
        raise ImageError(f"{name}: the file is empty (0 bytes)")
    if status.st_size > MAX_BYTES:
        raise ImageError(
            f"{name}: the file is larger than {MAX_BYTES >> 20:,} MiB ({status.st_size:,} bytes)"
        )


def _open(stream: IO[bytes], name: str) -> Image.Image:
    try:
        prefix = stream.read(16)
        with _quietly():
            image = _open_known(stream, prefix)
    except Exception as error:  # Pillow's readers raise nearly anything on broken files
        raise ImageError(f"{name}: the picture is damaged or truncated ({error})") from None
    if image is None:
        raise ImageError(
            f"{name}: not a picture, or not JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, JPEG 2000, PPM, ICO"
        )
    return image


def _open_known(stream: IO[bytes], prefix: bytes) -> Image.Image | None:
    stream.seek(0)
    if prefix.startswith(b"\xff\xd8\xff"):
        return JpegImagePlugin.JpegImageFile(stream)  # also the first picture of an MPO
    for names, initialise in ((_COMMON, Image.preinit), (_RARE, Image.init)):
        initialise()
        for name in names:
            factory, accept = Image.OPEN.get(name, (None, None))
            if factory is not None and accept is not None and accept(prefix) is True:
                return factory(stream, "")
    return None


def _from_array(array: npt.NDArray[np.uint8]) -> Image.Image:
    if array.dtype != np.uint8:
        raise ImageError(f"array: an image array is uint8, not {array.dtype}")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] in (3, 4)):
        raise ImageError(f"array: shape {array.shape} is not [height, width] or [height, width, 3 or 4]")
    if array.size == 0:
        raise ImageError("array: the picture has no pixels")
    return Image.fromarray(np.ascontiguousarray(array))
