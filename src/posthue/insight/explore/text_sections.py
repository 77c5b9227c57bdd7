"""The sections on texts: lengths, words, emoji and hashtags, examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from posthue.insight.explore.findings import CollectionFindings
from posthue.insight.page.sections import (
    Section,
    columns_html,
    lists_html,
    panel_html,
    quotes_html,
    terms_html,
)
from posthue.insight.plot import Plot, histograms
from posthue.insight.plot.word_cloud import cloud_html
from posthue.insight.words.terms import (
    STOP_WORDS,
    Distinctive,
    TermCounts,
    distinctive,
    emoji_name,
    top_terms,
)

TOP_WORDS, CLOUD_WORDS = 10, 45
DistinctiveTerms: TypeAlias = dict[str, list[Distinctive]]
_QUOTES = 4


def length_plot(findings: CollectionFindings) -> Plot | None:
    """Draw the number of words of texts, per label."""
    values = {label: lengths_of(findings, label) for label in findings.posts.labels}
    values = {label: lengths for label, lengths in values.items() if len(lengths)}
    if not values:
        return None
    medians = ", ".join(f"{label} {np.median(lengths):.0f}" for label, lengths in values.items())
    return histograms(values, title="Words per text", alt=f"Median words per text: {medians}", unit="words")


def lengths_of(findings: CollectionFindings, label: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the number of words of every text of a label."""
    rows = [i for i in findings.rows_of(label) if findings.texts.clean[i]]
    return findings.texts.lengths[rows].astype(np.float64)


def distinctive_words(findings: CollectionFindings) -> DistinctiveTerms:
    """Return what sets the words of each label apart; in a large collection a word must occur three times."""
    return distinctive(findings.texts.words, top=CLOUD_WORDS)


def cloud_weights(
    findings: CollectionFindings, distinctive_terms: DistinctiveTerms, label: str
) -> list[tuple[str, float]]:
    """Return what a label's cloud shows: its telling words; where there are none, its frequent ones."""
    if distinctive_terms.get(label):
        return [(item.term, item.score) for item in distinctive_terms[label]]
    frequent = top_terms(findings.texts.words, top=CLOUD_WORDS, stop=STOP_WORDS).get(label, [])
    return [(word, float(n)) for word, n in frequent]


def words_section(findings: CollectionFindings, distinctive_terms: DistinctiveTerms) -> Section:
    """Return clouds and word lists, per label."""
    frequent = top_terms(findings.texts.words, top=TOP_WORDS, stop=STOP_WORDS)
    panels = []
    for label in findings.posts.labels:
        if findings.texts.words.by_label[label]:
            lists = _word_lists(distinctive_terms[label][:TOP_WORDS], frequent[label])
            cloud = cloud_html(cloud_weights(findings, distinctive_terms, label), label=label)
            small = f"{findings.texts.words.texts[label]:,} distinct texts"
            panels.append(panel_html(label, cloud + lists, small=small))
    return Section(
        "words",
        "Words",
        columns_html(panels) if panels else "",
        "Telling words are those that a label has more often than the others: log-odds with a prior (Monroe "
        "et al. 2008), shown as z-scores; they make the clouds. Texts that come again under the same label "
        "count once; mentions, links and stop words are left out.",
    )


def _word_lists(terms: Sequence[Distinctive], frequent: Sequence[tuple[str, int]]) -> str:
    lists = [
        terms_html([(item.term, item.score) for item in terms], title="most telling (z)", show="{:.1f}"),
        terms_html([(word, float(n)) for word, n in frequent], title="most frequent (times)"),
    ]
    return lists_html(part for part in lists if part)


def signs_section(findings: CollectionFindings) -> Section:
    """Return the emoji and hashtags of each label."""
    emoji = _sign_panels(findings, findings.texts.emoji, lambda term: f"{term} {emoji_name(term)}")
    hashtags = _sign_panels(findings, findings.texts.hashtags, str)
    parts = [
        f"<h3>{title}</h3>{columns_html(panels)}"
        for title, panels in (("Emoji", emoji), ("Hashtags", hashtags))
        if panels
    ]
    return Section(
        "signs",
        "Emoji and hashtags",
        "".join(parts),
        "How often each occurs in the distinct texts of a label, and how telling it is (z, as for words). "
        "Skin colours and variants of an emoji count as one.",
    )


def _sign_panels(findings: CollectionFindings, counts: TermCounts, show: Callable[[str], str]) -> list[str]:
    distinctive_terms = distinctive(counts, top=8, stop=frozenset(), prior=50, least=1)
    frequent = top_terms(counts, top=8)
    return [
        panel_html(
            label,
            lists_html(
                [
                    terms_html([(show(term), float(n)) for term, n in frequent[label]], title="times"),
                    terms_html(
                        [(show(t.term), t.score) for t in distinctive_terms[label]],
                        title="telling (z)",
                        show="{:.1f}",
                    ),
                ]
            ),
        )
        for label in findings.posts.labels
        if frequent.get(label)
    ]


def examples_section(findings: CollectionFindings, examples: dict[str, Sequence[int]]) -> Section:
    """Return some texts of every label."""
    panels = []
    for label in findings.posts.labels:
        rows = [i for i in examples.get(label, ()) if findings.texts.clean[i]][:_QUOTES]
        if rows:
            quotes = quotes_html((findings.texts.clean[i], _remark(findings, i)) for i in rows)
            panels.append(panel_html(label, quotes))
    note = "Drawn at random; mentions and links are masked."
    return Section("examples", "Examples", columns_html(panels) if panels else "", note)


def _remark(findings: CollectionFindings, row: int) -> str:
    post = findings.posts.rows[row]
    alone = [
        f"{name} {label}"
        for name, label in (("text", post.text_label), ("picture", post.image_label))
        if label
    ]
    identity = f"post {post.post.id}" if post.post.id else f"row {row}"
    return " · ".join([identity, *alone])
