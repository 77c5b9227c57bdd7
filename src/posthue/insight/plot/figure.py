"""What every plot of the house shares: the Plot that is returned, the look, figures, labels.

Matplotlib is imported when something is drawn; it comes with the report extra.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from posthue.errors import MissingExtraError
from posthue.files import write_file
from posthue.insight.page.shell import escaped
from posthue.insight.plot.fonts import drawable, text_width
from posthue.insight.plot.palette import page_colours
from posthue.insight.plot.svg import page_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

Floats: TypeAlias = npt.NDArray[np.float64]

_LETTERS = 10.5  # points
WIDTH = 5.6  # inches; 403 units, about a phone's width
LONGEST_LABEL = 24  # beside a plot
LONGEST_NAME = 36  # in a legend
_WIDEST = 10.0  # inches, of several panels


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
            for text, words in texts:
                text.set_text(drawable(words))
            return self._saved("png")
        finally:
            for text, words in texts:
                text.set_text(words)

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
        "font.family": ["DejaVu Sans", "sans-serif"],
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": _LETTERS,
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


def figure(height: float, *, width: float = WIDTH) -> tuple[Figure, Axes]:
    """Return an empty figure of the house, sizes in inches, and its axes; call it inside ``look()``."""
    drawn, (axes,) = panels(1, width=width, height=height)
    return drawn, axes


def panels(
    count: int, *, width: float, height: float, columns: int | None = None, names: float = 0.0, **shared: Any
) -> tuple[Figure, list[Axes]]:
    """Return an empty figure with so many axes, sizes in inches of one, in as many columns as are readable.

    names: inches for the names of the rows, at the left. shared: which axes have one scale (sharex, sharey),
    as matplotlib names them.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    most = columns or max(1, min(5, int(_WIDEST / width)))
    rows = -(-count // most)
    across = -(-count // rows)
    size = (width * across + (names if count > 1 else 0), height * rows)
    drawn = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(drawn)
    grid = drawn.subplots(rows, across, squeeze=False, **shared).ravel()
    for axes in grid[count:]:
        axes.set_visible(False)
    return drawn, list(grid[:count])


def shortened(label: str, longest: int = LONGEST_LABEL) -> str:
    """Return a label that fits beside a plot."""
    one_line = " ".join(label.split())
    return one_line if len(one_line) <= longest else f"{one_line[: longest - 1]}…"


def few_ticks(*, whole: bool = False) -> MaxNLocator:
    """Return where to put ticks: at most five; whole: at whole numbers."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    return MaxNLocator(5, integer=whole)


def label_rows(axes: Axes, names: Sequence[str], longest: int = LONGEST_LABEL) -> None:
    """Name the rows of a plot, the first on top."""
    axes.set_yticks(np.arange(len(names)), [shortened(name, longest) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def inches(text: str) -> float:
    """Return how wide a text is drawn."""
    return text_width(text) * _LETTERS / 72


def wrapped(text: str, width: float, *, lines: int = 2) -> str:
    """Return a text on so many lines at most, of so many inches; what is longer is cut."""
    letters = max(8, int(width / (1.15 * inches("n"))))  # of a title, which is bold
    return "\n".join(wrap(shortened(text, lines * letters - 1), letters, break_on_hyphens=False)[:lines])


def name_axes(axes: Axes, title: str, across: str, up: str = "") -> None:
    """Write the title, and what the axes count."""
    axes.set_title(title)
    axes.set_xlabel(across)
    place = axes.get_subplotspec()
    axes.set_ylabel(up if place is None or place.is_first_col() else "")


def percents(axes: Axes, which: str) -> None:
    """Write the ticks of axes (some of "xy") that are shares as percents."""
    for name in which:
        getattr(axes, f"{name}axis").set_major_formatter(lambda value, _: f"{100 * value:.3g} %")


def legend(drawn: Figure, names: Collection[str]) -> None:
    """Put a legend below a figure."""
    if names:
        columns = _legend_columns(names, drawn.get_figwidth())
        drawn.legend(loc="outside lower center", ncols=columns, fontsize=9.5)


def legend_rows(names: Collection[str], width: float = WIDTH) -> int:
    """Return how many rows a legend of these names has in a figure of so many inches."""
    return -(-len(names) // _legend_columns(names, width))


def _legend_columns(names: Collection[str], width: float) -> int:
    longest = max((inches(shortened(name, LONGEST_NAME)) for name in names), default=0.0)
    return max(1, min(4, int(width / (longest + 0.6))))
