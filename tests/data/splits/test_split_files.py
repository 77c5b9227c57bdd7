from __future__ import annotations

from pathlib import Path

import pytest

from photos import photo
from posthue.data.corpora import load_corpus
from posthue.data.splits.files import read_splits, with_splits, write_splits
from posthue.errors import CorpusError, TableError


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
