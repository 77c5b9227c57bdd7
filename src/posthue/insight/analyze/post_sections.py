"""The sections of the analysis report that show posts: confused pictures, disagreement, mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from posthue.evaluation.metrics import confusion, wilson
from posthue.insight.analyze.analysis import Analysis, AnalyzedPost
from posthue.insight.explain import parts as explain_parts
from posthue.insight.page.sections import Cell, Section, columns_html, panel_html, sheet_html, table_html
from posthue.insight.page.shell import escaped, hue, percent
from posthue.insight.page.thumbnails import thumbnail
from posthue.insight.plot import heat_map
from posthue.insight.plot.beside import Beside, interval
from posthue.posts import Modality
from posthue.runtime.explain import Explanation

_PAIRS, _EXAMPLES, _SIDE = 4, 8, 128
_DISAGREEING = 6


def pictures(analysis: Analysis, beside: Beside) -> Section | None:
    """Which labels the picture alone confuses, with the pictures it is surest of."""
    seen = [item for item in analysis.seen if Modality.IMAGE in item.result.by_modality]
    if not seen:
        return None
    said = [_alone(item, Modality.IMAGE) for item in seen]
    index = {label: i for i, label in enumerate(analysis.labels)}
    counts = confusion(
        np.array([index[item.true] for item in seen]),
        np.array([index[label] for label, _ in said]),
        len(index),
    )
    panels, rows = [], []
    for true, label, count in _confused(counts, analysis.labels)[:_PAIRS]:
        found = [(s, c) for s, (a, c) in zip(seen, said, strict=True) if s.true == true and a == label]
        share = count / max(1, sum(item.true == true for item in seen))
        sheet = sheet_html(_sheet(sorted(found, key=lambda pair: -pair[1])))
        panels.append(panel_html(label, sheet, small=f"given {true}: {count:,}, {percent(share)}"))
        rows.append((true, label, count, share))
    beside.table("confused_pictures", ("true", "picture says", "pictures", "share"), rows)
    matrix = heat_map(
        counts, analysis.labels, title="What the picture alone says", alt="Confusion matrix of pictures alone"
    )
    body = columns_html([beside.plot(matrix, "confusion_pictures"), *panels])
    note = "Pictures predicted without their text; the surest of each confusion first."
    return Section("pictures", "Confused pictures", body, note)


def _alone(item: AnalyzedPost, modality: Modality) -> tuple[str, float]:
    found = item.result.by_modality[modality]
    label = max(found, key=found.__getitem__)
    return label, found[label]


def _confused(
    counts: np.ndarray[tuple[int, int], np.dtype[np.int64]], labels: Sequence[str]
) -> list[tuple[str, str, int]]:
    found = [
        (labels[i], labels[j], int(counts[i, j]))
        for i, j in np.ndindex(counts.shape)
        if i != j and counts[i, j]
    ]
    return sorted(found, key=lambda pair: -pair[2])


def _sheet(found: Sequence[tuple[AnalyzedPost, float]]) -> Iterable[tuple[str, str, bool]]:
    shown = 0
    for item, confidence in found:
        small = thumbnail(item.post.image, side=_SIDE) if item.post.image is not None else None
        if small is not None and shown < _EXAMPLES:
            shown += 1
            yield small.uri, f"{item.post.id or 'picture'}: {percent(confidence)}", small.tiny
        if shown == _EXAMPLES:
            return


def disagreement(analysis: Analysis, beside: Beside) -> Section | None:
    """How often text and picture say different things, who is right then, and the clearest cases."""
    both = [item for item in analysis.seen if len(item.result.by_modality) == 2]
    if not both:
        return None
    text, image = ([_alone(item, m)[0] for item in both] for m in Modality)
    apart = [a != b for a, b in zip(text, image, strict=True)]
    rows: list[list[Cell]] = []
    for name, wanted in (("they agree", False), ("they disagree", True)):
        chosen = [i for i, differ in enumerate(apart) if differ == wanted]
        if chosen:
            hits = [
                sum(said[i] == both[i].true for i in chosen)
                for said in (text, image, [item.result.label for item in both])
            ]
            rows.append([name, len(chosen), *(interval(wilson(hit, len(chosen))) for hit in hits)])
    columns = ("", "posts", "text is right", "picture is right", "both together")
    beside.table("disagreement", columns, rows)
    index = {label: i for i, label in enumerate(analysis.labels)}
    rated, seen = (np.array([index[label] for label in said]) for said in (text, image))
    counts = confusion(rated, seen, len(index))
    matrix = heat_map(
        counts,
        analysis.labels,
        title="Text alone against picture alone",
        alt="How often the text says the row's label and the picture the column's",
        axes_names=("the text says", "the picture says"),
    )
    drawn = beside.plot(matrix, "text_against_picture")
    clear = sorted((item for item in both if item.result.mixed), key=_sureness, reverse=True)
    cards = "".join(_card(item) for item in clear[:_DISAGREEING])
    mixed = f"<p>{len(clear):,} posts are mixed: text and picture are both sure, of different emotions.</p>"
    body = table_html(columns, rows) + columns_html([drawn, f"<div>{mixed}</div>"])
    body += f'<div class="posts small">{cards}</div>' if cards else ""
    note = "In brackets: 95 % Wilson intervals. Below: the posts in which both are surest."
    return Section("disagreement", "Where text and picture disagree", body, note)


def _sureness(item: AnalyzedPost) -> float:
    return min(_alone(item, m)[1] for m in Modality)


def _card(item: AnalyzedPost, inside: str = "", picture: str | None = None) -> str:
    """Return one post with what was given and what was said."""
    if picture is None:
        small = thumbnail(item.post.image, side=224) if item.post.image is not None else None
        kind = "class=tiny " if small and small.tiny else ""
        picture = f'<img {kind}loading="lazy" alt="" src="{small.uri}">' if small else ""
    text = (item.post.text or "").strip()
    shown = inside or (f'<p class="words" dir="auto">{escaped(text, 300)}</p>' if text else "")
    says = [
        f"{m} says {label} ({percent(c)})" for m in item.result.by_modality for label, c in [_alone(item, m)]
    ]
    identity = f'<p class="id">{escaped(item.post.id, 120)}</p>' if item.post.id else ""
    labels = (
        f'<p class="labels"><span class="label" {hue(item.result.label)}>{escaped(item.result.label)}'
        f" {percent(item.result.confidence)}</span></p>"
        f'<p class="note">given label: <b>{escaped(item.true)}</b>; {escaped("; ".join(says))}</p>'
    )
    return f'<article class="post">{picture}<div class="inside">{identity}{labels}{shown}</div></article>'


def gallery(
    explained: Sequence[tuple[AnalyzedPost, Explanation]], analysis: Analysis, beside: Beside
) -> Section | None:
    """The most confident mistakes, each with the explanation of the label it was given."""
    mistakes = analysis.mistakes()
    if not mistakes:
        return None
    columns = ("id", "true", "predicted", "confidence", "text")
    rows = [(m.post.id, m.true, m.result.label, m.result.confidence, m.post.text or "") for m in mistakes]
    beside.table("mistakes", columns, rows)
    cards = []
    for number, (item, explanation) in enumerate(explained):
        words = explain_parts.words_html(explanation) if explanation.words else ""
        picture = explain_parts.pictures_html(explanation)
        beside.picture(f"mistake_{number:02}_heat.png", explain_parts.heat_png(explanation))
        cards.append(_card(item, words + picture or " ", ""))
    if not cards:
        return None
    note = "Words and regions in blue speak for the label that the model gave, in orange against it."
    body = explain_parts.key_html() + f'<div class="posts mistakes">{"".join(cards)}</div>'
    return Section("mistakes", "The most confident mistakes", body, note)
