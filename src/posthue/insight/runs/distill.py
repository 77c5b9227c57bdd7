"""How many posts each stage of a distillation kept, per class: an HTML page, and its picture as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from posthue.insight.page.files import write_file
from posthue.insight.page.shell import escaped, page
from posthue.labels import SENTIMENT
from posthue.training.distill.store import Kept

_COLOURS = {"negative": "#c2410c", "neutral": "#78716c", "positive": "#15803d"}
_UNLABELLED = "#64748b"
_WIDTH, _LEFT, _ROW, _BAR = 760, 90, 30, 18
_NOTE = (
    "The labels are a teacher's reading of the texts; nobody has labelled anything. Classes are known from "
    "the teacher on."
)


def write_distill_report(name: str, stages: Sequence[tuple[str, Kept]], run: Path) -> Path:
    """Write RUN/stages.svg and RUN/report.html; return the latter."""
    picture = funnel(stages)
    write_file(run / "stages.svg", picture + "\n")
    main = "".join(f"<section>{part}</section>" for part in (picture, _table(stages), _reasons(stages)))
    path = run / "report.html"
    head = f"<p>{escaped(_NOTE)}</p>"
    write_file(path, page(f"{name}: from posts to a student", head=head, main=main, foot="posthue distill"))
    return path


def funnel(stages: Sequence[tuple[str, Kept]]) -> str:
    """Return a picture: one bar per stage, divided by class, as SVG."""
    most = max((kept.total for _, kept in stages), default=1) or 1
    rows = "".join(_bar(i, stage, kept, most) for i, (stage, kept) in enumerate(stages))
    height = _ROW * len(stages) + 34
    legend = "".join(
        f'<rect x="{_LEFT + 110 * i}" y="{height - 18}" width="12" height="12" fill="{_COLOURS[label]}"/>'
        f'<text x="{_LEFT + 110 * i + 18}" y="{height - 8}">{label}</text>'
        for i, label in enumerate(SENTIMENT.labels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="Posts kept by each stage" font-family="system-ui, sans-serif" font-size="13" '
        f'fill="currentColor">{rows}{legend}</svg>'
    )


def _bar(row: int, stage: str, kept: Kept, most: int) -> str:
    top, scale = _ROW * row + 6, (_WIDTH - _LEFT - 110) / most
    parts = [(kept.labels.get(label, 0), _COLOURS[label]) for label in SENTIMENT.labels]
    parts = parts if kept.labels else [(kept.total, _UNLABELLED)]
    drawn, left = "", float(_LEFT)
    for count, colour in parts:
        drawn += (
            f'<rect x="{left:.1f}" y="{top}" width="{count * scale:.1f}" height="{_BAR}" fill="{colour}"/>'
        )
        left += count * scale
    text = f'<text x="{_LEFT - 8}" y="{top + 14}" text-anchor="end">{escaped(stage)}</text>'
    return f'{text}{drawn}<text x="{left + 8:.1f}" y="{top + 14}">{kept.total:,}</text>'


def _table(stages: Sequence[tuple[str, Kept]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("stage", "kept", *SENTIMENT.labels))
    rows = "".join(
        f"<tr><td>{escaped(stage)}</td><td>{kept.total:,}</td>"
        + "".join(f"<td>{_count(kept, label)}</td>" for label in SENTIMENT.labels)
        + "</tr>"
        for stage, kept in stages
    )
    return f"<h2>Posts kept</h2><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _count(kept: Kept, label: str) -> str:
    return f"{kept.labels[label]:,}" if label in kept.labels else ""


def _reasons(stages: Sequence[tuple[str, Kept]]) -> str:
    rows = "".join(
        f"<tr><td>{escaped(stage)}</td><td>{escaped(reason)}</td><td>{count:,}</td></tr>"
        for stage, kept in stages
        for reason, count in kept.dropped.items()
    )
    return f"<h2>Why the others went</h2><table><tbody>{rows}</tbody></table>"
