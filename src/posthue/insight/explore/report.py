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
from posthue.insight.page.sections import Cell, Section, counts_html, main_html, plots_html, table_html
from posthue.insight.page.shell import escaped, page, stack
from posthue.insight.plot import Plot, bars
from posthue.insight.plot.report_files import file_name
from posthue.insight.plot.word_cloud import save_cloud
from posthue.insight.words.terms import TermCounts, distinctive, emoji_in, hashtags_in

_PICKED = 60
_LINK = re.compile(r"(?<!\w)http(?!\w)")
_LABEL_COLUMNS = [
    *("label", "posts", "share, %", "text only", "picture only", "both", "neither", "broken pictures"),
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
    found = find(posts, most_images=most_images, workers=workers, progress=progress)
    plots = _plots(found)
    write_file(output, exploration_page(found, plots, title=title or f"Posts of {posts.name}"))
    folder = output.with_name(f"{output.stem}_files")
    for name, plot in plots.items():
        plot.save(folder, name)
    _write_clouds(found, folder)
    _write_tables(found, folder)
    return Exploration(output, folder, len(found.posts.rows))


def exploration_page(found: CollectionFindings, plots: dict[str, Plot], *, title: str) -> str:
    """Return the page as HTML."""
    picked = _picked(found)
    telling = texts.telling_words(found)
    of_pictures = {name: plots[name] for name in plots if name not in ("labels", "lengths", "agreement")}
    sections = [
        _labels_section(found, plots),
        texts.words_section(found, telling),
        pictures.sheets_section(found, picked),
        pictures.pictures_section(found, of_pictures),
        pictures.agreement_section(found, plots.get("agreement")),
        texts.signs_section(found),
        pictures.repeats_section(found),
        texts.examples_section(found, picked),
    ]
    main = main_html(sections) if found.posts.rows else '<p class="note">There are no posts.</p>'
    return page(title, head=_head(found), main=main)


def _head(found: CollectionFindings) -> str:
    kinds = _kinds(found, range(len(found.posts.rows)))
    numbers: list[tuple[str, Cell]] = [
        ("posts", len(found.posts.rows)),
        ("text only", kinds["text"]),
        ("picture only", kinds["image"]),
        ("text and picture", kinds["both"]),
        *(
            (name, n)
            for name, n in (("neither", kinds["neither"]), ("broken pictures", kinds["broken"]))
            if n
        ),
        *((("broken rows", found.posts.broken_rows),) if found.posts.broken_rows else ()),
    ]
    shares = stack([(label, len(found.rows_of(label))) for label in found.posts.labels])
    return (
        f'<p class="lead">{escaped(found.posts.about)}</p><div class="summary">{counts_html(numbers)}'
        f"<section><h2>Labels</h2>{shares}</section></div>"
    )


def _kinds(found: CollectionFindings, rows: Sequence[int]) -> dict[str, int]:
    """Count rows by the modalities they have; broken: pictures that were looked at and cannot be read."""
    counts = dict.fromkeys(("text", "image", "both", "neither", "broken"), 0)
    for row in rows:
        having = found.posts.rows[row].post.modalities
        counts["both" if len(having) == 2 else str(having[0]) if having else "neither"] += 1
    wanted = set(rows)
    looked = zip(found.pictures.rows, found.pictures.measures, strict=True)
    counts["broken"] = sum(measures is None for row, measures in looked if row in wanted)
    return counts


def _plots(found: CollectionFindings) -> dict[str, Plot]:
    """Draw every plot, by the name of its files."""
    counts = {label: float(len(found.rows_of(label))) for label in found.posts.labels}
    alt = "Posts per label: " + ", ".join(f"{label} {n:,.0f}" for label, n in counts.items())
    maybe = {
        "labels": bars(counts, title="Posts per label", alt=alt, show="{:,.0f}".format) if counts else None,
        "lengths": texts.length_plot(found),
        **pictures.picture_plots(found),
        "agreement": pictures.agreement_plot(found),
    }
    return {name: plot for name, plot in maybe.items() if plot is not None}


def _labels_section(found: CollectionFindings, plots: dict[str, Plot]) -> Section:
    drawn = plots_html(plots[name].html() for name in ("labels", "lengths") if name in plots)
    table = table_html(_LABEL_COLUMNS, _label_rows(found))
    return Section("labels", "Labels and lengths", drawn + table)


def _label_rows(found: CollectionFindings) -> list[list[Cell]]:
    return [_label_row(found, label) for label in found.posts.labels]


def _label_row(found: CollectionFindings, label: str) -> list[Cell]:
    rows = found.rows_of(label)
    kinds = _kinds(found, rows)
    lengths = texts.lengths_of(found, label)
    low, middle, high = np.quantile(lengths, (0.05, 0.5, 0.95)) if len(lengths) else (0, 0, 0)
    some = [found.texts.clean[i] for i in rows if found.texts.clean[i]]
    return [
        *(label, len(rows), round(100 * len(rows) / max(len(found.posts.rows), 1), 1)),
        *(kinds[kind] for kind in ("text", "image", "both", "neither", "broken")),
        *((float(middle), f"{low:.0f} to {high:.0f}") if some else (None, "")),
        *_mark_shares(some),
    ]


def _mark_shares(some: Sequence[str]) -> list[float | None]:
    if not some:
        return [None] * 4
    having = (
        [bool(emoji_in(text, clean=True)) for text in some],
        [bool(hashtags_in(text, clean=True)) for text in some],
        [_LINK.search(text) is not None for text in some],
        ["@user" in text for text in some],
    )
    return [round(100 * sum(marks) / len(some), 1) for marks in having]


def _picked(found: CollectionFindings) -> dict[str, Sequence[int]]:
    """Return some rows of each label, drawn at random, the same ones every time."""
    draw = random.Random(0)
    of = {label: found.rows_of(label) for label in found.posts.labels}
    return {label: draw.sample(rows, min(_PICKED, len(rows))) for label, rows in of.items()}


def _write_clouds(found: CollectionFindings, folder: Path) -> None:
    telling = texts.telling_words(found)
    for label in found.posts.labels:
        words = texts.cloud_weights(found, telling, label)
        if words:
            save_cloud(words, folder, f"cloud-{file_name(label)}", label=label)


def _write_tables(found: CollectionFindings, folder: Path) -> None:
    write_csv(folder / "labels.csv", _LABEL_COLUMNS, _label_rows(found), for_people=True)
    names, rows = pictures.measures_table(found)
    write_csv(folder / "pictures.csv", names, rows, for_people=True)
    for name in ("words", "hashtags", "emoji"):
        counts: TermCounts = getattr(found.texts, name)
        write_csv(
            folder / f"{name}.csv",
            ["label", "term", "count", "elsewhere", "z"],
            _term_rows(counts),
            for_people=True,
        )


def _term_rows(counts: TermCounts, top: int = 200) -> list[list[Cell]]:
    """Return the most telling terms of each label, stop words too."""
    found = distinctive(counts, top=top, stop=frozenset())
    return [
        [label, item.term, item.count, item.elsewhere, item.score]
        for label, some in found.items()
        for item in some
    ]
