"""What ``posthue benchmark`` shows: our figures, and the paper's beside them, marked as published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from posthue.evaluation.benchmarks import METRICS, BenchmarkResult
from posthue.evaluation.published import PUBLISHED

if TYPE_CHECKING:
    from posthue.training.benchmark.fine_tune import Spread


def print_benchmarks(model: str, results: Sequence[BenchmarkResult], console: Console | None = None) -> None:
    """Print the measured figures, and where there are any the published ones, never in one table."""
    console = console or Console()
    table = _table(f"measured: {model}, as it is, neutral dropped")
    for column in ("benchmark", "n", *(m.replace("_", " ") for m in METRICS), "majority"):
        table.add_column(column, justify="left" if column == "benchmark" else "right")
    for result in results:
        n = f"{result.n:,}" + (f" (+{result.failed} failed)" if result.failed else "")
        values = [f"{100 * v.value:.1f} ±{50 * (v.high - v.low):.1f}" for v in result.metrics.values()]
        table.add_row(result.name, n, *values, f"{100 * result.majority:.1f}")
    console.print(table)
    shown = [r.name for r in results if r.name in PUBLISHED[0].accuracy]
    if shown:
        console.print(_published(shown))


def print_spreads(how: str, spreads: Sequence[Spread], console: Console | None = None) -> None:
    """Print mean ± std over all parts, and every part."""
    console = console or Console()
    table = _table(f"measured: {how}; mean ± standard deviation over all parts")
    for column in ("benchmark", "n", *(m.replace("_", " ") for m in METRICS), "majority"):
        table.add_column(column, justify="left" if column == "benchmark" else "right")
    for spread in spreads:
        for result in spread.results:
            values = [f"{100 * result.metrics[m].value:.1f}" for m in METRICS]
            table.add_row(result.name, f"{result.n:,}", *values, f"{100 * result.majority:.1f}")
        values = [f"{100 * spread.mean[m]:.1f} ±{100 * spread.std[m]:.1f}" for m in METRICS]
        total = sum(result.n for result in spread.results)
        table.add_row(f"{spread.name}, {len(spread.results)} parts", f"{total:,}", *values, "", style="bold")
    console.print(table)


def _published(names: Sequence[str]) -> Table:
    table = _table("published, not ours: accuracy (Serra et al. 2023, arXiv 2304.14942)")
    for column in ("model", "data", "pos/neu/neg", "network"):
        table.add_column(column)
    for name in names:
        table.add_column(name, justify="right")
    for row in PUBLISHED:
        values = [f"{row.accuracy[name]:.1f}" for name in names]
        table.add_row(row.model, row.data, row.thresholds, row.architecture, *values)
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
