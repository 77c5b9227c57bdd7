"""A scored table, read as a stream into counts and the few posts that are shown."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from posthue.data.tables.cells import image_of, text_of, values_of
from posthue.data.tables.columns import Columns, column_named, usual_columns
from posthue.data.tables.picture_columns import pictures_in
from posthue.data.tables.table import read_table
from posthue.errors import InputError, TableError
from posthue.insight.crowd.times import time_of
from posthue.labels import SCHEMES
from posthue.wording import percent

_TIMES = ("time", "date", "datetime", "created_at", "timestamp", "created", "published", "published_at")
_HELD = 200
_NOTHING = "(empty)"

Row: TypeAlias = Mapping[str, object]
Progress: TypeAlias = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True, order=True)
class Highlight:
    """A post that may be shown. score: how much it is what it is shown for."""

    score: float
    number: int
    text: str = field(compare=False)
    image: str | bytes | None = field(compare=False)
    id: str | None = field(compare=False)
    reason: str = field(compare=False)


@dataclass(slots=True)
class CrowdTally:
    """The counts of one label scheme. times: hour → counts. groups: value of the column → counts."""

    labels: tuple[str, ...]
    counts: Counter[str] = field(default_factory=Counter)
    times: dict[datetime, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    groups: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    most: dict[str, list[Highlight]] = field(default_factory=lambda: defaultdict(list))


@dataclass(slots=True)
class Crowd:
    """What a scored table holds. tallies: per scheme. mixed: posts whose text and picture disagree, the most
    evenly divided first. by, time: the columns that were used, None if there is none.
    """

    name: str
    by: str | None = None
    time: str | None = None
    rows: int = 0
    failed: int = 0
    mixed_posts: int = 0
    without_time: int = 0
    tallies: dict[str, CrowdTally] = field(default_factory=dict)
    mixed: list[Highlight] = field(default_factory=list)


def read_crowd(
    path: Path,
    *,
    by: str | None = None,
    time_column: str | None = None,
    columns: Columns | None = None,
    pictures: Path | None = None,
    encoding: str | None = None,
    progress: Progress | None = None,
) -> Crowd:
    """Read the output of ``posthue score``; memory grows with the groups and hours, not with the rows.

    by: a column to compare. time_column: found by its usual names if None. pictures: folder of the pictures,
    if it is not the table's. Raises InputError for a table that was not scored or lacks a column.
    """
    crowd = Crowd(path.name)
    roles = columns or Columns()
    for batch in read_table(path, columns=columns, encoding=encoding):
        if not crowd.rows:
            _look_at(crowd, path, list(batch.schema.names), by, time_column)
            roles = roles.find(list(batch.schema.names), pictures_in(batch))
        for row in _rows(batch):
            _add(crowd, row, roles, pictures or path.parent)
        if progress is not None:
            progress(crowd.rows, None)
    return crowd


def _look_at(crowd: Crowd, path: Path, names: list[str], by: str | None, time_column: str | None) -> None:
    """Find what the columns are, once."""
    try:
        crowd.by = column_named(by, names, "--by") if by else None
        named = column_named(time_column, names, "--time-column") if time_column else None
    except TableError as error:
        raise TableError(f"{path}: {error}") from None
    crowd.time = named or next(usual_columns(_TIMES, names), None)
    for name, scheme in SCHEMES.items():
        if name in names and all(f"{name}_{label}" in names for label in scheme.labels):
            crowd.tallies[name] = CrowdTally(scheme.labels)
    if not crowd.tallies:
        raise InputError(
            f"{path} has no columns of posthue score: first posthue score {path.name} -o scored.csv"
        )


def _rows(batch: pa.RecordBatch) -> Iterable[Row]:
    columns = [values_of(column) for column in batch.columns]
    names = batch.schema.names
    return (dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True))


def _add(crowd: Crowd, row: Row, roles: Columns, folder: Path) -> None:
    number = crowd.rows
    crowd.rows += 1
    labels = {
        name: label for name in crowd.tallies if (label := text_of(row[name])) in crowd.tallies[name].labels
    }
    if not labels:
        crowd.failed += 1
        return
    time = _hour(crowd, row)
    group = (text_of(row[crowd.by]) or _NOTHING) if crowd.by else None

    for name, label in labels.items():
        _count(crowd.tallies[name], label, time, group)
        sure = _number(row[f"{name}_{label}"])
        heap = crowd.tallies[name].most[label]
        if _is_kept(heap, sure, number):
            _keep(heap, _highlight(row, roles, folder, sure, number, f"{label} {percent(sure)}"))
    if str(row.get("mixed")).lower() in ("true", "1"):
        crowd.mixed_posts += 1
        text, picture = (_number(row.get(f"{modality}_share")) for modality in ("text", "image"))
        if _is_kept(crowd.mixed, min(text, picture), number):
            reason = f"text {percent(text)}, picture {percent(picture)}: {', '.join(labels.values())}"
            _keep(crowd.mixed, _highlight(row, roles, folder, min(text, picture), number, reason))


def _highlight(row: Row, roles: Columns, folder: Path, score: float, number: int, reason: str) -> Highlight:
    text = text_of(row.get(roles.text or "")) or ""
    image = image_of(row.get(roles.image or ""), folder)
    return Highlight(score, -number, text, image, text_of(row.get(roles.id or "")), reason)


def _hour(crowd: Crowd, row: Row) -> datetime | None:
    if crowd.time is None:
        return None
    time = time_of(row[crowd.time])
    crowd.without_time += time is None
    return time and time.replace(minute=0, second=0, microsecond=0)


def _count(tally: CrowdTally, label: str, time: datetime | None, group: str | None) -> None:
    tally.counts[label] += 1
    if time is not None:
        tally.times[time][label] += 1
    if group is not None:
        tally.groups[group][label] += 1


def _is_kept(heap: list[Highlight], score: float, number: int) -> bool:
    """Whether a post is among the highest so far; of equal scores the earlier one is."""
    return len(heap) < _HELD or (score, -number) > (heap[0].score, heap[0].number)


def _keep(heap: list[Highlight], post: Highlight) -> None:
    if len(heap) < _HELD:
        heapq.heappush(heap, post)
    else:
        heapq.heapreplace(heap, post)


def best(posts: Sequence[Highlight], most: int) -> list[Highlight]:
    """Return the highest posts, each text once."""
    seen: set[str] = set()
    highest: list[Highlight] = []
    for post in sorted(posts, reverse=True):
        key = " ".join(post.text.casefold().split()) or f"row {post.number}"
        if key not in seen and len(highest) < most:
            seen.add(key)
            highest.append(post)
    return highest


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 0.0
