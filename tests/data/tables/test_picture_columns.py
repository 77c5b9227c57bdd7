"""Columns called file, path or filename: pictures only where their values say so."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading import Write, posts_of

from posthue.data.tables.columns import Columns
from posthue.data.tables.table import open_table
from posthue.errors import TableError


@pytest.mark.parametrize("name", ["file", "path", "filename", "Path"])
@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["dump_01.json", "dump_02.json"], False),
        (["17", "x"], False),
        (["p/a.jpg", "p/b.JPEG"], True),
        (["", "clip.mp4", "p\\a.webp"], True),
        (["", ""], True),
        ([], True),
    ],
)
def test_the_values_decide(write: Write, name: str, values: list[str], found: bool) -> None:
    path = write("a.csv", f"text,{name}\n" + "".join(f"hi,{value}\n" for value in values))
    assert open_table(path).columns.image == (name if found else None)


def test_the_next_usual_name_is_tried(write: Write) -> None:
    table = open_table(write("a.csv", "text,path,file\nhi,dump.json,a.png\n"))
    assert table.columns == Columns(None, "text", "file")
    assert table.passthrough_schema.names == ["path"]


def test_a_certain_or_given_name_needs_no_values(write: Write) -> None:
    path = write("a.csv", "text,image_path,file\nhi,no ending,dump.json\n")
    assert open_table(path).columns.image == "image_path"
    assert open_table(path, columns=Columns(image="file")).columns.image == "file"


def test_pictures_in_parquet_are_found_by_their_bytes(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a", "b"], "file": [None, b"\xff\xd8\xff"]}), tmp_path / "a.parquet")
    table = open_table(tmp_path / "a.parquet")
    assert [post.image for post in posts_of(table)] == [None, b"\xff\xd8\xff"]


def test_an_empty_name_means_no_such_column(write: Write) -> None:
    path = write("a.csv", "id,text,image\n7,hi,a.jpg\n")
    table = open_table(path, columns=Columns(id="", image=""))
    assert table.columns == Columns(None, "text", None)
    assert [(post.id, post.image) for post in posts_of(table)] == [("0", None)]
    with pytest.raises(TableError, match="no column looks like a text or an image"):
        open_table(path, columns=Columns(text="", image=""))
