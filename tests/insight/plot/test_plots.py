from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from page_checks import ATTACK, check_page

pytest.importorskip("matplotlib")

from posthue.insight.page.shell import COLOURED, page
from posthue.insight.plot.bars import Plot, Series, bars, curves, heat_map, histograms
from posthue.insight.plot.fonts import drawable, text_width
from posthue.insight.plot.palette import label_colour, page_colours
from posthue.insight.plot.word_cloud import HEIGHT, WIDTH, cloud_html, cloud_png, cloud_svg, layout

ODD = ["joy", "😂 ❤️", "مرحبا", "日本", "$x^2$", ATTACK, "x" * 80]
NUMBERS = {label: float(i) for i, label in enumerate(ODD)}
PLOTS: dict[str, Callable[[], Plot]] = {
    "bars": lambda: bars(NUMBERS, title=ATTACK, alt=ATTACK, intervals={"joy": (0, 1)}, unit="n", baseline=2),
    "no bars": lambda: bars({}, title="t", alt="none"),
    "histograms": lambda: histograms({label: [1, 2, 2, 3] for label in ODD}, title="t", alt="a", unit=ATTACK),
    "logarithmic": lambda: histograms(
        {"joy": [0.1, 5, 900], "fear": []}, title="t", alt="a", unit="u", logarithmic=True
    ),
    "no histograms": lambda: histograms({}, title="t", alt="a", unit="u"),
    "constant": lambda: histograms({"joy": [0.5, 0.5]}, title="t", alt="a", unit="u"),
    "heat map": lambda: heat_map(np.eye(7, dtype=int) * 9, ODD, title="t", alt="a", normalise=True),
    "curves": lambda: curves(
        {label: Series([0, 1], [i, 2], [0, 1], [3, 4]) for i, label in enumerate(ODD)},
        title="t",
        alt="a",
        percent=True,
        diagonal=True,
    ),
}


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_goes_into_a_page_and_into_files(name: str, tmp_path: Path) -> None:
    plot = PLOTS[name]()
    found = check_page(page("t", head="", main=plot.html(ATTACK) + plot.html(), foot=""))
    assert "DejaVu" not in plot.html()
    assert page_colours()["ink"] not in plot.html()
    svg, png = plot.save(tmp_path, "plot")
    assert svg.read_text(encoding="utf-8").startswith("<?xml")
    with Image.open(png) as image:
        assert image.size[0] > 1000
    if name == "bars":
        assert "😂 ❤️" in found.text
        assert "$x^2$" in found.text


def test_a_plot_says_its_numbers() -> None:
    found = check_page(
        page(
            "t",
            head="",
            main=bars({"joy": 1234.0}, title="T", alt="A", show="{:,.0f}".format).html(),
            foot="",
        )
    )
    assert "1,234" in found.text
    cells = heat_map(np.array([[3, 1]]), ["a"], columns=["a", "b"], title="t", alt="a", normalise=True)
    assert "75 %" in cells.svg()


def test_letters_without_a_sign_are_replaced_in_pictures_only() -> None:
    assert drawable("fun 🦩") == "fun flamingo"
    assert drawable("日") == "□"
    assert drawable("a\nb") == "a\nb"
    assert text_width("🦩") > 1


def test_every_label_has_the_colour_of_the_page() -> None:
    assert all(label_colour(label) == page_colours()[label] for label in COLOURED)
    assert label_colour("ink") == page_colours()["other"]
    assert label_colour("something", 1) != label_colour("something", 2)


def test_words_of_a_cloud_do_not_meet() -> None:
    placed = layout([(f"word{i}" * (1 + i % 3), 100 / (i + 1)) for i in range(40)])
    assert len(placed) > 15
    assert placed[0].word == "word0"
    boxes = [item.box for item in placed]
    for i, one in enumerate(boxes):
        assert 0 <= one[0] < one[2] <= WIDTH
        assert 0 <= one[1] < one[3] <= HEIGHT
        assert all(one[2] <= o[0] or o[2] <= one[0] or one[3] <= o[1] or o[3] <= one[1] for o in boxes[:i])


def test_a_cloud_takes_any_word() -> None:
    words = [(word, 3.0) for word in ODD] + [("nothing", 0.0)]
    found = check_page(page("t", head="", main=cloud_html(words, label=ATTACK, unit="times"), foot=""))
    assert "مرحبا" in found.text
    assert "nothing" not in found.text
    assert "<script" not in cloud_svg(words, label="joy")
    with Image.open(io.BytesIO(cloud_png(words, label="joy"))) as image:
        assert len(image.convert("L").getcolors() or []) > 2
    assert cloud_html([], label="joy") == ""
