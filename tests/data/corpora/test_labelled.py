from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posthue.data.corpora import load_corpus
from posthue.data.corpora.labelled import TableLayout, is_corpus, read_labelled
from posthue.data.tables.columns import Columns
from posthue.errors import CorpusError, InputError, TableError
from posthue.labels import SENTIMENT, LabelScheme


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("one", "two", "three"):
        place = tmp_path / "FI" / "images" / ("amusement" if name == "one" else "fear")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.jpg").write_bytes(b"")
    return tmp_path


def table(folder: Path, text: str) -> Path:
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_corpus_by_its_name(data: Path) -> None:
    posts = read_labelled("fi", data=data, scheme="sentiment", splits=["all"])
    assert (posts.name, posts.scheme, posts.splits) == ("fi", SENTIMENT, ("all",))
    assert Counter(row.labels for row in posts.rows) == {("positive",): 1, ("negative",): 2}
    assert {row.split for row in posts.rows} == {"all"}
    first = read_labelled("fi", data=data)
    assert first.scheme is not None
    assert first.scheme.name == "mikels"


def test_a_table_by_its_path(tmp_path: Path) -> None:
    path = table(tmp_path, "tweet,Label,fold,id\nhello,a| b|a,1,x\nbye,,2,y\nso,b,,z\n")
    posts = read_labelled(path)
    assert (posts.name, posts.scheme, posts.splits) == ("t.csv", LabelScheme("Label", ("b", "a")), ("1", "2"))
    assert [(row.post.id, row.split, row.labels) for row in posts.rows] == [
        ("x", "1", ("a", "b")),
        ("y", "2", ()),
        ("z", "", ("b",)),
    ]
    some = read_labelled(path, scheme="mood", splits=["2"])
    assert [row.post.id for row in some.rows] == ["y"]
    assert some.scheme == LabelScheme("mood", ("b", "a"))


def test_labels_of_a_published_scheme_are_in_its_order(tmp_path: Path) -> None:
    posts = read_labelled(table(tmp_path, "text,label\na,positive\nb,positive\nc,negative\n"))
    assert posts.require_scheme().labels == ("negative", "positive")


def test_labels_of_a_parquet_file_are_lists_and_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    columns = {"text": ["a", "b"], "labels": [["joy", "fear"], None], "text_label": [1.0, None]}
    pq.write_table(pa.table(columns), path)
    rows = read_labelled(path).rows
    assert [(row.labels, row.text_label) for row in rows] == [(("joy", "fear"), "1"), ((), None)]


def test_a_row_that_cannot_be_read_stays_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a", "label": "x"}\n{"text": \n{"text": "b", "label": "x"}\n', encoding="utf-8")
    rows = read_labelled(path).rows
    assert [(row.post.text, row.error is None) for row in rows] == [("a", True), (None, False), ("b", True)]


HEADERS = [
    ("text,label", "label", ""),
    ("text,Labels,SPLIT", "Labels", "SPLIT"),
    ("text,target,sentiment", "sentiment", ""),
    ("text,polarity,emotion,fold", "emotion", "fold"),
    ("text,ekman,class", "ekman", ""),
    ("text,category,set,subset", "category", "subset"),
    ("text,polarity,partition", "polarity", "partition"),
    ("text,target,category", "category", ""),
    ("text,class,target,split,fold", "class", "split"),
    ("id,text,mood", "", ""),
    ("text,text_label,label", "label", ""),
    ("Text,LABEL,label", "LABEL", ""),
    ("sentiment,text,image", "sentiment", ""),
    ("text,label;x,emotion", "emotion", ""),
]


@pytest.mark.parametrize(("header", "label", "split"), HEADERS)
def test_the_usual_columns(tmp_path: Path, header: str, label: str, split: str) -> None:
    names = header.split(",")
    posts = read_labelled(table(tmp_path, f"{header}\n{','.join(f'of {name}' for name in names)}\n"))
    assert (posts.scheme.name if posts.scheme else "") == label
    assert posts.rows[0].labels == ((f"of {label}",) if label else ())
    assert posts.rows[0].split == (f"of {split}" if split else "")


def test_named_columns_are_taken_in_any_case_and_empty_names_for_none(tmp_path: Path) -> None:
    path = table(tmp_path, "words,Mood,label,part,split\nhello,x,y,1,2\n")
    layout = TableLayout(Columns(text="words"), label="mood", split="PART")
    assert [(r.post.text, r.labels, r.split) for r in read_labelled(path, table=layout).rows] == [
        ("hello", ("x",), "1")
    ]
    none = read_labelled(path, table=TableLayout(Columns(text="words"), label="", split=""))
    assert (none.scheme, none.splits) == (None, ())


@pytest.mark.parametrize(
    ("layout", "splits", "why"),
    [
        (TableLayout(label="modd"), [], "no column 'modd' (--label-column); the columns are mood, split"),
        (TableLayout(label="modd"), [], "Did you mean 'mood'?"),
        (TableLayout(split="splt"), [], "no column 'splt' (--split-column)"),
        (TableLayout(Columns(text="txt")), [], "Did you mean 'text'?"),
        (TableLayout(), ["trian"], "has no split 'trian' here; it has train. Did you mean 'train'?"),
        (TableLayout(), ["train", "train"], "the same split is named twice: train, train"),
        (TableLayout(split=""), ["train"], "has no column of splits: name it with --split-column"),
    ],
)
def test_what_a_table_lacks(tmp_path: Path, layout: TableLayout, splits: list[str], why: str) -> None:
    path = table(tmp_path, "text,mood,split\nhello,x,train\n")
    with pytest.raises(InputError, match=re.escape(why)) as error:
        read_labelled(path, splits=splits, table=layout)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("scheme", "splits", "why"),
    [
        ("emotion", [], "fi has no labels of 'emotion'; it has mikels, sentiment"),
        ("sentimant", [], "Did you mean 'sentiment'?"),
        (None, ["dev"], "fi has no split 'dev' here; it has all"),
        (None, ["all", "all"], "fi: the same split is named twice: all, all"),
    ],
)
def test_what_a_corpus_lacks(data: Path, scheme: str | None, splits: list[str], why: str) -> None:
    with pytest.raises(CorpusError, match=re.escape(why)):
        read_labelled("fi", data=data, scheme=scheme, splits=splits)


def test_a_corpus_or_a_file(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_corpus("fi")
    assert not is_corpus("t.csv")
    monkeypatch.chdir(data)
    (data / "fi").write_text("text\n", encoding="utf-8")  # no ending of a table
    assert read_labelled("fi", data=data).name == "fi"
    with pytest.raises(CorpusError, match="fi is a corpus: say with --data DIR where it is"):
        read_labelled("fi")
    with pytest.raises(InputError, match=r"neither a file nor a corpus; .* Did you mean 'fer2013'\?"):
        read_labelled("fer2103")
    with pytest.raises(CorpusError, match=r"t\.csv is a file or a folder; here goes the name of a corpus"):
        load_corpus(str(table(data, "text\na\n")), data)


def test_a_table_without_labels_has_no_scheme(tmp_path: Path) -> None:
    posts = read_labelled(table(tmp_path, "text\nhello\n"))
    assert posts.scheme is None
    with pytest.raises(TableError, match="no column of labels: name it with --label-column"):
        posts.require_scheme()
