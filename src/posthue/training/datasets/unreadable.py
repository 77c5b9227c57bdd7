"""Rows whose picture cannot be decoded: found before training, left out, and told."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posthue.data.duplicates.picture_facts import PictureFacts, picture_facts
from posthue.files import write_csv
from posthue.progress import progress_bar

Row = dict[str, Any]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that was left out. id: corpus/split/id of the post. image: its path, empty for bytes."""

    id: str
    image: str
    error: str


def without_unreadable(
    rows: Sequence[Row], name: str, *, cache: Path | None = None
) -> tuple[list[Row], list[Skipped]]:
    """Return the rows that can be used, and those that cannot because their picture is broken.

    name: of the rows, for messages. cache: folder of what is known of pictures already.
    """
    facts = facts_of_rows(rows, cache=cache)
    errors = [fact.error if fact is not None else None for fact in facts]
    skipped = [
        Skipped(row["id"], row["image_path"] or "", error)
        for row, error in zip(rows, errors, strict=True)
        if error is not None
    ]
    if skipped:
        _log.warning("%s: %d of %d posts left out, broken pictures", name, len(skipped), len(rows))
    return [row for row, error in zip(rows, errors, strict=True) if error is None], skipped


def facts_of_rows(rows: Sequence[Row], *, cache: Path | None = None) -> list[PictureFacts | None]:
    """Return what is known of the picture of each row; a bar is shown where it takes long."""
    sources = [row["image_path"] or row["image_bytes"] for row in rows]
    with progress_bar("checking pictures", unit="pictures") as advance:
        return picture_facts(sources, cache=cache, progress=advance)


def write_skipped(path: Path, skipped: Sequence[Skipped]) -> None:
    """Write what was left out, if anything was; a file from before is removed."""
    if skipped:
        write_csv(
            path, ("id", "image", "error"), [(s.id, s.image, s.error) for s in skipped], for_people=False
        )
    else:
        path.unlink(missing_ok=True)
