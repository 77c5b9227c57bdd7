"""The sections of the analysis report that show posts: confused pictures, disagreement, mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from posthue.evaluation.metrics import confusion, wilson
from posthue.insight.analyze.analysis import Analysis, AnalyzedPost, Ints
from posthue.insight.explain import parts as explain_parts
from posthue.insight.page.sections import Cell, Section, columns_html, panel_html, sheet_html, table_html
from posthue.insight.page.shell import escaped, hue
from posthue.insight.page.thumbnails import Thumbnail, thumbnail
from posthue.insight.plot import heat_map
from posthue.insight.plot.report_files import ReportFiles
from posthue.posts import Modality
from posthue.runtime.explain import Explanation
from posthue.wording import percent

_PAIRS, _EXAMPLES, _SIDE = 4, 8, 128
_DISAGREEING = 6


def pictures(analysis: Analysis, files: ReportFiles) -> Section | None:
    """Which labels the picture alone confuses, with the pictures it is surest of."""
    pictured = [item for item in analysis.posts if Modality.IMAGE in item.result.by_modality]
    if not pictured:
        return None
    answers = [_alone(item, Modality.IMAGE) for item in pictured]
    counts = _counts([item.true for item in pictured], [label for label, _ in answers], analysis.labels)
    panels, rows = [], []
    for true, label, count in _confused(counts, analysis.labels)[:_PAIRS]:
        pairs = zip(pictured, answers, strict=True)
        confused = [(item, sure) for item, (answer, sure) in pairs if (item.true, answer) == (true, label)]
        share = count / max(1, sum(item.true == true for item in pictured))
        sheet = sheet_html(_sheet(sorted(confused, key=lambda pair: -pair[1])))
        panels.append(panel_html(label, sheet, small=f"given {true}: {count:,}, {percent(share)}"))
        rows.append((true, label, count, share))
    files.table("confused_pictures", ("true", "picture says", "pictures", "share"), rows)
    matrix = heat_map(
        counts, analysis.labels, title="What the picture alone says", alt="Confusion matrix of pictures alone"
    )
    body = columns_html([files.plot(matrix, "confusion_pictures"), *panels])
    note = "Pictures predicted without their text; the surest of each confusion first."
    return Section("pictures", "Confused pictures", body, note)


def _counts(rows: Sequence[str], columns: Sequence[str], labels: Sequence[str]) -> Ints:
    """Return how often each pair of labels comes together, [labels, labels]."""
    index = {label: i for i, label in enumerate(labels)}
    true, predicted = (np.array([index[label] for label in side]) for side in (rows, columns))
    return confusion(true, predicted, len(labels))


def _alone(item: AnalyzedPost, modality: Modality) -> tuple[str, float]:
    """Return the label that a modality gives alone, and its probability."""
    label = item.result.alone[modality]
    return label, item.result.by_modality[modality][label]


def _confused(counts: Ints, labels: Sequence[str]) -> list[tuple[str, str, int]]:
    """Return the pairs of labels that are confused, with their counts, the most frequent first."""
    pairs = [(labels[i], labels[j], int(n)) for (i, j), n in np.ndenumerate(counts) if i != j and n]
    return sorted(pairs, key=lambda pair: -pair[2])


def _sheet(confused: Sequence[tuple[AnalyzedPost, float]]) -> Iterator[tuple[Thumbnail, str]]:
    pictures = ((item, sure, thumbnail(item.post.image, side=_SIDE)) for item, sure in confused)
    readable = (
        (small, f"{item.post.id or 'picture'}: {percent(sure)}") for item, sure, small in pictures if small
    )
    return islice(readable, _EXAMPLES)


def disagreement(analysis: Analysis, files: ReportFiles) -> Section | None:
    """How often text and picture say different things, who is right then, and the clearest cases."""
    both = [item for item in analysis.posts if len(item.result.by_modality) == 2]
    if not both:
        return None
    text, image = ([_alone(item, m)[0] for item in both] for m in Modality)
    apart = [a != b for a, b in zip(text, image, strict=True)]
    rows: list[list[Cell]] = []
    for name, wanted in (("they agree", False), ("they disagree", True)):
        chosen = [i for i, is_apart in enumerate(apart) if is_apart == wanted]
        if chosen:
            hits = [
                sum(labels[i] == both[i].true for i in chosen)
                for labels in (text, image, [item.result.label for item in both])
            ]
            rows.append([name, len(chosen), *(wilson(hit, len(chosen)).percent() for hit in hits)])
    columns = ("", "posts", "text is right", "picture is right", "both together")
    files.table("disagreement", columns, rows)
    matrix = heat_map(
        _counts(text, image, analysis.labels),
        analysis.labels,
        title="Text alone against picture alone",
        alt="How often the text says the row's label and the picture the column's",
        axes_names=("the text says", "the picture says"),
    )
    drawn = files.plot(matrix, "text_against_picture")
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
        small = thumbnail(item.post.image, side=224)
        picture = small.html() if small else ""
    text = (item.post.text or "").strip()
    body = inside or (f'<p class="words" dir="auto">{escaped(text, 300)}</p>' if text else "")
    says = [
        f"{m} says {label} ({percent(c)})" for m in item.result.by_modality for label, c in [_alone(item, m)]
    ]
    identity = f'<p class="id">{escaped(item.post.id, 120)}</p>' if item.post.id else ""
    labels = (
        f'<p class="labels"><span class="label" {hue(item.result.label)}>{escaped(item.result.label)}'
        f" {percent(item.result.confidence)}</span></p>"
        f'<p class="note">given label: <b>{escaped(item.true)}</b>; {escaped("; ".join(says))}</p>'
    )
    return f'<article class="post">{picture}<div class="inside">{identity}{labels}{body}</div></article>'


def gallery(
    explained: Sequence[tuple[AnalyzedPost, Explanation]], analysis: Analysis, files: ReportFiles
) -> Section | None:
    """The most confident mistakes, each with the explanation of the label it was given."""
    mistakes = analysis.mistakes()
    if not mistakes:
        return None
    columns = ("id", "true", "predicted", "confidence", "text")
    rows = [(m.post.id, m.true, m.result.label, m.result.confidence, m.post.text or "") for m in mistakes]
    files.table("mistakes", columns, rows)
    cards = []
    for number, (item, explanation) in enumerate(explained):
        words = explain_parts.words_html(explanation) if explanation.words else ""
        picture = explain_parts.pictures_html(explanation)
        files.picture(f"mistake_{number:02}_heat.png", explain_parts.heat_png(explanation))
        cards.append(_card(item, words + picture or " ", ""))
    if not cards:
        return None
    note = "Words and regions in blue speak for the label that the model gave, in orange against it."
    body = explain_parts.key_html() + f'<div class="posts mistakes">{"".join(cards)}</div>'
    return Section("mistakes", "The most confident mistakes", body, note)
