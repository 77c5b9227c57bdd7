"""From findings to files: the page, and beside it its plots (svg, png) and tables (csv)."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posthue.data.corpora.labelled import LabelledPosts
from posthue.files import write_csv, write_file
from posthue.insight.explore import picture_sections as pictures
from posthue.insight.explore import text_sections as texts
from posthue.insight.explore.findings import CollectionFindings, Progress, find
from posthue.insight.page.sections import Cell, Section, main_html, plots_html, summary_html, table_html
from posthue.insight.page.shell import escaped, page
from posthue.insight.plot import Plot, bars
from posthue.insight.plot.report_files import file_name
from posthue.insight.plot.word_cloud import save_cloud
from posthue.insight.words.terms import TermCounts, distinctive, emoji_in, hashtags_in
from posthue.posts import State
from posthue.wording import CONDITIONS

_PICKED = 60
_LINK = re.compile(r"(?<!\w)http(?!\w)")
_LABEL_COLUMNS = [
    *("label", "posts", "share, %", *(CONDITIONS[state] for state in State), "neither", "broken pictures"),
    *("median words", "5 % to 95 %", "with emoji, %", "with #, %", "with link, %", "with @, %"),
]


@dataclass(frozen=True, slots=True)
class Exploration:
    """What ``explore`` wrote. page: the HTML file. folder: plots and tables. posts: how many there were."""

    page: Path
    folder: Path
    posts: int


def explore(
    posts: LabelledPosts,
    output: Path,
    *,
    title: str | None = None,
    most_images: int = 5000,
    workers: int = 2,
    progress: Progress | None = None,
) -> Exploration:
    """Write a page on ``posts`` to ``output``, and its plots and tables into a folder beside it.

    The page is one file without scripts that loads nothing. The folder is named like it: ``report_files``.
    most_images: pictures that are measured, evenly drawn if there are more. workers: threads that decode.
    """
    findings = find(posts, most_images=most_images, workers=workers, progress=progress)
    plots = _plots(findings)
    write_file(output, exploration_page(findings, plots, title=title or f"Posts of {posts.name}"))
    folder = output.with_name(f"{output.stem}_files")
    for name, plot in plots.items():
        plot.save(folder, name)
    _write_clouds(findings, folder)
    _write_tables(findings, folder)
    return Exploration(output, folder, len(findings.posts.rows))


def exploration_page(findings: CollectionFindings, plots: dict[str, Plot], *, title: str) -> str:
    """Return the page as HTML."""
    examples = _examples(findings)
    distinctive_words = texts.distinctive_words(findings)
    of_pictures = {name: plots[name] for name in plots if name not in ("labels", "lengths", "agreement")}
    sections = [
        _labels_section(findings, plots),
        texts.words_section(findings, distinctive_words),
        pictures.sheets_section(findings, examples),
        pictures.pictures_section(findings, of_pictures),
        pictures.agreement_section(findings, plots.get("agreement")),
        texts.signs_section(findings),
        pictures.repeats_section(findings),
        texts.examples_section(findings, examples),
    ]
    main = main_html(sections) if findings.posts.rows else '<p class="note">There are no posts.</p>'
    return page(title, head=_head(findings), main=main)


def _head(findings: CollectionFindings) -> str:
    kinds = _kinds(findings, range(len(findings.posts.rows)))
    numbers: list[tuple[str, Cell]] = [
        ("posts", len(findings.posts.rows)),
        *((CONDITIONS[state], kinds[state]) for state in State),
        *(
            (name, n)
            for name, n in (("neither", kinds["neither"]), ("broken pictures", kinds["broken"]))
            if n
        ),
        *((("broken rows", findings.posts.broken_rows),) if findings.posts.broken_rows else ()),
    ]
    counts = [(label, len(findings.rows_of(label))) for label in findings.posts.labels]
    lead = f'<p class="lead">{escaped(findings.posts.about)}</p>'
    return lead + summary_html(numbers, {"Labels": counts})


def _kinds(findings: CollectionFindings, rows: Sequence[int]) -> dict[str, int]:
    """Count rows by the modalities they have; broken: pictures that were looked at and cannot be read."""
    counts = dict.fromkeys((*State, "neither", "broken"), 0)
    for row in rows:
        modalities = findings.posts.rows[row].post.modalities
        counts["both" if len(modalities) == 2 else str(modalities[0]) if modalities else "neither"] += 1
    chosen = set(rows)
    measured = zip(findings.pictures.rows, findings.pictures.measures, strict=True)
    counts["broken"] = sum(measures is None for row, measures in measured if row in chosen)
    return counts


def _plots(findings: CollectionFindings) -> dict[str, Plot]:
    """Draw every plot, by the name of its files."""
    counts = {label: float(len(findings.rows_of(label))) for label in findings.posts.labels}
    alt = "Posts per label: " + ", ".join(f"{label} {n:,.0f}" for label, n in counts.items())
    maybe = {
        "labels": bars(counts, title="Posts per label", alt=alt, show="{:,.0f}".format) if counts else None,
        "lengths": texts.length_plot(findings),
        **pictures.picture_plots(findings),
        "agreement": pictures.agreement_plot(findings),
    }
    return {name: plot for name, plot in maybe.items() if plot is not None}


def _labels_section(findings: CollectionFindings, plots: dict[str, Plot]) -> Section:
    drawn = plots_html(plots[name].html() for name in ("labels", "lengths") if name in plots)
    table = table_html(_LABEL_COLUMNS, _label_rows(findings))
    return Section("labels", "Labels and lengths", drawn + table)


def _label_rows(findings: CollectionFindings) -> list[list[Cell]]:
    return [_label_row(findings, label) for label in findings.posts.labels]


def _label_row(findings: CollectionFindings, label: str) -> list[Cell]:
    rows = findings.rows_of(label)
    kinds = _kinds(findings, rows)
    lengths = texts.lengths_of(findings, label)
    low, middle, high = np.quantile(lengths, (0.05, 0.5, 0.95)) if len(lengths) else (0, 0, 0)
    cleaned = [findings.texts.clean[i] for i in rows if findings.texts.clean[i]]
    return [
        *(label, len(rows), round(100 * len(rows) / max(len(findings.posts.rows), 1), 1)),
        *(kinds[kind] for kind in (*State, "neither", "broken")),
        *((float(middle), f"{low:.0f} to {high:.0f}") if cleaned else (None, "")),
        *_mark_shares(cleaned),
    ]


def _mark_shares(texts: Sequence[str]) -> list[float | None]:
    if not texts:
        return [None] * 4
    marks_by_kind = (
        [bool(emoji_in(text, clean=True)) for text in texts],
        [bool(hashtags_in(text, clean=True)) for text in texts],
        [_LINK.search(text) is not None for text in texts],
        ["@user" in text for text in texts],
    )
    return [round(100 * sum(marks) / len(texts), 1) for marks in marks_by_kind]


def _examples(findings: CollectionFindings) -> dict[str, Sequence[int]]:
    """Return some rows of each label, drawn at random, the same ones every time."""
    draw = random.Random(0)
    rows_by_label = {label: findings.rows_of(label) for label in findings.posts.labels}
    return {label: draw.sample(rows, min(_PICKED, len(rows))) for label, rows in rows_by_label.items()}


def _write_clouds(findings: CollectionFindings, folder: Path) -> None:
    distinctive_words = texts.distinctive_words(findings)
    for label in findings.posts.labels:
        words = texts.cloud_weights(findings, distinctive_words, label)
        if words:
            save_cloud(words, folder, f"cloud-{file_name(label)}", label=label)


def _write_tables(findings: CollectionFindings, folder: Path) -> None:
    write_csv(folder / "labels.csv", _LABEL_COLUMNS, _label_rows(findings), for_people=True)
    names, rows = pictures.measures_table(findings)
    write_csv(folder / "pictures.csv", names, rows, for_people=True)
    for name in ("words", "hashtags", "emoji"):
        counts: TermCounts = getattr(findings.texts, name)
        write_csv(
            folder / f"{name}.csv",
            ["label", "term", "count", "elsewhere", "z"],
            _term_rows(counts),
            for_people=True,
        )


def _term_rows(counts: TermCounts, top: int = 200) -> list[list[Cell]]:
    """Return the most telling terms of each label, stop words too."""
    by_label = distinctive(counts, top=top, stop=frozenset(), least=1)
    return [
        [label, item.term, item.count, item.elsewhere, item.score]
        for label, items in by_label.items()
        for item in items
    ]
