"""The command line, run inside the test's process."""

from __future__ import annotations

from pathlib import Path

import pytest

from posthue.apps.cli.main import main


def run(*args: str | Path) -> int:
    """Run ``posthue`` with these arguments and return its exit code."""
    with pytest.raises(SystemExit) as stopped:
        main([str(arg) for arg in args])
    return int(stopped.value.code or 0)
