"""The small picture of a reply: bars of the probabilities, beside the photo and its heat map.

Drawn with Pillow alone: it takes milliseconds.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from posthue.apps.telegram.texts import label_name, scheme_name
from posthue.data.images.decode import decode_image
from posthue.data.images.spec import ImageSpec
from posthue.errors import ImageError
from posthue.insight.explain.parts import AGAINST, FOR
from posthue.insight.plot.palette import page_colours, series_colours
from posthue.posts import Post, Prediction
from posthue.wording import percent

if TYPE_CHECKING:
    import numpy.typing as npt

    from posthue.posts import ImageSource
    from posthue.runtime.explain import Explanation

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

WIDTH, MARGIN, PHOTO, THUMB = 680, 20, 256, 84
_ROW, _BAR, _TITLE, _NAMES = 30, 16, 34, 128
_SHOWN = 4  # labels of a scheme


def draw_post(post: Post, prediction: Prediction, explanation: Explanation | None, language: str) -> bytes:
    """Return a JPEG: the photo with its heat map, where there is one, and the bars of every scheme."""
    language = _drawable(language)
    photo = _photo(post, explanation)
    rows = sum(_TITLE + _ROW * min(_SHOWN, len(j.probabilities)) for j in prediction.schemes.values())
    height = 2 * MARGIN + max(rows, PHOTO if photo else 0)
    card, pen = _card(height)
    left = MARGIN
    if photo is not None:
        card.paste(photo, (MARGIN, MARGIN))
        left += PHOTO + MARGIN
    top = MARGIN
    for name, result in prediction.schemes.items():
        pen.text((left, top), scheme_name(language, name), page_colours()["quiet"], _font(17))
        top = _bars(pen, (left, top + _TITLE), result.probabilities, language)
    return _encoded(card)


def draw_album(posts: Sequence[Post], predictions: Sequence[Prediction], scheme: str, language: str) -> bytes:
    """Return a JPEG with one row per picture of an album: the picture, its label, and its probabilities."""
    language = _drawable(language)
    row = THUMB + MARGIN
    card, pen = _card(MARGIN + row * len(posts))
    for number, (post, prediction) in enumerate(zip(posts, predictions, strict=True)):
        top = MARGIN + number * row
        thumb = None if post.image is None else _square(post.image, THUMB)
        if thumb is not None:
            card.paste(thumb, (MARGIN, top))
        _number(pen, (MARGIN, top), number + 1)
        if prediction.ok:
            place = (MARGIN * 2 + THUMB, top + (THUMB - 3 * 28) // 2)
            _bars(pen, place, prediction[scheme].probabilities, language, most=3, row=28)
    return _encoded(card)


def _bars(
    pen: ImageDraw.ImageDraw,
    place: tuple[int, int],
    probabilities: Mapping[str, float],
    language: str,
    *,
    most: int = _SHOWN,
    row: int = _ROW,
) -> int:
    """Draw the most probable labels, and return where the next thing may begin."""
    left, top = place
    order = sorted(probabilities, key=lambda label: -probabilities[label])[:most]
    start, end = left + _NAMES, WIDTH - MARGIN - 56
    colours = dict(zip(probabilities, series_colours(probabilities), strict=True))
    for label in order:
        share, ink = probabilities[label], page_colours()["ink"]
        pen.text((left, top), _cut(label_name(language, label)), ink, _font(16))
        box = (start, top + 2, end, top + 2 + _BAR)
        pen.rounded_rectangle(box, 4, page_colours()["track"])
        if share * (end - start) >= 1:
            filled = (start, box[1], start + share * (end - start), box[3])
            pen.rounded_rectangle(filled, 4, colours[label])
        pen.text((end + 8, top), percent(share), ink, _font(16))
        top += row
    return top


def _photo(post: Post, explanation: Explanation | None) -> Image.Image | None:
    if explanation is not None and explanation.picture is not None and explanation.heat is not None:
        return _heated(explanation.picture, explanation.heat)
    return None if post.image is None else _square(post.image, PHOTO)


def _heated(picture: npt.NDArray[np.uint8], heat: npt.NDArray[np.float64]) -> Image.Image:
    """Lay blue over the regions that speak for the label, and orange over those against it."""
    base = Image.fromarray(picture).resize((PHOTO, PHOTO), Image.Resampling.BICUBIC)
    base = Image.blend(base.convert("L").convert("RGB"), base, 0.35)  # few colours beside the heat's
    strongest = float(np.abs(heat).max())
    if not strongest > 0:
        return base
    scaled = Image.fromarray((heat / strongest).astype(np.float32))
    smooth = np.asarray(scaled.resize((PHOTO, PHOTO), Image.Resampling.BICUBIC)).clip(-1, 1)
    hue = np.where(smooth[..., None] > 0, FOR, AGAINST)
    weight = 0.6 * np.abs(smooth[..., None])
    mixed = (1 - weight) * np.asarray(base, dtype=np.float32) + weight * hue
    return Image.fromarray(mixed.round().astype(np.uint8))


def _square(source: ImageSource, side: int) -> Image.Image | None:
    try:
        pixels = decode_image(source, ImageSpec(size=side, crop_ratio=1.0, small_size=None))
    except ImageError:
        return None
    return Image.fromarray(pixels)


def _number(pen: ImageDraw.ImageDraw, place: tuple[int, int], number: int) -> None:
    left, top = place
    pen.rounded_rectangle((left, top, left + 26, top + 22), 4, page_colours()["card"])
    pen.text((left + 13, top + 11), str(number), page_colours()["ink"], _font(15), anchor="mm")


def _card(height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    card = Image.new("RGB", (WIDTH, height), page_colours()["card"])
    return card, ImageDraw.Draw(card)


def _encoded(card: Image.Image) -> bytes:
    stream = io.BytesIO()
    card.save(stream, "JPEG", quality=90, subsampling=0)
    return stream.getvalue()


def _cut(name: str) -> str:
    return name if len(name) <= 14 else name[:13] + "…"


@lru_cache(maxsize=1)
def _font_file() -> str | None:
    """Return a font with Cyrillic letters: the system's DejaVu Sans, or the file in matplotlib."""
    try:
        ImageFont.truetype("DejaVuSans.ttf", 10)
    except OSError:
        spec = find_spec("matplotlib")
        path = (
            Path(spec.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf" if spec and spec.origin else None
        )
        return str(path) if path is not None and path.is_file() else None
    return "DejaVuSans.ttf"


@lru_cache(maxsize=8)
def _font(size: int) -> Font:
    path = _font_file()
    return ImageFont.load_default(size) if path is None else ImageFont.truetype(path, size)


def _drawable(language: str) -> str:
    """Return the language that the font has letters for."""
    return language if _font_file() is not None else "en"
