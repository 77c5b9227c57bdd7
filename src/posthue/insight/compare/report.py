"""The files of a comparison, a cross-validation and a search, for people: tables, reports, plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from posthue.evaluation.runs import Run, pooled
from posthue.evaluation.significance import COLUMNS, measures
from posthue.files import write_csv, write_file, write_json
from posthue.insight.compare.plots import comparison_plot, history_plot, importance_plot
from posthue.insight.compare.tables import mcnemar_rows, per_class_rows, write_reports, write_tables
from posthue.insight.plot import confusions, coverage, reliability

if TYPE_CHECKING:
    from posthue.training.research.compare import ComparisonResult
    from posthue.training.research.crossval import CrossValidationResult
    from posthue.training.research.tune import TuneResult


def write_comparison(out: Path, result: ComparisonResult) -> Path:
    """Write the files of a comparison; return the table.

    OUT/table.csv · table.md · significance.csv · mcnemar.csv · timing.csv · reports/<model>.md · and as svg
    and png: table, reliability, coverage, confusion
    """
    comparison, runs = result.comparison, result.runs
    title = f"{comparison.source.corpus}: {comparison.train} → {comparison.evaluate}, {result.scheme}"
    seeds = f"{comparison.seeds} seed{'s' if comparison.seeds > 1 else ''}"
    head = f"# {title}\n\n{seeds}; n = {result.n:,}; baseline {result.baseline}."
    write_tables(out, result.cells, result.differences, runs="seeds", head=head)
    if len(runs) > 1:
        rows = mcnemar_rows(runs, result.baseline)
        write_csv(out / "mcnemar.csv", ("model", "condition", "baseline", "p"), rows, for_people=True)
    else:  # of an earlier call with more models
        (out / "mcnemar.csv").unlink(missing_ok=True)
    comparison_plot(result.cells, title=f"{title} (n = {result.n:,}, {seeds})").save(out, "table")
    _write_runs(out, runs, result.seconds)
    return out / "table.csv"


def write_cross_validation(out: Path, result: CrossValidationResult) -> Path:
    """Write the files of a cross-validation; return the table.

    OUT/folds.csv (id, fold) · table.csv · table.md · per_class.csv · folds_table.csv · timing.csv ·
    reports/<model>.md · and as svg and png: table, reliability, coverage, confusion
    """
    corpus, runs = result.task.source.corpus, result.runs
    title = f"{corpus}, {result.folds}-fold cross-validation, {result.scheme}"
    write_csv(out / "folds.csv", ("id", "fold"), result.fold_of, for_people=False)
    write_tables(out, result.cells, [], runs="folds", head=f"# {title}\n\nn = {result.n:,}.")
    per_class = per_class_rows(runs, "both")
    write_csv(out / "per_class.csv", ("model", "label", "mean", "std"), per_class, for_people=True)
    columns = ("model", "fold", "condition", *COLUMNS)
    write_csv(out / "folds_table.csv", columns, _fold_rows(runs), for_people=True)
    comparison_plot(result.cells, title=f"{title} (n = {result.n:,})").save(out, "table")
    _write_runs(out, runs, result.seconds)
    return out / "table.csv"


def write_tuning(out: Path, result: TuneResult) -> Path:
    """Write the files of a search; return the recipe.

    OUT/trials.csv · best.json · recipe.yaml · and as svg and png: history, importance
    """
    from posthue.training.research.tune import recipe_text  # noqa: PLC0415

    metric, trials = result.search.metric, result.trials
    names = sorted({name for trial in trials for name in trial.parameters})
    rows = [[i, t.state, t.value, *map(t.parameters.get, names)] for i, t in enumerate(trials)]
    write_csv(out / "trials.csv", ("trial", "state", metric, *names), rows, for_people=False)
    write_json(out / "best.json", {metric: result.value, **result.best.facts()})
    values = [trial.value for trial in trials if trial.value is not None]
    history_plot(values, metric=metric).save(out, "history")
    importance_plot(result.importance).save(out, "importance")
    return write_file(out / "recipe.yaml", recipe_text(result))


def _write_runs(out: Path, runs: Mapping[str, Sequence[Run]], seconds: Mapping[str, float]) -> None:
    """Write the time and the report of every model, and draw it, over all its runs on whole posts."""
    times = [[m, f"{s:.2f}"] for m, s in seconds.items()]
    write_csv(out / "timing.csv", ("model", "seconds"), times, for_people=True)
    write_reports(out / "reports", runs)
    answers = {model: pooled(each, "both") for model, each in runs.items() if "both" in each[0].conditions}
    if not answers:
        return
    labels = next(iter(runs.values()))[0].labels
    reliability(answers).save(out, "reliability")
    coverage(answers).save(out, "coverage")
    confusions(answers, labels).save(out, "confusion")


def _fold_rows(runs: Mapping[str, Sequence[Run]]) -> list[list[object]]:
    rows: list[list[object]] = []
    for run in (run for each in runs.values() for run in each):
        for condition, answers in run.conditions.items():
            values = measures(answers, len(run.labels))
            rows.append([run.model, run.part, condition, *(f"{values[m]:.6f}" for m in COLUMNS)])
    return rows
