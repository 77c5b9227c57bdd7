"""Parts of a report's page: sections with a contents line, tables, lists of terms, sheets of pictures.

What is passed as text is escaped here; what is called ``body`` or ends in ``_html`` is HTML already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

from posthue.insight.page.shell import COLOURED, escaped, hue, stack
from posthue.insight.page.thumbnails import Thumbnail

Cell: TypeAlias = str | int | float | None
#: Name → labels and how often each occurs, in order.
Counts: TypeAlias = Mapping[str, Sequence[tuple[str, int]]]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page. name: its anchor. note: a sentence under the title; the body is HTML."""

    name: str
    title: str
    body: str
    note: str = ""

    def html(self) -> str:
        """Return the section."""
        note = f'<p class="note">{escaped(self.note)}</p>' if self.note else ""
        return (
            f'<section class="block" id="{escape(self.name)}"><h2>{escaped(self.title)}</h2>'
            f"{note}{self.body}</section>"
        )


def main_html(sections: Sequence[Section]) -> str:
    """Return the sections that have a body, with links to them on top."""
    visible = [section for section in sections if section.body]
    links = "".join(f'<a href="#{escape(s.name)}">{escaped(s.title)}</a>' for s in visible)
    contents = f'<nav class="contents" aria-label="Contents">{links}</nav>' if len(visible) > 1 else ""
    return contents + "\n".join(section.html() for section in visible)


def counts_html(numbers: Iterable[tuple[str, Cell]]) -> str:
    """Return large numbers with their names."""
    boxes = "".join(f"<div><dt>{escaped(n)}</dt><dd>{escaped(_cell_text(v))}</dd></div>" for n, v in numbers)
    return f'<dl class="counts">{boxes}</dl>'


def stacks_html(counts: Counts) -> str:
    """Return one bar per name, divided by labels."""
    return "".join(
        f"<section><h2>{escaped(name)}</h2>{stack(pairs)}</section>" for name, pairs in counts.items()
    )


def summary_html(numbers: Iterable[tuple[str, Cell]], counts: Counts) -> str:
    """Return what stands on top of a page: large numbers, and one bar per name."""
    return f'<div class="summary">{counts_html(numbers)}{stacks_html(counts)}</div>'


def columns_html(parts: Iterable[str]) -> str:
    """Return parts side by side where there is room."""
    return f'<div class="columns">{"".join(parts)}</div>'


def plots_html(parts: Iterable[str]) -> str:
    """Return plots side by side where there is room for two."""
    return f'<div class="plots">{"".join(parts)}</div>'


def panel_html(label: str, body: str, *, small: str = "", colour: str | None = None) -> str:
    """Return what belongs to one label, under its name and a line in its colour, or that of ``colour``."""
    beside = f" <small>{escaped(small)}</small>" if small else ""
    head = f"<h3><bdi>{escaped(label, 80)}</bdi>{beside}</h3>"
    return f'<div class="panel" {hue(colour or label)}>{head}{body}</div>'


def table_html(names: Sequence[str], rows: Sequence[Sequence[Cell]], *, caption: str = "") -> str:
    """Return a table that scrolls by itself on a narrow screen; its first column are the rows' names.

    Whole numbers get thousands separators, other numbers three digits; None is an empty cell.
    """
    if not rows:
        return ""
    numeric = [all(not isinstance(row[i], str) for row in rows) for i in range(len(names))]
    head = "".join(_head(name, is_number=is_number) for name, is_number in zip(names, numeric, strict=True))
    body = "".join(f"<tr>{_row(row, numeric)}</tr>" for row in rows)
    title = f"<caption>{escaped(caption)}</caption>" if caption else ""
    inside = f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    attributes = f'tabindex="0" role="region" aria-label="{escaped(caption or "table")}"'
    return f'<div class="scroll" {attributes}>{inside}</div>'


def _head(name: str, *, is_number: bool) -> str:
    return f'<th scope="col"{_number(is_number=is_number)}>{escaped(name)}</th>'


def _row(row: Sequence[Cell], numeric: Sequence[bool]) -> str:
    name = str(row[0])
    dot = f' class="dot" {hue(name)}' if name in COLOURED else ""
    first = f'<th scope="row"{dot}><bdi>{escaped(_cell_text(row[0]), 120)}</bdi></th>'
    rest = zip(row[1:], numeric[1:], strict=True)
    return first + "".join(_cell(value, is_number=is_number) for value, is_number in rest)


def _cell(value: Cell, *, is_number: bool) -> str:
    if isinstance(value, str) and len(value) > 30:
        return f'<td class="text" dir="auto">{escaped(value, 300)}</td>'
    return f"<td{_number(is_number=is_number)}>{escaped(_cell_text(value))}</td>"


def _number(*, is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _cell_text(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.3g}"


def terms_html(terms: Sequence[tuple[str, float]], *, title: str = "", show: str = "{:,.0f}") -> str:
    """Return terms with a bar each, as long as their value is to the first one's."""
    if not terms:
        return ""
    most = max(value for _, value in terms) or 1.0
    items = "".join(_term(term, value, value / most, show) for term, value in terms)
    head = f"<h4>{escaped(title)}</h4>" if title else ""
    return f'<div>{head}<ol class="terms">{items}</ol></div>'


def _term(term: str, value: float, share: float, show: str) -> str:
    return (
        f'<li><bdi title="{escaped(term, 100)}">{escaped(term, 40)}</bdi>'
        f'<span class="track" aria-hidden="true"><span style="width: {100 * share:.0f}%"></span></span>'
        f'<span class="percent">{show.format(value)}</span></li>'
    )


def lists_html(lists: Iterable[str]) -> str:
    """Return lists beside each other."""
    inside = "".join(lists)
    return f'<div class="lists">{inside}</div>' if inside else ""


def sheet_html(pictures: Iterable[tuple[Thumbnail, str]]) -> str:
    """Return a sheet of pictures, each with its alternative text."""
    items = "".join(picture.html(alt, title=alt) for picture, alt in pictures)
    return f'<div class="sheet">{items}</div>' if items else ""


def quotes_html(texts: Iterable[tuple[str, str]], *, longest: int = 240) -> str:
    """Return texts of posts, each with a remark under it."""
    items = "".join(
        f'<li dir="auto">{escaped(text, longest)}{_remark(remark)}</li>' for text, remark in texts
    )
    return f'<ul class="quotes">{items}</ul>' if items else ""


def _remark(remark: str) -> str:
    return f'<span class="note" dir="ltr">{escaped(remark)}</span>' if remark else ""
