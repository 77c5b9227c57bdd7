"""``posthue explore``: a corpus or a table of posts, as one page to look at."""

from __future__ import annotations

from posthue.insight.exploring.findings import Findings, find
from posthue.insight.exploring.report import exploration_page, explore
from posthue.insight.exploring.rows import Collection, LabelledPost, is_corpus, read_source

__all__ = [
    "Collection",
    "Findings",
    "LabelledPost",
    "exploration_page",
    "explore",
    "find",
    "is_corpus",
    "read_source",
]
