"""How an explanation looks on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from posthue.wording import percent

if TYPE_CHECKING:
    from posthue.runtime.explain import Explanation, WordPart

_TOP = 6
_FULL = 0.05


def print_explanation(explanation: Explanation, console: Console | None = None) -> None:
    """Print the label, how prior, text and picture add up to it, and the text coloured by contribution."""
    console = console or Console()
    console.print(
        f"{explanation.label} {percent(explanation.probability, 1)} ({explanation.scheme})", style="bold"
    )
    parts = [f"prior {percent(explanation.prior, 1)}"]
    parts += [f"{m} {100 * value:+.1f}" for m, value in explanation.contributions.items()]
    console.print("  " + ", ".join(parts), highlight=False)
    if explanation.words:
        console.print(Text.assemble("  ", *map(_coloured, explanation.words)), soft_wrap=True)
        top = [f"{w.text.strip()} {100 * w.contribution:+.1f}" for w in explanation.top_words[:_TOP]]
        console.print(f"  most: {', '.join(top)}", markup=False, highlight=False, soft_wrap=True)
    for modality, values in explanation.without.items():
        label = max(values, key=values.__getitem__)
        if len(explanation.without) > 1:
            said = f"  without the {modality}: {label} {percent(values[label], 1)}"
            console.print(said, markup=False, highlight=False)
    for warning in explanation.prediction.warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False)


def _coloured(word: WordPart) -> tuple[str, str]:
    if abs(word.contribution) < _FULL / 2:
        return (word.text, "")
    strong = "bold " if abs(word.contribution) >= _FULL else ""
    return (word.text, f"{strong}{'blue' if word.contribution > 0 else 'dark_orange3'}")
