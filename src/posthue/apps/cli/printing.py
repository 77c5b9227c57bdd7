"""Tables on the terminal, laid out for 80 columns (rich), and how a prediction looks."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from posthue.posts import Modality, Prediction, SchemeResult
from posthue.wording import percent

_BAR = 24
_STYLES = {"negative": "red", "positive": "green", "joy": "green"}


def table(title: str, columns: Sequence[str], *, left: int = 1) -> Table:
    """Return an empty table. left: how many columns stand at the left and are not wrapped."""
    made = Table(
        title=Text(title, "bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for place, column in enumerate(columns):
        made.add_column(Text(column), justify="left" if place < left else "right", no_wrap=place < left)
    return made


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
    alone = [m for m in Modality if m in result.by_modality] if len(result.by_modality) > 1 else []
    made = table(
        f"{name}: {result.label}", ("label", "probability", "", *(f"{m} alone" for m in alone)), left=2
    )
    made.columns[1].width = _BAR + 1
    for label, probability in sorted(result.probabilities.items(), key=lambda pair: -pair[1]):
        bar = Text(mark * round(_BAR * probability), style=_STYLES.get(label, "cyan"))
        cells = [percent(result.by_modality[modality][label], 1) for modality in alone]
        style = "bold" if label == result.label else ""
        made.add_row(label, bar, percent(probability, 1), *cells, style=style)
    return made


def _shares_line(result: SchemeResult) -> str:
    parts = [f"{modality} {percent(share, 1)}" for modality, share in result.shares.items()]
    return f"decided by {' and '.join(parts)}"


def _mixed_line(result: SchemeResult) -> str:
    return "[bold yellow]mixed[/]: " + ", ".join(f"the {m} says {label}" for m, label in result.alone.items())


def _bar_mark(console: Console) -> str:
    return "█" if console.encoding.lower().startswith("utf") else "#"
