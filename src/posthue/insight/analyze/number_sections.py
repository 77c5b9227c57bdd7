"""The sections of the analysis report that are numbers and plots: each a function of the analysis."""

from __future__ import annotations

import numpy as np

from posthue.evaluation.calibration import coverage_curve, reliability_bins
from posthue.evaluation.metrics import (
    expected_calibration_error,
    measure,
    per_class_f1,
    wilson,
)
from posthue.insight.analyze.analysis import Analysis, StateAnswers
from posthue.insight.page.sections import Cell, Section, columns_html, counts_html, table_html
from posthue.insight.page.shell import escaped
from posthue.insight.plot import bars as plots
from posthue.insight.plot.beside import Beside, interval
from posthue.posts import State

STATE_NAMES = {State.BOTH: "text and picture", State.TEXT: "text alone", State.IMAGE: "picture alone"}
_BINS = 10
_FEWEST = 5


def lead(analysis: Analysis) -> str:
    """Return one sentence on what was measured."""
    found = f"{len(analysis.seen):,} posts, labels of {analysis.scheme}."
    if analysis.failed:
        found += f" {analysis.failed:,} more could not be predicted."
    if analysis.several:
        found += f" {analysis.several:,} posts with several labels are left out."
    return escaped(found)


def overview(analysis: Analysis, beside: Beside) -> Section:
    """Accuracy and F1 of whole posts and of each modality alone."""
    labels = len(analysis.labels)
    whole = measure(analysis.true, analysis.predicted, labels)
    majority = analysis.counts.sum(1).max() / len(analysis.seen)
    numbers: list[tuple[str, Cell]] = [
        ("accuracy", f"{100 * whole['accuracy'].value:.1f} %"),
        ("macro F1", f"{100 * whole['macro_f1'].value:.1f} %"),
        ("majority baseline", f"{100 * majority:.1f} %"),
        ("mistakes", int((analysis.true != analysis.predicted).sum())),
    ]
    rows = [_state_row(view, labels) for view in analysis.views()]
    columns = ("shown", "posts", "accuracy", "macro F1", "weighted F1", "ECE")
    beside.table("overview", columns, rows)
    beside.table("predictions", *_predictions(analysis))
    return Section(
        "overview",
        "Overview",
        counts_html(numbers) + table_html(columns, rows),
        "In brackets: 95 % bootstrap intervals over posts. ECE is the expected calibration error, 15 bins.",
    )


def _state_row(view: StateAnswers, labels: int) -> list[Cell]:
    found = measure(view.true, view.probabilities.argmax(1), labels)
    metrics = [interval(found[name]) for name in ("accuracy", "macro_f1", "weighted_f1")]
    ece = expected_calibration_error(view.probabilities, view.true)
    return [STATE_NAMES[view.state], len(view.true), *metrics, f"{ece:.3f}"]


def _predictions(analysis: Analysis) -> tuple[list[str], list[list[object]]]:
    rows: list[list[object]] = [
        [s.post.id, s.true, s.result.label, *s.result.probabilities.values(), s.result.mixed]
        for s in analysis.seen
    ]
    return ["id", "true", "predicted", *analysis.labels, "mixed"], rows


def confusions(analysis: Analysis, beside: Beside) -> Section:
    """The confusion matrix, in counts and in shares of each true label."""
    alt = f"Confusion matrix of {len(analysis.seen)} posts"
    drawn = [
        beside.plot(
            plots.heat_map(
                analysis.counts, analysis.labels, title=title, alt=f"{alt}, {title}", normalise=normalise
            ),
            name,
        )
        for title, name, normalise in (
            ("Posts", "confusion", False),
            ("Share of the true label", "confusion_normalised", True),
        )
    ]
    rows = [[name, *map(int, row)] for name, row in zip(analysis.labels, analysis.counts, strict=True)]
    beside.table("confusion", ["true \\ predicted", *analysis.labels], rows)
    return Section("confusion", "Confusion matrix", columns_html(drawn), "Rows are the given labels.")


def report(analysis: Analysis, beside: Beside) -> Section:
    """Precision, recall and F1 of every label."""
    counts, f1 = analysis.counts, per_class_f1(analysis.counts)
    rows: list[list[Cell]] = []
    for i, name in enumerate(analysis.labels):
        hits, true, predicted = int(counts[i, i]), int(counts[i].sum()), int(counts[:, i].sum())
        precision = interval(wilson(hits, predicted)) if predicted else "never said"
        recall = interval(wilson(hits, true)) if true else "none given"
        rows.append([name, precision, recall, f"{100 * f1[i]:.1f} %", true, predicted])
    columns = ("label", "precision", "recall", "F1", "given", "said")
    beside.table("classification_report", columns, rows)
    note = "In brackets: 95 % Wilson intervals."
    return Section("report", "Classification report", table_html(columns, rows), note)


def calibration(analysis: Analysis, beside: Beside) -> Section:
    """Reliability, and coverage against accuracy, per modality state."""
    views = analysis.views()
    coverage = plots.curves(
        {STATE_NAMES[view.state]: _coverage(view) for view in views},
        title="Coverage and accuracy",
        alt="Accuracy among the most confident share of the posts",
        unit=("share of posts answered, the surest first", "accuracy"),
        percent=True,
    )
    rows = [
        [STATE_NAMES[view.state], b.low, b.high, b.count, b.confidence, b.accuracy]
        for view in views
        for b in reliability_bins(view.probabilities, view.true, _BINS)
    ]
    beside.table("reliability", ("shown", "from", "to", "posts", "confidence", "accuracy"), rows)
    drawn = [beside.plot(_reliability(view), f"reliability_{view.state}") for view in views]
    drawn.append(beside.plot(coverage, "coverage"))
    note = f"Bins with fewer than {_FEWEST} posts are not drawn; bands are 95 % Wilson intervals."
    return Section("calibration", "Confidence", columns_html(drawn), note)


def _reliability(view: StateAnswers) -> plots.Plot:
    bins = [b for b in reliability_bins(view.probabilities, view.true, _BINS) if b.count >= _FEWEST]
    shares = [wilson(round(b.accuracy * b.count), b.count) for b in bins]
    line = plots.Series(
        [b.confidence for b in bins],
        [s.value for s in shares],
        [s.low for s in shares],
        [s.high for s in shares],
    )
    name = STATE_NAMES[view.state]
    error = expected_calibration_error(view.probabilities, view.true)
    said = ", ".join(f"{b.confidence:.2f}: {b.accuracy:.2f} of {b.count}" for b in bins)
    return plots.curves(
        {name: line},
        title=f"Reliability, {name} (ECE {error:.3f})",
        alt=f"Accuracy against confidence of {name}; {said}",
        unit=("confidence", "accuracy"),
        percent=True,
        diagonal=True,
    )


def _coverage(view: StateAnswers) -> plots.Series:
    curve = coverage_curve(view.probabilities, view.true)
    points = np.searchsorted(curve.coverage, np.linspace(0.05, 1, 39) - 1e-9)
    points = np.unique(points.clip(0, len(curve.coverage) - 1))
    return plots.Series(curve.coverage[points], curve.accuracy[points])
