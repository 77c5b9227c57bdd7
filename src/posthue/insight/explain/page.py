"""One explained post as a page: what decided, word by word and region by region, and what else could be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from posthue.files import write_file
from posthue.insight.explain import parts
from posthue.insight.page.shell import FOOT, bars, escaped, hue, page
from posthue.insight.page.thumbnails import thumbnail
from posthue.posts import Modality, Post
from posthue.runtime.explain import Explanation
from posthue.runtime.neighbours.index import Neighbour
from posthue.wording import percent

METHOD = (
    "How it was found: the model was asked again about {n} variants of the post, with words left out and "
    "regions blurred. What is shown adds up (Shapley and Owen values), but it tells what the model reacts "
    "to, not what is true, and words that only work together share what they do."
)


def explain_page(explanation: Explanation, neighbours: Sequence[Neighbour] = ()) -> str:
    """Return a page that needs nothing else and runs no script; every text is escaped."""
    sections = [
        _box("From the prior to this post", parts.steps_html(explanation) + _sides(explanation)),
        _picture(explanation),
        _words(explanation),
        _box("If something were missing", parts.without_html(explanation)),
        _neighbours(neighbours),
    ]
    return page(
        f"Why {explanation.label}?",
        head=_head(explanation),
        main=f'<div class="why">{"".join(sections)}</div>',
        foot=f"{METHOD.format(n=explanation.evaluations)} {FOOT}",
        extra_sheets=("explain.css",),
    )


def write_explain_page(
    explanation: Explanation, output: str | Path, neighbours: Sequence[Neighbour] = ()
) -> Path:
    """Write ``explain_page`` to ``output``, making its folder, and return the path."""
    return write_file(Path(output), explain_page(explanation, neighbours))


def _head(explanation: Explanation) -> str:
    predicted = explanation.result
    chip = f'<span class="chip" {hue(explanation.label)}>{escaped(explanation.label)}</span>'
    line = f"{chip} {percent(explanation.probability)} · {escaped(explanation.scheme)}"
    if explanation.label != predicted.label:
        line += f" · the model’s own answer is {escaped(predicted.label)} ({percent(predicted.confidence)})"
    notes = "".join(f'<p class="note">{escaped(note)}</p>' for note in explanation.prediction.warnings)
    return f'<p class="chipline">{line}</p>{notes}'


def _sides(explanation: Explanation) -> str:
    """All labels of the scheme, and who decided."""
    predicted = explanation.result
    body = f"<h3>all labels</h3>{bars(predicted.probabilities.items(), top=predicted.label)}"
    if len(explanation.shares) > 1:
        shares = " and ".join(f"{m} {percent(share)}" for m, share in explanation.shares.items())
        body += f'<p class="note">decided by {shares}</p>'
    if predicted.mixed:
        alone = ", ".join(f"the {m} says {label}" for m, label in predicted.alone.items())
        body += f'<p class="note">mixed: {escaped(alone)}</p>'
    return f"<section>{body}</section>"


def _picture(explanation: Explanation) -> str:
    html = parts.pictures_html(explanation)
    return _box("The picture", html + parts.key_html()) if html else ""


def _words(explanation: Explanation) -> str:
    if not explanation.words:
        return ""
    top = f"<section><h3>those that matter most</h3>{parts.top_words_html(explanation.top_words)}</section>"
    return _box("The words", parts.words_html(explanation) + parts.key_html() + top)


def _neighbours(neighbours: Sequence[Neighbour]) -> str:
    if not neighbours:
        return ""
    cards = "".join(_neighbour(neighbour) for neighbour in neighbours)
    note = '<p class="note">What the model learned from that looks most like this post to it.</p>'
    return _box(
        "Nearest posts of the index", f'<div class="posts small">{cards}</div>{note}', kind="box wide"
    )


def _neighbour(neighbour: Neighbour) -> str:
    small = thumbnail(Path(neighbour.image) if neighbour.image else None)
    picture = small.html() if small else ""
    labels = "".join(
        f'<span class="label" {hue(label)}>{escaped(label)}</span>'
        for labels in neighbour.labels.values()
        for label in labels
    )
    has_text = Modality.TEXT in Post(neighbour.text).modalities
    text = f'<p class="words" dir="auto">{escaped(neighbour.text or "", 400)}</p>' if has_text else ""
    alike = f'<p class="note">alike {percent(neighbour.similarity)}</p>'
    inside = f'<div class="inside">{text}<p class="labels">{labels}</p>{alike}</div>'
    return f'<article class="post">{picture}{inside}</article>'


def _box(title: str, inside: str, *, kind: str = "box") -> str:
    return f'<section class="{kind}"><h2>{escaped(title)}</h2>{inside}</section>'
