"""What is wrong with labelled posts, apart from their labels' truth: repeats, leaks, gaps, broken files.

    read_labelled(...) -> LabelledPosts -> audit(posts.rows) -> Audit

See posthue.evaluation.audit.label_issues for labels that look wrong.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from posthue.data.corpora.labelled import LabelledPost
from posthue.data.duplicates.grouping import merge_groups
from posthue.data.duplicates.images import image_groups
from posthue.data.duplicates.picture_facts import PictureFacts, picture_facts
from posthue.data.duplicates.texts import text_groups
from posthue.data.images.spec import SMALL_SIDE
from posthue.posts import Modality

#: Kinds of near-duplicates: of the text, of the picture, of both, or of either (groups that chain them).
KINDS = ("text", "image", "both", "either")


@dataclass(frozen=True, slots=True)
class DuplicateAgreement:
    """Of the pairs within groups of labelled near-duplicates: how many there are, and how many agree."""

    pairs: int
    agreeing: int

    @property
    def share(self) -> float:
        """The share that agrees; 1 without pairs."""
        return self.agreeing / self.pairs if self.pairs else 1.0


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found. Rows are positions in ``posts``.

    groups: kind -> a grouping, as posthue.data.duplicates.grouping has it.
    facts: of the pictures.
    """

    posts: Sequence[LabelledPost]
    groups: Mapping[str, Sequence[int]]
    facts: Sequence[PictureFacts | None]

    def repeats(self, kind: str = "either") -> dict[int, list[int]]:
        """Return first row -> rows of each group of two or more."""
        found: dict[int, list[int]] = defaultdict(list)
        for row, first in enumerate(self.groups[kind]):
            found[first].append(row)
        return {first: rows for first, rows in found.items() if len(rows) > 1}

    def torn(self, kind: str = "either") -> dict[int, list[int]]:
        """Return the groups that lie in more than one split."""
        return {f: rows for f, rows in self.repeats(kind).items() if len(self._splits(rows)) > 1}

    def across(self, kind: str = "either") -> dict[tuple[str, str], int]:
        """Return (split, other) -> posts of the split with a near-duplicate in the other."""
        found: Counter[tuple[str, str]] = Counter()
        for rows in self.torn(kind).values():
            present = self._splits(rows)
            for row in rows:
                split = self.posts[row].split
                found.update((split, other) for other in present if other != split)
        return dict(sorted(found.items()))

    def conflicts(self, kind: str = "either") -> dict[int, list[int]]:
        """Return the groups whose labelled posts do not all have the same labels."""
        return {f: rows for f, rows in self.repeats(kind).items() if len(set(self._labels(rows))) > 1}

    def agreement(self, kind: str = "either") -> DuplicateAgreement:
        """Return how often two near-duplicates have the same labels."""
        pairs = agreeing = 0
        for rows in self.repeats(kind).values():
            counts = Counter(self._labels(rows))
            total = sum(counts.values())
            pairs += total * (total - 1) // 2
            agreeing += sum(n * (n - 1) // 2 for n in counts.values())
        return DuplicateAgreement(pairs, agreeing)

    def classes(self) -> dict[str, Counter[str]]:
        """Return split -> posts per label; a post of several labels counts for each."""
        found: dict[str, Counter[str]] = {}
        for row in self.posts:
            found.setdefault(row.split, Counter()).update(row.labels)
        return found

    def unreadable(self) -> list[tuple[int, str]]:
        """Return the rows whose picture cannot be decoded, and why."""
        return [(row, facts.error) for row, facts in enumerate(self.facts) if facts and facts.error]

    def missing(self) -> list[tuple[int, str]]:
        """Return the rows that lack what most others have, and what it is; "label" where there is none."""
        counts = Counter(m for row in self.posts for m in row.post.modalities)
        usual = [m for m in Modality if 2 * counts[m] >= len(self.posts)]
        return [(row, what) for row, post in enumerate(self.posts) for what in _lacks(post, usual)]

    def _splits(self, rows: Sequence[int]) -> list[str]:
        return sorted({self.posts[row].split for row in rows})

    def _labels(self, rows: Sequence[int]) -> list[tuple[str, ...]]:
        return [labels for row in rows if (labels := tuple(sorted(self.posts[row].labels)))]


def audit(
    posts: Sequence[LabelledPost],
    *,
    text_threshold: float = 0.7,
    image_distance: int | None = None,
    cache: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Look at every text and picture.

    text_threshold, image_distance: as in posthue.data.duplicates.posts; without a distance it is 6 bits, or
    2 where most pictures are tiny, since those are mostly faces, which are all alike.
    """
    facts = picture_facts([row.post.image for row in posts], cache=cache, progress=progress)
    texts = text_groups([row.post.text for row in posts], threshold=text_threshold)
    hashes = [fact.hash if fact else None for fact in facts]
    distance = _usual_distance(facts) if image_distance is None else image_distance
    images = image_groups(hashes, max_distance=distance)
    first: dict[tuple[int, int], int] = {}
    both = [first.setdefault(pair, row) for row, pair in enumerate(zip(texts, images, strict=True))]
    groups = {"text": texts, "image": images, "both": both, "either": merge_groups(texts, images)}
    return Audit(posts, groups, facts)


def _usual_distance(facts: Sequence[PictureFacts | None]) -> int:
    sides = sorted(fact.side for fact in facts if fact is not None and fact.side)
    return 2 if sides and sides[len(sides) // 2] <= SMALL_SIDE else 6


def label_distance(classes: Mapping[str, Counter[str]]) -> dict[tuple[str, str], float]:
    """Return, for each two splits, the share of posts that would need another label to make them alike."""
    shares = {split: _shares(counts) for split, counts in classes.items() if counts.total()}
    return {(one, other): _distance(shares[one], shares[other]) for one, other in combinations(shares, 2)}


def _shares(counts: Counter[str]) -> dict[str, float]:
    return {label: n / counts.total() for label, n in counts.items()}


def _distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    return sum(abs(one.get(label, 0) - other.get(label, 0)) for label in {*one, *other}) / 2


def _lacks(row: LabelledPost, usual: Sequence[Modality]) -> Iterator[str]:
    post = row.post
    if Modality.TEXT in usual and Modality.TEXT not in post.modalities:
        yield "text" if post.text is None else "empty text"
    if Modality.IMAGE in usual and post.image is None:
        yield "image"
    if not post.modalities:
        yield "text and image"
    if not row.labels:
        yield "label"
