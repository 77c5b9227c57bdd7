"""The report of ``posthue distill``: how many posts each stage kept, of which class, and a plot of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from posthue.files import write_file
from posthue.insight.page.sections import Cell, Section, main_html, table_html
from posthue.insight.page.shell import escaped, page
from posthue.insight.plot import Plot, stacked_bars
from posthue.labels import SENTIMENT
from posthue.training.distill.store import Kept

_NOTE = (
    "The labels are a teacher's reading of the texts; nobody has labelled anything. Classes are known from "
    "the teacher on."
)


def write_distill_report(name: str, stages: Sequence[tuple[str, Kept]], run: Path) -> Path:
    """Write RUN/report.html, and its plot as RUN/stages.svg and .png; return the former."""
    plot = stages_plot(stages)
    plot.save(run, "stages")
    labels = SENTIMENT.labels
    counts: list[list[Cell]] = [[stage, kept.total, *map(kept.labels.get, labels)] for stage, kept in stages]
    reasons: list[list[Cell]] = [
        [stage, why, count] for stage, kept in stages for why, count in kept.dropped.items()
    ]
    sections = (
        Section("kept", "Posts kept", plot.html() + table_html(("stage", "kept", *labels), counts)),
        Section("dropped", "Why the others went", table_html(("stage", "reason", "posts"), reasons)),
    )
    title, head = f"{name}: from posts to a student", f"<p>{escaped(_NOTE)}</p>"
    text = page(title, head=head, main=main_html(sections), foot="posthue distill")
    return write_file(run / "report.html", text)


def stages_plot(stages: Sequence[tuple[str, Kept]]) -> Plot:
    """Draw one bar per stage, divided by class."""
    return stacked_bars(
        {stage: kept.labels or {"not labelled yet": kept.total} for stage, kept in stages},
        title="Posts kept by each stage",
        alt="Posts kept: " + ", ".join(f"{stage} {kept.total:,}" for stage, kept in stages),
        unit="posts",
        ends={stage: f"{kept.total:,}" for stage, kept in stages},
    )
