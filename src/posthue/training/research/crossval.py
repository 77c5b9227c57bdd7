"""Cross-validation: stratified folds with near-duplicates on one side; mean ± std over the folds.

OUT/settings.json · predictions/<model>-fold<k>.parquet; posthue.insight.compare.report writes the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posthue.data.corpora import load_corpus
from posthue.data.splits.stratified import stratified_folds
from posthue.errors import RecipeError
from posthue.evaluation.runs import Run, by_model, seconds_per_model
from posthue.evaluation.significance import Cell, fold_cells
from posthue.training.research.candidates import Candidate
from posthue.training.research.corpus import (
    CorpusSource,
    EncodedCorpus,
    Labelled,
    check_apart,
    check_labels,
    check_present,
    encode_corpus,
    fingerprint,
    load_labelled,
    near_groups,
    restored,
)
from posthue.training.research.sweep import RunJob, claim, run_jobs
from posthue.training.research.trial import TrialData, conditions, run_trial

Ints = npt.NDArray[np.int64]

_GIVEN = re.compile(r"(?:split|fold)[-_ ]?(\d+)/(train|val|test)")


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """What is validated. folds: how many, where the corpus does not bring its own. seed: of the folds."""

    source: CorpusSource
    candidates: Sequence[Candidate]
    folds: int = 5
    seed: int = 42
    splits: Sequence[str] | None = None


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


@dataclass(frozen=True, slots=True)
class CrossValidationPlan:
    """The runs of a cross-validation. given: whether the folds are the corpus's own."""

    labelled: Labelled
    encoded: EncodedCorpus
    folds: Sequence[tuple[Ints, Ints]]
    jobs: Sequence[RunJob]
    given: bool


def crossval(task: CrossValidation, out: Path, *, workers: int = 1) -> CrossValidationResult:
    """Make what is missing of a cross-validation in the folder ``out``, in so many processes."""
    planned = plan(task)
    labelled, given = planned.labelled, planned.given
    claim(out, _purpose(task, labelled, planned.encoded, given=given))
    runs = by_model(
        run_jobs(out, planned.jobs, name="fold", module=__name__, task=asdict(task), workers=workers)
    )
    fold_of = [(labelled.ids[i], fold) for fold, (_, test) in enumerate(planned.folds, start=1) for i in test]
    n = len(labelled.posts)
    return CrossValidationResult(
        task, labelled.scheme, runs, fold_cells(runs), fold_of, given, n, labelled.skipped
    )


def plan(task: CrossValidation) -> CrossValidationPlan:
    """Read and encode the posts of a cross-validation, and list its runs."""
    source = task.source
    given = given_folds(load_corpus(source.corpus, source.data).splits) if task.splits is None else {}
    splits = task.splits if not given else sorted({name for pair in given.values() for name in pair})
    labelled = load_labelled(source, splits)
    check_labels(labelled, np.arange(len(labelled.posts)), source.corpus, least=2 if given else task.folds)
    if not given:
        check_apart(labelled, source.corpus)
    check_present(labelled, task.candidates)
    encoded = encode_corpus(source, labelled, task.candidates)
    groups = near_groups(labelled, encoded, source.cache)
    folds = _folds(labelled, given, task, groups)
    material = TrialData(labelled, encoded.posts, groups, encoded.lexicons)
    jobs = [
        RunJob(c.name, fold, facts, partial(_run, material, c, train, test, fold, task.seed, facts))
        for c in task.candidates
        for fold, (train, test) in enumerate(folds, start=1)
        for facts in ({"candidate": c.facts()},)
    ]
    return CrossValidationPlan(labelled, encoded, folds, jobs, bool(given))


def planned_jobs(task: Mapping[str, Any]) -> Sequence[RunJob]:
    """List the runs of a cross-validation that comes as plain data, in a worker process."""
    return plan(CrossValidation(**restored(task))).jobs


def given_folds(splits: Iterable[str]) -> dict[int, tuple[str, ...]]:
    """Return fold → its splits for a corpus that brings folds: split_1/train, split_1/test, …"""
    found: dict[int, list[str]] = {}
    for name in splits:
        match = _GIVEN.fullmatch(name)
        if match:
            found.setdefault(int(match[1]), []).append(name)
    return {fold: tuple(names) for fold, names in sorted(found.items()) if _is_whole(names)}


def _is_whole(names: Sequence[str]) -> bool:
    """Whether there is something to learn from and something to ask about."""
    return 0 < sum(name.endswith("/test") for name in names) < len(names)


def _folds(
    labelled: Labelled, given: Mapping[int, tuple[str, ...]], task: CrossValidation, groups: Sequence[int]
) -> list[tuple[Ints, Ints]]:
    if not given:
        labels = labelled.true.tolist()
        pairs = stratified_folds(labels, task.folds, seed=task.seed, groups=groups)
        return [(np.array(train), np.array(test)) for train, test in pairs]
    found = []
    for names in given.values():
        test = np.concatenate([labelled.rows(n) for n in names if n.endswith("/test")])
        train = np.concatenate([labelled.rows(n) for n in names if not n.endswith("/test")])
        found.append((train, test))
    return found


def _run(
    material: TrialData,
    candidate: Candidate,
    train: Ints,
    test: Ints,
    fold: int,
    seed: int,
    facts: Mapping[str, object],
) -> Run:
    shown = conditions(material.posts.select(test))
    return run_trial(material, candidate, train, shown, test, part=fold, seed=seed + fold, facts=facts)


def _purpose(
    task: CrossValidation, labelled: Labelled, encoded: EncodedCorpus, *, given: bool
) -> dict[str, object]:
    return {
        "command": "crossval",
        "corpus": task.source.corpus,
        "scheme": labelled.scheme,
        "folds": "given" if given else task.folds,
        "seed": task.seed,
        "encoders": dict(encoded.encoders),
        "posts": fingerprint(labelled, encoded),
    }


def require_folds(folds: int) -> None:
    """Raise RecipeError for a number of folds that cannot be."""
    if folds < 2:
        raise RecipeError(f"--folds is at least 2, not {folds}")
