"""The sections on pictures: what they are like, sheets of examples, repeats, and agreement with the text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np

from posthue.insight.explore.findings import CollectionFindings, repeats
from posthue.insight.explore.picture_measures import Measures
from posthue.insight.page.sections import (
    Section,
    columns_html,
    panel_html,
    plots_html,
    sheet_html,
    table_html,
)
from posthue.insight.page.shell import escaped
from posthue.insight.page.thumbnails import Thumbnail, thumbnail
from posthue.insight.plot import Plot, heat_map, histograms

_SHEET, _SIDE = 18, 132
_GROUPS = 8


def measured(findings: CollectionFindings) -> dict[str, list[Measures]]:
    """Return the measures of the pictures of each label that has any."""
    by_label: dict[str, list[Measures]] = {label: [] for label in findings.posts.labels}
    for row, measures in zip(findings.pictures.rows, findings.pictures.measures, strict=True):
        for label in findings.posts.rows[row].labels:
            if measures is not None:
                by_label[label].append(measures)
    return {label: of_label for label, of_label in by_label.items() if of_label}


def picture_plots(findings: CollectionFindings) -> dict[str, Plot]:
    """Draw size, brightness and colourfulness of pictures, per label, by the name of their files."""
    measures = measured(findings)
    if not measures:
        return {}
    megapixels: Callable[[Measures], float] = lambda m: m.width * m.height / 1e6  # noqa: E731
    return {
        "picture-sizes": _plot(measures, megapixels, "Size", "megapixels", logarithmic=True),
        "picture-shapes": _plot(
            measures, lambda m: m.width / m.height, "Shape", "width / height", logarithmic=True
        ),
        "brightness": _plot(measures, lambda m: m.brightness, "Brightness", "mean luma, 0 black to 1 white"),
        "colourfulness": _plot(
            measures, lambda m: m.colourfulness, "Colourfulness", "0 grey, 33 moderate, 59 quite"
        ),
    }


def _plot(
    measures: dict[str, list[Measures]],
    value: Callable[[Measures], float],
    title: str,
    unit: str,
    *,
    logarithmic: bool = False,
) -> Plot:
    values = {label: [value(m) for m in numbers] for label, numbers in measures.items()}
    medians = ", ".join(f"{label} {np.median(numbers):.3g}" for label, numbers in values.items())
    alt = f"{title} of pictures. Median: {medians}"
    return histograms(values, title=title, alt=alt, unit=unit, logarithmic=logarithmic)


def measures_table(findings: CollectionFindings) -> tuple[list[str], list[list[str | int | float | None]]]:
    """Return the medians of each label's pictures."""
    names = ["label", "pictures", "width", "height", "brightness", "colourfulness"]
    rows: list[list[str | int | float | None]] = [
        [label, len(measures), *(float(np.median(column)) for column in _columns(measures))]
        for label, measures in measured(findings).items()
    ]
    return names, rows


def _columns(measures: Sequence[Measures]) -> list[list[float]]:
    return [
        [float(getattr(m, name)) for m in measures]
        for name in ("width", "height", "brightness", "colourfulness")
    ]


def pictures_section(findings: CollectionFindings, plots: dict[str, Plot]) -> Section:
    """Return what the pictures are like."""
    broken = sum(m is None for m in findings.pictures.measures)
    note = f"{len(findings.pictures.rows) - broken:,} pictures measured"
    note += f", {broken:,} could not be read" if broken else ""
    note += (
        f", {findings.pictures.skipped:,} left out (see --most-images)" if findings.pictures.skipped else ""
    )
    note += (
        ". Brightness and colourfulness (Hasler & Süsstrunk 2003) of the middle square; lines are medians; "
        "every histogram is scaled to its own highest bar."
    )
    names, rows = measures_table(findings)
    body = plots_html(plot.html() for plot in plots.values()) + table_html(names, rows, caption="Medians")
    return Section("pictures", "Pictures", body if findings.pictures.rows else "", note)


def sheets_section(findings: CollectionFindings, examples: dict[str, Sequence[int]]) -> Section:
    """Return a sheet of example pictures of every label."""
    panels = []
    for label in findings.posts.labels:
        sheet = sheet_html(_thumbnails(findings, examples.get(label, ())))
        if sheet:
            panels.append(panel_html(label, sheet))
    return Section("sheets", "Example pictures", columns_html(panels) if panels else "", "Drawn at random.")


def _thumbnails(findings: CollectionFindings, rows: Sequence[int]) -> Iterator[tuple[Thumbnail, str]]:
    posts = {row: findings.posts.rows[row].post for row in rows}
    small = ((row, thumbnail(post.image, side=_SIDE, quality=76)) for row, post in posts.items())
    readable = (
        (picture, findings.texts.clean[row] or f"Picture of post {posts[row].id or row}")
        for row, picture in small
        if picture
    )
    return islice(readable, _SHEET)


def repeats_section(findings: CollectionFindings) -> Section:
    """Return the near-duplicates among texts and among pictures."""
    texts = repeats(findings.texts.groups)
    pictures = [[findings.pictures.rows[i] for i in group] for group in repeats(findings.pictures.groups)]
    rows = [
        _repeats_row(name, groups, findings, total)
        for name, groups, total in (
            ("texts", texts, sum(map(bool, findings.texts.clean))),
            ("pictures", pictures, len(findings.pictures.rows)),
        )
        if total
    ]
    names = ["what", "posts", "in groups", "share, %", "groups", "of one label, %"]
    body = table_html(names, rows) + _text_groups(findings, texts) + _picture_groups(findings, pictures)
    note = (
        "Near-duplicates: texts that share at least 70 % of their words and word pairs, pictures whose "
        "perceptual hashes differ in at most 6 of 64 bits. Keep a group on one side when you split."
    )
    return Section("repeats", "Posts that come again", body if rows else "", note)


def _repeats_row(
    name: str, groups: list[list[int]], findings: CollectionFindings, total: int
) -> list[str | int | float | None]:
    inside = sum(map(len, groups))
    one = sum(len({findings.posts.rows[i].labels for i in group}) == 1 for group in groups)
    share = round(100 * one / len(groups), 1) if groups else None
    return [name, total, inside, round(100 * inside / max(total, 1), 1), len(groups), share]


def _text_groups(findings: CollectionFindings, groups: list[list[int]]) -> str:
    rows: list[list[str | int | float | None]] = [
        [f"{len(group)} times", findings.texts.clean[group[0]], _labels(findings, group)]
        for group in groups[:_GROUPS]
    ]
    return table_html(["how often", "text", "labels"], rows, caption="The texts that come most often")


def _picture_groups(findings: CollectionFindings, groups: list[list[int]]) -> str:
    panels = []
    for group in groups[:_GROUPS]:
        sheet = sheet_html(_thumbnails(findings, group[:6]))
        if sheet:
            panels.append(
                f"<div><h3>{len(group)} times: {escaped(_labels(findings, group))}</h3>{sheet}</div>"
            )
    return f"<h3>The pictures that come most often</h3>{columns_html(panels)}" if panels else ""


def _labels(findings: CollectionFindings, group: Sequence[int]) -> str:
    counts = Counter(label for i in group for label in findings.posts.rows[i].labels)
    return ", ".join(f"{label} {n}" for label, n in counts.most_common())


def agreement_plot(findings: CollectionFindings) -> Plot | None:
    """Draw how the label of the text goes with the label of the picture."""
    both = findings.agreement
    if both is None:
        return None
    return heat_map(
        both.counts,
        both.labels,
        title="Label of the text, and of its picture",
        alt=f"The two labels are the same in {100 * both.equal:.0f} % of {both.counts.sum():,} posts",
        axes_names=("text", "picture"),
    )


def agreement_section(findings: CollectionFindings, plot: Plot | None) -> Section:
    """Return the agreement between text labels and picture labels."""
    if plot is None or findings.agreement is None:
        return Section("agreement", "Text and picture", "")
    both = findings.agreement
    note = (
        f"Where text and picture were labelled each on its own: the labels are the same in "
        f"{100 * both.equal:.1f} % of {int(both.counts.sum()):,} posts; Cohen's kappa is {both.kappa:.2f} "
        "(0: no more than by chance, 1: always)."
    )
    return Section("agreement", "Text and picture", plot.html(), note)
