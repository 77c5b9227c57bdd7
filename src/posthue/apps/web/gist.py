"""What is remembered of an uploaded table while its result waits: counts, words, and its strongest posts.

Bounded: whatever the number of rows, at most some hundreds of posts are held, and all go with the job.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from posthue.insight.words.terms import TermCounts, words_in
from posthue.labels import LabelScheme
from posthue.posts import Post, Prediction, State

SHOWN = 200
_STRONGEST = 3
_MIXED = 12
_BINS = 10
_MOST_WORDS = 50_000
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class RowPreview:
    """One row, as the pages show it. text is cut."""

    id: str
    text: str
    prediction: Prediction


@dataclass(slots=True)
class Gist:
    """Counts what goes by. ``add`` each batch, then read the fields."""

    schemes: Mapping[str, LabelScheme]
    rows: int = 0
    failed: int = 0
    first: list[RowPreview] = field(default_factory=list)
    mixed: list[RowPreview] = field(default_factory=list)
    labels: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    states: Counter[State] = field(default_factory=Counter)
    mixed_count: int = 0
    confidence: dict[str, list[int]] = field(default_factory=dict)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    shares: list[float] = field(default_factory=lambda: [0.0, 0.0])
    _words: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)
    _texts: dict[str, Counter[str]] = field(default_factory=dict)
    _best: dict[tuple[str, str], list[tuple[float, int, RowPreview]]] = field(default_factory=dict)

    def add(self, posts: Sequence[Post], predictions: Sequence[Prediction]) -> None:
        """Count some rows."""
        for post, prediction in zip(posts, predictions, strict=True):
            self.rows += 1
            row = RowPreview(prediction.id or post.id or "", (post.text or "").strip()[:_LONGEST], prediction)
            if len(self.first) < SHOWN:
                self.first.append(row)
            if not prediction.ok:
                self.failed += 1
                continue
            self._count(post, row)

    def words(self, scheme: str) -> TermCounts:
        """Return the words of the texts, by label of a scheme."""
        return TermCounts(self._words.get(scheme, {}), self._texts.get(scheme, Counter()))

    def strongest(self, scheme: str, label: str) -> list[RowPreview]:
        """Return the posts that are most surely of a label."""
        best = sorted(self._best.get((scheme, label), []), key=lambda item: (-item[0], -item[1]))
        return [row for _, _, row in best]

    def _count(self, post: Post, row: RowPreview) -> None:
        first = next(iter(row.prediction.schemes.values()))
        self.states[State.BOTH if len(first.by_modality) > 1 else State(*first.by_modality)] += 1
        if len(first.shares) > 1:
            for position, share in enumerate(first.shares.values()):
                self.shares[position] += share
        if row.prediction.mixed:
            self.mixed_count += 1
            if len(self.mixed) < _MIXED:
                self.mixed.append(row)
        self.pairs.update([tuple(j.label for j in row.prediction.schemes.values())[:2]])  # type: ignore[list-item]
        words = words_in(post.text) if post.text else []
        for name, result in row.prediction.schemes.items():
            self.labels[name][result.label] += 1
            bins = self.confidence.setdefault(name, [0] * _BINS)
            bins[min(_BINS - 1, int(result.confidence * _BINS))] += 1
            self._count_words(name, result.label, words)
            self._keep(name, result.label, result.confidence, row)

    def _count_words(self, scheme: str, label: str, words: Sequence[str]) -> None:
        counts = self._words.setdefault(scheme, {}).setdefault(label, Counter())
        self._texts.setdefault(scheme, Counter())[label] += bool(words)
        full = len(counts) >= _MOST_WORDS
        counts.update(word for word in words if not full or word in counts)

    def _keep(self, scheme: str, label: str, confidence: float, row: RowPreview) -> None:
        best = self._best.setdefault((scheme, label), [])
        if row.text in {other.text for _, _, other in best}:
            return
        heapq.heappush(best, (confidence, -self.rows, row))
        if len(best) > _STRONGEST:
            heapq.heappop(best)
