"""Pictures of measurements, as PNG files: a comparison, reliability diagrams, coverage, confusion.

Needs matplotlib (the report extra); no display.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from posthue.errors import MissingExtraError
from posthue.evaluation.calibration import coverage_curve, reliability_bins
from posthue.evaluation.metrics import expected_calibration_error
from posthue.evaluation.runs import CONDITIONS, Answers
from posthue.evaluation.significance import Cell
from posthue.files import write_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 130
_INK, _QUIET, _BLUE, _ORANGE = "#1c1f26", "#7a828f", "#2f6db5", "#c8691c"
_NAMES = {"both": "text + image", "text": "text only", "image": "image only", "corrupted": "corrupted image"}
_METRICS = {"accuracy": "accuracy, %", "macro_f1": "macro F1, %"}


def comparison_picture(path: Path, cells: Sequence[Cell], *, title: str) -> None:
    """Draw accuracy and macro F1 of every model under every condition.

    A thick bar is ± one standard deviation over the runs, a thin one the 95 % interval over the posts.
    """
    models = list(dict.fromkeys(cell.model for cell in cells))
    shown = [c for c in CONDITIONS if any(cell.condition == c for cell in cells)]
    figure = _figure(3.0 + 2.2 * len(shown), 1.9 + 0.56 * len(models))
    grid: Any = figure.subplots(len(_METRICS), len(shown), sharey=True, sharex="row", squeeze=False)
    for row, metric in enumerate(_METRICS):
        for column, condition in enumerate(shown):
            axes = grid[row][column]
            _dots(axes, [c for c in cells if (c.condition, c.metric) == (condition, metric)], models)
            if row == 0:
                axes.set_title(_NAMES[condition], fontsize=10, color=_INK)
            axes.set_xlabel(_METRICS[metric], fontsize=9)
            axes.tick_params(labelbottom=True)
    figure.suptitle(title, fontsize=11, color=_INK)
    words = (
        "thick: ± one standard deviation over the runs; thin: 95 % interval over the posts; dotted: the best"
    )
    figure.supxlabel(words, fontsize=8, color=_QUIET)
    _save(figure, path)


def reliability_picture(path: Path, answers: Mapping[str, Answers]) -> None:
    """Draw one reliability diagram per name: accuracy against confidence; dots as large as their bins."""
    figure, axes = _row(len(answers))
    for plot, (name, found) in zip(axes, answers.items(), strict=True):
        bins = [b for b in reliability_bins(found.probabilities, found.true) if b.count]
        plot.plot([0, 1], [0, 1], color=_QUIET, linewidth=1, linestyle="--")
        points = [(b.confidence, b.accuracy) for b in bins]
        plot.plot(*zip(*points, strict=True), color=_BLUE, linewidth=1.2)
        sizes = [8 + 160 * b.count / len(found.true) for b in bins]
        plot.scatter(*zip(*points, strict=True), s=sizes, color=_BLUE, alpha=0.8, zorder=3, clip_on=False)
        ece = expected_calibration_error(found.probabilities, found.true)
        _frame(plot, f"{name}\nECE {100 * ece:.1f} %", "confidence", "accuracy")
        plot.set(xlim=(0, 1), ylim=(0, 1))
    _save(figure, path)


def coverage_picture(path: Path, answers: Mapping[str, Answers]) -> None:
    """Draw accuracy among the most confident posts against the share of posts answered, a line per name."""
    figure = _figure(6.4, 4.2)
    axes = figure.subplots()
    styles = ("-", "--", "-.", ":")
    for i, (name, found) in enumerate(answers.items()):
        curve = coverage_curve(found.probabilities, found.true)
        enough = curve.coverage >= min(1.0, 20 / max(len(found.true), 1))  # a few posts say nothing
        axes.plot(
            100 * curve.coverage[enough],
            100 * curve.accuracy[enough],
            styles[i // 10 % len(styles)],
            color=f"C{i % 10}",
            label=name,
            linewidth=1.4,
        )
    _frame(axes, "Selective prediction", "posts answered, most confident first, %", "accuracy among them, %")
    axes.set_xlim(0, 102)
    axes.legend(fontsize=8, frameon=False, ncols=2)
    _save(figure, path)


def confusion_picture(path: Path, counts: Mapping[str, npt.NDArray[np.int64]], labels: Sequence[str]) -> None:
    """Draw one confusion matrix per name: shares of each true label, with the counts written in."""
    figure, axes = _row(len(counts))
    for plot, (name, table) in zip(axes, counts.items(), strict=True):
        shares = table / np.maximum(table.sum(1, keepdims=True), 1)
        plot.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (true, predicted), count in np.ndenumerate(table):
            colour = "white" if shares[true, predicted] > 0.55 else _INK
            plot.text(predicted, true, str(count), ha="center", va="center", fontsize=8, color=colour)
        _frame(plot, name, "predicted", "true")
        plot.set_xticks(range(len(labels)), labels, rotation=40, ha="right", fontsize=7)
        plot.set_yticks(range(len(labels)), labels, fontsize=7)
    _save(figure, path)


def history_picture(path: Path, values: Sequence[float], *, metric: str) -> None:
    """Draw the value of every finished trial of a search, and the best so far."""
    figure = _figure(6.4, 3.6)
    axes = figure.subplots()
    steps = np.arange(1, len(values) + 1)
    axes.plot(steps, 100 * np.asarray(values), "o", color=_BLUE, markersize=4, alpha=0.7, label="trial")
    best = np.maximum.accumulate(np.asarray(values))
    axes.step(steps, 100 * best, where="post", color=_ORANGE, label="best so far")
    _frame(
        axes, "Search", "trials that were not pruned", f"{metric.replace('_', ' ')} on inner validation, %"
    )
    axes.legend(fontsize=8, frameon=False)
    _save(figure, path)


def importance_picture(path: Path, importance: Mapping[str, float]) -> None:
    """Draw how much of the spread of the values each setting accounts for."""
    figure = _figure(6.4, 1.2 + 0.28 * max(len(importance), 3))
    axes = figure.subplots()
    names = list(importance)[::-1]
    axes.barh(range(len(names)), [100 * importance[name] for name in names], color=_BLUE, height=0.65)
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    title = "What the settings account for" if names else "Too few finished trials to say what matters"
    _frame(axes, title, "share of the spread, %", "")
    _save(figure, path)


def _dots(axes: Any, cells: Sequence[Cell], models: Sequence[str]) -> None:
    for cell in cells:
        y = models.index(cell.model)
        mean, std = 100 * cell.mean, 100 * cell.std
        axes.plot([100 * cell.low, 100 * cell.high], [y, y], color=_BLUE, linewidth=1, alpha=0.6)
        axes.plot([mean - std, mean + std], [y, y], color=_BLUE, linewidth=4, alpha=0.45)
        axes.plot(mean, y, "o", color=_BLUE, markersize=4.5)
    if cells:
        axes.axvline(100 * max(cell.mean for cell in cells), color=_ORANGE, linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(models)), models, fontsize=9)
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.grid(axis="x", color="#e3e6eb", linewidth=0.7)
    _bare(axes)


def _row(count: int) -> tuple[Figure, list[Any]]:
    columns = min(count, 4)
    rows = -(-count // columns)
    figure = _figure(2.7 * columns + 0.4, 2.9 * rows + 0.2)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[count:]:
        axes.set_visible(False)
    return figure, list(grid.flat[:count])


def _frame(axes: Any, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=9, color=_INK)
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    _bare(axes)


def _bare(axes: Any) -> None:
    axes.tick_params(labelsize=8, color=_QUIET)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure as Canvas  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("matplotlib", "report") from None
    return Canvas(figsize=(width, height), layout="constrained")


def _save(figure: Figure, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    write_file(path, buffer.getvalue())
