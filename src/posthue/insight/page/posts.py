"""Posts and what was found in them, as one HTML file to look at.

>>> from posthue.posts import Post, Prediction
>>> html = posts_report([(Post(text="<hi>"), Prediction(error="no picture"))], title="Two & a half posts")
>>> "&lt;hi&gt;" in html, "Two &amp; a half posts" in html
(True, True)
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from posthue.files import write_file
from posthue.insight.page.sections import summary_html
from posthue.insight.page.shell import bars, escaped, hue, page
from posthue.insight.page.thumbnails import thumbnail
from posthue.labels import SCHEMES
from posthue.posts import Modality, Post, Prediction, SchemeResult
from posthue.wording import percent

LONGEST_TEXT = 600
Row = tuple[Post, Prediction]


def posts_report(rows: Sequence[Row], *, title: str) -> str:
    """Return a page with counts on top and a card for every post, in their order.

    The page is one file: its style and its pictures (320 pixels a side, about 20 kB each) are inside it, it
    runs no script and loads nothing. Every text is escaped. A post that was not predicted is a card with the
    reason; a picture that cannot be read is left out. Meant for up to some hundreds of posts.
    """
    cards = "\n".join(_card(post, prediction) for post, prediction in rows)
    return page(
        title,
        head=_summary([prediction for _, prediction in rows]),
        main=f'<div class="posts">\n{cards}\n</div>' if rows else '<p class="note">There are no posts.</p>',
    )


def write_posts_report(rows: Sequence[Row], output: str | Path, *, title: str) -> Path:
    """Write ``posts_report`` to ``output``, making its folder, and return the path."""
    return write_file(output, posts_report(rows, title=title))


def _summary(predictions: Sequence[Prediction]) -> str:
    failed = sum(not prediction.ok for prediction in predictions)
    numbers = [
        ("posts", len(predictions)),
        ("predicted", len(predictions) - failed),
        ("mixed", sum(prediction.mixed for prediction in predictions)),
        ("not predicted", failed),
    ]
    names = dict.fromkeys(name for prediction in predictions for name in prediction.schemes)
    return summary_html(numbers, {name: _label_counts(name, predictions) for name in names})


def _label_counts(scheme: str, predictions: Sequence[Prediction]) -> list[tuple[str, int]]:
    counts = Counter(p.schemes[scheme].label for p in predictions if scheme in p.schemes)
    order = SCHEMES[scheme].labels if scheme in SCHEMES else sorted(counts)
    return [(label, counts[label]) for label in order]


def _card(post: Post, prediction: Prediction) -> str:
    identity = prediction.id if prediction.id is not None else post.id
    parts = [
        f'<p class="id">{escaped(identity, 200)}</p>' if identity else "",
        _words(post),
        _labels(prediction)
        if prediction.ok
        else f'<p class="error">{escaped(_reason(post, prediction))}</p>',
        *(f'<p class="note">{escaped(warning)}</p>' for warning in prediction.warnings),
        *(_result(name, result) for name, result in prediction.schemes.items()),
    ]
    kind = "post" if prediction.ok else "post failed"
    inside = f'<div class="inside">{"".join(parts)}</div>'
    return f'<article class="{kind}">{_picture(post, identity)}{inside}</article>'


def _reason(post: Post, prediction: Prediction) -> str:
    """Return the error without the folder of the picture, which is not for everybody who gets the page."""
    reason = prediction.error or ""
    if isinstance(post.image, str | Path):
        reason = reason.replace(f"{Path(post.image).parent}{os.sep}", "")
    return reason


def _picture(post: Post, identity: str | None) -> str:
    small = thumbnail(post.image)
    return small.html(f"Picture of post {identity}" if identity else "Picture of the post") if small else ""


def _words(post: Post) -> str:
    if Modality.TEXT not in post.modalities or post.text is None:
        return ""
    return f'<p class="words" dir="auto">{escaped(post.text.strip(), LONGEST_TEXT)}</p>'


def _labels(prediction: Prediction) -> str:
    chips = "".join(
        f'<span class="label" {hue(result.label)}>{escaped(result.label)}</span>'
        for result in prediction.schemes.values()
    )
    return f'<p class="labels">{chips}{_badge(prediction)}</p>'


def _badge(prediction: Prediction) -> str:
    says = [_disagreement(result) for result in prediction.schemes.values() if result.mixed]
    return f'<span class="badge" title="{escaped("; ".join(says))}">mixed</span>' if says else ""


def _disagreement(result: SchemeResult) -> str:
    return ", ".join(f"the {modality} says {label}" for modality, label in result.alone.items())


def _result(name: str, result: SchemeResult) -> str:
    body = bars(result.probabilities.items(), top=result.label)
    if len(result.shares) > 1:
        body += _shares(result)
    if result.mixed:
        body += f'<p class="note">{escaped(_disagreement(result))}</p>'
    return f"<section><h3>{escaped(name)}</h3>{body}</section>"


def _shares(result: SchemeResult) -> str:
    parts = "".join(
        f'<span style="flex: {share:.3f}; --hue: var(--{modality})"></span>'
        for modality, share in result.shares.items()
    )
    words = " and ".join(f"{modality} {percent(share)}" for modality, share in result.shares.items())
    return f'<div class="stack thin" aria-hidden="true">{parts}</div><p class="note">decided by {words}</p>'
