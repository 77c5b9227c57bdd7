"""A bundle made from another: its files, some of them replaced; the folder appears whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posthue.atomic import atomic_folder
from posthue.errors import TableError
from posthue.runtime.bundle.folder import Bundle

_CARD = "MODEL_CARD.md"


def require_new(output: Path) -> None:
    """Raise TableError if there is something under this name."""
    if output.exists():
        raise TableError(f"{output} exists already; choose another folder")


def read_config(bundle: Bundle) -> dict[str, Any]:
    """Return config.json as plain data."""
    config: dict[str, Any] = json.loads(bundle.file("config.json").read_text(encoding="utf-8"))
    return config


def copy_files(bundle: Bundle, folder: Path, graphs: Mapping[str, Path] | None = None) -> None:
    """Make a folder with the bundle's files, without config.json; they are links where the disk allows.

    graphs: name of a file → what takes its place.
    """
    folder.mkdir(parents=True)
    for name in bundle.config.files:
        _link((graphs or {}).get(name, bundle.file(name)), folder / name)
    if bundle.file(_CARD).is_file():
        _link(bundle.file(_CARD), folder / _CARD)


def publish(made: Path, output: Path) -> None:
    """Copy a finished folder to where it was asked for; raise TableError if something is there by now."""
    with atomic_folder(output) as part:
        shutil.copytree(made, part, dirs_exist_ok=True)
        require_new(output)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copy(source, target)
