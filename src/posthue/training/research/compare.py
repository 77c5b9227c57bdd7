"""``posthue compare``: one corpus, many models, several seeds, one table.

OUT/settings.json · predictions/<model>-seed<k>.parquet · table.csv · table.md · table.png ·
significance.csv · mcnemar.csv · timing.csv · reports/<model>.md · reliability.png · coverage.png ·
confusion.png
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
from posthue.evaluation.metrics import confusion
from posthue.evaluation.runs import Run, by_model, pooled
from posthue.evaluation.significance import Cell, Difference, significance, summarise
from posthue.files import write_csv
from posthue.insight.compare.plots import (
    comparison_picture,
    confusion_picture,
    coverage_picture,
    reliability_picture,
)
from posthue.insight.compare.tables import mcnemar_rows, write_reports, write_tables
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
from posthue.training.research.sweep import RunJob, claim, run_jobs, seconds_per_model
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
    """The finished table. seconds: model → CPU seconds of its runs."""

    cells: Sequence[Cell]
    differences: Sequence[Difference]
    seconds: Mapping[str, float]
    n: int
    passed: int


@dataclass(frozen=True, slots=True)
class ComparisonPlan:
    """The runs of a comparison. n: posts asked about."""

    labelled: Labelled
    encoded: EncodedCorpus
    jobs: Sequence[RunJob]
    n: int


def compare(comparison: Comparison, out: Path, *, workers: int = 1) -> ComparisonResult:
    """Make what is missing of a comparison, in so many processes, and write its tables and pictures."""
    baseline = _baseline(comparison)
    planned = plan(comparison)
    claim(out, _purpose(comparison, planned.labelled, planned.encoded))
    task = asdict(comparison)
    runs = by_model(run_jobs(out, planned.jobs, name="seed", module=__name__, task=task, workers=workers))
    return _write(out, comparison, planned.labelled, runs, baseline, planned.n)


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


def _write(
    out: Path,
    comparison: Comparison,
    labelled: Labelled,
    runs: Mapping[str, Sequence[Run]],
    baseline: str,
    n: int,
) -> ComparisonResult:
    cells = summarise(runs)
    differences = significance(runs, baseline) if len(runs) > 1 else []
    title = f"{comparison.source.corpus}: {comparison.train} → {comparison.evaluate}, {labelled.scheme}"
    seeds = f"{comparison.seeds} seed{'s' if comparison.seeds > 1 else ''}"
    head = f"# {title}\n\n{seeds}; n = {n:,}; baseline {baseline}."
    write_tables(out, cells, differences, runs="seeds", head=head)
    if len(runs) > 1:
        rows = mcnemar_rows(runs, baseline)
        write_csv(out / "mcnemar.csv", ("model", "condition", "baseline", "p"), rows)
    else:  # of an earlier call with more models
        (out / "mcnemar.csv").unlink(missing_ok=True)
    seconds = seconds_per_model(runs)
    write_csv(out / "timing.csv", ("model", "seconds"), [[m, f"{s:.2f}"] for m, s in seconds.items()])
    write_reports(out / "reports", runs)
    comparison_picture(out / "table.png", cells, title=f"{title} (n = {n:,}, {seeds})")
    write_pictures(out, runs)
    return ComparisonResult(cells, differences, seconds, n, labelled.passed)


def write_pictures(out: Path, runs: Mapping[str, Sequence[Run]], condition: str = "both") -> None:
    """Draw calibration, selective prediction and confusion of every model, over all its runs."""
    answers = {
        model: pooled(found, condition) for model, found in runs.items() if condition in found[0].conditions
    }
    if not answers:
        return
    reliability_picture(out / "reliability.png", answers)
    coverage_picture(out / "coverage.png", answers)
    labels = next(iter(runs.values()))[0].labels
    counts = {m: confusion(a.true, a.predicted, len(labels)) for m, a in answers.items()}
    confusion_picture(out / "confusion.png", counts, labels)
