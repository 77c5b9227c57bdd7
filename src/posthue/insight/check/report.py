"""What an audit found, as files to read and to work with: report.md, a csv per finding, a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from posthue.data.splits.files import write_splits
from posthue.evaluation.audit.check import AuditFindings
from posthue.evaluation.audit.findings import KINDS, Audit
from posthue.evaluation.audit.label_issues import LabelIssue
from posthue.files import write_csv, write_file
from posthue.insight.check.figures import findings_lines
from posthue.insight.check.plots import class_plot, repeat_plot
from posthue.insight.page.markdown import markdown_table, markdown_text

_SHOWN = 10


def write_findings(findings: AuditFindings, folder: Path) -> None:
    """Write report.md, its plots (svg, png) and the csv files into a folder."""
    audit, posts = findings.audit, findings.audit.posts
    tables: dict[str, tuple[Sequence[str], Iterable[Sequence[object]]]] = {
        "duplicates": (("group", "kind", "split", "id"), _duplicate_rows(audit)),
        "conflicts": (("group", "kind", "split", "id", "label"), _conflict_rows(audit)),
        "suspicious": (
            ("split", "id", "given", "suggested", "confidence", "given_confidence"),
            [
                (posts[i.row].split, posts[i.row].post.id, i.given, i.suggested, *_percents(i))
                for i in findings.issues.issues
            ],
        ),
        "unreadable": (
            ("split", "id", "image", "error"),
            [
                (posts[r].split, posts[r].post.id, _path(posts[r].post.image), e)
                for r, e in audit.unreadable()
            ],
        ),
        "missing": (
            ("split", "id", "missing"),
            [(posts[row].split, posts[row].post.id, what) for row, what in audit.missing()],
        ),
        "classes": (("split", "label", "count", "share"), _class_rows(audit)),
    }
    for name, (columns, rows) in tables.items():
        write_csv(folder / f"{name}.csv", columns, rows, for_people=True)
    if findings.fixed:
        regrouped = zip(posts, findings.fixed.splits, audit.groups["either"], strict=True)
        write_splits(
            folder / "splits.csv", [(str(row.post.id), split, group) for row, split, group in regrouped]
        )
    class_plot(audit, findings.name).save(folder, "classes")
    repeat_plot(audit).save(folder, "repeats")
    write_file(folder / "report.md", report(findings))


def report(findings: AuditFindings) -> str:
    """Return the report as Markdown."""
    parts = [f"# {findings.name}: data check", "\n".join(f"- {line}" for line in findings_lines(findings))]
    parts += [
        "![labels by split](classes.svg)",
        _class_table(findings.audit),
        "![near-duplicates](repeats.svg)",
    ]
    if findings.audit.torn():
        parts.append(_groups("Near-duplicates across splits", findings.audit, findings.audit.torn()))
    if findings.audit.conflicts():
        parts.append(
            _groups("Near-duplicates with different labels", findings.audit, findings.audit.conflicts())
        )
    if findings.issues.issues:
        parts.append(_issues(findings))
    parts.append(
        "Suspicious labels are what a quick model doubts, to be looked at and not to be believed. "
        "The complete lists are in the csv files beside this report."
    )
    return "\n\n".join(parts) + "\n"


def _duplicate_rows(audit: Audit) -> Iterator[tuple[object, ...]]:
    for kind in KINDS[:2]:
        for group, rows in audit.repeats(kind).items():
            yield from ((group, kind, audit.posts[r].split, audit.posts[r].post.id) for r in rows)


def _conflict_rows(audit: Audit) -> Iterator[tuple[object, ...]]:
    for kind in KINDS[:2]:
        for group, rows in audit.conflicts(kind).items():
            for post in (audit.posts[row] for row in rows):
                yield (group, kind, post.split, post.post.id, "|".join(post.labels))


def _class_rows(audit: Audit) -> Iterator[tuple[object, ...]]:
    for split, counts in audit.classes().items():
        for label, count in sorted(counts.items(), key=lambda pair: -pair[1]):
            yield (split, label, count, f"{count / counts.total():.4f}")


def _class_table(audit: Audit) -> str:
    classes = audit.classes()
    labels = sorted({label for counts in classes.values() for label in counts})
    if not labels:
        return ""
    rows = [
        [
            markdown_text(label),
            *(f"{c[label]:,} ({c[label] / max(1, c.total()):.1%})" for c in classes.values()),
        ]
        for label in labels
    ]
    return "## Classes\n\n" + markdown_table(("label", *(split or "all" for split in classes)), rows)


def _groups(title: str, audit: Audit, groups: dict[int, list[int]]) -> str:
    largest = sorted(groups.values(), key=len, reverse=True)[:_SHOWN]
    lines = [f"## {title}", "", f"{len(groups):,} groups; the largest:"]
    for rows in largest:
        lines.append(f"\n{len(rows)} posts\n")
        lines += [_post_line(audit, row) for row in _telling(audit, rows)]
    return "\n".join(lines)


def _issues(findings: AuditFindings) -> str:
    rows = []
    for issue in findings.issues.issues[: 2 * _SHOWN]:
        entry = findings.audit.posts[issue.row]
        cells = (entry.split, entry.post.id, issue.given, issue.suggested, f"{issue.confidence:.2f}")
        rows.append([markdown_text(str(cell)) for cell in (*cells, entry.post.text or "")])
    columns = ("split", "id", "given", "suggested", "confidence", "text")
    return "## Suspicious labels\n\n" + markdown_table(columns, rows)


def _telling(audit: Audit, rows: list[int], most: int = 4) -> list[int]:
    """Return a few rows of a group, of as many splits and labels as there are."""
    first_rows: dict[tuple[str, tuple[str, ...]], int] = {}
    for row in rows:
        first_rows.setdefault((audit.posts[row].split, audit.posts[row].labels), row)
    chosen = [*first_rows.values(), *(row for row in rows if row not in first_rows.values())]
    return sorted(chosen[:most])


def _post_line(audit: Audit, row: int) -> str:
    entry = audit.posts[row]
    label = "|".join(entry.labels) or "no label"
    cells = (entry.split, str(entry.post.id), f"({label})", entry.post.text or "")
    return "- " + " ".join(markdown_text(cell) for cell in cells)


def _percents(issue: LabelIssue) -> tuple[str, str]:
    return f"{issue.confidence:.4f}", f"{issue.given_confidence:.4f}"


def _path(image: object) -> str:
    return str(image) if isinstance(image, str | Path) else ""
