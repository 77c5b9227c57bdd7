"""Labelled posts as they are shown: each under a label, not too many labels, and these in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from posthue.data.corpora.labelled import LabelledPost, LabelledPosts

#: Stands for the label of posts that have none.
UNLABELLED = "no label"
EVERYTHING = "all posts"
OTHERS = "other labels"
MOST_LABELS = 24


@dataclass(frozen=True, slots=True)
class Collection:
    """Posts to show.

    about: a sentence on what was read. labels: all of them, in the order in which to show them.
    broken_rows: rows of a table that could not be read, and are not among ``rows``.
    """

    name: str
    about: str
    labels: tuple[str, ...]
    rows: Sequence[LabelledPost]
    broken_rows: int = 0


def collection_of(posts: LabelledPosts) -> Collection:
    """Return posts as they are shown; rows that could not be read are left out and counted."""
    whole = [row for row in posts.rows if row.error is None]
    without = UNLABELLED if posts.scheme else EVERYTHING
    rows = _fewer_labels([row if row.labels else replace(row, labels=(without,)) for row in whole])
    known = posts.scheme.labels if posts.scheme else ()
    has = {label for row in rows for label in row.labels}
    labels = tuple(label for label in (*known, OTHERS, UNLABELLED, EVERYTHING) if label in has)
    return Collection(posts.name, _about(posts), labels, rows, len(posts.rows) - len(whole))


def _about(posts: LabelledPosts) -> str:
    counts = Counter(row.split or "posts without a split" for row in posts.rows)
    splits = ", ".join(f"{split} {count:,}" for split, count in counts.items())
    labels = f"Labels: {posts.scheme.name}." if posts.scheme else "No column of labels."
    return f"{posts.title}: {splits if posts.splits else f'{len(posts.rows):,} rows'}. {labels}"


def _fewer_labels(rows: list[LabelledPost]) -> list[LabelledPost]:
    """Bring the rarest of very many labels together as one."""
    counts = Counter(label for row in rows for label in row.labels)
    if len(counts) <= MOST_LABELS:
        return rows
    kept = {label for label, _ in counts.most_common(MOST_LABELS - 1)}
    return [
        replace(row, labels=tuple(dict.fromkeys(label if label in kept else OTHERS for label in row.labels)))
        for row in rows
    ]
