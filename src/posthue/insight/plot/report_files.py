"""What a report leaves beside its page: plots as svg and png, tables as csv."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from posthue.files import write_csv, write_file
from posthue.insight.plot.figure import Plot
from posthue.insight.plot.word_cloud import Weighted, cloud_html, save_cloud


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """A folder for the files of a report; None: nothing is written."""

    folder: Path | None

    def plot(self, plot: Plot, name: str, caption: str = "") -> str:
        """Save a plot, and return it for the page."""
        if self.folder is not None:
            plot.save(self.folder, name)
        return plot.html(caption)

    def cloud(self, words: Weighted, label: str, name: str) -> str:
        """Save a word cloud, and return it for the page."""
        if self.folder is not None and words:
            save_cloud(words, self.folder, name, label=label)
        return cloud_html(words, label=label, unit="times")

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Save a table."""
        if self.folder is not None:
            write_csv(self.folder / f"{name}.csv", columns, rows, for_people=True)

    def picture(self, name: str, content: bytes | None) -> None:
        """Save a picture, if there is one."""
        if self.folder is not None and content is not None:
            write_file(self.folder / name, content)


def file_name(label: str) -> str:
    """Return a label as part of a file's name.

    >>> file_name("joy & fun/1")
    'joy-fun-1'
    """
    words = re.findall(r"\w+", label)
    return "-".join(words)[:60] or f"label-{zlib.crc32(label.encode('utf-8', 'replace')):08x}"
