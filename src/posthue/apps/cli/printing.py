"""What the commands show: predictions with bars, summaries, facts, and the progress bar (rich)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from posthue.posts import Modality, Prediction, SchemeResult

if TYPE_CHECKING:
    from posthue.evaluation.evaluate import Evaluation
    from posthue.runtime.scoring.one_file import ScoreSummary

Advance = Callable[[int, int | None], None]
_BAR = 24
_STYLES = {"negative": "red", "positive": "green", "joy": "green"}


def print_prediction(prediction: Prediction, console: Console | None = None) -> None:
    """Print one table per label scheme, the shares of text and image, and what there is to warn of."""
    console = console or Console()
    for name, result in prediction.schemes.items():
        console.print(_result_table(name, result, _bar_mark(console)))
        if len(result.shares) > 1:
            console.print(_shares_line(result))
        if result.mixed:
            console.print(_mixed_line(result))
    for warning in prediction.warnings:
        console.print(f"[yellow]warning[/]: {escape(warning)}")


def _result_table(name: str, result: SchemeResult, mark: str) -> Table:
    table = Table(
        title=f"{name}: {result.label}", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD
    )
    table.add_column("label")
    table.add_column("probability", width=_BAR + 1)
    table.add_column("", justify="right")
    alone = [m for m in Modality if m in result.by_modality] if len(result.by_modality) > 1 else []
    for modality in alone:
        table.add_column(f"{modality} alone", justify="right")
    for label, probability in sorted(result.probabilities.items(), key=lambda pair: -pair[1]):
        bar = Text(mark * round(_BAR * probability), style=_STYLES.get(label, "cyan"))
        cells = [_percent(result.by_modality[modality][label]) for modality in alone]
        style = "bold" if label == result.label else ""
        table.add_row(label, bar, _percent(probability), *cells, style=style)
    return table


def _shares_line(result: SchemeResult) -> str:
    parts = [f"{modality} {_percent(share)}" for modality, share in result.shares.items()]
    return f" decided by {' and '.join(parts)}"


def _mixed_line(result: SchemeResult) -> str:
    says = {m: max(p, key=p.__getitem__) for m, p in result.by_modality.items()}
    return " [bold yellow]mixed[/]: " + ", ".join(f"the {m} says {label}" for m, label in says.items())


def print_summary(summary: ScoreSummary, console: Console | None = None) -> None:
    """Print how many rows were predicted, how they came out, and why rows failed."""
    console = console or Console()
    rate = summary.rows / summary.seconds if summary.seconds else 0
    done = (
        f"{summary.rows:,} rows in {summary.seconds:,.1f} s ({rate:,.0f} a second), {summary.failed:,} failed"
    )
    console.print(f"{done}: {summary.output}", markup=False, highlight=False, soft_wrap=True)
    for name, counts in summary.labels.items():
        found = ", ".join(f"{label} {count:,}" for label, count in counts.items())
        console.print(f"  {name}: {found}", markup=False, highlight=False, soft_wrap=True)
    if summary.mixed:
        console.print(f"  mixed: {summary.mixed:,}", highlight=False)
    for title, reasons in (("failed", summary.errors), ("warning", summary.warnings)):
        for reason, count in reasons.items():
            console.print(f"  {title} {count:,}: {reason}", markup=False, highlight=False, soft_wrap=True)


def print_facts(facts: Mapping[str, object], console: Console | None = None) -> None:
    """Print facts as two columns; facts inside facts are indented."""
    console = console or Console()
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _flat(facts, ""):
        table.add_row(Text(name), Text(value))
    console.print(table)


def _flat(facts: Mapping[str, object], indent: str) -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}", ""
            yield from _flat(value, indent + "  ")
        else:
            yield f"{indent}{name}", _plain(value)


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@contextmanager
def progress_bar(*, shown: bool) -> Iterator[Advance]:
    """Yield a function (rows done, rows in all or None) that moves a bar on stderr, with rate and ETA."""
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not shown) as progress:
        task = progress.add_task("posts", total=None, rate="")

        def advance(done: int, total: int | None) -> None:
            elapsed = progress.tasks[0].elapsed or 0
            rate = f"{done / elapsed:,.0f}/s" if elapsed else ""
            progress.update(task, completed=done, total=total, rate=rate)

        yield advance


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _bar_mark(console: Console) -> str:
    return "█" if console.encoding.lower().startswith("utf") else "#"


def print_evaluations(title: str, found: Sequence[Evaluation], console: Console | None = None) -> None:
    """Print one row per scheme and state: metrics ± half of their 95 % interval, ECE, majority baseline."""
    console = console or Console()
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in ("scheme", "state"):
        table.add_column(column, no_wrap=True)
    metrics = list(found[0].metrics)
    for column in ("n", *(metric.replace("_", " ") for metric in metrics), "ECE", "majority"):
        table.add_column(column, justify="right")
    for item in found:
        values = [f"{100 * m.value:.1f} ±{50 * (m.high - m.low):.1f}" for m in item.metrics.values()]
        n = f"{item.n:,}" + (f" (+{item.failed} failed)" if item.failed else "")
        table.add_row(item.scheme, item.state, n, *values, f"{item.ece:.3f}", f"{100 * item.majority:.1f}")
    console.print(table)
    for item in found:
        labels = ", ".join(f"{label} {100 * value:.1f}" for label, value in item.f1.items())
        console.print(f" F1, {item.scheme}, {item.state}: {labels}", highlight=False, soft_wrap=True)


def print_stages(
    stages: Sequence[tuple[str, int, Mapping[str, int]]], console: Console | None = None
) -> None:
    """Print one row per stage of a distillation: its name, the posts that it kept, and how many per label."""
    console = console or Console()
    labels = list(dict.fromkeys(label for _, _, counts in stages for label in counts))
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("stage", no_wrap=True)
    for column in ("kept", *labels):
        table.add_column(column, justify="right")
    for stage, total, counts in stages:
        table.add_row(stage, f"{total:,}", *(f"{counts[n]:,}" if n in counts else "" for n in labels))
    console.print(table)
