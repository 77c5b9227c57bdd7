"""``posthue info``: what a bundle is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shutil import get_terminal_size
from textwrap import wrap

import typer

from posthue.apps.cli.options import AsJson, BundleFolder
from posthue.apps.cli.streams import echo_json

_WIDEST = 28  # names stand beside their values


def info(bundle: BundleFolder = "default", *, as_json: AsJson = False) -> None:
    """Show the schemes, sizes, calibration and origin of a bundle."""
    from posthue.runtime.bundle.facts import bundle_facts
    from posthue.runtime.bundle.folder import Bundle

    facts = bundle_facts(Bundle.open(bundle))
    if as_json:
        echo_json(facts)
        return
    lines = list(_lines(facts, ""))
    width = min(max(len(name) for name, value in lines if value) + 2, _WIDEST)
    for name, value in lines:
        rows = wrap(
            value, get_terminal_size().columns - width, break_long_words=False, break_on_hyphens=False
        )
        if len(name) >= width:
            rows.insert(0, "")
        typer.echo(f"{typer.style(name.ljust(width), bold=True)}{''.join(rows[:1])}".rstrip())
        for line in rows[1:]:
            typer.echo(" " * width + line)


def _lines(facts: Mapping[str, object], indent: str) -> Iterator[tuple[str, str]]:
    """Yield names and values; facts inside facts are indented."""
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}", ""
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{name}", _plain(value)


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
