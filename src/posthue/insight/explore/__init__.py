"""``posthue explore``: a corpus or a table of posts, as one page to look at."""

from __future__ import annotations

from posthue.insight.explore.collection import Collection, collection_of
from posthue.insight.explore.findings import CollectionFindings, find
from posthue.insight.explore.report import exploration_page, explore

__all__ = [
    "Collection",
    "CollectionFindings",
    "collection_of",
    "exploration_page",
    "explore",
    "find",
]
