"""The figures of an audit: as plain data, and as lines of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from posthue.evaluation.audit.check import AuditFindings
from posthue.evaluation.audit.findings import KINDS, Audit, label_distance

#: A largest class so many times the smallest is worth a remark.
IMBALANCE = 10.0
#: Splits whose labels differ more are worth a remark.
DIFFERENT = 0.05


def summary(findings: AuditFindings) -> dict[str, Any]:
    """Return the figures as plain data for JSON."""
    audit = findings.audit
    return {
        "name": findings.name,
        "scheme": findings.scheme,
        "posts": len(audit.posts),
        "splits": {split: sum(e.split == split for e in audit.posts) for split in audit.classes()},
        "duplicates": {kind: _duplicate_figures(audit, kind) for kind in KINDS},
        "classes": {split: dict(counts) for split, counts in audit.classes().items()},
        "imbalance": imbalance(audit),
        "label_distance": {f"{a}/{b}": d for (a, b), d in label_distance(audit.classes()).items()},
        "suspicious": {
            "found": len(findings.issues.issues),
            "checked": findings.issues.checked,
            "quick_model_accuracy": findings.issues.accuracy,
            "vectors": findings.vectors,
            "note": findings.issues.note,
        },
        "unreadable": len(audit.unreadable()),
        "missing": _counts(what for _, what in audit.missing()),
        "moved": findings.fixed.moved if findings.fixed else None,
    }


def imbalance(audit: Audit) -> float | None:
    """Return how many times the largest class, of all splits, is the smallest; None without two."""
    counts = sum(audit.classes().values(), Counter[str]())
    return max(counts.values()) / min(counts.values()) if len(counts) > 1 else None


def findings_lines(findings: AuditFindings) -> list[str]:
    """Return what was found, a line each, the same for the terminal and the report."""
    audit, figures = findings.audit, summary(findings)
    lines = [
        f"{figures['posts']:,} posts: "
        + ", ".join(f"{s or 'no split'} {n:,}" for s, n in figures["splits"].items())
    ]
    one_modality = not all(figures["duplicates"][kind]["posts"] for kind in ("text", "image"))
    for kind in KINDS:
        if figures["duplicates"][kind]["posts"] and not (kind == "either" and one_modality):
            lines.append(_duplicates_line(kind, figures["duplicates"][kind]))
    for (split, other), count in audit.across().items():
        share = count / max(1, figures["splits"][split])
        lines.append(f"{count:,} posts of {split} ({share:.1%}) have a near-duplicate in {other}")
    if not audit.repeats():
        lines.append("no near-duplicates")
    lines += _label_lines(findings, figures)
    lines.append(f"unreadable pictures: {figures['unreadable']:,}")
    lines += [f"without {what}: {count:,}" for what, count in figures["missing"].items()]
    if findings.fixed:
        sizes = ", ".join(f"{split} {n:,}" for split, n in Counter(findings.fixed.splits).items())
        moved = f"{findings.fixed.moved:,} posts moved, " if len(figures["splits"]) > 1 else ""
        lines.append(f"new splits: {moved}no group of near-duplicates across splits ({sizes})")
    return lines


def _duplicate_figures(audit: Audit, kind: str) -> dict[str, Any]:
    repeats, agreement = audit.repeats(kind), audit.agreement(kind)
    return {
        "groups": len(repeats),
        "posts": sum(map(len, repeats.values())),
        "largest": max(map(len, repeats.values()), default=0),
        "groups_across_splits": len(audit.torn(kind)),
        "across": {f"{a}->{b}": n for (a, b), n in audit.across(kind).items()},
        "groups_in_conflict": len(audit.conflicts(kind)),
        "labelled_pairs": agreement.pairs,
        "pairs_agreeing": agreement.agreeing,
        "agreement": round(agreement.share, 4) if agreement.pairs else None,
    }


def _duplicates_line(kind: str, figures: dict[str, Any]) -> str:
    called = {
        "text": "near-duplicate texts",
        "image": "near-duplicate pictures",
        "both": "both at once",
        "either": "either of them",
    }
    line = f"{called[kind]}: {figures['posts']:,} posts in {figures['groups']:,} groups"
    line += f", {figures['groups_across_splits']:,} of them across splits"
    if figures["labelled_pairs"]:
        line += (
            f"; labels agree in {figures['agreement']:.1%} of {figures['labelled_pairs']:,} pairs, "
            f"{figures['groups_in_conflict']:,} groups are in conflict"
        )
    return line


def _label_lines(findings: AuditFindings, figures: dict[str, Any]) -> Iterator[str]:
    if findings.scheme is None:
        yield "no column of labels: classes, conflicts and labels not looked at (--label-column)"
        return
    ratio = figures["imbalance"]
    if ratio is not None:
        remark = ": imbalanced, look at macro F1 and class_weights" if ratio >= IMBALANCE else ""
        yield f"largest class {ratio:.1f} times the smallest{remark}"
    for (one, other), distance in label_distance(findings.audit.classes()).items():
        if distance >= DIFFERENT:
            yield f"{one} and {other} differ in {distance:.1%} of their labels"
    issues = findings.issues
    yield issues.note or (
        f"suspicious labels: {len(issues.issues):,} of {issues.checked:,} "
        f"({findings.vectors}; quick model right on {issues.accuracy:.1%})"
    )


def _counts(values: Iterator[str]) -> dict[str, int]:
    return dict(Counter(values))
