from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from page_checks import ATTACK, check_page

pytest.importorskip("matplotlib")

from posthue.data.corpora.labelled import LabelledPost, LabelledPosts, read_labelled
from posthue.insight.explore import Collection, collection_of, exploration_page, explore, find
from posthue.insight.explore.collection import EVERYTHING, MOST_LABELS, OTHERS, UNLABELLED
from posthue.insight.explore.findings import agreement, repeats
from posthue.insight.explore.picture_measures import brightness, colourfulness, measure
from posthue.labels import LabelScheme
from posthue.posts import Post

RED = np.full((60, 80, 3), (255, 0, 0), np.uint8)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (40, 60, 3), dtype=np.uint8)


def collection(rows: Sequence[LabelledPost]) -> LabelledPosts:
    labels = tuple(dict.fromkeys(label for row in rows for label in row.labels))
    return LabelledPosts("made", "Made for a test", LabelScheme("label", labels), (), rows)


def read(source: str) -> Collection:
    return collection_of(read_labelled(source))


def shown(rows: Sequence[LabelledPost]) -> str:
    return exploration_page(find(collection(rows), workers=1), {}, title="t")


def table(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_colourfulness_is_that_of_the_paper() -> None:
    assert colourfulness(np.full((4, 4, 3), 77, np.uint8)) == 0
    assert colourfulness(RED) == pytest.approx(0.3 * np.hypot(255, 127.5))
    half = RED.copy()
    half[:, :40] = (0, 0, 255)
    red_green, yellow_blue = np.array([255, 0]), np.array([127.5, -255])
    spread = np.hypot(red_green.std(), yellow_blue.std())
    assert colourfulness(half) == pytest.approx(spread + 0.3 * np.hypot(127.5, -63.75))
    assert brightness(RED) == pytest.approx(0.299)


def test_a_picture_is_measured_as_stored() -> None:
    found = measure(RED)
    assert (found.width, found.height) == (80, 60)
    assert found.brightness == pytest.approx(0.299, abs=0.01)


def test_agreement_counts_pairs_and_takes_chance_off() -> None:
    pairs = [("positive", "positive")] * 4 + [("negative", "negative")] * 4 + [("positive", "negative")] * 2
    found = agreement([LabelledPost(Post("x"), ("positive",), "", *pair) for pair in pairs])
    assert found is not None
    assert found.labels == ("negative", "neutral", "positive") or found.labels == ("negative", "positive")
    assert found.counts.sum() == 10
    assert found.equal == pytest.approx(0.8)
    assert found.kappa == pytest.approx((0.8 - 0.48) / 0.52)
    assert agreement([LabelledPost(Post("x"), ("positive",))]) is None


def test_repeats_are_the_larger_groups_first() -> None:
    assert repeats([0, 1, 0, 3, 3, 3]) == [[3, 4, 5], [0, 2]]


def test_a_text_that_comes_again_counts_once_per_label() -> None:
    again = [LabelledPost(Post("what a wonderful sunny day"), ("joy",)) for _ in range(5)]
    found = find(collection([*again, LabelledPost(Post("what a wonderful sunny day"), ("fear",))]))
    assert found.texts.words.by_label["joy"]["sunny"] == 1
    assert found.texts.words.by_label["fear"]["sunny"] == 1
    assert found.texts.words.texts == {"joy": 1, "fear": 1}


def test_mentions_and_links_are_shown_nowhere() -> None:
    text = ".@realbob what a game (https://t.co/abc123)"
    rows = [LabelledPost(Post(text, RED if i else None), ("joy",)) for i in range(3)]
    page = shown(rows)
    assert ".@user what a game (http)" in page
    assert "realbob" not in page
    assert "abc123" not in page
    assert set(find(collection(rows), workers=1).texts.words.total) == {"what", "a", "game"}


def test_a_table_gives_posts_and_labels(tmp_path: Path) -> None:
    source = table(tmp_path / "t.csv", "text,Emotion\nso happy,joy\nboo,fear\nhm,\n")
    posts = read(source)
    assert posts.labels == ("fear", "joy", UNLABELLED)
    assert [row.labels for row in posts.rows] == [("joy",), ("fear",), (UNLABELLED,)]
    assert posts.about == "t.csv: 3 rows. Labels: Emotion."


def test_a_table_without_labels_is_one_group(tmp_path: Path) -> None:
    posts = read(table(tmp_path / "t.csv", "text\nso happy\nboo\n"))
    assert posts.labels == (EVERYTHING,)


def test_very_many_labels_become_fewer(tmp_path: Path) -> None:
    rows = "".join(f"text {i},label{min(i, 100)}\n" for i in range(150))
    posts = read(table(tmp_path / "t.csv", f"text,label\n{rows}"))
    assert len(posts.labels) == MOST_LABELS
    assert posts.labels[0] == "label100"
    assert posts.labels[-1] == OTHERS


def test_broken_rows_are_counted_and_left_out(tmp_path: Path) -> None:
    posts = read(table(tmp_path / "t.jsonl", '{"text": "a", "label": "joy"}\n{"text": \n'))
    assert (len(posts.rows), posts.broken_rows) == (1, 1)


ODD: dict[str, list[LabelledPost]] = {
    "nothing": [],
    "one label": [LabelledPost(Post("a good day"), ("joy",))] * 3,
    "no texts": [LabelledPost(Post(image=noise(i)), ("joy",)) for i in range(3)],
    "no pictures": [LabelledPost(Post("bad"), ("fear",)), LabelledPost(Post("good"), ("joy",))],
    "neither": [LabelledPost(Post(" "), ("joy",))],
    "broken pictures": [
        LabelledPost(Post("x", b"junk"), ("joy",)),
        LabelledPost(Post("y", "no.jpg"), ("joy",)),
    ],
    "right to left": [
        LabelledPost(Post("مرحبا يا عالم"), ("فرح",)),
        LabelledPost(Post("שלום עולם"), ("joy",)),
    ],
    "emoji": [LabelledPost(Post("😂😂 #fun"), ("😂",)), LabelledPost(Post("👨‍👩‍👧"), ("❤️",))],
    "surrogates": [LabelledPost(Post("\ud83d alone \udc00"), ("joy",))],
    "several labels": [LabelledPost(Post("a b"), ("joy", "fear"))],
}


@pytest.mark.parametrize("name", ODD)
def test_odd_posts_are_shown(name: str) -> None:
    page = check_page(shown(ODD[name]))
    assert ("There are no posts." in page.text) == (name == "nothing")
    if name == "broken pictures":
        assert "2 could not be read" in page.text
    if name == "right to left":
        assert "مرحبا" in page.text
    if name == "emoji":
        assert "face with tears of joy" in page.text


def test_nothing_hostile_becomes_markup(tmp_path: Path) -> None:
    rows = [LabelledPost(Post(ATTACK, noise(i), ATTACK), (ATTACK,), "", ATTACK, ATTACK) for i in range(3)]
    rows.append(LabelledPost(Post(f"#x {ATTACK}", noise(9), "1"), ("joy",), "", "joy", "joy"))
    posts = LabelledPosts(ATTACK, ATTACK, LabelScheme(ATTACK, (ATTACK, "joy")), (), rows)
    done = explore(posts, tmp_path / "r.html", workers=1)
    page = check_page(done.page.read_text(encoding="utf-8"))
    assert "alert(1)" in page.text
    for svg in done.folder.glob("*.svg"):
        assert "<script" not in svg.read_text(encoding="utf-8")


def test_exploring_writes_a_page_plots_and_tables(tmp_path: Path) -> None:
    Image.fromarray(RED).save(tmp_path / "red.png")
    rows = "".join(
        f"good sunny day {i},red.png,positive,positive,neutral\nbad rainy night {i} 😢 #rain,,negative,,\n"
        for i in range(6)
    )
    head = "text,image,sentiment,text_label,image_label\n"
    posts = read_labelled(table(tmp_path / "t.csv", head + rows))
    done = explore(posts, tmp_path / "out" / "report.html", workers=1)
    page = check_page(done.page.read_text(encoding="utf-8"))
    assert done.folder.name == "report_files"
    for section in (
        "Labels and lengths",
        "Words",
        "Example pictures",
        "Text and picture",
        "Posts that come again",
    ):
        assert section in page.text
    assert "crying face" in page.text
    assert "sunny" in page.text
    assert {path.suffix for path in done.folder.iterdir()} == {".svg", ".png", ".csv"}
    with (done.folder / "labels.csv").open(encoding="utf-8") as file:
        table_rows = list(csv.DictReader(file))
    assert [(row["label"], row["posts"], row["text + image"]) for row in table_rows] == [
        ("negative", "6", "0"),
        ("positive", "6", "6"),
    ]
    with (done.folder / "words.csv").open(encoding="utf-8") as file:
        assert {"label": "positive", "term": "sunny"}.items() <= next(
            row for row in csv.DictReader(file) if row["term"] == "sunny"
        ).items()


def test_pictures_beyond_the_limit_are_left_out_evenly() -> None:
    rows = [LabelledPost(Post(image=noise(i)), ("joy",)) for i in range(9)]
    found = find(collection(rows), most_images=3, workers=1)
    assert list(found.pictures.rows) == [0, 4, 8]
    assert found.pictures.skipped == 6
    assert find(collection(rows), most_images=0).pictures.skipped == 9
