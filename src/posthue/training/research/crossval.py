"""Cross-validation: stratified folds with near-duplicates on one side; mean ± std over the folds.

OUT/settings.json · predictions/<model>-fold<k>.parquet; posthue.insight.compare.report writes the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posthue.data.corpora import load_corpus
from posthue.data.splits.stratified import stratified_folds
from posthue.errors import RecipeError
from posthue.evaluation.runs import Run, seconds_per_model
from posthue.evaluation.significance import Cell, fold_cells
from posthue.training.features.groups import near_groups
from posthue.training.research.candidates import Candidate
from posthue.training.research.corpus import (
    CorpusSource,
    LabelledCorpus,
    read_posts,
    require_classes,
    require_single,
)
from posthue.training.research.encoding import encode
from posthue.training.research.fitting import TrialData
from posthue.training.research.sweep import Sweep, run_all
from posthue.training.research.trial import RunSplit

#: Fold → the splits that it is made of.
OwnFolds = Mapping[int, tuple[str, ...]]

_OWN_FOLD = re.compile(r"(?:split|fold)[-_ ]?(\d+)/(train|val|test)")


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """What is validated. folds: how many, where the corpus does not bring its own. seed: of the folds."""

    source: CorpusSource
    candidates: Sequence[Candidate]
    folds: int = 5
    seed: int = 42
    splits: Sequence[str] | None = None

    def plan(self) -> Sweep:
        """Read and encode the posts, and divide them into folds."""
        own = self.own_folds()
        corpus = read_posts(self.source, sorted({s for names in own.values() for s in names}) or self.splits)
        require_classes(corpus, least=2 if own else self.folds)
        if not own:
            require_single(corpus)
        encoded = encode(self.source, corpus, self.candidates)
        data = TrialData(corpus, encoded, near_groups(corpus.posts, encoded.pictures, self.source.cache))
        splits = _own_splits(corpus, own, self.seed) if own else _stratified(data, self.folds, self.seed)
        settings = data.purpose("crossval", folds="own" if own else self.folds, seed=self.seed)
        return Sweep("fold", settings, data, self.candidates, splits)

    def own_folds(self) -> OwnFolds:
        """Return the folds that the corpus brings, unless splits are named."""
        if self.splits is not None:
            return {}
        return own_folds(load_corpus(self.source.corpus, self.source.data).splits)


@dataclass(frozen=True, slots=True)
class CrossValidationResult:
    """A finished cross-validation.

    runs: model → its runs, by fold. cells: the table. fold_of: post → its fold, in the order of the folds.
    own_folds: whether they are the corpus's own. n: posts; skipped: posts without exactly one label.
    """

    task: CrossValidation
    scheme: str
    runs: Mapping[str, Sequence[Run]]
    cells: Sequence[Cell]
    fold_of: Sequence[tuple[str, int]]
    own_folds: bool
    n: int
    skipped: int

    @property
    def folds(self) -> int:
        """How many there are."""
        return len(next(iter(self.runs.values())))

    @property
    def seconds(self) -> dict[str, float]:
        """Model → CPU seconds of its runs."""
        return seconds_per_model(self.runs)


def crossval(task: CrossValidation, out: Path, *, workers: int = 1) -> CrossValidationResult:
    """Make what is missing of a cross-validation in the folder ``out``, in so many processes."""
    sweep = task.plan()
    runs = run_all(task, sweep, out, workers=workers)
    corpus = sweep.data.corpus
    fold_of = [(corpus.ids[row], split.part) for split in sweep.splits for row in split.test]
    own = sweep.purpose["folds"] == "own"
    return CrossValidationResult(
        task, corpus.scheme, runs, fold_cells(runs), fold_of, own, len(corpus), corpus.skipped
    )


def own_folds(splits: Iterable[str]) -> OwnFolds:
    """Return the folds that a corpus of these splits brings: split_1/train, split_1/test, …"""
    folds: dict[int, list[str]] = {}
    for name in splits:
        if match := _OWN_FOLD.fullmatch(name):
            folds.setdefault(int(match[1]), []).append(name)
    return {fold: tuple(names) for fold, names in sorted(folds.items()) if _is_whole(names)}


def _is_whole(names: Sequence[str]) -> bool:
    """Whether there is something to train on and something to predict."""
    return 0 < sum(name.endswith("/test") for name in names) < len(names)


def _own_splits(corpus: LabelledCorpus, own: OwnFolds, seed: int) -> list[RunSplit]:
    splits = []
    for fold, names in enumerate(own.values(), start=1):
        test = np.concatenate([corpus.rows(name) for name in names if name.endswith("/test")])
        train = np.concatenate([corpus.rows(name) for name in names if not name.endswith("/test")])
        splits.append(RunSplit(fold, seed + fold, train, test))
    return splits


def _stratified(data: TrialData, folds: int, seed: int) -> list[RunSplit]:
    pairs = stratified_folds(data.corpus.true.tolist(), folds, seed=seed, groups=data.groups)
    return [
        RunSplit(fold, seed + fold, np.array(train), np.array(test))
        for fold, (train, test) in enumerate(pairs, start=1)
    ]


def require_folds(folds: int) -> None:
    """Raise RecipeError for a number of folds that cannot be."""
    if folds < 2:
        raise RecipeError(f"--folds is at least 2, not {folds}")
