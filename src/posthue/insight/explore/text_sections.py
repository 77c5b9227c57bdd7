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
Telling: TypeAlias = dict[str, list[Distinctive]]
_QUOTES = 4


def length_plot(found: CollectionFindings) -> Plot | None:
    """Draw the number of words of texts, per label."""
    values = {label: lengths_of(found, label) for label in found.posts.labels}
    values = {label: lengths for label, lengths in values.items() if len(lengths)}
    if not values:
        return None
    medians = ", ".join(f"{label} {np.median(lengths):.0f}" for label, lengths in values.items())
    return histograms(values, title="Words per text", alt=f"Median words per text: {medians}", unit="words")


def lengths_of(found: CollectionFindings, label: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the number of words of every text of a label."""
    rows = [i for i in found.rows_of(label) if found.texts.clean[i]]
    return found.texts.lengths[rows].astype(np.float64)


def telling_words(found: CollectionFindings) -> Telling:
    """Return what sets the words of each label apart; in a large collection a word must occur three times."""
    least = 3 if sum(found.texts.words.texts.values()) >= 300 else 1
    return distinctive(found.texts.words, top=CLOUD_WORDS, least=least)


def cloud_weights(found: CollectionFindings, telling: Telling, label: str) -> list[tuple[str, float]]:
    """Return what a label's cloud shows: its telling words; where there are none, its frequent ones."""
    if telling.get(label):
        return [(item.term, item.score) for item in telling[label]]
    frequent = top_terms(found.texts.words, top=CLOUD_WORDS, stop=STOP_WORDS).get(label, [])
    return [(word, float(n)) for word, n in frequent]


def words_section(found: CollectionFindings, telling: Telling) -> Section:
    """Return clouds and word lists, per label."""
    frequent = top_terms(found.texts.words, top=TOP_WORDS, stop=STOP_WORDS)
    panels = []
    for label in found.posts.labels:
        if found.texts.words.by_label[label]:
            lists = _word_lists(telling[label][:TOP_WORDS], frequent[label])
            cloud = cloud_html(cloud_weights(found, telling, label), label=label)
            small = f"{found.texts.words.texts[label]:,} distinct texts"
            panels.append(panel_html(label, cloud + lists, small=small))
    return Section(
        "words",
        "Words",
        columns_html(panels) if panels else "",
        "Telling words are those that a label has more often than the others: log-odds with a prior (Monroe "
        "et al. 2008), shown as z-scores; they make the clouds. Texts that come again under the same label "
        "count once; mentions, links and stop words are left out.",
    )


def _word_lists(telling: Sequence[Distinctive], frequent: Sequence[tuple[str, int]]) -> str:
    lists = [
        terms_html([(item.term, item.score) for item in telling], title="most telling (z)", show="{:.1f}"),
        terms_html([(word, float(n)) for word, n in frequent], title="most frequent (times)"),
    ]
    return lists_html(part for part in lists if part)


def signs_section(found: CollectionFindings) -> Section:
    """Return the emoji and hashtags of each label."""
    emoji = _sign_panels(found, found.texts.emoji, lambda term: f"{term} {emoji_name(term)}")
    hashtags = _sign_panels(found, found.texts.hashtags, str)
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


def _sign_panels(found: CollectionFindings, counts: TermCounts, show: Callable[[str], str]) -> list[str]:
    telling = distinctive(counts, top=8, stop=frozenset(), prior=50)
    frequent = top_terms(counts, top=8)
    return [
        panel_html(
            label,
            lists_html(
                [
                    terms_html([(show(term), float(n)) for term, n in frequent[label]], title="times"),
                    terms_html(
                        [(show(t.term), t.score) for t in telling[label]], title="telling (z)", show="{:.1f}"
                    ),
                ]
            ),
        )
        for label in found.posts.labels
        if frequent.get(label)
    ]


def examples_section(found: CollectionFindings, picked: dict[str, Sequence[int]]) -> Section:
    """Return some texts of every label."""
    panels = []
    for label in found.posts.labels:
        rows = [i for i in picked.get(label, ()) if found.texts.clean[i]][:_QUOTES]
        if rows:
            quotes = quotes_html((found.texts.clean[i], _remark(found, i)) for i in rows)
            panels.append(panel_html(label, quotes))
    note = "Drawn at random; mentions and links are masked."
    return Section("examples", "Examples", columns_html(panels) if panels else "", note)


def _remark(found: CollectionFindings, row: int) -> str:
    post = found.posts.rows[row]
    alone = [
        f"{name} {label}"
        for name, label in (("text", post.text_label), ("picture", post.image_label))
        if label
    ]
    identity = f"post {post.post.id}" if post.post.id else f"row {row}"
    return " · ".join([identity, *alone])
