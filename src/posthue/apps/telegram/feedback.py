"""Verdicts, where the operator wants them: time, label and verdict; the post only with ``keep_posts``."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from posthue.errors import InputError
from posthue.files import csv_lines, require_writable, write_file

_MOST_DATA = 64  # bytes of a button's data
_VERDICTS = {"r": "right", "w": "wrong"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody pressed."""

    verdict: str
    scheme: str
    label: str


def button_data(verdict: str, scheme: str, label: str) -> str | None:
    """Return the data of a button; None where it is more than Telegram carries."""
    data = json.dumps([verdict, scheme, label], ensure_ascii=False, separators=(",", ":"))
    return data if len(data.encode()) <= _MOST_DATA else None


def read_button(data: str | None) -> Verdict | None:
    """Return what a button says; None for one that is not of this bot."""
    try:
        verdict, scheme, label = json.loads(data or "")
        return Verdict(_VERDICTS[verdict], str(scheme), str(label))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


class FeedbackFile:
    """Appends verdicts to a csv or jsonl file, each on disk before it is thanked for."""

    def __init__(self, path: Path, *, model: str, keep_posts: bool) -> None:
        self._path = path
        self._model = model
        self._keep_posts = keep_posts
        self._names = ["time", "scheme", "label", "verdict", "model"]
        self._names += ["text", "picture"] if keep_posts else []
        require_writable(path)
        self._check_names()

    def add(self, verdict: Verdict, *, text: str = "", picture: bytes | None = None) -> None:
        """Write a verdict; raise OSError or InputError where that fails."""
        row: dict[str, object] = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "scheme": verdict.scheme,
            "label": verdict.label,
            "verdict": verdict.verdict,
            "model": self._model,
        }
        if self._keep_posts:
            row |= {"text": text, "picture": self._saved(picture)}
        self._append(self._line(row))

    def _saved(self, picture: bytes | None) -> str:
        if picture is None:
            return ""
        folder = self._path.with_name(f"{self._path.stem}_pictures")
        return str(write_file(folder / secrets.token_hex(8), picture).relative_to(self._path.parent))

    def _line(self, row: dict[str, object]) -> str:
        if self._path.suffix == ".jsonl":
            return json.dumps(row, ensure_ascii=False) + "\n"
        return csv_lines([list(row.values())], for_people=True)

    def _append(self, line: str) -> None:
        file = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            first = self._path.suffix == ".csv" and os.fstat(file).st_size == 0
            content = (self._head() if first else "") + line
            os.write(file, content.encode("utf-8", "backslashreplace"))
            os.fsync(file)
        finally:
            os.close(file)

    def _head(self) -> str:
        return csv_lines([self._names], for_people=True)

    def _check_names(self) -> None:
        """Raise InputError for a csv file of other columns: its rows would not fit."""
        if self._path.suffix != ".csv" or not self._path.exists() or self._path.stat().st_size == 0:
            return
        with self._path.open(encoding="utf-8") as lines:
            if lines.readline().rstrip("\n") != self._head().rstrip("\n"):
                raise InputError(
                    f"{self._path} has other columns than {', '.join(self._names)}: name a new file"
                )
