from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from page_checks import ATTACK, check_page

pytest.importorskip("matplotlib")

from posthue.evaluation.runs import Answers
from posthue.insight.page.shell import COLOURED, page
from posthue.insight.plot import (
    Plot,
    Series,
    bars,
    confusions,
    coverage,
    curves,
    heat_map,
    histograms,
    reliability,
    stacked_bars,
)
from posthue.insight.plot.fonts import drawable, text_width
from posthue.insight.plot.palette import ink_of, label_colour, page_colours, series_colours
from posthue.insight.plot.word_cloud import HEIGHT, WIDTH, cloud_html, cloud_png, cloud_svg, layout

ODD = ["joy", "😂 ❤️", "مرحبا", "日本", "$x^2$", ATTACK, "x" * 80]
NUMBERS = {label: float(i) for i, label in enumerate(ODD)}


def answers(posts: int = 60) -> Answers:
    draw = np.random.default_rng(0)
    return Answers(("",) * posts, draw.integers(0, 3, posts), draw.dirichlet([1, 1, 1], posts))


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
        percent="xy",
    ),
    "forms": lambda: curves(
        {"trial": Series([1, 2], [0.1, 0.3], form="dots"), "best": Series([1, 2], [0.1, 0.3], form="steps")},
        title="t",
        alt="a",
    ),
    "stacked": lambda: stacked_bars({ATTACK: NUMBERS, "all": {}}, title="t", alt="a", ends={"all": ATTACK}),
    "nothing stacked": lambda: stacked_bars({}, title="t", alt="a"),
    "reliability": lambda: reliability({name: answers() for name in ODD}),
    "reliability of one": lambda: reliability({ATTACK: answers()}),
    "coverage": lambda: coverage({name: answers() for name in ODD}),
    "confusions": lambda: confusions({name: answers() for name in ODD}, ["joy", ATTACK, "x" * 80]),
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
    assert len(set(series_colours(["something", "else", "joy"]))) == 3
    assert series_colours(["joy"]) == [page_colours()["joy"]]


def test_modalities_have_their_colours_among_themselves() -> None:
    assert series_colours(["text", "image"]) == [page_colours()[name] for name in ("text", "image")]
    assert page_colours()["text"] not in series_colours(["lexicon", "text"])


def test_models_of_one_colour_differ_in_mark() -> None:
    seen = curves({f"m{i}": Series([0, 1], [i, i]) for i in range(14)}, title="t", alt="a").figure
    lines = [(line.get_color(), line.get_marker()) for line in seen.axes[0].lines]
    assert len(set(lines)) == 14


def test_names_cut_alike_stay_apart() -> None:
    names = [f"{'joint:pooling=max:' * 3}{i}" for i in range(3)]
    assert len(confusions({name: answers() for name in names}, ["a", "b", "c"]).figure.axes) == 3


@pytest.mark.parametrize("label", sorted(COLOURED))
def test_words_in_the_colour_of_a_label_can_be_read_on_white(label: str) -> None:
    assert 1.05 / (luminance(ink_of(label)) + 0.05) >= 4.5


def luminance(colour: str) -> float:
    shares = [channel / 255 for channel in bytes.fromhex(colour[1:])]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


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
