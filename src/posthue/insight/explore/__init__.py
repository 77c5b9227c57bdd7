"""``posthue explore``: a corpus or a table of posts, as one page to look at."""

from __future__ import annotations

from posthue.insight.explore.collection import Collection, LabelledPost, is_corpus, read_source
from posthue.insight.explore.findings import CollectionFindings, find
from posthue.insight.explore.report import exploration_page, explore

__all__ = [
    "Collection",
    "CollectionFindings",
    "LabelledPost",
    "exploration_page",
    "explore",
    "find",
    "is_corpus",
    "read_source",
]
