from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posthue.data.corpora import load_corpus
from posthue.data.corpora.labelled import LabelledPost, LabelledPosts
from posthue.data.duplicates.images import near_known
from posthue.data.duplicates.picture_facts import picture_facts
from posthue.data.splits.files import read_splits, with_splits, write_splits
from posthue.errors import CorpusError, InputError, TableError
from posthue.evaluation.audit.check import CheckSettings, check_data
from posthue.evaluation.audit.findings import DuplicateAgreement, audit, label_distance
from posthue.evaluation.audit.regroup import grouped_splits, regrouped
from posthue.posts import Post


def photo(seed: int, side: int = 160, quality: int = 90) -> bytes:
    blocks = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    picture = Image.fromarray(blocks).resize((side, side), Image.Resampling.BICUBIC)
    picture.save(buffer, format="JPEG", quality=quality)
    return buffer.getvalue()


@pytest.fixture
def posts() -> list[LabelledPost]:
    return [
        LabelledPost(Post("what a very happy day it was", photo(1), "a"), ("positive",), "train"),
        LabelledPost(Post("what a very HAPPY day it was http://t.co/x", photo(2), "b"), ("negative",), "dev"),
        LabelledPost(Post("nothing to see here at all", photo(1, 120, 60), "c"), ("positive",), "train"),
        LabelledPost(Post("another text about the weather", b"no picture", "d"), ("neutral",), "train"),
        LabelledPost(Post(" ", photo(3), "e"), (), "dev"),
    ]


def test_repeats_leaks_and_conflicts_are_found(posts: list[LabelledPost]) -> None:
    found = audit(posts)
    assert found.repeats("text") == {0: [0, 1]}
    assert found.repeats("image") == {0: [0, 2]}
    assert found.repeats() == {0: [0, 1, 2]}
    assert found.torn("image") == {}
    assert found.across() == {("dev", "train"): 1, ("train", "dev"): 2}
    assert found.conflicts("text") == {0: [0, 1]}
    assert found.conflicts("image") == {}
    assert found.agreement("image") == DuplicateAgreement(1, 1)
    assert found.agreement("either") == DuplicateAgreement(3, 1)
    assert found.agreement("text").share == 0.0


def test_gaps_and_broken_pictures_are_found(posts: list[LabelledPost]) -> None:
    found = audit(posts)
    ((row, error),) = found.unreadable()
    assert row == 3
    assert "not a picture" in error
    assert found.missing() == [(4, "empty text"), (4, "label")]
    assert found.classes() == {
        "train": Counter({"positive": 2, "neutral": 1}),
        "dev": Counter({"negative": 1}),
    }
    assert label_distance(found.classes()) == {("train", "dev"): pytest.approx(1.0)}


def test_facts_are_kept_and_a_changed_file_is_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(photo(1))
    seen: list[tuple[int, int]] = []
    sources = [path, photo(1), None, b"", tmp_path / "none.jpg"]
    for _ in range(2):
        found = picture_facts(sources, cache=tmp_path / "c", progress=lambda *n: seen.append(n))
        assert found[0] == found[1]
        assert found[2] is None
        assert [bool(fact and fact.error) for fact in found] == [False, False, False, True, True]
    assert seen == [(4, 4)] * 2
    before = found[0]
    path.write_bytes(photo(2, side=170))
    (after,) = picture_facts([path], cache=tmp_path / "c")
    assert after != before
    (tmp_path / "broken").mkdir()
    for name in (tmp_path / "c").iterdir():
        (tmp_path / "broken" / name.name).write_bytes(b"no database at all" * 100)
    assert picture_facts([path], cache=tmp_path / "broken") == [after]


def test_sixteen_bit_pictures_are_readable() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64) * 16).save(buffer, format="PNG")
    (fact,) = picture_facts([buffer.getvalue()])
    assert fact is not None
    assert fact.error is None
    assert fact.side == 64


def test_near_known_pictures_agree_with_comparing_all() -> None:
    rng = np.random.default_rng(0)
    known = [int(v) for v in rng.integers(0, 2**63, 40)]
    hashes = [
        known[i % 40] ^ sum(1 << int(b) for b in rng.choice(64, i % 9, replace=False)) for i in range(80)
    ]
    for distance in (0, 2, 6):
        found = near_known([*hashes, None], [None, *known], max_distance=distance)
        near = [any((h ^ k).bit_count() <= distance for k in known) for h in hashes]
        assert [place >= 0 for place in found] == [*near, False]
        for value, place in zip(hashes, found, strict=False):
            assert place < 0 or (value ^ known[place - 1]).bit_count() <= distance


def test_regrouping_moves_few_and_keeps_sizes_and_labels() -> None:
    rng = np.random.default_rng(1)
    splits = ["train"] * 800 + ["dev"] * 200
    labels = [str(v) for v in rng.choice(["a", "b", "c"], 1000, p=[0.6, 0.3, 0.1])]
    groups = list(range(1000))
    for one, other in ((3, 900), (4, 901), (5, 902), (6, 7)):
        groups[other] = groups[one]
    groups[903] = groups[904] = groups[905] = 8  # mostly in dev
    chosen = regrouped(splits, labels, groups, seed=3)
    where: dict[int, set[str]] = {}
    for group, split in zip(groups, chosen, strict=True):
        where.setdefault(group, set()).add(split)
    assert all(len(parts) == 1 for parts in where.values())
    assert {chosen[row] for row in (8, 903, 904, 905)} == {"dev"}
    moved = [row for row in range(1000) if chosen[row] != splits[row]]
    assert len(moved) <= 8
    assert Counter(zip(chosen, labels, strict=True)) == Counter(zip(splits, labels, strict=True))
    assert regrouped(splits, labels, list(range(1000))) == splits
    assert regrouped(splits, labels, groups, seed=3) == chosen


def test_data_without_splits_gets_the_usual_ones() -> None:
    groups = [row // 2 for row in range(100)]
    chosen = grouped_splits(["a", "b"] * 50, groups, seed=0)
    assert Counter(chosen) == {"train": 80, "dev": 10, "test": 10}
    assert all(chosen[row] == chosen[row + 1] for row in range(0, 100, 2))


def write_fi(folder: Path) -> Path:
    for name in ("one", "two", "three"):
        place = folder / "FI" / "images" / ("amusement" if name == "one" else "fear")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.jpg").write_bytes(photo(4))
    return folder


def test_a_file_of_splits_comes_back(tmp_path: Path) -> None:
    corpus = load_corpus("fi", write_fi(tmp_path))
    file = write_splits(tmp_path / "s.csv", [("fear/two.jpg", "dev", 0), ("amusement/one.jpg", "train", 1)])
    assert read_splits(file) == {"fear/two.jpg": "dev", "amusement/one.jpg": "train"}
    found = with_splits(corpus, file).splits
    assert {split: [e.post.id for e in rows] for split, rows in found.items()} == {
        "dev": ["fear/two.jpg"],
        "train": ["amusement/one.jpg"],
    }
    write_splits(file, [("amusement/nine.jpg", "dev", 0)])
    with pytest.raises(CorpusError, match=r"1 of the 1 posts of .* are not in fi .'amusement/nine.jpg', say"):
        with_splits(corpus, file)


def test_ids_like_formulas_come_back(tmp_path: Path) -> None:
    ids = ["=1+1", "-5", "@me", "+x", "\tx", "'y", "two\nlines"]
    file = write_splits(tmp_path / "s.csv", [(each, "dev", 0) for each in ids])
    assert read_splits(file) == dict.fromkeys(ids, "dev")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has the columns id and split; it has none"),
        ("id,part\n1,a\n", "has the columns id and split; it has"),
        ("id,split\n", "names no post"),
        ("id,split\n1,train\n1,dev\n", "line 3: '1' is in train already"),
        ("id,split\n1\n", "line 2: no split"),
    ],
)
def test_a_broken_file_of_splits(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match=why):
        read_splits(path)
    with pytest.raises(TableError, match=r"cannot be read as a table of splits \(No such file"):
        read_splits(tmp_path / "none.csv")


def test_nothing_to_check_is_an_error() -> None:
    with pytest.raises(InputError, match=r"t\.csv has no rows"):
        check_data(LabelledPosts("t.csv", "t.csv", None, (), []), CheckSettings())
