"""What the analysis leaves beside its page: plots as svg and png, tables as csv; writes shares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from posthue.evaluation.metrics import MetricInterval
from posthue.files import write_csv, write_file
from posthue.insight.plot.figure import Plot
from posthue.insight.plot.word_cloud import Weighted, cloud_html, cloud_png, cloud_svg


@dataclass(frozen=True, slots=True)
class Beside:
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
            write_file(self.folder / f"{name}.svg", cloud_svg(words, label=label))
            write_file(self.folder / f"{name}.png", cloud_png(words, label=label))
        return cloud_html(words, label=label, unit="times")

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Save a table."""
        if self.folder is not None:
            write_csv(self.folder / f"{name}.csv", columns, rows, for_people=True)

    def picture(self, name: str, content: bytes | None) -> None:
        """Save a picture, if there is one."""
        if self.folder is not None and content is not None:
            write_file(self.folder / name, content)


def interval(found: MetricInterval) -> str:
    """Return a share in percent with its interval."""
    return f"{100 * found.value:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"
