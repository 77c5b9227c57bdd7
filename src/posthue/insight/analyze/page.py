"""The report of ``posthue analyze``: how a model does on a corpus, where it fails, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from posthue.errors import RowError
from posthue.files import write_file
from posthue.insight.analyze import number_sections as parts
from posthue.insight.analyze import post_sections as posts
from posthue.insight.analyze import word_sections as words
from posthue.insight.analyze.ablation import Ablation
from posthue.insight.analyze.analysis import Analysis, AnalyzedPost
from posthue.insight.page.sections import Section, main_html
from posthue.insight.page.shell import page
from posthue.insight.plot.report_files import ReportFiles
from posthue.runtime.classifier import PostClassifier
from posthue.runtime.explain import Explanation

EXPLAINED = 12


@dataclass(frozen=True, slots=True)
class Explained:
    """A mistake and the explanation of the label that it was given."""

    mistake: AnalyzedPost
    explanation: Explanation


def explain_mistakes(
    analysis: Analysis, classifier: PostClassifier, most: int = EXPLAINED
) -> Iterator[Explained]:
    """Yield the most confident mistakes with their explanation; one that cannot be explained is left out."""
    for mistake in analysis.mistakes()[:most]:
        try:
            yield Explained(mistake, classifier.explain(mistake.post, scheme=analysis.scheme))
        except RowError:
            continue


def write_analysis(
    analysis: Analysis,
    output: str | Path,
    *,
    title: str,
    ablation: Ablation | None = None,
    explained: Sequence[Explained] = (),
) -> Path:
    """Write the report, and its plots (svg, png) and tables (csv) into the folder NAME_files beside it."""
    path = Path(output)
    files = ReportFiles(path.with_name(f"{path.stem}_files"))
    report = analysis_page(analysis, title=title, ablation=ablation, explained=explained, files=files)
    return write_file(path, report)


def analysis_page(
    analysis: Analysis,
    *,
    title: str,
    ablation: Ablation | None = None,
    explained: Sequence[Explained] = (),
    files: ReportFiles | None = None,
) -> str:
    """Return the page; it needs nothing else, runs no script, and every text in it is escaped."""
    files = files or ReportFiles(None)
    sections = [
        parts.overview(analysis, files),
        parts.confusions(analysis, files),
        parts.report(analysis, files),
        parts.calibration(analysis, files),
        words.lengths(analysis, files),
        words.words(analysis, files),
        words.ablated(ablation, files),
        posts.pictures(analysis, files),
        posts.disagreement(analysis, files),
        posts.gallery([(item.mistake, item.explanation) for item in explained], analysis, files),
    ]
    return page(
        title,
        head=f'<p class="lead">{parts.lead(analysis)}</p>',
        main=main_html([section for section in sections if isinstance(section, Section)]),
        extra_sheets=("explain.css",),
    )
