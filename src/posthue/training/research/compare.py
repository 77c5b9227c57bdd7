"""Comparison: one corpus, many models, several seeds, one table.

OUT/settings.json · predictions/<model>-seed<k>.parquet; posthue.insight.compare.report writes the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posthue.errors import RecipeError
from posthue.evaluation.runs import Run, by_model, seconds_per_model
from posthue.evaluation.significance import Cell, Difference, significance, summarise
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
from posthue.training.research.trial import Condition, TrialData, conditions, run_trial

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared. baseline: the model that the others are tested against; the first if None."""

    source: CorpusSource
    candidates: Sequence[Candidate]
    seeds: int = 5
    train: str = "train"
    evaluate: str = "dev"
    baseline: str | None = None


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


@dataclass(frozen=True, slots=True)
class ComparisonPlan:
    """The runs of a comparison. n: posts asked about."""

    labelled: Labelled
    encoded: EncodedCorpus
    jobs: Sequence[RunJob]
    n: int


def compare(comparison: Comparison, out: Path, *, workers: int = 1) -> ComparisonResult:
    """Make what is missing of a comparison in the folder ``out``, in so many processes."""
    baseline = _baseline(comparison)
    planned = plan(comparison)
    claim(out, _purpose(comparison, planned.labelled, planned.encoded))
    task = asdict(comparison)
    runs = by_model(run_jobs(out, planned.jobs, name="seed", module=__name__, task=task, workers=workers))
    labelled, differences = planned.labelled, significance(runs, baseline) if len(runs) > 1 else []
    return ComparisonResult(
        comparison,
        labelled.scheme,
        baseline,
        runs,
        summarise(runs),
        differences,
        planned.n,
        labelled.skipped,
    )


def plan(comparison: Comparison) -> ComparisonPlan:
    """Read and encode the posts of a comparison, and list its runs."""
    source = comparison.source
    labelled = load_labelled(source, (comparison.train, comparison.evaluate))
    train, asked = labelled.rows(comparison.train), labelled.rows(comparison.evaluate)
    check_labels(labelled, train, f"{source.corpus}, split {comparison.train}")
    check_labels(labelled, asked, f"{source.corpus}, split {comparison.evaluate}", least=1)
    check_apart(labelled, source.corpus)
    check_present(labelled, comparison.candidates)
    encoded = encode_corpus(source, labelled, comparison.candidates, corrupted=asked)
    material = TrialData(
        labelled, encoded.posts, near_groups(labelled, encoded, source.cache), encoded.lexicons
    )
    shown = conditions(encoded.posts.select(asked), encoded.corrupted)
    jobs = [
        RunJob(c.name, seed, facts, partial(_run, material, c, train, shown, asked, seed, facts))
        for c in comparison.candidates
        for seed in range(comparison.seeds)
        for facts in ({"candidate": c.facts()},)
    ]
    return ComparisonPlan(labelled, encoded, jobs, len(asked))


def planned_jobs(task: Mapping[str, Any]) -> Sequence[RunJob]:
    """List the runs of a comparison that comes as plain data, in a worker process."""
    return plan(Comparison(**restored(task))).jobs


def _run(
    material: TrialData,
    candidate: Candidate,
    train: Ints,
    shown: Sequence[Condition],
    asked: Ints,
    seed: int,
    facts: Mapping[str, object],
) -> Run:
    return run_trial(material, candidate, train, shown, asked, part=seed, seed=seed, facts=facts)


def _baseline(comparison: Comparison) -> str:
    names = [c.name for c in comparison.candidates]
    baseline = comparison.baseline or names[0]
    if baseline not in names:
        raise RecipeError(f"the baseline {baseline!r} is not among the models: {', '.join(names)}")
    if comparison.seeds < 1:
        raise RecipeError("--seeds is at least 1")
    return baseline


def _purpose(comparison: Comparison, labelled: Labelled, encoded: EncodedCorpus) -> dict[str, object]:
    """Return what every run in the folder depends on; models and seeds may be added later."""
    return {
        "command": "compare",
        "corpus": comparison.source.corpus,
        "scheme": labelled.scheme,
        "train": comparison.train,
        "evaluate": comparison.evaluate,
        "encoders": dict(encoded.encoders),
        "posts": fingerprint(labelled, encoded),
    }
