"""How an explanation looks in a terminal, and the progress bar of longer jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from posthue.runtime.explain import Explanation, WordPart

_TOP = 6
_FULL = 0.05


def print_explanation(explanation: Explanation, console: Console | None = None) -> None:
    """Print the label, how prior, text and picture add up to it, and the text coloured by contribution."""
    console = console or Console()
    console.print(
        f"{explanation.label} {_percent(explanation.probability)} ({explanation.scheme})", style="bold"
    )
    parts = [f"prior {_percent(explanation.prior)}"]
    parts += [f"{m} {100 * value:+.1f}" for m, value in explanation.contributions.items()]
    console.print("  " + ", ".join(parts), highlight=False)
    if explanation.words:
        console.print(Text.assemble("  ", *map(_coloured, explanation.words)), soft_wrap=True)
        top = [f"{w.text.strip()} {100 * w.contribution:+.1f}" for w in explanation.top_words[:_TOP]]
        console.print(f"  most: {', '.join(top)}", markup=False, highlight=False, soft_wrap=True)
    for modality, values in explanation.without.items():
        label = max(values, key=values.__getitem__)
        if len(explanation.without) > 1:
            said = f"  without the {modality}: {label} {_percent(values[label])}"
            console.print(said, markup=False, highlight=False)
    for warning in explanation.prediction.warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False)


@contextmanager
def job_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function (done, in all) that moves a bar on stderr; without a terminal nothing is shown."""
    from rich.progress import Progress  # noqa: PLC0415

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(name, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _coloured(word: WordPart) -> tuple[str, str]:
    if abs(word.contribution) < _FULL / 2:
        return (word.text, "")
    strong = "bold " if abs(word.contribution) >= _FULL else ""
    return (word.text, f"{strong}{'blue' if word.contribution > 0 else 'dark_orange3'}")


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
