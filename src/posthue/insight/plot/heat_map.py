"""Heat maps: matrices with a number in every cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from posthue.insight.plot.figure import (
    WIDTH,
    Floats,
    Plot,
    inches,
    label_rows,
    look,
    name_axes,
    panels,
    shortened,
    wrapped,
)
from posthue.insight.plot.palette import page_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: The shade of a full cell, as a part of full colour: ink can be read on it by day and by night.
_DARKEST = 0.75
_CELL = 0.5  # inches, at least


def heat_map(
    counts: npt.NDArray[Any],
    labels: Sequence[str],
    *,
    title: str,
    alt: str,
    normalise: bool = False,
    columns: Sequence[str] | None = None,
    axes_names: tuple[str, str] = ("true", "predicted"),
) -> Plot:
    """Draw a matrix [rows, columns], such as a confusion matrix [true, predicted], every cell with its value.

    normalise: show each row as percents of its sum; the counts otherwise. columns: labels of the columns,
    the same as of the rows if left out. The shade of a cell is its share of the row in both.
    """
    return heat_maps(
        {title: counts}, labels, alt=alt, normalise=normalise, columns=columns, axes_names=axes_names
    )


def heat_maps(
    tables: Mapping[str, npt.NDArray[Any]],
    labels: Sequence[str],
    *,
    alt: str,
    normalise: bool = False,
    columns: Sequence[str] | None = None,
    axes_names: tuple[str, str] = ("true", "predicted"),
) -> Plot:
    """Draw several matrices of the same rows and columns as panels, each under its title."""
    across = list(columns if columns is not None else labels)
    shares = {title: _shares(table) for title, table in tables.items()}
    written = {
        title: _words(shares[title] if normalise else table, percent=normalise)
        for title, table in tables.items()
    }
    cell = max([_CELL, *(inches(text) + 0.14 for table in written.values() for text in table.flat)])
    names = max((inches(shortened(name)) for name in labels), default=0.0)
    width = 0.3 + cell * len(across)
    if len(tables) == 1:
        width = max(WIDTH, width + names + 0.3)
        cell = (width - names - 0.6) / max(len(across), 1)
    with look():
        drawn, grid = panels(
            len(tables), width=width, height=1.5 + 0.52 * max(len(labels), 1), sharey=True, names=names + 0.3
        )
        for axes, title in zip(grid, tables, strict=True):
            _matrix(axes, shares[title], written[title])
            label_rows(axes, labels)
            axes.set_ylim(len(labels) - 0.5, -0.5)
            _label_columns(axes, across, is_narrow=max(map(inches, across), default=0.0) > cell)
            name_axes(axes, wrapped(title, cell * len(across)), axes_names[1], axes_names[0])
        return Plot(drawn, alt)


def _shares(table: npt.NDArray[Any]) -> Floats:
    numbers = np.asarray(table, dtype=np.float64)
    sums = numbers.sum(1, keepdims=True)
    return numbers / np.where(sums > 0, sums, 1.0)


def _words(values: npt.NDArray[Any], *, percent: bool) -> npt.NDArray[Any]:
    words = [f"{100 * value:.0f} %" if percent else f"{value:,.0f}" for value in np.ravel(values)]
    return np.array(words, dtype=object).reshape(np.shape(values))


def _matrix(axes: Axes, shares: Floats, written: npt.NDArray[Any]) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    for (row, column), share in np.ndenumerate(shares):
        axes.add_patch(
            Rectangle(
                (column - 0.48, row - 0.47),
                0.96,
                0.94,
                color=page_colours()["shade"],
                alpha=0.06 + (_DARKEST - 0.06) * float(share),
                linewidth=0,
            )
        )
        axes.text(column, row, str(written[row, column]), ha="center", va="center")


def _label_columns(axes: Axes, names: Sequence[str], *, is_narrow: bool) -> None:
    slanted: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if is_narrow else {}
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_xticks(np.arange(len(names)), [shortened(name) for name in names], **slanted)
    axes.tick_params(axis="x", length=0, labelcolor=page_colours()["ink"])
    axes.spines["bottom"].set_visible(False)
