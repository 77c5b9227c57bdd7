"""The sections of the analysis report that are numbers and plots: each a function of the analysis."""

from __future__ import annotations

from posthue.evaluation.calibration import reliability_bins
from posthue.evaluation.metrics import expected_calibration_error, measure, per_class_f1, wilson
from posthue.evaluation.runs import Answers
from posthue.insight.analyze.analysis import Analysis
from posthue.insight.page.sections import Cell, Section, columns_html, counts_html, plots_html, table_html
from posthue.insight.page.shell import escaped
from posthue.insight.plot import coverage, heat_map, reliability
from posthue.insight.plot.answers import BINS, FEWEST_IN_BIN
from posthue.insight.plot.report_files import ReportFiles
from posthue.wording import CONDITIONS, percent


def lead(analysis: Analysis) -> str:
    """Return one sentence on what was measured."""
    text = f"{len(analysis.posts):,} posts, labels of {analysis.scheme}."
    if analysis.failed:
        text += f" {analysis.failed:,} more could not be predicted."
    if analysis.several:
        text += f" {analysis.several:,} posts with several labels are left out."
    return escaped(text)


def overview(analysis: Analysis, files: ReportFiles) -> Section:
    """Accuracy and F1 of whole posts and of each modality alone."""
    labels = len(analysis.labels)
    whole = measure(analysis.true, analysis.predicted, labels)
    majority = analysis.counts.sum(1).max() / len(analysis.posts)
    numbers: list[tuple[str, Cell]] = [
        ("accuracy", percent(whole["accuracy"].value, 1)),
        ("macro F1", percent(whole["macro_f1"].value, 1)),
        ("majority baseline", percent(majority, 1)),
        ("mistakes", int((analysis.true != analysis.predicted).sum())),
    ]
    rows = [_state_row(CONDITIONS[state], answers, labels) for state, answers in analysis.views().items()]
    columns = ("shown", "posts", "accuracy", "macro F1", "weighted F1", "ECE")
    files.table("overview", columns, rows)
    files.table("predictions", *_predictions(analysis))
    return Section(
        "overview",
        "Overview",
        counts_html(numbers) + table_html(columns, rows),
        "In brackets: 95 % bootstrap intervals over posts. ECE is the expected calibration error, 15 bins.",
    )


def _state_row(name: str, answers: Answers, labels: int) -> list[Cell]:
    measured = measure(answers.true, answers.predicted, labels)
    metrics = [measured[metric].percent() for metric in ("accuracy", "macro_f1", "weighted_f1")]
    ece = expected_calibration_error(answers.probabilities, answers.true)
    return [name, len(answers.true), *metrics, f"{ece:.3f}"]


def _predictions(analysis: Analysis) -> tuple[list[str], list[list[object]]]:
    rows: list[list[object]] = [
        [s.post.id, s.true, s.result.label, *s.result.probabilities.values(), s.result.mixed]
        for s in analysis.posts
    ]
    return ["id", "true", "predicted", *analysis.labels, "mixed"], rows


def confusions(analysis: Analysis, files: ReportFiles) -> Section:
    """The confusion matrix, in counts and in shares of each true label."""
    alt = f"Confusion matrix of {len(analysis.posts)} posts"
    drawn = [
        files.plot(
            heat_map(
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
    files.table("confusion", ["true \\ predicted", *analysis.labels], rows)
    return Section("confusion", "Confusion matrix", columns_html(drawn), "Rows are the given labels.")


def report(analysis: Analysis, files: ReportFiles) -> Section:
    """Precision, recall and F1 of every label."""
    counts, f1 = analysis.counts, per_class_f1(analysis.counts)
    rows: list[list[Cell]] = []
    for i, name in enumerate(analysis.labels):
        hits, true, predicted = int(counts[i, i]), int(counts[i].sum()), int(counts[:, i].sum())
        precision = wilson(hits, predicted).percent() if predicted else "never predicted"
        recall = wilson(hits, true).percent() if true else "no posts"
        rows.append([name, precision, recall, percent(f1[i], 1), true, predicted])
    columns = ("label", "precision", "recall", "F1", "true", "predicted")
    files.table("classification_report", columns, rows)
    note = "In brackets: 95 % Wilson intervals."
    return Section("report", "Classification report", table_html(columns, rows), note)


def calibration(analysis: Analysis, files: ReportFiles) -> Section:
    """Reliability, and coverage against accuracy, per modality state."""
    views = {CONDITIONS[state]: answers for state, answers in analysis.views().items()}
    rows = [
        [name, b.low, b.high, b.count, b.confidence, b.accuracy]
        for name, answers in views.items()
        for b in reliability_bins(answers.probabilities, answers.true, BINS)
    ]
    files.table("reliability", ("shown", "from", "to", "posts", "confidence", "accuracy"), rows)
    drawn = [
        files.plot(reliability({CONDITIONS[state]: answers}), f"reliability_{state}")
        for state, answers in analysis.views().items()
    ]
    drawn.append(files.plot(coverage(views), "coverage"))
    note = f"Bins with fewer than {FEWEST_IN_BIN} posts are not drawn; bands are 95 % Wilson intervals."
    return Section("calibration", "Confidence", plots_html(drawn), note)
