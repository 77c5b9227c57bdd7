"""The page for one post: the form, what was found, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from posthue.apps.service.settings import MEGABYTE, ServeSettings
from posthue.insight.explain import parts as explain_parts
from posthue.insight.page.shell import bars, escaped, hue
from posthue.labels import LabelScheme
from posthue.posts import Prediction, SchemeResult
from posthue.wording import MODALITY_NAMES, percent

if TYPE_CHECKING:
    from posthue.runtime.explain import Explanation

_TRY = (
    "Finally home after a long week, my favourite people are here",
    "Missed the last train, it is raining, and my phone is dead",
    "Great, another Monday. Just what I needed.",
)


def form(settings: ServeSettings, *, text: str = "") -> str:
    """Return the form; it works without a script too."""
    examples = "".join(
        f'<button type="button" class="try" data-text="{escaped(t)}">{escaped(t)}</button>' for t in _TRY
    )
    limit = settings.max_image // MEGABYTE
    return f"""\
<form id="predict" class="card" method="post" action="/" enctype="multipart/form-data">
<div class="field"><label for="text">Text of the post</label>
<textarea id="text" name="text" rows="4" maxlength="{settings.max_text}" dir="auto"
 placeholder="What does the post say?">\
{escaped(text, settings.max_text)}</textarea></div>
<div class="tries"><span id="tries">Try:</span>{examples}</div>
<div class="field" id="drop">
<label for="image">Picture of the post</label>
<div class="zone"><figure id="preview" hidden><img alt="The chosen picture"><figcaption></figcaption></figure>
<p id="zone-hint">Drop a picture here, paste it, or</p>
<div class="buttons"><input class="visually-hidden" type="file" id="image" name="image" accept="image/*">
<label class="button" for="image">Choose a file</label>
<button type="button" id="camera" hidden>Use the camera</button>
<button type="button" id="remove" hidden>Remove the picture</button></div>
<p class="note">JPEG, PNG, WebP, GIF and others, up to {limit} MB. It is not kept.</p></div></div>
<div class="actions"><button class="main" type="submit">Predict this post</button>
<button type="reset">Clear</button><span class="note">or Ctrl + Enter</span></div>
</form>
<dialog id="camera-box" aria-label="Camera"><video playsinline muted></video>
<div class="actions"><button type="button" class="main" id="shoot">Take the picture</button>
<button type="button" id="camera-close">Close</button></div></dialog>"""


def content(settings: ServeSettings, *, text: str = "", result: str = "") -> str:
    """Return the whole content of the page. found: the result, HTML."""
    empty = '<p class="empty">The emotion that the post expresses will appear here.</p>'
    return (
        '<p class="lead">Give a text, a picture, or both: see which emotion the post expresses, and why.</p>'
        f'<div class="two">{form(settings, text=text)}'
        f'<section id="result" class="card" aria-live="polite" aria-label="Result">'
        f"{result or empty}</section></div>"
        '<section id="why" aria-live="polite" aria-label="Why"></section>'
    )


def result(prediction: Prediction, schemes: Mapping[str, LabelScheme]) -> str:
    """Return what was found of a post: labels, bars, shares, and where text and picture disagree."""
    parts = [
        f'<h2 tabindex="-1">{_headline(prediction)}</h2>',
        *(f'<p class="note">{escaped(warning)}</p>' for warning in prediction.warnings),
        *(_result(name, prediction[name]) for name in schemes),
        _why_buttons(prediction, schemes),
    ]
    return f'<div class="found">{"".join(parts)}</div>'


def _headline(prediction: Prediction) -> str:
    chips = "".join(
        f'<span class="label big" {hue(j.label)}>{escaped(j.label)} '
        f"<small>{percent(j.confidence)}</small></span>"
        for j in prediction.schemes.values()
    )
    badge = '<span class="badge big">mixed</span>' if prediction.mixed else ""
    return f'<span class="visually-hidden">This post reads as </span>{chips}{badge}'


def _result(name: str, result: SchemeResult) -> str:
    inside = f"<h3>{escaped(name)}</h3>{bars(result.probabilities.items(), top=result.label)}"
    if result.mixed:
        says = ", ".join(
            f"the {MODALITY_NAMES[m]} says <b>{escaped(label)}</b>" for m, label in result.alone.items()
        )
        inside += f'<p class="mixed">mixed: {says}</p>'
    return f"<section>{inside}{_shares(result)}</section>"


def _shares(result: SchemeResult) -> str:
    if len(result.shares) < 2:
        return ""
    parts = "".join(
        f'<span style="flex: {share:.3f}; --hue: var(--{modality})"></span>'
        for modality, share in result.shares.items()
    )
    legend = "".join(
        f"<li {hue(modality)}>{MODALITY_NAMES[modality]} {percent(result.shares[modality])}: alone it says "
        f"{escaped(label)} ({percent(result.by_modality[modality][label])})</li>"
        for modality, label in result.alone.items()
    )
    return (
        f'<p class="note shares">Who decided</p><div class="stack thin" aria-hidden="true">{parts}</div>'
        f'<ul class="legend">{legend}</ul>'
    )


def _why_buttons(prediction: Prediction, schemes: Mapping[str, LabelScheme]) -> str:
    buttons = "".join(
        f'<button type="button" data-why="{escaped(name)}" aria-controls="why" aria-pressed="false">'
        f"Why {escaped(prediction[name].label)}?</button>"
        for name in schemes
    )
    return f'<div class="actions needs-script">{buttons}</div>'


def why(explanation: Explanation) -> str:
    """Return what speaks for the label: coloured words, a heat map, what if a modality were missing."""
    boxes = [
        _box("The words", explain_parts.words_html(explanation) + explain_parts.key_html())
        if explanation.words
        else "",
        _picture(explanation),
        _box("From what is usual to this post", explain_parts.steps_html(explanation)),
        _box("The words that matter most", explain_parts.top_words_html(explanation.top_words, 6))
        if explanation.words
        else "",
        _box("If something were missing", explain_parts.without_html(explanation))
        if len(explanation.without) > 1
        else "",
    ]
    title = f"Why {escaped(explanation.label)} ({percent(explanation.probability)})?"
    return f'<h2 tabindex="-1">{title}</h2><div class="why">{"".join(boxes)}</div>'


def _picture(explanation: Explanation) -> str:
    html = explain_parts.pictures_html(explanation)
    return _box("The picture", html + explain_parts.key_html()) if html else ""


def _box(title: str, inside: str) -> str:
    return f'<section class="box"><h3 class="title">{title}</h3>{inside}</section>' if inside else ""
