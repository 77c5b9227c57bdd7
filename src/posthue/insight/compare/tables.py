"""The files of a comparison: tables as csv and Markdown, pictures, and a report per model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from posthue.evaluation.metrics import confusion, per_class_f1
from posthue.evaluation.runs import Run, pooled
from posthue.evaluation.significance import COLUMNS, Cell, Difference, mcnemar
from posthue.files import write_csv, write_file
from posthue.insight.page.markdown import markdown_table
from posthue.wording import CONDITIONS

TITLES = {
    "accuracy": "Accuracy",
    "weighted_f1": "Weighted F1",
    "macro_f1": "Macro F1",
    "macro_recall": "Macro recall",
    "ece": "ECE",
}
_TABLE = ("model", "condition", "metric", "mean", "std", "low", "high", "n")
_DIFFERENCES = ("model", "condition", "metric", "baseline", "difference", "low", "high", "p", "p_holm", "n")


def write_tables(
    out: Path, cells: Sequence[Cell], differences: Sequence[Difference], *, runs: str, head: str
) -> None:
    """Write table.csv, table.md and significance.csv.

    runs: the name of the last column, seeds or folds. head: a line of Markdown that says what was measured.
    """
    rows = [_rounded(astuple(cell)) for cell in cells]
    write_csv(out / "table.csv", (*_TABLE, runs), rows, for_people=True)
    if differences:
        rows = [_rounded(astuple(one)) for one in differences]
        write_csv(out / "significance.csv", _DIFFERENCES, rows, for_people=True)
    else:  # of an earlier call with more models
        (out / "significance.csv").unlink(missing_ok=True)
    write_file(out / "table.md", _markdown(cells, differences, runs, head))


def write_reports(folder: Path, runs: Mapping[str, Sequence[Run]]) -> None:
    """Write every model's report, and remove those of models that are not in the table any more."""
    names = {f"{model.replace(':', '_').replace('+', '_')}.md": each for model, each in runs.items()}
    for name, each in names.items():
        _write_report(folder / name, each)
    for path in folder.glob("*.md"):
        if path.name not in names:
            path.unlink()


def _write_report(path: Path, runs: Sequence[Run]) -> None:
    """Write a model's classification report and confusion matrix per condition, over all its runs."""
    first = runs[0]
    lines = [f"# {first.model}", ""]
    for condition in CONDITIONS:
        if condition not in first.conditions:
            continue
        answers = pooled(runs, condition)
        counts = confusion(answers.true, answers.predicted, len(first.labels))
        lines += [f"## {CONDITIONS[condition]}", "", f"{len(answers.true)} answers of {len(runs)} runs.", ""]
        lines += ["```", _sklearn_report(answers.true, answers.predicted, first.labels), "```", ""]
        lines += [_confusion_table(counts, first.labels), ""]
    write_file(path, "\n".join(lines))


def per_class_rows(runs: Mapping[str, Sequence[Run]], condition: str) -> list[list[object]]:
    """Return model, label, mean and std of F1 over the runs, one row per model and label."""
    rows: list[list[object]] = []
    for model, each in runs.items():
        f1 = np.array([_f1(run, condition) for run in each])
        std = f1.std(0, ddof=1) if len(f1) > 1 else np.zeros(f1.shape[1])
        rows += [
            [model, label, float(f1[:, i].mean()), float(std[i])] for i, label in enumerate(each[0].labels)
        ]
    return rows


def mcnemar_rows(runs: Mapping[str, Sequence[Run]], baseline: str) -> list[list[object]]:
    """Return rows of model, condition, baseline and McNemar's p; a model answers by the mean of its runs."""
    rows: list[list[object]] = []
    for condition in runs[baseline][0].conditions:
        true = runs[baseline][0].conditions[condition].true
        answers = {
            model: np.mean([run.conditions[condition].probabilities for run in each], axis=0).argmax(1)
            for model, each in runs.items()
        }
        rows += [
            [model, condition, baseline, mcnemar(each, answers[baseline], true)]
            for model, each in answers.items()
            if model != baseline
        ]
    return rows


def _f1(run: Run, condition: str) -> np.ndarray:
    answers = run.conditions[condition]
    return per_class_f1(confusion(answers.true, answers.predicted, len(run.labels)))


def _sklearn_report(true: np.ndarray, predicted: np.ndarray, labels: Sequence[str]) -> str:
    from sklearn.metrics import classification_report  # noqa: PLC0415

    names, every = list(labels), list(range(len(labels)))
    text: str = classification_report(true, predicted, labels=every, target_names=names, zero_division=0)
    return text.rstrip()


def _confusion_table(counts: np.ndarray, labels: Sequence[str]) -> str:
    rows = [[label, *map(int, row)] for label, row in zip(labels, counts, strict=True)]
    return markdown_table(("true ↓ predicted →", *labels), rows)


def _markdown(cells: Sequence[Cell], differences: Sequence[Difference], runs: str, head: str) -> str:
    cell_at = {(c.model, c.condition, c.metric): c for c in cells}
    stars = {
        (d.model, d.condition, d.metric): "\\*" for d in differences if d.p_holm < 0.05 and d.metric != "ece"
    }
    models = list(dict.fromkeys(c.model for c in cells))
    conditions = [c for c in CONDITIONS if any(cell.condition == c for cell in cells)]
    counts = ", ".join(
        f"{CONDITIONS[c]} {next(k.n for k in cells if k.condition == c):,}" for c in conditions
    )
    lines = [head, "", f"Mean ± standard deviation over {runs}, in percent. Posts: {counts}."]
    if differences:
        lines.append(
            f"\\* differs from {differences[0].baseline} (paired bootstrap, Holm-corrected p < 0.05)."
        )
    for metric in COLUMNS:
        keys = {model: [(model, c, metric) for c in conditions] for model in models}
        rows = [[m, *(_spread(cell_at.get(k), stars.get(k, "")) for k in keys[m])] for m in models]
        table = markdown_table(("model", *(CONDITIONS[c] for c in conditions)), rows)
        lines += ["", f"## {TITLES[metric]}", "", table]
    return "\n".join(lines) + "\n"


def _spread(cell: Cell | None, star: str) -> str:
    return f"{100 * cell.mean:.1f} ± {100 * cell.std:.1f}{star}" if cell else ""


def _rounded(row: Sequence[object]) -> list[object]:
    return [f"{value:.6f}" if isinstance(value, float) else value for value in row]


__all__ = [
    "mcnemar_rows",
    "per_class_rows",
    "write_reports",
    "write_tables",
]
