"""The figures of an exploration, computed once: texts, pictures, repeats, agreement."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from posthue.data.corpora.labelled import LabelledPost, LabelledPosts
from posthue.data.duplicates.images import image_groups
from posthue.data.duplicates.texts import text_groups
from posthue.data.text import count_words, masked
from posthue.insight.explore.collection import Collection, collection_of
from posthue.insight.explore.picture_measures import Measures, measure_all
from posthue.insight.words.terms import TermCounts, count_terms, emoji_in, hashtags_in, words_in
from posthue.posts import Modality

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of posts, cleaned (names and links masked); "" where there is none.

    lengths: words per text. groups: near-duplicates, as a grouping of the rows. Counts are of distinct texts:
    one that comes again under the same label counts once.
    """

    clean: Sequence[str]
    lengths: npt.NDArray[np.int64]
    groups: Sequence[int]
    words: TermCounts
    hashtags: TermCounts
    emoji: TermCounts


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures that were measured. measures: row → what was found, None for a broken one.

    groups: near-duplicates, as a grouping of ``rows``. skipped: pictures that were left out for time.
    """

    rows: Sequence[int]
    measures: Sequence[Measures | None]
    groups: Sequence[int]
    skipped: int


@dataclass(frozen=True, slots=True)
class ModalityAgreement:
    """How often the label of the text is the label of the picture. counts: [text label, image label]."""

    labels: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    equal: float
    kappa: float


@dataclass(frozen=True, slots=True)
class CollectionFindings:
    """All that was found in a collection."""

    posts: Collection
    texts: Texts
    pictures: Pictures
    agreement: ModalityAgreement | None

    def rows_of(self, label: str) -> list[int]:
        """Return the rows that have a label."""
        return [i for i, row in enumerate(self.posts.rows) if label in row.labels]


def find(
    labelled: LabelledPosts, *, most_images: int = 5000, workers: int = 2, progress: Progress | None = None
) -> CollectionFindings:
    """Compute everything. most_images: pictures that are measured, drawn evenly if there are more."""
    posts = collection_of(labelled)
    return CollectionFindings(
        posts, _texts(posts), _pictures(posts, most_images, workers, progress), agreement(posts.rows)
    )


def _texts(posts: Collection) -> Texts:
    raw = [row.post.text if Modality.TEXT in row.post.modalities else None for row in posts.rows]
    clean = [masked(text) if text else "" for text in raw]
    groups = text_groups(clean)
    once = list(_distinct(posts.rows, clean, groups))
    words, hashtags, emoji = (
        count_terms(once, terms=partial(terms, clean=True), order=posts.labels)
        for terms in (words_in, hashtags_in, emoji_in)
    )
    lengths = np.array([count_words(text) if text else 0 for text in clean], dtype=np.int64)
    return Texts(clean, lengths, groups, words, hashtags, emoji)


def _distinct(
    rows: Sequence[LabelledPost], clean: Sequence[str], groups: Sequence[int]
) -> Iterable[tuple[str, list[str]]]:
    known: set[tuple[int, str]] = set()
    for row, text, group in zip(rows, clean, groups, strict=True):
        new = [label for label in row.labels if (group, label) not in known]
        if text and new:
            known.update((group, label) for label in new)
            yield text, new


def _pictures(posts: Collection, most: int, workers: int, progress: Progress | None) -> Pictures:
    with_picture = [i for i, row in enumerate(posts.rows) if row.post.image is not None]
    chosen = with_picture
    if len(with_picture) > most:
        places = np.linspace(0, len(with_picture) - 1, most).round().astype(int)
        chosen = [with_picture[i] for i in places]
    sources = [image for i in chosen if (image := posts.rows[i].post.image) is not None]
    measures = measure_all(sources, workers=workers, progress=progress)
    groups = image_groups([None if found is None else found.hash for found in measures])
    return Pictures(chosen, measures, groups, len(with_picture) - len(chosen))


def agreement(rows: Sequence[LabelledPost]) -> ModalityAgreement | None:
    """Return how text labels and image labels go together, with Cohen's kappa (1960); None without any."""
    pairs = [(row.text_label, row.image_label) for row in rows if row.text_label and row.image_label]
    if not pairs:
        return None
    pair_counts = Counter(pairs)
    named = {label for row in rows for label in row.labels}
    order = [label for label in _in_order(rows) if label in {x for pair in pairs for x in pair} | named]
    counts = np.array([[pair_counts[text, image] for image in order] for text in order], dtype=np.int64)
    equal = float(np.trace(counts) / counts.sum())
    chance = float((counts.sum(0) @ counts.sum(1)) / counts.sum() ** 2)
    kappa = (equal - chance) / (1 - chance) if chance < 1 else 1.0
    return ModalityAgreement(tuple(order), counts, equal, kappa)


def _in_order(rows: Sequence[LabelledPost]) -> list[str]:
    from posthue.labels import SCHEMES  # noqa: PLC0415

    present = {label for row in rows for label in (row.text_label, row.image_label) if label}
    return next((list(s.labels) for s in SCHEMES.values() if present <= set(s.labels)), sorted(present))


def repeats(groups: Sequence[int]) -> list[list[int]]:
    """Return the groups of two or more, as lists of items, largest first."""
    members: dict[int, list[int]] = defaultdict(list)
    for item, group in enumerate(groups):
        members[group].append(item)
    return sorted((items for items in members.values() if len(items) > 1), key=len, reverse=True)
