"""Standard input and output of the command line: bytes that are no text, full disks, closed pipes."""

from __future__ import annotations

import sys
from contextlib import suppress

import typer


def read_text(text: str | None) -> str | None:
    """Return the text of a post; ``-`` reads standard input."""
    return sys.stdin.buffer.read().decode("utf-8", errors="replace") if text == "-" else text


def echo_json(value: object) -> None:
    """Print plain data as JSON, in what standard output can write."""
    import json

    any_text = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not any_text, indent=2, allow_nan=False)
    typer.echo(text.encode("utf-8", "backslashreplace").decode())  # a lone surrogate stays a JSON escape


def discard_output() -> None:
    """Throw away what standard output has not taken: the interpreter would try once more when it ends."""
    import os

    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        return
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
