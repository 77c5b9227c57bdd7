"""The parts of a drawn explanation: coloured words, a heat map over the picture, and bars that add up.

What speaks for the label is blue, what speaks against it orange and underlined.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from posthue.insight.page.shell import bars, escaped, hue
from posthue.insight.page.thumbnails import jpeg_uri
from posthue.runtime.explain import Explanation, WordPart
from posthue.wording import MODALITY_NAMES, percent, points

if TYPE_CHECKING:
    from posthue.runtime.explain.patches import Pixels

FOR, AGAINST = (31, 119, 180), (210, 105, 30)
#: The least change, in probability, that is drawn at full strength: small ones stay pale in a sure post.
FULL_WORD, FULL_CELL = 0.05, 0.02
_STRONGEST = 0.72
TOP_WORDS = 8


def words_html(explanation: Explanation) -> str:
    """Return the text with each part on a ground as strong as its contribution; it says more on hover."""
    scale = max([FULL_WORD, *(abs(word.contribution) for word in explanation.words)])
    parts = "".join(_word(word, scale) for word in explanation.words)
    return f'<p class="saying" dir="auto">{parts}</p>'


def _word(word: WordPart, scale: float) -> str:
    much = round(100 * _STRONGEST * abs(word.contribution) / scale)
    visible, space = word.text.rstrip(), word.text[len(word.text.rstrip()) :]
    kind = "for" if word.contribution >= 0 or much < 8 else "against"
    style = f'class="{kind}" style="--much: {much}%" title="{points(word.contribution)}"'
    return f"<span {style}>{escaped(visible)}</span>{escaped(space)}"


def heat_map(picture: Pixels, heat: npt.NDArray[np.float64], side: int = 320) -> Image.Image:
    """Return the picture in grey with its heat laid over, [side, side] (a tiny picture is enlarged)."""
    scale = max(FULL_CELL, float(np.abs(heat).max()))
    smooth = Image.fromarray((heat / scale).astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC)
    values = np.clip(np.asarray(smooth), -1, 1)[..., None]
    grey = np.asarray(Image.fromarray(picture).resize((side, side)).convert("L"), dtype=np.float64)[..., None]
    colour = np.where(values >= 0, np.array(FOR), np.array(AGAINST))
    much = 0.8 * np.abs(values)
    return Image.fromarray((grey * (1 - much) + colour * much).clip(0, 255).astype(np.uint8))


def heat_png(explanation: Explanation) -> bytes | None:
    """Return the heat map over the picture as a PNG file; None for a post without a picture."""
    if explanation.picture is None or explanation.heat is None:
        return None
    stream = io.BytesIO()
    heat_map(explanation.picture, explanation.heat).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def pictures_html(explanation: Explanation) -> str:
    """Return the picture as the model saw it beside its heat map; empty for a post without a picture."""
    if explanation.picture is None or explanation.heat is None:
        return ""
    tiny = ' class="tiny"' if len(explanation.picture) < 160 else ""
    picture = jpeg_uri(Image.fromarray(explanation.picture))
    heat = jpeg_uri(heat_map(explanation.picture, explanation.heat))
    return (
        f'<div class="pictures"><figure><img{tiny} alt="The picture as the model sees it" src="{picture}">'
        "<figcaption>as the model sees it</figcaption></figure>"
        f'<figure><img alt="Heat map: which regions speak for the label" src="{heat}">'
        f"<figcaption>{_strongest(explanation.heat)}</figcaption></figure></div>"
    )


def _strongest(heat: npt.NDArray[np.float64]) -> str:
    """Say in words where the heat is, for those who do not see it."""
    top, left = divmod(int(np.abs(heat).argmax()), heat.shape[1])
    thirds = (("top", "middle", "bottom")[3 * top // len(heat)], ("left", "", "right")[3 * left // len(heat)])
    kind = "for" if heat[top, left] >= 0 else "against"
    return f"strongest {' '.join(filter(None, thirds))}: {kind}"


def steps_html(explanation: Explanation) -> str:
    """Return bars from the prior by way of text and picture to the probability of the label.

    A way can leave the range of 0 to 1 in between; the axis is then longer.
    """
    places = list(accumulate(explanation.contributions.values(), initial=explanation.prior))
    low, high = min(0.0, *places), max(1.0, *places)

    def row(name: str, start: float, end: float, kind: str, value_text: str) -> str:
        return _step(name, (start - low) / (high - low), (end - low) / (high - low), kind, value_text)

    rows = [row("prior", 0, places[0], "whole", percent(places[0]))]
    for at, (modality, value) in zip(places, explanation.contributions.items(), strict=False):
        kind = "for" if value >= 0 else "against"
        rows.append(row(f"the {MODALITY_NAMES[modality]}", at, at + value, kind, points(value)))
    rows.append(row(explanation.label, 0, places[-1], "whole", percent(places[-1])))
    return f'<ul class="steps" {hue(explanation.label)}>{"".join(rows)}</ul>'


def _step(name: str, start: float, end: float, kind: str, value_text: str) -> str:
    """Return one bar; start, end: shares of the track."""
    left, right = sorted((start, end))
    place = f"left: {100 * left:.1f}%; width: {100 * (right - left):.1f}%"
    return (
        f'<li class="{kind}"><b>{escaped(name)}</b><span class="way" aria-hidden="true">'
        f'<span style="{place}"></span></span><span class="percent">{value_text}</span></li>'
    )


def top_words_html(words: Sequence[WordPart], most: int = TOP_WORDS) -> str:
    """Return the parts with the largest contributions as bars from the middle."""
    chosen = [word for word in words if word.text.strip()][:most]
    scale = 2 * max([FULL_WORD, *(abs(word.contribution) for word in chosen)])
    rows = (
        _step(
            _short(word.text),
            0.5,
            0.5 + word.contribution / scale,
            "for" if word.contribution >= 0 else "against",
            points(word.contribution),
        )
        for word in chosen
    )
    return f'<ul class="steps">{"".join(rows)}</ul>' if chosen else ""


def _short(text: str, most: int = 28) -> str:
    text = text.strip()
    return text if len(text) <= most else text[: most - 1] + "…"


def without_html(explanation: Explanation) -> str:
    """Return what the model would say if a modality were missing."""
    parts = []
    for modality, values in explanation.without.items():
        top = max(values, key=values.__getitem__)
        left = [m for m in explanation.without if m is not modality]
        title = f"without the {MODALITY_NAMES[modality]}: " + (
            escaped(top) if left else "only the prior is left"
        )
        parts.append(f"<section><h3>{title}</h3>{bars(values.items(), top=top)}</section>")
    return "".join(parts)


def key_html() -> str:
    """Return what the colours mean."""
    return '<ul class="key"><li class="for">speaks for it</li><li class="against">speaks against it</li></ul>'
