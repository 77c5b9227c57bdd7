"""Comparison: one corpus, many models, several seeds, one table.

OUT/settings.json · predictions/<model>-seed<k>.parquet; posthue.insight.compare.report writes the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from posthue.errors import RecipeError
from posthue.evaluation.runs import Run, seconds_per_model
from posthue.evaluation.significance import Cell, Difference, significance, summarise
from posthue.training.features.groups import near_groups
from posthue.training.research.candidates import Candidate
from posthue.training.research.corpus import CorpusSource, read_posts, require_classes, require_single
from posthue.training.research.encoding import encode
from posthue.training.research.fitting import TrialData
from posthue.training.research.sweep import Sweep, run_all
from posthue.training.research.trial import RunSplit


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared. baseline: the model that the others are tested against; the first if None."""

    source: CorpusSource
    candidates: Sequence[Candidate]
    seeds: int = 5
    train: str = "train"
    evaluate: str = "dev"
    baseline: str | None = None

    def plan(self) -> Sweep:
        """Read and encode the posts; every seed trains on the same ones."""
        corpus = read_posts(self.source, (self.train, self.evaluate))
        require_classes(corpus, self.train)
        require_classes(corpus, self.evaluate, least=1)
        require_single(corpus)
        train, test = corpus.rows(self.train), corpus.rows(self.evaluate)
        encoded = encode(self.source, corpus, self.candidates, corrupted=test)
        data = TrialData(corpus, encoded, near_groups(corpus.posts, encoded.pictures, self.source.cache))
        splits = [RunSplit(seed, seed, train, test) for seed in range(self.seeds)]
        settings = data.purpose("compare", train=self.train, evaluate=self.evaluate)
        return Sweep("seed", settings, data, self.candidates, splits)


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """A finished comparison.

    runs: model → its runs, by seed. cells: the table. differences: from the baseline; none of one model
    alone. n: posts of the evaluation split. skipped: posts without exactly one label.
    """

    comparison: Comparison
    scheme: str
    baseline: str
    runs: Mapping[str, Sequence[Run]]
    cells: Sequence[Cell]
    differences: Sequence[Difference]
    n: int
    skipped: int

    @property
    def seconds(self) -> dict[str, float]:
        """Model → CPU seconds of its runs."""
        return seconds_per_model(self.runs)


def compare(comparison: Comparison, out: Path, *, workers: int = 1) -> ComparisonResult:
    """Make what is missing of a comparison in the folder ``out``, in so many processes."""
    baseline = _baseline(comparison)
    sweep = comparison.plan()
    runs = run_all(comparison, sweep, out, workers=workers)
    cells = summarise(runs)
    differences = significance(runs, baseline) if len(runs) > 1 else []
    corpus, n = sweep.data.corpus, len(sweep.splits[0].test)
    return ComparisonResult(comparison, corpus.scheme, baseline, runs, cells, differences, n, corpus.skipped)


def _baseline(comparison: Comparison) -> str:
    names = [candidate.name for candidate in comparison.candidates]
    baseline = comparison.baseline or names[0]
    if baseline not in names:
        raise RecipeError(f"the baseline {baseline!r} is not among the models: {', '.join(names)}")
    if comparison.seeds < 1:
        raise RecipeError("--seeds is at least 1")
    return baseline
