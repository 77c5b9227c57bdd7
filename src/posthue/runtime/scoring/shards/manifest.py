"""The manifest of a job in shards: what is scored and how, and which shards are whole. It survives a kill.

``manifest.json`` is replaced as a whole and synced to the disk after every shard, never edited. A shard
counts when the manifest names it; one written a moment before the kill and not named is written again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posthue.atomic import atomic_file, reason
from posthue.errors import TableError
from posthue.runtime.scoring.shards.folder import MANIFEST, clear, holds_shards, shard_name, sweep

FORMAT = 1


@dataclass(slots=True)
class Manifest:
    """What a job is and how far it is.

    job: input, bundle and options, by name; a job goes on only if all of them are the same.
    shards: index → what is known of a whole shard (rows, bytes, tally).
    end: the number of shards; None until the last one is found.
    """

    folder: Path
    job: Mapping[str, object]
    shards: dict[int, dict[str, Any]] = field(default_factory=dict)
    end: int | None = None

    @property
    def complete(self) -> bool:
        """Whether every shard is whole."""
        return self.end is not None and all(index in self.shards for index in range(self.end))

    @property
    def rows(self) -> int:
        """The rows of the whole shards."""
        return sum(shard["rows"] for shard in self.shards.values())

    def save(self) -> None:
        """Replace the file by what is known now; raise TableError where the disk does not take it."""
        known = {"format": FORMAT, "complete": self.complete, "end": self.end, "job": self.job}
        shards = {str(index): self.shards[index] for index in sorted(self.shards)}
        content = json.dumps(known | {"shards": shards}, indent=1) + "\n"
        path = self.folder / MANIFEST
        try:
            with atomic_file(path, sync=True) as file:
                file.write(content.encode())
        except OSError as error:
            raise TableError(f"{path}: cannot be written: {reason(error)}") from error


def open_manifest(folder: Path, job: Mapping[str, object], *, ending: str, overwrite: bool) -> Manifest:
    """Return the manifest of ``folder``: of the job that was begun there, or of a new one.

    overwrite: remove every shard that is there, of whatever job; other files stay.

    Raises TableError when the folder holds another job, or shards that are nobody's, and is not to be
    overwritten.
    """
    if overwrite:
        return _anew(folder, job)
    begun = _read(folder)
    if begun is not None:
        _refuse_another(folder, begun, job)
        return _resumed(folder, job, begun, ending)
    if holds_shards(folder):
        raise TableError(
            f"{folder} holds shards, but no manifest of a job; choose another folder or pass --overwrite"
        )
    return _anew(folder, job)


def open_own_manifest(folder: Path, job: Mapping[str, object], *, ending: str, overwrite: bool) -> Manifest:
    """As ``open_manifest``, of a hidden folder that is posthue's own: there, another job gives way."""
    with suppress(TableError):
        begun = None if overwrite else _read(folder)
        if begun is not None and not _changed(begun, job):
            return _resumed(folder, job, begun, ending)
    return _anew(folder, job)


def _read(folder: Path) -> dict[str, Any] | None:
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise TableError(f"{path} cannot be read ({error}); pass --overwrite to start anew") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise TableError(f"{path} is of another version of posthue; pass --overwrite to start anew")
    return found


def _changed(begun: Mapping[str, Any], job: Mapping[str, object]) -> list[str]:
    """The names of what is otherwise than when the job was begun."""
    held = begun.get("job")
    before = held if isinstance(held, dict) else {}
    return [name for name in job if before.get(name) != job[name]]


def _refuse_another(folder: Path, begun: Mapping[str, Any], job: Mapping[str, object]) -> None:
    if changed := _changed(begun, job):
        raise TableError(
            f"{folder} holds another job ({', '.join(changed)} changed since it was begun); "
            "choose another folder or pass --overwrite"
        )


def _resumed(folder: Path, job: Mapping[str, object], begun: Mapping[str, Any], ending: str) -> Manifest:
    sweep(folder)
    return Manifest(folder, job, _whole_shards(folder, begun, ending), begun.get("end"))


def _anew(folder: Path, job: Mapping[str, object]) -> Manifest:
    clear(folder)
    new = Manifest(folder, job)
    new.save()
    return new


def _whole_shards(folder: Path, begun: Mapping[str, Any], ending: str) -> dict[int, dict[str, Any]]:
    """The shards that the manifest names and that are still as long as it says."""
    found = {}
    for key, shard in begun.get("shards", {}).items():
        path = folder / shard_name(int(key), ending)
        if path.is_file() and path.stat().st_size == shard["bytes"]:
            found[int(key)] = shard
    return found
