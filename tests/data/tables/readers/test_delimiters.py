"""Which delimiter a csv has: headers as real programs write them."""

from __future__ import annotations

import pytest
from reading import Write, errors_of, posts_of, texts_of

from posthue.data.tables.table import open_table
from posthue.errors import TableError

SEMICOLONS = "id;text;place (city, country)\n1;hi;x\n2;so, so;y\n"


@pytest.mark.parametrize(
    "content",
    [
        "\nid;text\n1;hi\n",
        "\r\n\r\nid;text\r\n1;hi\r\n",
        '"id";"text";"a,b"\n1;hi;x\n',
        '"id";"text";"a ""b"", c, d, e"\n1;hi;x\n',
        "id;text;place (city, country)\n1;hi;x\n",
        "id;text;place (a, b, c, d)\n1;hi;x\n",
        "id,text,place (a; b; c; d)\n1,hi,x\n",
        "id,text\n1,hi\n",
        "text\nhi\n",
        "sep=;\nid;text\n1;hi\n",
        "\nSEP=|\r\nid|text|x\r\n1|hi|y\r\n",
        '"sep=;"\nid;text\n1;hi\n',
        "sep=\t\nid\ttext\n1\thi\n",
        "sep=,\nid,text,a;b;c;d\n1,hi,x\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_headers_of_real_files(write: Write, content: str, encoding: str) -> None:
    assert texts_of(write("a.csv", content.encode(encoding))) == ["hi"]


def test_the_announced_delimiter_is_that_of_a_tsv_too(write: Write) -> None:
    assert texts_of(write("a.tsv", "sep=;\nid;text\n1;hi\n")) == ["hi"]


def test_commas_in_texts_do_not_make_a_table_comma_separated(write: Write) -> None:
    table = open_table(write("a.csv", SEMICOLONS))
    assert [post.text for post in posts_of(table)] == ["hi", "so, so"]
    assert table.column_names == ["id", "text", "place (city, country)"]


def test_a_tie_is_a_comma(write: Write) -> None:
    table = open_table(write("b.csv", "text,a;b\nhi,x\nhi;x,y\n"))
    assert table.column_names == ["text", "a;b"]


def test_broken_lines_after_an_announced_delimiter_keep_their_numbers(write: Write) -> None:
    table = open_table(write("a.csv", "sep=;\nid;text\n1;hi\n2\n"))
    assert errors_of(table) == [None, "line 4: 1 cells where the header has 2"]


def test_an_announced_delimiter_alone_is_an_empty_table(write: Write) -> None:
    with pytest.raises(TableError, match="is empty"):
        open_table(write("a.csv", "sep=;\n"))


@pytest.mark.parametrize("width", [16, 32])
def test_wide_encodings_without_a_mark_want_their_byte_order(write: Write, width: int) -> None:
    path = write("a.csv", "id,text\n1,ä\n".encode(f"utf-{width}-le"))
    with pytest.raises(TableError, match=rf"a\.csv: no byte order mark .* utf-{width}-le or utf-{width}-be"):
        open_table(path, encoding=f"utf-{width}")
    assert texts_of(path, f"utf-{width}-le") == ["ä"]
