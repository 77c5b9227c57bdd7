"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    Path | None, typer.Option("--model", "-m", help="Folder of the bundle; the shipped model if left out.")
]
BundleFolder = Annotated[
    Path | None, typer.Argument(help="Folder of the bundle; the shipped model if left out.")
]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads to use; all cores if left out.")]
