"""Opening tables, whatever their format."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pyarrow as pa
import pytest
from reading import Write, posts_of

from posthue.data.tables.cells import resolve_image_path
from posthue.data.tables.columns import Columns
from posthue.data.tables.table import open_table, read_table
from posthue.errors import TableError
from posthue.posts import Post


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "\n \r\n", "is empty"),
        ("a.csv", b"\xef\xbb\xbf", "is empty"),
        ("a.jsonl", "", "is empty"),
        ("a.parquet", "", "is empty"),
        ("a.zip", "", "is empty"),
        ("a.csv", "a,b\n1,2\n", "--text-column or --image-column.* a, b"),
        ("a.csv", 'id,"text\n1,2\n', "header line cannot be read"),
        ("a.csv", b"PK\x03\x04...", "zip archive or Excel"),
        ("a.csv", b"PAR1...", "Parquet file"),
        ("a.jsonl", "no\njson\n", "no line is a JSON object"),
        ("a.json", "[{}]", "is one JSON array"),
        ("a.parquet", "PAR1 and nonsense", "not a readable Parquet file"),
        ("a.zip", "PK nonsense", "not a readable zip"),
        ("a.xlsx", "x", "not read; known are csv"),
        ("a", "x", "not read; known are csv"),
        ("a.csv.gz", b"\x1f\x8b nonsense", "gzip data is damaged"),
        ("a.csv.gz", b"no gzip", "gzip data is damaged"),
    ],
)
def test_what_is_no_table_says_why(write: Write, name: str, content: str | bytes, reason: str) -> None:
    with pytest.raises(TableError, match=reason):
        open_table(write(name, content))


@pytest.mark.parametrize("path", ["no/such.csv", "a\0.csv", "/dev/null", "x" * 4000 + ".csv"])
def test_unusable_paths(path: str) -> None:
    with pytest.raises(TableError):
        open_table(path)


def test_header_only_is_no_rows(write: Write) -> None:
    table = open_table(write("a.csv", "id,text\n"))
    assert (list(table), table.count_rows()) == ([], 0)


def test_named_columns(write: Write) -> None:
    path = write("a.csv", "key,words,text\n1,a,b\n")
    table = open_table(path, columns=Columns(id="KEY", text="words"))
    assert posts_of(table) == [Post("a", id="1")]
    assert table.passthrough_schema.names == ["text"]
    for columns, flag in ((Columns(text="nope"), "--text-column"), (Columns(image="nope"), "--image-column")):
        with pytest.raises(
            TableError, match=rf"a\.csv: there is no column 'nope' \({flag}\); the columns are key"
        ):
            open_table(path, columns=columns)
        with pytest.raises(TableError, match="no column 'nope'"):
            read_table(path, columns=columns)
    with pytest.raises(TableError, match="batch_rows"):
        open_table(path, batch_rows=0)


def test_read_table_gives_all_columns(write: Write) -> None:
    path = write("a.csv", "a,b\n1,2\n3\n")
    table = pa.Table.from_batches(read_table(path))
    assert table.to_pydict() == {"a": ["1", "3"], "b": ["2", None]}


def test_image_paths(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    assert resolve_image_path("p/a.jpg", tmp_path) == str(tmp_path / "p/a.jpg")
    assert resolve_image_path("p\\a.jpg", tmp_path) == str(tmp_path / "p/a.jpg")
    assert resolve_image_path("/x/a.jpg", tmp_path) == "/x/a.jpg"
    assert resolve_image_path("https://x.org/a.jpg", tmp_path) == "https://x.org/a.jpg"
    assert "\0" in resolve_image_path("a\0\\b.jpg", tmp_path)


def test_memory_does_not_grow_with_the_table(write: Write) -> None:
    def peak(rows: int) -> int:
        path = write("a.csv", "id,text\n" + "".join(f"{n},{'word ' * 20}{n}\n" for n in range(rows)))
        tracemalloc.start()
        for _ in open_table(path, batch_rows=256):
            pass
        result = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return result

    assert peak(12_000) < 1.3 * peak(3_000)


def test_long_texts_close_a_batch_early(write: Write) -> None:
    row = "x" * (1 << 20)
    path = write("a.csv", "text\n" + f"{row}\n" * 40)
    assert [len(batch.posts) for batch in open_table(path)] == [32, 8]


def test_a_relative_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics" / " a.jpg").write_bytes(b"x")
    (tmp_path / "a.csv").write_text("image\npics/b.jpg\n")
    monkeypatch.chdir(tmp_path)
    assert posts_of(open_table("pics")) == [Post(None, "pics/ a.jpg", " a.jpg")]
    assert posts_of(open_table("a.csv")) == [Post(None, "./pics/b.jpg", "0")]


def test_a_named_column_is_not_found_again_for_another_role(write: Write) -> None:
    table = open_table(write("a.csv", "path,content\nx,y\n"), columns=Columns(text="path"))
    assert table.columns == Columns(None, "path", None)
