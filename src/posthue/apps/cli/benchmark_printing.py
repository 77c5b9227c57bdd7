"""What ``posthue benchmark`` shows: our figures, and the paper's beside them, marked as published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from posthue.apps.cli.printing import table
from posthue.evaluation.benchmarks import METRICS, BenchmarkResult
from posthue.evaluation.published import PUBLISHED
from posthue.wording import metric_name

if TYPE_CHECKING:
    from posthue.training.benchmark.fine_tune import Spread

_COLUMNS = ("benchmark", "n", *map(metric_name, METRICS), "majority")


def print_benchmarks(model: str, results: Sequence[BenchmarkResult], console: Console | None = None) -> None:
    """Print the measured figures, and where there are any the published ones, never in one table."""
    console = console or Console()
    measured = table(f"measured: {model}, as it is, neutral dropped", _COLUMNS)
    for result in results:
        values = [f"{100 * v.value:.1f} ±{50 * (v.high - v.low):.1f}" for v in result.metrics.values()]
        measured.add_row(result.name, f"{result.n:,}", *values, f"{100 * result.majority:.1f}")
    console.print(measured)
    for result in results:
        if result.failed:
            console.print(f"{result.name}: {result.failed:,} more failed", markup=False, highlight=False)
    names = [r.name for r in results if r.name in PUBLISHED[0].accuracy]
    if names:
        console.print(_published(names))


def print_spreads(how: str, spreads: Sequence[Spread], console: Console | None = None) -> None:
    """Print mean ± std over all parts, and every part."""
    measured = table(f"measured: {how}; mean ± standard deviation over all parts", _COLUMNS)
    for spread in spreads:
        for result in spread.results:
            values = [f"{100 * result.metrics[m].value:.1f}" for m in METRICS]
            measured.add_row(result.name, f"{result.n:,}", *values, f"{100 * result.majority:.1f}")
        values = [f"{100 * spread.mean[m]:.1f} ±{100 * spread.std[m]:.1f}" for m in METRICS]
        name, total = f"{spread.name}, {len(spread.results)} parts", sum(r.n for r in spread.results)
        measured.add_row(name, f"{total:,}", *values, "", style="bold")
    (console or Console()).print(measured)


def _published(names: Sequence[str]) -> Table:
    columns = ("model", "data", "pos/neu/neg", "network", *(name.replace("-", "-\n") for name in names))
    made = table("published, not ours: accuracy (Serra et al. 2023, arXiv 2304.14942)", columns, left=4)
    for row in PUBLISHED:
        values = [f"{row.accuracy[name]:.1f}" for name in names]
        made.add_row(row.model, row.data, row.thresholds, row.architecture, *values)
    return made
