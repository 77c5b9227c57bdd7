"""The page on a crowd, and its plots and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from posthue.data.text import masked
from posthue.evaluation.metrics import MetricInterval, wilson
from posthue.files import write_csv, write_file
from posthue.insight.crowd.reading import Crowd, CrowdTally, Highlight, best
from posthue.insight.crowd.times import choose_unit, period_of
from posthue.insight.page.sections import (
    Cell,
    Section,
    columns_html,
    main_html,
    panel_html,
    plots_html,
    quotes_html,
    sheet_html,
    summary_html,
    table_html,
)
from posthue.insight.page.shell import FOOT, escaped, page, stack
from posthue.insight.page.thumbnails import thumbnail
from posthue.insight.plot import Plot, Series, bars, curves
from posthue.wording import percent

_GROUPS, _POSTS = 12, 5
_TABLE = ("posts", "label", "count", "share", "low", "high")
_INTERVALS = (
    "Intervals are 95 % (Wilson 1927): how far the share would move with other posts of the same crowd. "
    "The model's own mistakes are not in them."
)


def write_crowd(crowd: Crowd, output: Path, *, title: str | None = None) -> Path:
    """Write the page to ``output`` and plots (svg, png) and tables (csv) beside it; return that folder."""
    plots = {name: _plots(crowd, name, tally) for name, tally in crowd.tallies.items()}
    write_file(output, crowd_page(crowd, plots, title=title or f"The crowd of {crowd.name}"))
    folder = output.with_name(f"{output.stem}_files")
    for name, tally in crowd.tallies.items():
        for kind, plot in plots[name].items():
            plot.save(folder, f"{name}-{kind}")
        _write_tables(folder, name, tally)
    return folder


def crowd_page(crowd: Crowd, plots: Mapping[str, Mapping[str, Plot]], *, title: str) -> str:
    """Return the page as HTML."""
    sections = [
        part
        for name, tally in crowd.tallies.items()
        if tally.counts
        for part in (_shares_section(crowd, name, tally, plots[name]), _most_section(name, tally))
    ]
    main = main_html([*sections, _mixed_section(crowd)])
    nothing = '<p class="note">There are no predicted posts.</p>'
    return page(
        title, head=_head(crowd), main=main or nothing, foot=f"{FOOT} Who posts is not who lives there."
    )


def _head(crowd: Crowd) -> str:
    numbers: list[tuple[str, Cell]] = [
        ("posts", crowd.rows),
        ("predicted", crowd.rows - crowd.failed),
        ("mixed", crowd.mixed_posts),
        ("not predicted", crowd.failed),
    ]
    counts = {name: [(la, t.counts[la]) for la in t.labels] for name, t in crowd.tallies.items()}
    return summary_html(numbers, counts)


def shares(counts: Counter[str], labels: Sequence[str]) -> dict[str, MetricInterval]:
    """Return the share of each label with its interval."""
    return {label: wilson(counts[label], counts.total()) for label in labels}


def periods(tally: CrowdTally) -> tuple[str, dict[datetime, Counter[str]]]:
    """Return the unit of time that fits, and the counts of each of its periods, in order."""
    unit = choose_unit(tally.times)
    counts: dict[datetime, Counter[str]] = {}
    for time in sorted(tally.times):
        counts.setdefault(period_of(time, unit), Counter()).update(tally.times[time])
    return unit, counts


def groups(tally: CrowdTally) -> list[tuple[str, Counter[str]]]:
    """Return the largest groups of posts with their counts, largest first."""
    return sorted(tally.groups.items(), key=lambda pair: (-pair[1].total(), pair[0]))[:_GROUPS]


def _plots(crowd: Crowd, name: str, tally: CrowdTally) -> dict[str, Plot]:
    plots = {"shares": _share_bars(name, shares(tally.counts, tally.labels))} if tally.counts else {}
    unit, over_time = periods(tally)
    if len(over_time) > 1:
        plots["time"] = _time_curves(name, tally.labels, unit, over_time)
    return plots


def _share_bars(name: str, shares: Mapping[str, MetricInterval]) -> Plot:
    values = {label: share.value for label, share in shares.items()}
    intervals = {label: (share.low, share.high) for label, share in shares.items()}
    alt = f"{name}: " + ", ".join(f"{label} {percent(value)}" for label, value in values.items())
    return bars(values, title="Share of posts", alt=alt, intervals=intervals, show=percent)


def _time_curves(
    name: str, labels: Sequence[str], unit: str, counts_by_time: Mapping[datetime, Counter[str]]
) -> Plot:
    times = [time.replace(tzinfo=None) for time in counts_by_time]
    lines = {}
    for label in labels:
        intervals = [wilson(counts[label], counts.total()) for counts in counts_by_time.values()]
        lines[label] = Series(
            times, [m.value for m in intervals], [m.low for m in intervals], [m.high for m in intervals]
        )
    alt = f"{name} by {unit}, from {times[0]:%Y-%m-%d} to {times[-1]:%Y-%m-%d}"
    title = f"Shares by {unit} (UTC)"
    return curves(lines, title=title, alt=alt, unit=("", "share of posts"), percent="y")


def _shares_section(crowd: Crowd, name: str, tally: CrowdTally, plots: Mapping[str, Plot]) -> Section:
    body = plots_html(plot.html() for plot in plots.values())
    if crowd.by:
        body += f"<h3>By {escaped(crowd.by)}</h3>" + _by_html(crowd.by, tally)
    note = _INTERVALS
    if crowd.time and crowd.without_time:
        note += f" {crowd.without_time:,} posts have no time that could be read."
    return Section(name, name.capitalize(), body, note)


def _by_html(by: str, tally: CrowdTally) -> str:
    largest = groups(tally)
    panels = [
        panel_html(
            value,
            stack([(label, counts[label]) for label in tally.labels]),
            small=f"{counts.total():,} posts",
        )
        for value, counts in largest
    ]
    rows: list[list[Cell]] = [
        [value, counts.total(), *(m.percent(0) for m in shares(counts, tally.labels).values())]
        for value, counts in largest
    ]
    left = len(tally.groups) - len(largest)
    caption = f"Shares with intervals{f'; {left:,} smaller groups are in the csv' if left else ''}"
    return columns_html(panels) + table_html([by, "posts", *tally.labels], rows, caption=caption)


def _most_section(name: str, tally: CrowdTally) -> Section:
    panels = [
        panel_html(_most(label), _posts_html(clearest), colour=label)
        for label in tally.labels
        if label != "neutral" and (clearest := best(tally.most[label], _POSTS))
    ]
    note = "The posts of which the model is surest, each text once; mentions and links are masked."
    return Section(f"most-{name}", f"Clearest posts: {name}", columns_html(panels) if panels else "", note)


def _most(label: str) -> str:
    return f"most {label}" if label in ("negative", "positive") else label


def _mixed_section(crowd: Crowd) -> Section:
    clearest = best(crowd.mixed, 2 * _POSTS)
    half = (len(clearest) + 1) // 2
    body = columns_html(
        f"<div>{_posts_html(part)}</div>" for part in (clearest[:half], clearest[half:]) if part
    )
    note = (
        f"{crowd.mixed_posts:,} posts whose text and picture say different things; "
        "the most evenly divided first."
    )
    return Section("mixed", "Mixed posts", body if clearest else "", note)


def _posts_html(posts: Sequence[Highlight]) -> str:
    thumbnails = ((thumbnail(post.image, side=132, quality=76), masked(post.text)) for post in posts)
    pictures = [(small, text or "Picture of a post") for small, text in thumbnails if small]
    quotes = quotes_html(
        (masked(post.text) or "(no text)", f"{post.reason}{f' · {post.id}' if post.id else ''}")
        for post in posts
    )
    return sheet_html(pictures) + quotes


def _write_tables(folder: Path, name: str, tally: CrowdTally) -> None:
    unit, over_time = periods(tally)
    tables: dict[str, list[tuple[str, Counter[str]]]] = {
        "shares": [("all", tally.counts)],
        "by": sorted(tally.groups.items()),
        "time": [(time.isoformat(), counts) for time, counts in over_time.items()],
    }
    for kind, counts_by_value in tables.items():
        rows = [
            [value, counts.total(), label, counts[label], m.value, m.low, m.high]
            for value, counts in counts_by_value
            for label, m in shares(counts, tally.labels).items()
        ]
        if rows:
            names = [unit if kind == "time" else kind, *_TABLE]
            write_csv(folder / f"{name}-{kind}.csv", names, rows, for_people=True)
