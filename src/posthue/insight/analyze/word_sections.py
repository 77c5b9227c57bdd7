"""The sections of the analysis report that are about words: text length, words by label, the ablation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from posthue.data.text import count_words
from posthue.evaluation.metrics import wilson
from posthue.insight.analyze.ablation import Ablation
from posthue.insight.analyze.analysis import Analysis, Ints
from posthue.insight.page.sections import (
    Section,
    columns_html,
    lists_html,
    panel_html,
    table_html,
    terms_html,
)
from posthue.insight.page.shell import escaped
from posthue.insight.plot import bars
from posthue.insight.plot.report_files import ReportFiles, file_name
from posthue.insight.words.terms import STOP_WORDS, count_terms, distinctive, top_terms
from posthue.wording import percent

_CLOUD = 60


def lengths(analysis: Analysis, files: ReportFiles) -> Section | None:
    """Accuracy against the number of words."""
    words_of = np.array([count_words(s.post.text or "") for s in analysis.posts])
    if not words_of.any():
        return None
    right = analysis.true == analysis.predicted
    rows = []
    for low, high in pairwise(_edges(words_of)):
        inside = (words_of >= low) & (words_of < high)
        if inside.any():
            rows.append(
                (_range(low, high), wilson(int(right[inside].sum()), int(inside.sum())), inside.sum())
            )
    plot = bars(
        {f"{name} words (n={n})": share.value for name, share, n in rows},
        title="Accuracy by length of the text",
        alt="; ".join(f"{name} words: {share.percent()}" for name, share, _ in rows),
        intervals={f"{name} words (n={n})": (share.low, share.high) for name, share, n in rows},
        show=percent,
        baseline=float(right.mean()),
    )
    table = [(name, int(n), share.value, share.low, share.high) for name, share, n in rows]
    files.table("length", ("words", "posts", "accuracy", "low", "high"), table)
    note = "Lines are 95 % Wilson intervals; the dotted line is the accuracy of all posts."
    values = table_html(("words", "posts", "accuracy"), [(name, int(n), s.percent()) for name, s, n in rows])
    return Section("length", "Text length", columns_html([files.plot(plot, "length"), values]), note)


def _edges(values: Ints) -> list[int]:
    """Return the bounds of about six bins with like numbers of posts, of whole words."""
    quantiles = np.quantile(values, np.linspace(0, 1, 7)[1:-1]).round().astype(int).tolist()
    return sorted({0, *(v for v in quantiles if v > 0), int(values.max()) + 1})


def _range(low: int, high: int) -> str:
    return f"{low}" if high == low + 1 else f"{low}–{high - 1}"


def words(analysis: Analysis, files: ReportFiles) -> Section | None:
    """Words of the texts by the label that the model gave them."""
    rows = [(s.post.text or "", (s.result.label,)) for s in analysis.posts]
    counts = count_terms(rows, order=analysis.labels)
    if not counts.total:
        return None
    top, apart = top_terms(counts, stop=STOP_WORDS), distinctive(counts, top=_CLOUD)
    many = top_terms(counts, top=_CLOUD, stop=STOP_WORDS)
    panels: list[str] = []
    table: list[tuple[str, str, float, int, int]] = []
    for label in analysis.labels:
        if not counts.texts.get(label):
            continue
        weights = [(d.term, d.score) for d in apart[label]] or many[label]
        lists = lists_html(
            [
                terms_html(top[label], title="most frequent"),
                terms_html(
                    [(d.term, d.score) for d in apart[label][:7]], title="most its own", show="{:.1f}"
                ),
            ]
        )
        cloud = files.cloud(weights, label, f"cloud_{len(panels)}_{file_name(label)}")
        panels.append(panel_html(label, cloud + lists, small=f"{counts.texts[label]:,} texts"))
        table += [(label, d.term, d.score, d.count, d.elsewhere) for d in apart[label]]
    files.table("words", ("predicted", "word", "z", "count", "elsewhere"), table)
    note = (
        "Of texts that the model gave the label, right or wrong. Size in the cloud, and “most its own”: "
        "z-score of the log-odds with a prior against all other texts. Function words are left out."
    )
    return Section("words", "Words by predicted label", columns_html(panels), note)


def ablated(ablation: Ablation | None, files: ReportFiles) -> Section | None:
    """What the model does when words are dropped."""
    if ablation is None:
        return None
    columns = ("label", "F1", "F1 without", "change", "recall", "recall without", "change ")
    rows: list[list[str | int | float | None]] = []
    for label, (f1, f1_after) in ablation.f1.items():
        recall, recall_after = ablation.recall[label]
        rows.append([label, *_pair(f1, f1_after), *_pair(recall, recall_after)])
    files.table("ablation", columns, rows)
    difference, low, high = (100 * value for value in ablation.difference)
    accuracy, macro_f1 = ([percent(v, 1) for v in pair] for pair in (ablation.accuracy, ablation.macro_f1))
    body = (
        f"<p>Dropped: <b>{escaped(', '.join(ablation.words))}</b>"
        f"{' (the words that are most frequent in every label)' if ablation.automatic else ''}. "
        f"{ablation.changed:,} texts changed. Accuracy {accuracy[0]} → {accuracy[1]}: "
        f"{difference:+.1f} points [{low:+.1f}, {high:+.1f}]. Macro F1 {macro_f1[0]} → {macro_f1[1]}.</p>"
    )
    note = (
        "The same model predicts the same posts again without these words. Interval: paired bootstrap, 95 %."
    )
    return Section("ablation", "Without the dominating words", body + table_html(columns, rows), note)


def _pair(before: float, after: float) -> list[str]:
    return [percent(before, 1), percent(after, 1), f"{100 * (after - before):+.1f}"]
