"""What every plot of the house shares: the Plot that is returned, the look, figures, labels.

Matplotlib is imported when something is drawn; it comes with the report extra.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from posthue.errors import MissingExtraError
from posthue.insight.page.files import write_file
from posthue.insight.page.shell import escaped
from posthue.insight.plot.fonts import drawable
from posthue.insight.plot.palette import page_colours
from posthue.insight.plot.svg import page_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

Floats: TypeAlias = npt.NDArray[np.float64]

WIDTH = 5.6  # inches; 403 units, about a phone's width
LONGEST_LABEL = 24  # beside a plot
LONGEST_NAME = 44  # in a legend


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with the words that say what it shows (alt)."""

    figure: Figure
    alt: str

    def html(self, caption: str = "") -> str:
        """Return the plot for a page; the caption is text."""
        below = f"<figcaption>{escaped(caption)}</figcaption>" if caption else ""
        return f'<figure class="plot">{page_svg(self._saved("svg", "none"), self.alt)}{below}</figure>'

    def svg(self) -> str:
        """Return an SVG file of its own, with text as text."""
        return self._saved("svg").decode("utf-8")

    def png(self) -> bytes:
        """Return a PNG file; signs that the font lacks are replaced, emoji by their names."""
        texts = [(text, text.get_text()) for text in _texts(self.figure)]
        try:
            for text, shown in texts:
                text.set_text(drawable(shown))
            return self._saved("png")
        finally:
            for text, shown in texts:
                text.set_text(shown)

    def save(self, folder: Path, name: str) -> list[Path]:
        """Write ``name``.svg and ``name``.png into a folder and return their paths."""
        return [
            write_file(folder / f"{name}.svg", self._saved("svg")),
            write_file(folder / f"{name}.png", self.png()),
        ]

    def _saved(self, kind: str, ground: str = "#ffffff") -> bytes:
        stream = io.BytesIO()
        unsigned = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
        with look():
            self.figure.savefig(stream, format=kind, metadata=unsigned, facecolor=ground)
        return stream.getvalue()


def _texts(figure: Figure) -> list[Any]:
    from matplotlib.text import Text  # noqa: PLC0415

    return [item for item in figure.findobj(Text) if isinstance(item, Text) and item.get_text()]


@contextmanager
def look() -> Iterator[None]:
    """Draw in the look of the house; what the font has no sign for is no reason to warn."""
    try:
        import matplotlib as mpl  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("matplotlib", "report") from None
    with mpl.rc_context(_style()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        yield


def _style() -> dict[Any, Any]:
    colours = page_colours()
    ink, quiet, line = colours["ink"], colours["quiet"], colours["line"]
    return {
        "font.family": ["DejaVu Sans"],
        "font.size": 10.5,
        "text.color": ink,
        "text.parse_math": False,  # a $ in a label is a $
        "axes.titlesize": 11.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlecolor": ink,
        "axes.labelcolor": quiet,
        "axes.edgecolor": line,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": False,
        "grid.color": line,
        "xtick.color": line,
        "ytick.color": line,
        "xtick.labelcolor": quiet,
        "ytick.labelcolor": ink,
        "legend.frameon": False,
        "lines.linewidth": 2.0,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "savefig.dpi": 200,
        "svg.fonttype": "none",
        "svg.hashsalt": "posthue",
    }


def figure(height: float, *, width: float = WIDTH, rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    """Return an empty figure of the house, sizes in inches, and its axes; call it inside ``look()``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    drawn = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(drawn)
    return drawn, drawn.subplots(rows, columns, squeeze=rows * columns == 1)


def shortened(label: str, longest: int = LONGEST_LABEL) -> str:
    """Return a label that fits beside a plot."""
    one_line = " ".join(label.split())
    return one_line if len(one_line) <= longest else f"{one_line[: longest - 1]}…"


def few_ticks(*, whole: bool = False) -> MaxNLocator:
    """Return where to put ticks: at most five; whole: at whole numbers."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    return MaxNLocator(5, integer=whole)


def label_rows(axes: Axes, names: Sequence[str]) -> None:
    """Name the rows of a plot, the first on top."""
    axes.set_yticks(np.arange(len(names)), [shortened(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def name_axes(axes: Axes, title: str, unit: str) -> None:
    """Write the title, and what the horizontal axis counts."""
    axes.set_title(title)
    if unit:
        axes.set_xlabel(unit)
