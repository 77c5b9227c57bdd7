from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from matplotlib.text import Text

from posthue.evaluation.significance import Cell
from posthue.insight.compare.plots import comparison_plot, history_plot, importance_plot
from posthue.insight.page.markdown import markdown_table
from posthue.insight.plot import Plot
from posthue.wording import CONDITIONS

LONG = "gated+afinn+opinion+words:hidden=64:pooling=max"


def cells(conditions: int, models: tuple[str, ...] = ("words", LONG)) -> list[Cell]:
    return [
        Cell(model, condition, metric, 0.6, 0.02, 0.5, 0.7, 450, 5)
        for model in models
        for condition in list(CONDITIONS)[:conditions]
        for metric in ("accuracy", "macro_f1", "ece")
    ]


def words_outside(plot: Plot) -> list[str]:
    """Return the texts of a plot that its edges cut; numbers may stand at ticks that are not in view."""
    plot.figure.draw_without_rendering()
    edges = plot.figure.bbox
    texts = [item for item in plot.figure.findobj(Text) if item.get_text() and not item.get_text().isdigit()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    return [name for name, box in boxes if box.x0 < edges.x0 - 1 or box.x1 > edges.x1 + 1]


@pytest.mark.parametrize("conditions", [1, 2, 4])
def test_names_and_titles_fit(conditions: int) -> None:
    title = "tweeteval-sentiment, 5-fold cross-validation, sentiment (n = 59,899)"
    plot = comparison_plot(cells(conditions), title=title)
    assert words_outside(plot) == []
    assert "corrupted image" in plot.svg() or conditions < 4
    assert "60.0 %" in plot.alt


def test_a_search_is_drawn_with_its_best() -> None:
    plot = history_plot([0.5, 0.7, 0.6], metric="weighted_f1")
    assert "0.700" in plot.alt
    assert "Weighted F1 on inner validation" in plot.svg()
    assert words_outside(plot) == []


def test_the_importance_of_settings() -> None:
    assert "learning rate 60 %" in importance_plot({"learning_rate": 0.6, "dropout": 0.4}).alt
    assert "Too few" in importance_plot({}).svg()


def test_a_table_without_rows_has_its_head() -> None:
    assert markdown_table(("a", "b"), []) == "| a | b |\n|---|---|"
